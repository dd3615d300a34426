"""Conversations become the tokens that the library makes of them, whatever templates a model has."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import mc_jupyter as mc
from mc_jupyter.drivers import SettingError
from mc_jupyter.drivers._transformers.conversations import Speaking
from mc_jupyter.errors import InputError
from tests import models
from tests.conftest import cell

PLAIN = models.CHAT_TEMPLATE
WITH_TOOLS = "{{ tools | tojson }}" + PLAIN
TOOLS = [{"type": "function", "function": {"name": "add", "description": "Add.", "parameters": {"type": "object"}}}]
MESSAGES = [
    {"role": "system", "content": "be kind"},
    {"role": "user", "content": "hello <|im_end|>\n"},
    {"role": "assistant", "content": " hm "},
    {"role": "user", "content": "and now?"},
]
BEGUN = [*MESSAGES, {"role": "assistant", "content": "Well, it is "}]


def in_config(template: Any) -> Callable[[Path], None]:
    def lay(folder: Path) -> None:
        config = json.loads((folder / "tokenizer_config.json").read_text())
        (folder / "tokenizer_config.json").write_text(json.dumps({**config, "chat_template": template}))

    return lay


def in_files(**templates: str) -> Callable[[Path], None]:
    def lay(folder: Path) -> None:
        for name, template in templates.items():
            file = folder / ("chat_template.jinja" if name == "default" else f"additional_chat_templates/{name}.jinja")
            file.parent.mkdir(exist_ok=True)
            file.write_text(template)

    return lay


def together(*lays: Callable[[Path], None]) -> Callable[[Path], None]:
    def lay(folder: Path) -> None:
        for each in lays:
            each(folder)

    return lay


SEVERAL = [{"name": "default", "template": PLAIN}, {"name": "tool_use", "template": WITH_TOOLS}]
ANSWERS = "{% for m in messages %}{% generation %}{{ m.content }}{% endgeneration %}{% endfor %}"
KINDS: dict[str, tuple[Callable[[Path], None], bool]] = {
    "one, in the configuration": (in_config(PLAIN), False),
    "several, in the configuration": (in_config(SEVERAL), False),
    "several, and tools": (in_config(SEVERAL), True),
    "a file": (in_files(default=PLAIN), False),
    "a file, over the configuration": (together(in_config("other"), in_files(default=PLAIN)), False),
    "a file, and another for tools": (in_files(default=PLAIN, tool_use=WITH_TOOLS), True),
    "one for tools alone": (in_files(tool_use=WITH_TOOLS), True),
    "one that marks what was generated": (in_config(ANSWERS), False),
    "one that begins by itself": (in_config("{{ bos_token }}" + PLAIN), False),
    "one that pays no heed to who is next": (in_config("{% for m in messages %}{{ m.content }}{% endfor %}"), False),
    "one that stops in a loop": (in_config("{% for m in messages %}{{ m.role }}{% break %}{% endfor %}"), False),
    "one that trims": (in_config("{% for m in messages %}{{ m.content.strip() }}\n\n{% endfor %}  "), False),
    "one with words of its own": (in_config(PLAIN + "{% if enable_thinking is not defined %}<think>{% endif %}"), False),
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    models.byte_tokenizer().save_pretrained(tmp_path)
    return tmp_path


def read(folder: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder)


def tokens(tokenizer: Any, template: str | None = None, tools: Any = None) -> list[int]:
    return Speaking(tokenizer, "MODEL", template, tools, None, False).tokens(MESSAGES, lambda: False)


def told(template: str, messages: list[dict[str, Any]]) -> tuple[str, list[str]]:
    """The text of a conversation, and what is told of it."""
    tokenizer, notes = models.byte_tokenizer(template), list[str]()
    speaking = Speaking(tokenizer, "MODEL", None, None, None, False, notes.append)
    return tokenizer.decode(speaking.tokens(messages, lambda: False)), notes


@pytest.mark.parametrize("kind", KINDS)
def test_tokens_are_the_librarys(folder: Path, kind: str) -> None:
    lay, with_tools = KINDS[kind]
    lay(folder)
    tokenizer, tools = read(folder), TOOLS if with_tools else None
    right = tokenizer.apply_chat_template(MESSAGES, tools=tools, add_generation_prompt=True, return_dict=False)
    assert tokens(tokenizer, tools=tools) == right


def test_a_tokenizer_that_puts_a_beginning_of_its_own_does_not_put_a_second(folder: Path) -> None:
    from tokenizers import processors

    tokenizer = models.byte_tokenizer("{{ bos_token }}" + PLAIN)
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A $B", special_tokens=[("<s>", tokenizer.bos_token_id)]
    )
    assert tokens(tokenizer).count(tokenizer.bos_token_id) == 1


def test_the_cell_names_one_of_several(folder: Path) -> None:
    in_config([{"name": "rag", "template": PLAIN}, {"name": "plain", "template": "{{ messages[0].content }}"}])(folder)
    tokenizer = read(folder)
    assert tokens(tokenizer, "plain") == tokenizer("be kind")["input_ids"]


def test_where_none_is_the_usual_one_the_names_are_told(folder: Path) -> None:
    in_config([{"name": "rag", "template": PLAIN}, {"name": "plain", "template": PLAIN}])(folder)
    with pytest.raises(InputError, match=r"several chat templates \(plain and rag\)[\s\S]*`chat_template: plain`"):
        tokens(read(folder))


@pytest.mark.parametrize("template", [PLAIN, SEVERAL])
def test_a_name_that_is_none_is_no_template(folder: Path, template: Any) -> None:
    in_config(template)(folder)
    with pytest.raises(SettingError, match="is neither a Jinja template nor the name of one"):
        tokens(read(folder), "rag")


def test_a_template_that_takes_no_system_message_is_quoted(folder: Path) -> None:
    in_config("{% if messages[0].role == 'system' %}{{ raise_exception('none, please') }}{% endif %}" + PLAIN)(folder)
    with pytest.raises(InputError, match="the chat template of MODEL refuses these messages: none, please"):
        tokens(read(folder))


def test_a_model_with_a_template_for_tools_alone_answers_with_tools(session: mc.Session, tmp_path: Path) -> None:
    model = models.llama(tmp_path, template=None)
    in_files(tool_use=WITH_TOOLS)(model)
    lines = (f"tools: {json.dumps(TOOLS)}", "params: {max_output_length: 3}")
    handle = session.load(cell("chat-completion", model, "messages: ${input.messages}", *lines))
    assert handle(MESSAGES).prompt_tokens == len(tokens(read(model), tools=TOOLS))


@pytest.mark.parametrize("kind", ["as it is", "trimmed", "without a line's end"])
def test_an_answer_that_the_assistant_has_begun_goes_on(kind: str) -> None:
    template = {
        "as it is": PLAIN,
        "trimmed": PLAIN.replace("m['content']", "m['content'] | trim"),
        "without a line's end": PLAIN.replace("\n", ""),
    }[kind]
    tokenizer = models.byte_tokenizer(template)
    right = tokenizer.apply_chat_template(BEGUN, continue_final_message=True, return_dict=False)
    text, notes = told(template, BEGUN)
    assert text == tokenizer.decode(right)
    assert text.rstrip().endswith("Well, it is")
    assert ["last message is the assistant's" in note for note in notes] == [True]


def test_where_a_template_has_no_beginning_of_an_answer_one_is_asked_for() -> None:
    refusing = "{% if not add_generation_prompt %}{{ raise_exception('no') }}{% endif %}"
    text, notes = told(refusing + PLAIN, BEGUN)
    assert text.endswith("Well, it is <|im_end|>\n<|im_start|>assistant\n")
    assert notes == []


LEAVING: dict[str, tuple[str, str]] = {
    "system messages": (
        "{% for m in messages if m.role != 'system' %}{{ m.content }}{% endfor %}",
        "message 1 (system), the text 'be kind'",
    ),
    "all but the last": ("{{ messages[-1].content }}", "message 1 (system), the text 'be kind'"),
}


@pytest.mark.parametrize("what", LEAVING)
def test_what_a_template_leaves_out_is_told(what: str) -> None:
    template, left_out = LEAVING[what]
    _, notes = told(template, MESSAGES)
    assert notes[0] == f"the chat template leaves out {left_out}: the model does not see it"


def test_the_calls_and_names_that_a_template_leaves_out_are_told() -> None:
    asking = {"role": "assistant", "content": "hm", "tool_calls": [{"function": {"name": "weather", "arguments": {}}}]}
    _, notes = told(PLAIN, [{**MESSAGES[0], "name": "Ann"}, asking, MESSAGES[-1]])
    assert [note.split(": ")[0].removeprefix("the chat template leaves out ") for note in notes] == [
        "the name 'Ann' of message 1",
        "the call of weather in message 2",
    ]


@pytest.mark.parametrize("change", ["m.content | upper", "m.content | tojson", "m.content | replace('e', 'E')"])
def test_a_template_that_writes_it_otherwise_leaves_nothing_out(change: str) -> None:
    assert told(f"{{% for m in messages %}}{{{{ {change} }}}}{{% endfor %}}", MESSAGES)[1] == []
