"""mc_jupyter.catalog."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterator

import pytest

from mc_jupyter import catalog
from mc_jupyter.drivers import Driver
from mc_jupyter.errors import UnknownName
from mc_jupyter.tasks import Task


def test_the_chapters_tasks_and_drivers_are_known() -> None:
    assert {"text-generation", "chat-completion", "text-classification", "text-embedding", "image-to-text",
            "image-generation", "image-upscale", "face-embedding"} <= set(Task.names())  # fmt: skip
    assert {"huggingface", "unsloth", "vllm", "llamacpp", "custom", "echo"} <= set(Driver.spoken())


def test_a_part_is_named_by_its_file() -> None:
    assert Task.named("text-embedding").name == "text-embedding"
    assert {d.name for d in Driver.all()} >= {"transformers", "echo"}


def test_every_part_says_what_it_is_in_a_line() -> None:
    for word in Task.names():
        assert Task.named(word).summary().endswith(".")
    for driver in Driver.all():
        assert driver.__doc__


def test_an_unknown_part_is_an_error_with_a_suggestion() -> None:
    with pytest.raises(UnknownName, match="did you mean 'text-embedding'"):
        Task.named("text-embeding")


class Outside(Task):
    """A task of another package."""

    head, result = "voice", str


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As if another package's entry point said `singing = …:Outside`."""
    point = importlib.metadata.EntryPoint("singing", f"{__name__}:Outside", "mc_jupyter.tasks")
    points = importlib.metadata.EntryPoints([point])
    monkeypatch.setattr(importlib.metadata.EntryPoint, "load", lambda self: Outside)
    monkeypatch.setattr(catalog, "entry_points", lambda **given: points.select(**given))
    catalog.forget()
    yield
    catalog.forget()


def test_another_packages_task_joins_by_an_entry_point(installed: None) -> None:
    assert "singing" in Task.names()
    assert Task.named("singing") is Outside
    assert Task.named("singing").name == "singing"


def test_a_driver_inherits_its_parents_recipes() -> None:
    parent = next(d for d in Driver.all() if d.name == "transformers")

    class Child(parent):  # type: ignore[valid-type,misc]
        """Builds on another library."""

    task = Task.named("text-generation")
    assert Child.recipe(task) is parent.recipe(task) is vars(parent)["generate"]
    assert Driver.recipe(task) is None
