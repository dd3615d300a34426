"""mc_jupyter.language.description."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from pydantic import Field

from mc_jupyter.components import ComponentType
from mc_jupyter.jobs import JobType
from mc_jupyter.language.description import FieldFacts, describe, field_of, models_at
from mc_jupyter.language.fields import (
    Adapter,
    Bound,
    Closed,
    HubSource,
    KeepAlive,
    ModelSettings,
    Quantization,
    Spelled,
)
from mc_jupyter.trust.secrets import Secret


class Part(Closed):
    kind: Literal["a", "b"] = Field("a", description="Which.")


class Example(Closed):
    heat: Bound[Annotated[float, Field(gt=0, le=2)]] = Field(1.0, description="How hot.")
    count: Annotated[Bound[int], Spelled("number", "n")] = Field(ge=1, description="How many.")
    exact: int | float = 1
    loud: Bound[bool] = False
    kind: Bound[Literal["x", "y"]] | None = None
    text: Bound[str | list[str]] = ""
    kinds: list[Literal["x", "y"]] = Field(default_factory=list)
    stays: KeepAlive = 1.0
    password: Secret | None = None
    parts: dict[str, Part] | list[Part] = Field(default_factory=list)
    size: tuple[int, ...] = ()
    anything: Any = None


def facts(name: str, model: type[Closed] = Example) -> FieldFacts:
    found = field_of(model, name)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("name", "kind", "types"),
    [
        ("heat", "number", ("a number",)),
        ("count", "integer", ("a whole number",)),
        ("exact", "number", ("a whole number", "a number")),
        ("loud", "choice", ("true or false",)),
        ("kind", "choice", ("a word",)),
        ("text", "other", ("text", "a list of text")),
        ("kinds", "other", ("a list of a word",)),
        ("stays", "text", ("text", "a number")),  # 10m, or seconds
        ("password", "other", ("a secret",)),
        ("parts", "other", ("a mapping", "a list of a mapping")),
        ("size", "other", ("a list of a whole number",)),
        ("anything", "other", ("anything",)),
    ],
)
def test_what_a_field_may_hold(name: str, kind: str, types: tuple[str, ...]) -> None:
    assert (facts(name).kind, facts(name).types) == (kind, types)


def test_limits_stand_on_the_field_or_inside_its_type() -> None:
    assert (facts("heat").minimum, facts("heat").maximum, facts("heat").above) == (0, 2, True)
    assert (facts("count").minimum, facts("count").maximum, facts("count").above) == (1, None, False)


def test_words_to_choose_from() -> None:
    assert facts("kind").words == facts("kinds").words == ("x", "y")
    assert facts("loud").words == (True, False)
    assert facts("quantization", ModelSettings).words == ("none", "int8", "int4", "fp4", "nf4")


def test_what_is_needed_and_what_there_is_without() -> None:
    assert facts("count").required
    assert (facts("heat").required, facts("heat").default, facts("heat").optional) == (False, 1.0, False)
    assert (facts("kind").default, facts("kind").optional) == (None, True)
    assert facts("heat").description == "How hot."


def test_a_field_is_found_by_every_name() -> None:
    assert facts("n") is facts("number") is facts("count")
    assert facts("n").others == ("number", "n")
    assert field_of(Example, "m") is None


def test_the_sets_of_fields_inside() -> None:
    assert facts("parts").models == (Part,)
    assert models_at([ModelSettings], ["quantization"]) == [Quantization]
    assert models_at([ModelSettings], ["peft_adapter"]) == [Adapter]
    assert HubSource in models_at([ModelSettings], ["peft_adapters", 0, "model"])
    assert models_at([Example], ["kind"]) == models_at([Example], ["nothing"]) == []


def test_every_field_of_the_language_can_be_described_and_says_what_it_is_for() -> None:
    shapes = [shape for kind in ComponentType.all() for _, shape in kind.shapes()]
    sets = {model for shape in shapes for model in (shape.settings, shape.action)}
    sets |= {kind.Fields for kind in JobType.all()}
    sets |= {inner for model in sets for field in describe(model) for inner in field.models}
    told = [field for model in sets for field in describe(model)]
    assert len(told) > 300
    assert [field.name for field in told if not field.description or not all(field.types)] == []
