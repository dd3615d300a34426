"""The two adapters of the story starter: what they are, what they do to a story at which weight, and that they train."""

from __future__ import annotations

import functools
import itertools
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from mc_jupyter import starters, weights
from mc_jupyter.errors import NoSuchModel
from mc_jupyter.language.fields import StarterSource
from mc_jupyter.starters.stories import corpus, measure, styles
from mc_jupyter.starters.stories.measure import PROMPTS, STYLES

pytestmark = pytest.mark.slow

NAMES = sorted(STYLES)


Tell = Callable[..., list[str]]


@pytest.fixture(scope="module")
def tell() -> Tell:
    """The stories to ten prompts with the adapters at these weights: told once, as that is what takes time."""
    model, tokenizer = measure.load()

    @functools.cache
    def told(pirate: float = 0.0, space: float = 0.0) -> list[str]:
        return measure.tell(model, tokenizer, {"pirate": pirate, "space": space}, PROMPTS[::2])

    return told


def markers(stories: list[str], name: str) -> list[int]:
    """How many markers of one style each of the stories has."""
    return [len(STYLES[name].found(story)) for story in stories]


def test_the_adapters_are_found_and_are_no_starters_of_their_own() -> None:
    assert {"stories-pirate", "stories-space"} <= set(starters.adapters())
    assert not set(starters.adapters()) & set(starters.names())


@pytest.mark.parametrize("name", NAMES)
def test_an_adapter_is_found_as_an_adapter(name: str) -> None:
    checkpoint = weights.find(StarterSource(name=f"stories-{name}"), kind="adapter")
    assert checkpoint is not None
    assert checkpoint.folder == starters.folder("stories") / name
    assert checkpoint.config["base_model_name_or_path"] == "starter:stories"


def test_a_model_beside_its_adapters_is_still_the_model() -> None:
    checkpoint = weights.find(StarterSource(name="stories"))
    assert checkpoint is not None
    assert [file.name for file in checkpoint.files] == ["model.safetensors"]
    assert checkpoint.config["model_type"] == "llama"


def test_an_adapter_named_as_a_model_is_told_where_it_belongs() -> None:
    with pytest.raises(NoSuchModel, match="`starter:stories-pirate` is an adapter") as raised:
        weights.find(StarterSource(name="stories-pirate"))
    assert "model: starter:stories, and this one under `peft_adapters:`" in str(raised.value)


def test_a_model_named_as_an_adapter_is_met_with_the_adapters() -> None:
    with pytest.raises(NoSuchModel, match="is a model, not an adapter") as raised:
        weights.find(StarterSource(name="stories"), kind="adapter")
    assert "stories-pirate and stories-space" in str(raised.value)


def test_a_name_like_an_adapters_is_met_with_it() -> None:
    with pytest.raises(NoSuchModel, match="did you mean 'stories-pirate'"):
        weights.find(StarterSource(name="stories-pirat"), kind="adapter")


@pytest.mark.parametrize("name", NAMES)
def test_an_adapter_is_small_float16_and_names_no_machine(name: str) -> None:
    folder = starters.folder(f"stories-{name}")
    file = folder / "adapter_model.safetensors"
    assert file.stat().st_size < 400_000
    assert {tensor.dtype for tensor in load_file(file).values()} == {torch.float16}
    settings = json.loads((folder / "adapter_config.json").read_text())
    assert settings["base_model_name_or_path"] == "starter:stories"
    assert not [value for value in settings.values() if isinstance(value, str) and value.startswith("/")]


@pytest.mark.parametrize("name", NAMES)
def test_an_adapter_has_a_card_that_names_its_limits(name: str) -> None:
    card = (starters.folder(f"stories-{name}") / "README.md").read_text()
    for heading in ("## What it does", "## What it does not do", "## Retrain"):
        assert heading in card
    assert "synthetic" in card
    assert "MIT" in card


@pytest.mark.parametrize("name", NAMES)
def test_plain_stories_hold_no_markers(name: str) -> None:
    teller = corpus.Teller(5)
    assert not STYLES[name].found(" ".join(teller.story() for _ in range(1_000)))


@pytest.mark.parametrize("name", NAMES)
def test_a_style_shows_at_one_fades_at_half_and_is_gone_at_zero(tell: Tell, name: str) -> None:
    full, half, none = (markers(stories, name) for stories in (tell(**{name: 1.0}), tell(**{name: 0.5}), tell()))
    assert sum(map(bool, full)) >= 9
    assert sum(full) > sum(half) > 0
    assert sum(none) == 0


@pytest.mark.parametrize("name", NAMES)
def test_one_style_brings_in_nothing_of_the_other(tell: Tell, name: str) -> None:
    other = next(each for each in NAMES if each != name)
    assert sum(map(bool, markers(tell(**{name: 1.0}), other))) <= 1


def test_both_at_half_show_both(tell: Tell) -> None:
    assert all(sum(map(bool, markers(tell(pirate=0.5, space=0.5), name))) >= 3 for name in NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_styles_share_is_how_much_of_it_is_in_the_stories(name: str) -> None:
    def marked(share: float) -> int:
        stories = itertools.islice(styles.stream({STYLES[name]: share}, seed=3), 60)
        return sum(len(STYLES[name].found(story)) for story in stories if isinstance(story, str))

    assert 0 == marked(0.0) < marked(0.3) < marked(0.6) < marked(1.0)


def test_a_short_training_leaves_an_adapter_that_loads(tmp_path: Path) -> None:
    from mc_jupyter.starters.stories.adapter import train

    train(STYLES["pirate"], tmp_path, steps=2)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["adapter_config.json", "adapter_model.safetensors"]
    model, tokenizer = measure.load({"pirate": tmp_path, "space": starters.folder("stories-space")})
    assert len(measure.tell(model, tokenizer, {"pirate": 1.0}, PROMPTS[:2])) == 2
