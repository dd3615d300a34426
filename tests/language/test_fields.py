"""mc_jupyter.language.fields."""

from __future__ import annotations

import json
from typing import Annotated

import pytest
from pydantic import Field, TypeAdapter, ValidationError

from mc_jupyter.language.fields import (
    Bound,
    Closed,
    Device,
    Environment,
    HubSource,
    LocalSource,
    ModelSource,
    Secret,
    Spelled,
    StarterSource,
    names_a_secret,
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


def test_a_secret_shows_itself_to_nobody() -> None:
    secret = Secret("hf_canary")
    shown = [repr(secret), str(secret), f"{secret}", f"{secret!r}", json.dumps({"s": str(secret)})]
    shown.append(HubSource(repository="x", token=secret).model_dump_json())
    assert not [text for text in shown if "canary" in text]
    assert secret.reveal() == "hf_canary"


@pytest.mark.parametrize(
    "name", ["HF_TOKEN", "MY_API_KEY", "APIKEY", "db_password", "CLIENT_SECRET", "SSH_PRIVATE", "X_KEY"]
)
def test_names_that_say_secret(name: str) -> None:
    assert names_a_secret(name)


@pytest.mark.parametrize("name", ["HOME", "MODEL", "KEYBOARD", "PATH", "LANGUAGE"])
def test_names_that_do_not(name: str) -> None:
    assert not names_a_secret(name)


def test_the_environment_wraps_secrets_only() -> None:
    environment = Environment({"HF_TOKEN": "x", "HOME": "/home"})
    assert environment["HF_TOKEN"] == Secret("x")
    assert environment["HOME"] == "/home"
    assert "x" not in repr(environment)
