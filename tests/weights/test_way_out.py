"""What an error about a model's files says to do: going online once, and folders that were meant."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import mc_jupyter as mc

CELL = "component:\n  type: model\n  task: text-generation\n  model: {}\n"


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        monkeypatch.delenv(name, raising=False)


def told(session: mc.Session, model: str) -> str:
    with pytest.raises(mc.Offline) as caught:
        session.load(CELL.format(model))
    place = caught.value.problems[0].place
    assert place is not None
    assert place.line == 4
    return str(caught.value)


@pytest.mark.parametrize("name", ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"])
def test_being_offline_says_how_to_allow_it_once(
    session: mc.Session, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "1")
    said = told(session, "someone/something")
    assert "to allow it once" in said
    assert f"%env {name}=0" in said


def test_a_cell_that_forbids_it_is_told_its_own_line(session: mc.Session) -> None:
    said = told(session, "{repository: someone/something, local_files_only: true}")
    assert "run the cell without local_files_only: true" in said
    assert "%env" not in said


def test_a_library_that_has_read_the_variable_needs_a_new_kernel() -> None:
    code = f"""
import os; os.environ["HF_HUB_OFFLINE"] = "1"
import huggingface_hub.constants, mc_jupyter as mc
try: mc.Session().load({CELL.format("someone/something")!r})
except mc.Offline as error: print(error)
"""
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "restart the kernel, and before this cell run: %env HF_HUB_OFFLINE=0" in said


def test_a_folder_of_the_name_that_goes_to_the_hub_is_named(
    session: mc.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("m/gpt2").mkdir(parents=True)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert "model: ./m/gpt2" in told(session, "m/gpt2")
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    (planned,) = session.check(CELL.format("m/gpt2")).components
    assert any("m/gpt2 is taken for the hub's" in note and "./m/gpt2" in note for note in planned.notes)
    (other,) = session.check(CELL.format("m/gpt3")).components
    assert not any("taken for the hub's" in note for note in other.notes)


@pytest.mark.parametrize("model", ["“gpt2”", "gpt2\u00a0", "\u200bgpt2"])
def test_what_was_copied_along_with_a_name_is_told(model: str) -> None:
    with pytest.raises(mc.SpecError, match=r"stands at one of its ends[\s\S]*write gpt2|write gpt2|write \"gpt2\""):
        mc.read(CELL.format(model))


def test_a_windows_path_whose_escapes_were_read_is_told(session: mc.Session) -> None:
    with pytest.raises(mc.SpecError, match="Windows path in single quotes"):
        mc.read(CELL.format('"C:\\new\\tiny"'))


def test_files_that_cannot_be_read_point_at_the_models_line(session: mc.Session) -> None:
    Path("broken").mkdir()
    Path("broken/config.json").write_text("{nope", encoding="utf-8")
    Path("broken/model.safetensors").write_bytes(b"x" * 100)
    echo = session.load(CELL.format("a/b") + "  driver: echo\n", "echo")
    adapters = "\n  peft_adapters:\n    - weight: 0.5\n      model: ./broken\n"
    for text in (CELL.format("./broken"), CELL.format("starter:stories") + adapters.lstrip("\n")):
        with pytest.raises(mc.WeightsError) as caught:
            session.load(text)
        place = caught.value.problems[0].place
        assert place is not None
        assert place.text.strip() == "model: ./broken"
    with pytest.raises(mc.WeightsError) as caught:
        echo.set(model="./broken", driver="huggingface")
    place = caught.value.problems[0].place
    assert place is not None
    assert place.text.strip() == "model: ./broken"
