"""The JSON schema of documents, made from the fields of every task, driver and component type."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mc_jupyter.components import ComponentType, Shape
from mc_jupyter.document.spec import ACTION, COMPONENT, ELSEWHERE, TOP, WORKFLOW
from mc_jupyter.jobs import JobType
from mc_jupyter.language.fields import Closed

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_TEXT = {"type": "string"}
_SAYS = {"id": _TEXT, "title": _TEXT, "description": _TEXT, "default": {"type": "boolean"}}


def document_schema() -> dict[str, Any]:
    """What a document may say: one alternative for each component type, and for models one for each task."""
    definitions: dict[str, Any] = {}
    components = [
        _component(kind, words, shape, definitions) for kind in ComponentType.all() for words, shape in kind.shapes()
    ]
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


def _component(
    kind: type[ComponentType], words: dict[str, str], shape: Shape, definitions: dict[str, Any]
) -> dict[str, Any]:
    """One shape of a component. `words` are the fields that mark it; one that is its field's default is left out."""
    title = " ".join(words.values())
    anchor = title.replace(" ", "-")
    called = _properties(shape.action, definitions)
    definitions |= {f"{anchor}-{key}": _closed(called) for key in kind.nested}
    nested = {key: {"$ref": f"#/$defs/{anchor}-{key}"} for key in kind.nested}
    action = {**_frame(ACTION), **called, **nested}
    definitions[f"{anchor}-action"] = _closed(action)
    properties = {
        **_frame(COMPONENT, **_one_or_more("action", f"{anchor}-action")),
        **_properties(shape.settings, definitions),
        **action,
        **{key: {"const": word} for key, word in words.items()},
    }
    fields = shape.settings.model_fields
    required = [key for key, word in words.items() if key not in fields or fields[key].default != word]
    return {"title": title, **_closed(properties), "required": required}


def _job(kind: type[JobType], word: str, definitions: dict[str, Any]) -> dict[str, Any]:
    properties = {**_properties(kind.Fields, definitions), "type": {"const": word}}
    required = [] if word == "component" else ["type"]
    return {**_closed(properties), "required": required}


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


def _properties(model: type[Closed], definitions: dict[str, Any]) -> dict[str, Any]:
    """A model's fields, under every name they answer to; what they refer to goes into the definitions."""
    schema = model.model_json_schema(ref_template="#/$defs/{model}")
    definitions |= schema.pop("$defs", {})
    properties: dict[str, Any] = schema["properties"]
    return {other: properties[name] for other, name in model.names().items()}
