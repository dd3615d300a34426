"""Models with one thing wrong: one error that points at the model's line, and nothing left behind."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

import mc_jupyter as mc
from mc_jupyter.errors import ComposeError, WeightsError
from mc_jupyter.faults import Origin
from tests import damaged
from tests.conftest import cell

GREEDY = "action: {text: ${input.text}, do_sample: false, max_output_length: 4}"


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Path, Path | None]]:
    """A good model of each kind and what it is laid over, made when it is first asked for."""
    made: dict[str, tuple[Path, Path | None]] = {}

    def of(name: str) -> tuple[Path, Path | None]:
        if name not in made:
            folder, subject = tmp_path_factory.mktemp(name), damaged.SUBJECTS[name]
            base = subject.base(folder / "base") if subject.base else None
            made[name] = (subject.make(folder / "good", *([base] if base else [])), base)
        return made[name]

    return of


@pytest.mark.slow
@pytest.mark.parametrize("name", damaged.SUBJECTS)
def test_whatever_is_wrong_only_our_errors_come_out(
    name: str, good: Callable[[str], tuple[Path, Path | None]], tmp_path: Path
) -> None:
    model, base = good(name)
    subject = damaged.SUBJECTS[name]
    for seed in range(6):
        copy = tmp_path / str(seed)
        damaged.damaged(model, copy, Random(f"{name} {seed}"))
        with mc.Session() as session:
            try:
                session.load(subject.text(copy / model.name if model.is_file() else copy, base))(**subject.given)
            except ComposeError as error:
                assert not (isinstance(error.__cause__, Origin) and "/mc_jupyter/" in error.__cause__.file)
                assert len(session.residents()) <= 1  # of an adapter the base may stay


def changed(folder: Path, file: str, **entries: Any) -> None:
    content = json.loads((folder / file).read_text())
    (folder / file).write_text(json.dumps({**content, **entries}))


WRONG: dict[str, Callable[[Path], None]] = {
    "a special token that is a number": lambda f: changed(f, "tokenizer_config.json", pad_token=3),
    "a tokenizer that is nested deep": lambda f: changed(f, "tokenizer_config.json", eos_token=json.loads("[" * 900 + "]" * 900)),
    "a model of the tokenizer that is none": lambda f: changed(f, "tokenizer.json", model={"type": "?"}),
    "a number that is a text": lambda f: changed(f, "config.json", hidden_size="many"),
    "a number that is a list": lambda f: changed(f, "config.json", num_attention_heads=[4]),
    "nothing by zero": lambda f: changed(f, "config.json", num_attention_heads=0),
    "settings of generation that are a list": lambda f: changed(f, "generation_config.json", eos_token_id={"a": 1}),
    "another model's size": lambda f: changed(f, "config.json", hidden_size=32),
    "an activation that is none": lambda f: changed(f, "config.json", hidden_act={}),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_one_error_at_the_models_line_and_the_component_works_when_the_file_is_mended(
    what: str, llama: Path, tmp_path: Path, session: mc.Session, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(llama, folder)
    WRONG[what](folder)
    text = cell("text-generation", folder, GREEDY)
    capfd.readouterr()
    with pytest.raises(ComposeError) as caught:
        session.load(text, "story")("the fox")
    (problem,) = caught.value.problems
    assert problem.place is not None
    assert problem.place.line == 4
    assert len(problem.message.splitlines()) == 1
    assert capfd.readouterr() == ("", "")
    shutil.copytree(llama, folder, dirs_exist_ok=True)
    assert session.load(text, "story")("the fox").tokens
    assert len(session.residents()) == 1


def test_the_models_line_is_named_for_shapes_that_differ(llama: Path, tmp_path: Path, session: mc.Session) -> None:
    shutil.copytree(llama, tmp_path / "model")
    changed(tmp_path / "model", "config.json", intermediate_size=96)
    with pytest.raises(WeightsError, match=r"line 4: .*shapes .*mlp\.down_proj\.weight"):
        session.load(cell("text-generation", tmp_path / "model", GREEDY))


@pytest.mark.parametrize("laid", ["r", "lora_alpha", "target_modules", "rank_pattern", "alpha_pattern"])
def test_a_damaged_adapter_leaves_its_base_as_it_was(
    laid: str, good: Callable[[str], tuple[Path, Path | None]], tmp_path: Path, session: mc.Session
) -> None:
    adapter, base = good("lora")
    assert base is not None
    alone = session.load(cell("text-generation", base, GREEDY), "alone")
    before = alone("the fox").token_ids
    shutil.copytree(adapter, tmp_path / "bad")
    changed(tmp_path / "bad", "adapter_config.json", **{laid: {"(": "many"}})
    with pytest.raises(ComposeError, match="line 5: "):
        session.load(
            cell("text-generation", base, f"peft_adapters: [{{name: bad, model: {tmp_path / 'bad'}}}]", GREEDY), "laid"
        )
    assert alone("the fox").token_ids == before
    assert not any("lora" in name for name, _ in _modules(session))


def _modules(session: mc.Session) -> list[tuple[str, Any]]:
    (row,) = session.engine.residents
    return list(row.thing.driver.model.named_modules())


def test_the_librarys_traceback_is_shown_to_who_asks_for_it(
    llama: Path, tmp_path: Path, shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(llama, tmp_path / "model")
    changed(tmp_path / "model", "config.json", hidden_act={})
    for full in (False, True):
        shell.run_line_magic("config", f"ComposeMagics.full_tracebacks = {full}")
        capsys.readouterr()
        shell.run_cell("%%compose -i prompt=fox\n" + cell("text-generation", tmp_path / "model"))
        shown = capsys.readouterr()
        assert "the tokenizer cannot be read: " in shown.out + shown.err
        assert ("in from_pretrained" in shown.out + shown.err) is full
