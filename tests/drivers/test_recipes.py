"""A task's file that performs itself: its function on a library that loads the model."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

import mc_jupyter as mc
from mc_jupyter import catalog, tasks
from mc_jupyter.drivers import Driver
from mc_jupyter.drivers.diffusers import Diffusers
from mc_jupyter.drivers.transformers import Transformers
from mc_jupyter.tasks import Task
from tests.conftest import cell

SURPRISE = textwrap.dedent(
    '''
    """How surprising a text is to a model: its mean negative log likelihood, in nats a token."""

    from pydantic import Field

    from mc_jupyter.drivers import performs
    from mc_jupyter.tasks import Task, TaskAction, Texts


    class Surprise(Task):
        """How surprising a text is to a model."""

        head, result = "causal-lm", float

        class Action(TaskAction):
            text: Texts = Field(description="What to read.")


    @performs(Surprise, by="huggingface")
    def surprise(library, call):
        import torch

        found = []
        with torch.inference_mode():
            for text in call.items:
                ids = library.tokenizer(text, return_tensors="pt")["input_ids"]
                found.append(library.model(input_ids=ids, labels=ids).loss.item())
        return found
    '''
)


@pytest.fixture
def surprise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Task]]:
    """The task, found in a folder beside the package's own."""
    (tmp_path / "test_made_surprise.py").write_text(SURPRISE)
    monkeypatch.setattr(tasks, "__path__", [*tasks.__path__, str(tmp_path)])
    catalog.forget()
    yield Task.named("test-made-surprise")
    sys.modules.pop("mc_jupyter.tasks.test_made_surprise")
    catalog.forget()


def directly(folder: Path, text: str) -> float:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    ids = AutoTokenizer.from_pretrained(folder)(text, return_tensors="pt")["input_ids"]
    return float(AutoModelForCausalLM.from_pretrained(folder)(input_ids=ids, labels=ids).loss.detach())


def test_a_task_of_one_file_performs_itself_on_a_real_model(
    surprise: type[Task], session: mc.Session, llama: Path
) -> None:
    handle = session.load(cell(surprise.name, llama))
    texts = ["the little fox", "once upon a time"]
    assert list(handle(texts)) == pytest.approx([directly(llama, text) for text in texts], abs=1e-6)
    writer = session.load(cell("text-generation", llama), "writer")
    assert session.resident_of(writer) is session.resident_of(handle), "tasks of one head share a model"


def test_of_the_libraries_of_a_word_that_performs_it_which_loads_its_head(surprise: type[Task]) -> None:
    assert Transformers.recipe(surprise) is sys.modules[surprise.__module__].surprise
    assert set(Transformers.words) & set(Diffusers.words)
    assert Diffusers.recipe(surprise) is None


def test_a_library_that_builds_on_another_inherits_it(surprise: type[Task]) -> None:
    class Faster(Transformers):
        """Builds on transformers."""

        words = ("faster",)

    assert Faster.recipe(surprise) is Transformers.recipe(surprise)


def test_no_other_library_performs_it(surprise: type[Task], session: mc.Session, llama: Path) -> None:
    able = [driver.name for driver in Driver.all() if driver.recipe(surprise)]
    assert able == ["echo", "transformers"]
    with pytest.raises(mc.ComposeError, match="driver: custom does not perform test-made-surprise"):
        session.load(cell(surprise.name, llama, driver="custom"))
