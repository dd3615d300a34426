"""The JSON schema of documents, made from the fields of every task, driver and component type."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from pydantic import BaseModel

from mc_jupyter.components import ComponentType
from mc_jupyter.components.model import Model
from mc_jupyter.fields import spellings
from mc_jupyter.jobs import JobType
from mc_jupyter.spec import ACTION, COMPONENT, ELSEWHERE, TOP, WORKFLOW
from mc_jupyter.tasks import Task

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_TEXT = {"type": "string"}
_SAYS = {"id": _TEXT, "title": _TEXT, "description": _TEXT, "default": {"type": "boolean"}}


def document_schema() -> dict[str, Any]:
    """What a document may say: one alternative for each component type, and for models one for each task."""
    definitions: dict[str, Any] = {}
    components = [_component(words, settings, action, definitions) for words, settings, action in _shapes()]
    jobs = [_job(kind, word, definitions) for kind in JobType.all() for word in (kind.name, *kind.also)]
    definitions |= {
        "component": {"oneOf": components},
        "job": {"anyOf": jobs},
        "workflow": _workflow(),
    }
    return {
        "$schema": _DIALECT,
        "title": "mc_jupyter document",
        "description": "Components (models, services, stores, commands) and the workflows that call them.",
        "type": "object",
        "properties": _frame(TOP, **_one_or_more("component"), **_one_or_more("workflow")),
        "patternProperties": {f"^({'|'.join(ELSEWHERE)})$": True},
        "additionalProperties": False,
        "$defs": definitions,
    }


def _shapes() -> Iterator[tuple[dict[str, str], type[BaseModel], type[BaseModel]]]:
    """Every kind of component: the words that mark it, its fields and its action's."""
    for word in ComponentType.names():
        kind = ComponentType.named(word)
        if kind is not Model:
            yield {"type": word}, kind.Settings, kind.Action
            continue
        for task in Task.names():
            shape = kind.shape({"task": task})
            yield {"type": word, "task": task}, shape.settings, shape.action


def _component(
    words: dict[str, str], settings: type[BaseModel], action: type[BaseModel], definitions: dict[str, Any]
) -> dict[str, Any]:
    own = _properties(settings, definitions)
    called = _properties(action, definitions)
    title = " ".join(words.values())
    anchor = title.replace(" ", "-")
    one = {
        "type": "object",
        "properties": {
            **_frame(ACTION),
            **called,
            "params": {"$ref": f"#/$defs/{anchor}-params"},
        },
        "additionalProperties": False,
    }
    if "params" in called:  # HTTP: query parameters, a field of its own
        one["properties"]["params"] = called["params"]  # type: ignore[index]
    definitions[f"{anchor}-params"] = _closed(called)
    definitions[f"{anchor}-action"] = one
    properties = {
        **_frame(COMPONENT, **_one_or_more("action", f"{anchor}-action")),
        **own,
        **one["properties"],  # type: ignore[dict-item]
        **{key: {"const": word} for key, word in words.items()},
    }
    required = ["type"] if words.get("task") in (None, "text-generation") else list(words)
    return {
        "title": title,
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


def _job(kind: type[JobType], word: str, definitions: dict[str, Any]) -> dict[str, Any]:
    properties = {**_properties(kind.Fields, definitions), "type": {"const": word}}
    required = [] if word == "component" else ["type"]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _workflow() -> dict[str, Any]:
    return {"type": "object", "properties": _frame(WORKFLOW, **_one_or_more("job"))}


def _frame(keys: Iterable[str], **parts: Any) -> dict[str, Any]:
    """What may stand under each of these keys: a part, a value of a known kind, or anything."""
    return {key: parts.get(key) or _SAYS.get(key, True) for key in keys}


def _one_or_more(key: str, definition: str = "") -> dict[str, Any]:
    """A part under its key, or a list of them under the key's plural."""
    one = {"$ref": f"#/$defs/{definition or key}"}
    return {key: one, f"{key}s": {"type": "array", "items": one}}


def _closed(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _properties(model: type[BaseModel], definitions: dict[str, Any]) -> dict[str, Any]:
    """A model's fields, under every name they answer to; what they refer to goes into the definitions."""
    schema = model.model_json_schema(ref_template="#/$defs/{model}")
    definitions |= schema.pop("$defs", {})
    properties: dict[str, Any] = schema["properties"]
    return {**properties, **{other: properties[name] for other, name in spellings(model).items()}}
