"""mc_jupyter.language.fields."""

from __future__ import annotations

from typing import Annotated

import pytest
from pydantic import Field, TypeAdapter, ValidationError

from mc_jupyter.language.fields import (
    Bound,
    Closed,
    Device,
    HubSource,
    LocalSource,
    ModelSource,
    Spelled,
    StarterSource,
)


@pytest.mark.parametrize(
    "path",
    ["/path/to/model", "./model", "../model", "~/models/model", "~", ".", "..", r"C:\models\model", "d:/models/model"],
)
def test_what_begins_like_a_path_is_a_path(path: str) -> None:
    assert TypeAdapter(ModelSource).validate_python(path) == LocalSource(path=path)


@pytest.mark.parametrize("name", ["gpt2", "meta-llama/Llama-2-7b-hf", "username/custom-model", ".hidden/x", "c:model"])
def test_everything_else_is_a_repository(name: str) -> None:
    assert TypeAdapter(ModelSource).validate_python(name) == HubSource(repository=name)


def test_a_starter_is_named_with_its_scheme() -> None:
    assert TypeAdapter(ModelSource).validate_python("starter:stories") == StarterSource(name="stories")


def test_a_mapping_without_a_provider_says_it_by_its_keys() -> None:
    source = TypeAdapter(ModelSource)
    assert source.validate_python({"path": "x"}) == LocalSource(path="x")
    assert source.validate_python({"repository": "x"}) == HubSource(repository="x")


@pytest.mark.parametrize("device", ["auto", "cpu", "mps", "cuda", "cuda:1"])
def test_devices_by_their_names(device: str) -> None:
    assert TypeAdapter(Device).validate_python(device) == device


@pytest.mark.parametrize("device", ["gpu", "cuda:", "cuda:x", "cpu:0", ""])
def test_other_words_are_no_devices(device: str) -> None:
    with pytest.raises(ValidationError, match="is not a device"):
        TypeAdapter(Device).validate_python(device)


class Example(Closed):
    heat: Bound[Annotated[float, Field(ge=0, le=2)]] = 1.0
    words: Annotated[Bound[list[str]], Spelled("texts", "lines")] = Field(default_factory=list)


def test_an_expression_passes_and_a_value_is_checked() -> None:
    heat: object = Example.model_validate({"heat": "${input.heat as number}"}).heat
    assert heat == "${input.heat as number}"
    assert Example(heat=0.5).heat == 0.5
    with pytest.raises(ValidationError):
        Example(heat=3)
    with pytest.raises(ValidationError):
        Example.model_validate({"heat": "warm"})


def test_a_list_that_spreads_is_checked_when_it_is_known() -> None:
    assert Example.model_validate({"words": ["a", "...${input.more}"]}).words == ["a", "...${input.more}"]
    with pytest.raises(ValidationError):
        Example.model_validate({"words": ["a", 5]})


def test_other_spellings_are_the_field() -> None:
    assert Example.names() == {"heat": "heat", "words": "words", "texts": "words", "lines": "words"}
    assert Example.model_validate({"lines": ["a"]}).words == ["a"]
    with pytest.raises(ValidationError, match="Extra inputs"):
        Example.model_validate({"lines": ["a"], "words": ["b"]})


@pytest.mark.parametrize("name", ["llama3.2:1b", "ollama://llama3", "library/qwen2.5:0.5b", "maker/model:latest"])
def test_a_name_of_ollamas_is_told_for_what_it_is(name: str) -> None:
    with pytest.raises(ValidationError, match=f"{name} is a name of Ollama's"):
        TypeAdapter(ModelSource).validate_python(name)


def test_the_hubs_name_in_an_address_of_ollamas_is_given_back_without_its_tag() -> None:
    with pytest.raises(ValidationError, match=r"without its address: maker/model-GGUF(?!:)"):
        TypeAdapter(ModelSource).validate_python("hf.co/maker/model-GGUF:Q4_K_M")
