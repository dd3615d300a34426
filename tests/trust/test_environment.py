"""Which environment variables a document may read: by whose word, what for, and what is never shown."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import mc_jupyter as mc
from mc_jupyter.errors import ExpressionError, InputError, NeedsWord, PlanError
from mc_jupyter.language import expressions
from mc_jupyter.trust import consent
from mc_jupyter.trust.consent import Consent, Wish
from mc_jupyter.trust.environment import HARMLESS, READERS, Allowed, Environment
from mc_jupyter.trust.secrets import Secret
from tests.conftest import agree
from tests.trust.test_secrets import CANARY, NAMES

Cell = Callable[..., str]


@pytest.fixture(autouse=True)
def _nothing_said_yet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("MC_JUPYTER_ENV", raising=False)
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")


def cell(text: str = "hi", *, token: str | None = None, **fields: str) -> str:
    """A document of one component that needs no files."""
    own = {"type": "model", "driver": "echo", **fields, "text": text}
    if token is not None:
        own["model"] = {"repository": "a/b", "token": token}  # type: ignore[assignment]
    return json.dumps({"component": own})


TEMPLATES = ["${env.%s}", "so: ${env.%s}!", "${input.x | ${env.%s}}", '${input.x | "a ${env.%s}"}']


# --- nobody's word ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_cell_reads_no_variable_without_a_word(
    session: mc.Session, monkeypatch: pytest.MonkeyPatch, template: str
) -> None:
    for name in (*NAMES, "STYLE"):
        monkeypatch.setenv(name, CANARY)
        handle = session.load(cell(template % name))
        with pytest.raises(PlanError, match=name) as raised:
            handle()
        assert "canary" not in str(raised.value) + repr(handle.inputs)


def test_no_variable_is_sent_to_the_hub_without_a_word(session: mc.Session, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*NAMES, "STYLE"):
        monkeypatch.setenv(name, CANARY)
        document = cell(token=f"${{env.{name}}}")
        with pytest.raises(NeedsWord, match=f"{name} for its field model.token, sent to https://huggingface.co"):
            session.load(document)
        with pytest.raises(NeedsWord):
            session.pull(document)


@pytest.mark.parametrize("name", ["HF_TOKEN", "HUGGINGFACE_TOKEN", "HUGGING_FACE_HUB_TOKEN"])
def test_the_hubs_token_is_sent_to_the_hub_and_goes_nowhere_else(
    session: mc.Session, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, CANARY)
    plan = session.plan(cell(token=f"${{env.{name}}}"))
    assert plan.problems == ()
    assert plan.component is not None
    assert plan.component.settings.model.token.reveal() == CANARY
    with pytest.raises(PlanError, match=f"{name} is a secret by its name or its look, and text is shown"):
        session.load(cell(f"${{env.{name}}}"))()
    kept = session.plan(cell(model=f"${{env.{name}}}")).problems[0]
    assert "model is shown to every reader" in str(kept)


@pytest.mark.parametrize("name", ["HOME", "LANG", "LC_ALL", "CUDA_VISIBLE_DEVICES"])
def test_what_is_harmless_needs_no_word(session: mc.Session, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "plain")
    assert session.load(cell(f"so: ${{env.{name}}}"))() == "so: plain"


def test_a_harmless_name_with_a_secret_in_it_is_not_harmless(
    session: mc.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "https://me:canary@files/home")
    with pytest.raises(PlanError) as raised:
        session.load(cell("${env.HOME}"))()
    assert "canary" not in str(raised.value)


def test_no_harmless_name_says_secret() -> None:
    assert not HARMLESS & {*NAMES, "HF_TOKEN", "HOSTNAME", "HTTPS_PROXY", "HF_ENDPOINT"}


def test_what_is_not_needed_is_not_asked_for(session: mc.Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STYLE", "pirate")
    monkeypatch.delenv("NO_SUCH", raising=False)
    assert session.load(cell("${input.x | ${env.STYLE}}"))(x="given") == "given"
    assert session.load(cell("${env.NO_SUCH | plain}"))() == "plain"


def test_reading_and_planning_need_no_word(session: mc.Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STYLE", "canary")
    lines = session.plan(cell("${env.STYLE}", keep_alive="${env.STYLE}")).lines()
    assert any("wants the environment variable STYLE for its field keep_alive" in line for line in lines)
    assert "canary" not in "\n".join(lines)
    (style,) = session.load(cell("${input.style | ${env.STYLE}}")).inputs
    assert (style.required, style.default) == (False, None)


# --- somebody's word --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("names", [["STYLE"], ["ST*"], "OTHER, STYLE"])
def test_a_session_allows_names_and_patterns(monkeypatch: pytest.MonkeyPatch, names: list[str] | str) -> None:
    monkeypatch.setenv("STYLE", "pirate")
    monkeypatch.setenv("SECOND", "no")
    with mc.Session(env=names) as session:
        assert session.load(cell("${env.STYLE}"))() == "pirate"
        with pytest.raises(NeedsWord, match="SECOND"):
            session.load(cell("${env.SECOND}"))()


def test_who_starts_the_kernel_allows_names_in_its_environment(
    session: mc.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STYLE", "pirate")
    monkeypatch.setenv("MC_JUPYTER_ENV", "OTHER,ST*")
    assert session.load(cell("${env.STYLE}"))() == "pirate"


def test_a_name_that_can_be_none_is_refused() -> None:
    with pytest.raises(InputError, match="names no environment variable"):
        mc.Session(env=["MY VAR"])


def test_a_trusting_session_asks_nobody_and_still_shows_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STYLE", "pirate")
    monkeypatch.setenv("MY_TOKEN", CANARY)
    with mc.Session(trust=True) as session:
        assert session.load(cell("${env.STYLE}"))() == "pirate"
        plan = session.plan(cell(token="${env.MY_TOKEN}"))
        assert plan.component is not None
        assert plan.component.settings.model.token.reveal() == CANARY
        with pytest.raises(PlanError, match="shown to every reader"):
            session.load(cell("${env.MY_TOKEN}"))()


@pytest.mark.parametrize("template", TEMPLATES)
def test_an_allowed_secret_is_not_written_into_a_prompt(monkeypatch: pytest.MonkeyPatch, template: str) -> None:
    with mc.Session(env=["*"]) as session:
        for name in NAMES:
            monkeypatch.setenv(name, "canary")
            with pytest.raises(PlanError, match=f"{name} is a secret") as raised:
                session.load(cell(template % name))()
            assert "canary" not in str(raised.value)


def test_a_secret_in_output_is_refused_before_anything_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_TOKEN", CANARY)
    with mc.Session(env=["MY_TOKEN"]) as session:
        handle = session.load(cell("hi", output="${result} ${env.MY_TOKEN}"))
        run = mc.Run()
        with pytest.raises(PlanError, match="output is shown to every reader"):
            handle(run=run)
        assert not run.stopped


def test_a_mapping_that_code_gives_may_be_read() -> None:
    text = "a: ${env.STYLE}\nb: ${env.MY_TOKEN}\n"
    given = {"STYLE": "pirate", "MY_TOKEN": CANARY}
    assert mc.parse(text, env=given) == {"a": "pirate", "b": CANARY}


def test_parse_reads_of_the_kernels_own_environment_what_documents_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANG", "C")
    monkeypatch.setenv("STYLE", "canary")
    assert mc.parse("a: ${env.LANG}") == {"a": "C"}
    with pytest.raises(NeedsWord) as raised:
        mc.parse("a: ${env.STYLE}")
    assert "canary" not in str(raised.value)


# --- asked once -------------------------------------------------------------------------------------------------------


def test_a_yes_is_for_what_was_shown_and_outlives_the_session(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STYLE", "pirate")
    with mc.Session() as session:
        with pytest.raises(
            NeedsWord, match="STYLE for its field text, shown to whoever reads the notebook in this folder"
        ):
            session.load(cell("like a ${env.STYLE}"))()
        agree(session, ["STYLE"])
        assert session.load(cell("like a ${env.STYLE}"))() == "like a pirate"
    with mc.Session() as later:
        assert later.load(cell("like a ${env.STYLE}"))() == "like a pirate"
        for other in ("as a ${env.STYLE}", "${env.STYLE}"):
            with pytest.raises(NeedsWord):
                later.load(cell(other))()


def test_a_yes_to_a_token_is_none_to_another_hub(session: mc.Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_TOKEN", CANARY)
    document = cell(token="${env.MY_TOKEN}")
    with pytest.raises(NeedsWord):
        session.load(document)
    agree(session, ["MY_TOKEN"])
    assert session.plan(document).problems == ()
    monkeypatch.setenv("HF_ENDPOINT", "https://me:pw@mirror.example")
    with pytest.raises(NeedsWord, match="https://mirror.example"):
        session.load(document)


def test_a_yes_to_show_something_is_for_the_readers_of_one_folder_and_to_send_it_for_one_host(
    session: mc.Session, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("STYLE", "pirate")
    monkeypatch.setenv("MY_TOKEN", CANARY)
    shown, sent = cell("${env.STYLE}"), cell(token="${env.MY_TOKEN}")
    with pytest.raises(NeedsWord):
        session.load(sent)
    with pytest.raises(NeedsWord):
        session.load(shown)()
    agree(session, ["STYLE", "MY_TOKEN"])
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert session.plan(sent).problems == ()
    with pytest.raises(NeedsWord, match="STYLE"):
        session.load(shown)()


def test_one_question_names_everything_the_cell_wants(session: mc.Session, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("STYLE", "TONE"):
        monkeypatch.setenv(name, "x")
    with pytest.raises(NeedsWord) as raised:
        session.load("component:\n  type: model\n  driver: echo\n  text: ${env.STYLE} ${env.TONE}\n")()
    said = str(raised.value)
    assert "line 4: this cell wants the environment variable STYLE for its field text" in said
    assert 'Session(env=["STYLE", "TONE"])' in said
    agree(session, ["STYLE", "TONE"])
    assert session.load(cell("${env.STYLE} ${env.TONE}"))() == "x x"


def test_only_what_was_asked_can_be_given(session: mc.Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STYLE", "pirate")
    session.plan(cell("${env.STYLE}", keep_alive="${env.STYLE}"))  # a plan is no question yet
    with pytest.raises(InputError, match="no cell has asked for 'STYLE'"):
        agree(session, ["STYLE"])


def test_a_yes_can_be_taken_back(session: mc.Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STYLE", "pirate")
    handle = session.load(cell("${env.STYLE}"))
    with pytest.raises(NeedsWord):
        handle()
    agree(session, ["STYLE"])
    assert [word.wish.name for word in session.allowed.consent.given()] == ["STYLE"]
    session.allowed.consent.revoke(["STYLE"])
    assert list(session.allowed.consent.given()) == []
    with pytest.raises(NeedsWord):
        handle()
    with pytest.raises(InputError, match="nothing was allowed for 'STYLE'"):
        session.allowed.consent.revoke(["STYLE"])


def test_a_yes_is_kept_where_nobody_else_writes_and_holds_no_value(
    session: mc.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_TOKEN", CANARY)
    with pytest.raises(NeedsWord):
        session.load(cell(token="${env.MY_TOKEN}"))
    agree(session, ["MY_TOKEN"])
    (kept,) = consent.folder().iterdir()
    assert kept.stat().st_mode & 0o777 == 0o600
    assert kept.parent.stat().st_mode & 0o777 == 0o700
    assert "canary" not in kept.read_text()


@pytest.mark.parametrize("what", ["file", "folder"])
def test_a_yes_that_others_could_have_written_does_not_count(
    session: mc.Session, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    monkeypatch.setenv("STYLE", "pirate")
    handle = session.load(cell("${env.STYLE}"))
    with pytest.raises(NeedsWord):
        handle()
    agree(session, ["STYLE"])
    (kept,) = consent.folder().iterdir()
    (kept if what == "file" else kept.parent).chmod(0o777)
    with pytest.raises(NeedsWord):
        handle()


@pytest.mark.parametrize(
    "content", ["", "[]", "null", '{"wish": 3}', "\x00", '{"since": "", "wish": {"name": "STYLE"}}']
)
def test_a_damaged_yes_is_none(session: mc.Session, monkeypatch: pytest.MonkeyPatch, content: str) -> None:
    monkeypatch.setenv("STYLE", "pirate")
    handle = session.load(cell("${env.STYLE}"))
    with pytest.raises(NeedsWord):
        handle()
    agree(session, ["STYLE"])
    next(consent.folder().iterdir()).write_text(content)
    assert list(session.allowed.consent.given()) == []
    with pytest.raises(NeedsWord):
        handle()


def test_what_stands_in_no_field_is_allowed_for_every_cell_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STYLE", "pirate")
    wish = Wish("STYLE", "a text", "", READERS)
    asked = Allowed(consent=Consent(lambda: "attended")).asking([wish])
    with pytest.raises(NeedsWord) as raised:
        mc.parse("${env.STYLE}: 1")
    assert "%config ComposeMagics.env" in str(asked)
    for error in (asked, raised.value):
        assert "%compose trust" not in str(error)
        assert error.wishes == ()


# --- a project's list -------------------------------------------------------------------------------------------------


def test_a_projects_list_counts_once_the_user_says_so(session: mc.Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STYLE", "pirate")
    monkeypatch.setenv("TONE", "sad")
    file = Path("pyproject.toml")
    file.write_text('[tool.mc_jupyter]\nenv = ["ST*"]\n')
    handle = session.load(cell("${env.STYLE}"))
    session.allowed.consent.where = lambda: "attended"
    with pytest.raises(NeedsWord, match="%compose trust pyproject.toml"):
        handle()
    agree(session, ["pyproject.toml"])
    assert handle() == "pirate"
    assert session.load(cell("another ${env.STYLE}"))() == "another pirate"
    with pytest.raises(NeedsWord):
        session.load(cell("${env.TONE}"))()
    file.write_text('[tool.mc_jupyter]\nenv = ["*"]\n')  # another list is another question
    with pytest.raises(NeedsWord):
        handle()


@pytest.mark.parametrize("content", ["[tool", "tool = 3", "[tool]\nmc_jupyter = []", '[tool.mc_jupyter]\nenv = "ST*"'])
def test_a_projects_file_that_says_nothing_is_none(
    session: mc.Session, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    monkeypatch.setenv("STYLE", "pirate")
    Path("pyproject.toml").write_text(content)
    with pytest.raises(NeedsWord) as raised:
        session.load(cell("${env.STYLE}"))()
    assert "pyproject" not in str(raised.value)


# --- what expressions do with secrets ---------------------------------------------------------------------------------

KNOWN = {"env": Environment({"MY_TOKEN": CANARY, "STYLE": "pirate"}, Allowed(everything=True)), "input": {"x": 1}}


@pytest.mark.parametrize(
    "text", ["${env.MY_TOKEN}", "Bearer ${env.MY_TOKEN}", "${env.MY_TOKEN as text}", "${y | a ${env.MY_TOKEN}}"]
)
def test_a_text_that_a_secret_stands_in_is_one(text: str) -> None:
    found = expressions.render(text, KNOWN)
    assert isinstance(found, Secret)
    assert CANARY in found.reveal()
    assert expressions.render("a ${env.STYLE}", KNOWN) == "a pirate"


@pytest.mark.parametrize("type", ["integer", "number", "boolean", "json", "list", "object", "base64", "image", "file"])
def test_a_secret_becomes_nothing_else(type: str) -> None:
    with pytest.raises(ExpressionError) as raised:
        expressions.render(f"${{env.MY_TOKEN as {type}}}", KNOWN)
    assert "canary" not in str(raised.value)


@pytest.mark.parametrize("operator", ["eq", "neq", "gt", "lt", "in", "starts-with", "ends-with", "match"])
@pytest.mark.parametrize("side", ["input", "value"])
def test_a_secret_is_compared_with_nothing(operator: str, side: str) -> None:
    where = {"input": "hf_", "value": "hf_", "operator": operator, side: "${env.MY_TOKEN}"}
    with pytest.raises(ExpressionError, match="compared with nothing"):
        expressions.render({"?": {**where, "if_true": "yes", "if_false": "no"}}, KNOWN)


@pytest.mark.parametrize(
    "value", ["${env}", {"...": "${env}"}, ["${env as text}"], "a ${env}", "${env.MY_TOKEN.x | none}"]
)
def test_the_environment_as_a_whole_shows_no_secret(value: object) -> None:
    try:
        assert "canary" not in repr(expressions.render(value, KNOWN))
    except ExpressionError as error:
        assert "canary" not in str(error)


def test_resolved_early_a_secret_stays_one() -> None:
    env = Environment({"MY_TOKEN": CANARY}, Allowed(everything=True))
    found = expressions.resolve_env({"a": "Bearer ${env.MY_TOKEN}", "b": "${env.NO | ${env.MY_TOKEN}}"}, env)
    assert [found["a"].reveal(), found["b"].reveal()] == [f"Bearer {CANARY}", CANARY]
    with pytest.raises(ExpressionError, match="inside another expression"):
        expressions.resolve_env("${input.x | ${env.MY_TOKEN}}", env)


def test_the_names_of_variables_that_may_not_be_read_are_not_told() -> None:
    env = Environment({"MY_TOKEN": CANARY, "STYLE": "pirate", "LANG": "C"})
    assert list(env) == ["LANG"]
    with pytest.raises(ExpressionError) as raised:
        expressions.resolve_env("${env.STYL}", env)
    assert "STYLE" not in str(raised.value)
