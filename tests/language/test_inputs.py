"""Which inputs a cell's expressions name, and of which kind each is."""

from __future__ import annotations

import json

import pytest

import mc_jupyter as mc
from mc_jupyter.errors import InputError, SpecError

HEAD = "component:\n  type: model\n  driver: echo\n  task: {}\n{}"


def handle(session: mc.Session, task: str, *lines: str) -> mc.Handle:
    return session.load(HEAD.format(task, "".join(f"  {line}\n" for line in lines)), "it")


@pytest.mark.parametrize(("task", "lines", "kinds"), [
    ("chat-completion", ["messages: ${input.m}"], {"m": "messages"}),
    ("chat-completion", [], {"messages": "messages"}),
    ("chat-completion", ["messages: [{role: user, content: '${input.q}'}]"], {"q": "text"}),
    ("chat-completion", ["messages: [{role: '${input.who}', content: 'Q: ${input.q as text | hi}'}]"],
     {"who": "text", "q": "text"}),
    ("chat-completion", ["messages: ['...${input.before}', {role: user, content: '${input.q}'}]"],
     {"before": "messages", "q": "text"}),
    ("chat-completion", ["messages: [{role: user, content: '${input.n as integer}'}]"], {"n": "integer"}),
    ("image-upscale", ["image: '${input.picture}'"], {"picture": "image"}),
    ("image-upscale", ["image: ['${input.one}', '${input.two}']"], {"one": "image", "two": "image"}),
    ("image-upscale", ["image: 'pictures/${input.name}.png'"], {"name": "text"}),
])  # fmt: skip
def test_an_input_is_of_the_fields_kind_only_where_it_is_the_field(
    session: mc.Session, task: str, lines: list[str], kinds: dict[str, str]
) -> None:
    assert {one.name: one.kind for one in handle(session, task, *lines).inputs} == kinds


@pytest.mark.parametrize("call", [
    lambda it: it("hi"), lambda it: it(text="hi"), lambda it: it({"text": "hi"}), lambda it: it.map(["hi"]),
    lambda it: it.stream("hi"), lambda it: it.compare({"temperature": [0.1, 0.2]}, text="hi"), lambda it: it([]),
])  # fmt: skip
def test_a_component_that_names_no_input_refuses_them(session: mc.Session, call: object) -> None:
    it = handle(session, "text-generation", "text: always this")
    with pytest.raises(InputError, match=r"it takes no input: its cell has no \$\{input…\}"):
        call(it)  # type: ignore[operator]
    assert it() == it({}) == "always this"


def test_setting_a_field_that_named_an_input_says_that_it_is_gone(session: mc.Session) -> None:
    it = handle(session, "text-generation", "text: '${input.start | Once} ${input.end | upon}'")
    assert "gone" not in str(it.change(temperature=0.5))
    assert "the input end is gone" in str(it.change(text="${input.start}"))
    assert "the inputs start and end are gone" in str(it.set(text="always this"))
    with pytest.raises(InputError, match="takes no input"):
        it("Once")


def test_a_text_where_a_conversation_is_wanted_is_answered_by_the_message(session: mc.Session) -> None:
    it = handle(session, "chat-completion", "messages: ${input.messages}")
    with pytest.raises(InputError, match=r"a conversation is a list of turns") as caught:
        it("hi")
    assert it(json.loads(caught.value.problems[0].fix or "")) == "hi"


@pytest.mark.parametrize(("given", "line"), [(("a", 3), "it('a', n=3)"), (("a", "b", "c"), "it(['a', 'b', 'c'])")])
def test_values_without_their_names_are_answered_by_the_call(
    session: mc.Session, given: tuple[object, ...], line: str
) -> None:
    it = handle(session, "text-generation", "text: ${input.text}", "max_output_length: ${input.n as integer | 5}")
    with pytest.raises(InputError) as caught:
        it(*given)
    assert (caught.value.problems[0].fix or "").endswith(line)
    assert eval(line, {"it": it}) in ("a", ["a", "b", "c"])


def test_an_item_that_is_none_is_told_with_a_way_out(session: mc.Session) -> None:
    it = handle(session, "text-generation", "text: ${input.text}")
    with pytest.raises(InputError, match=r"text\[1\] is null, and not a text\n    → leave it out: \[x for x in"):
        it(["a", None])


def test_a_seed_that_the_call_gave_is_not_blamed_on_the_cells(session: mc.Session) -> None:
    it = handle(session, "text-generation", "text: ${input.text}", "seed: 5")
    with pytest.raises(InputError, match=r"seed should be less than 2\*\*64") as caught:
        it("a", seed=2**64)
    place = caught.value.problems[0].place
    assert place is None or "seed: 5" not in str(caught.value)


def test_the_whole_input_is_what_a_call_gives(session: mc.Session) -> None:
    it = handle(session, "text-generation", "text: ${input as text}")
    assert it("hi") == it(input="hi") == "hi"
    assert it(["a", "b"]) == ["a", "b"]
    assert it({"a": 1}) == '{"a": 1}'


@pytest.mark.parametrize(("written", "says"), [
    ("${input.x as txet}", "unknown type 'txet' in ${input.x as txet}"),
    ("${input.x as text[] | ${input.y as imge}}", "did you mean 'image'"),
    ("Say: ${input.x as txt}", "did you mean 'text'"), ("${input.x as text;bsae64}", "did you mean 'base64'"),
])  # fmt: skip
@pytest.mark.parametrize("field", ["text", "output"])
def test_a_type_that_there_is_not_is_an_error_where_it_stands(
    session: mc.Session, field: str, written: str, says: str
) -> None:
    with pytest.raises(SpecError) as caught:
        handle(session, "text-generation", f"{field}: '{written}'")
    assert str(caught.value).startswith("line 5: unknown ")
    assert says in str(caught.value)
