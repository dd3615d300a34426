"""A document's text with fields of one component set: what `%compose set` and a panel's control write.

    rewritten(read(text), {"precision": "bfloat16", "temperature": 0.2, "adapters.alpaca": 0.3})

Each value is spliced in where the text has it (under `params:`, in an action, in another edition's spelling), or
added where a reader would look for it; every other character stays. None takes a field out again, which is its default.
`adapters.NAME` is an adapter's weight; with a mapping or a model's name it is the adapter itself, with None it goes.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

from mc_jupyter.components import DEFAULT, Action, Component
from mc_jupyter.document.spec import Spec
from mc_jupyter.errors import InputError, UnknownName
from mc_jupyter.language import cell
from mc_jupyter.language.cell import Document, Map, edits
from mc_jupyter.language.expressions import has_reference
from mc_jupyter.language.fields import Closed, adapter_names
from mc_jupyter.language.given import refuse_gap, refuse_table
from mc_jupyter.tasks import TaskAction
from mc_jupyter.words import hinted, listing

Path = tuple[Any, ...]

_NAMES_A_MODEL = re.compile(r"[/\\:]|^\.|^~")
_FOUR_BITS = ("int4", "fp4", "nf4")

ADAPTER = "adapters."
_FIXED = ("default", "runtime", "max_concurrent_count", "task")
"""What a component is, or where it runs elsewhere: another cell, not another setting."""


def rewritten(spec: Spec, settings: Mapping[str, Any], component: str = DEFAULT) -> str:
    """The text of a document with these fields of a component set; of its default component, when none is named.

    UnknownName for a field that the component does not have, InputError for a weight that is none. Whether the values
    are right is found when the new text is read.
    """
    writer = _Writer(spec, component)
    for name, value in settings.items():
        writer.set(name, value)
    return writer.text


def field_name(written: Any) -> str:
    """What a field is called; `params.temperature` is `temperature`."""
    if not isinstance(written, str):
        raise InputError(f"{written!r} is no field's name")
    return written.removeprefix("params.")


def plain(value: Any, name: str) -> Any:
    """A value as YAML has it: numbers and arrays of numpy, and paths, become plain ones.

    InputError for a table, and where no value stands (NaN, NA): `name` is what it was to be.
    """
    refuse_gap(value, name)
    refuse_table(value, name)
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if callable(getattr(value, "tolist", None)):
        value = value.tolist()
        refuse_gap(value, name)
    return [plain(one, f"{name}[{i}]") for i, one in enumerate(value)] if isinstance(value, list | tuple) else value


def settable(component: Component) -> tuple[str, ...]:
    """The names of the fields that may be set, adapters of the text included."""
    own = [name for name in component.shape.settings.model_fields if name not in _FIXED]
    called = [name for name in component.shape.action.model_fields if name not in own]
    adapters = getattr(component.settings, "peft_adapters", None) or []
    return (*(ADAPTER + name for name in adapter_names(adapters)), *called, *own)


def _adapters_in(container: Map) -> tuple[str, list[Any]]:
    """The key that a component's adapters stand under, and each as it is written."""
    key = "peft_adapter" if "peft_adapter" in container else "peft_adapters"
    written = container.get(key)
    if written is None:
        return key, []
    return key, written if isinstance(written, list) else [written]


class _Writer:
    """One component's text, edited field by field."""

    def __init__(self, spec: Spec, name: str):
        self.component = spec.component(name)
        self.home = _path_of(spec.document, self.component)
        self.call = self.home + _action_path(self.component)
        self.text = spec.document.text
        self._document = spec.document

    def set(self, name: str, value: Any) -> None:
        name = field_name(name)
        if name.startswith(ADAPTER):
            self.set_adapter(name.removeprefix(ADAPTER), value)
            return
        field = self.known(name)
        path = self.find(field)
        document = self.document
        if path is None:
            if value is not None:
                self.add(document, field, value)
        elif value is None:
            alone = path[-2:-1] == ("params",) and len(_at(document.value, path[:-1])) == 1
            self.text = edits.remove(document, path[:-1] if alone else path)
        else:
            self.text = edits.replace(document, *_inside(document, path, value))

    @property
    def document(self) -> Document:
        """What the text says now: read again once after an edit."""
        if self._document.text != self.text:
            self._document = cell.read(self.text, first_line=self._document.source.first_line)
        return self._document

    def known(self, name: str) -> str:
        """The field's own name, or UnknownName."""
        shape = self.component.shape
        every = {**shape.action.names(), **shape.settings.names()}
        names = settable(self.component)
        field = every.get(name, name)
        if field in names:
            return field
        if ours := shape.action.ours_for(name):
            raise UnknownName(f"{name!r} is no field that can be set", fix=ours)
        # An adapter's own name alone is most likely its weight.
        others = [other for other, own in every.items() if own in names]
        meant, near = (ADAPTER + name, [ADAPTER + name]) if ADAPTER + name in names else (name, [*names, *others])
        raise UnknownName(
            hinted(f"{name!r} is no field that can be set", meant, near), fix=f"there are: {listing(names)}"
        )

    def find(self, field: str) -> Path | None:
        """Where the text says this field, in whichever spelling and place."""
        names = [name for name, own in self._home_of(field).names().items() if own == field]
        value = self.document.value
        for container in dict.fromkeys((self.call, (*self.call, "params"), self.home, (*self.home, "params"))):
            there = _at(value, container)
            for name in names:
                if isinstance(there, Map) and name in there:
                    return (*container, name)
        return None

    def _home_of(self, field: str) -> type[Closed]:
        """The set that a field belongs to: the component's own, or its action's."""
        shape = self.component.shape
        return shape.settings if field in shape.settings.model_fields else shape.action

    def add(self, document: Document, field: str, value: Any) -> None:
        """Put a field that the text does not say where one of its kind belongs."""
        shape = self.component.shape
        if field in shape.settings.model_fields:
            self.text = edits.insert(document, self.home, field, value)
        elif field in TaskAction.model_fields or field in shape.defaults:
            self.text = edits.insert(document, self.call, field, value)
        elif "params" in _at(document.value, self.call):  # perhaps with nothing under it yet
            self.text = edits.insert(document, (*self.call, "params"), field, value)
        elif self._says_parameters(document):
            self.text = edits.insert(document, self.call, field, value)
        else:
            self.text = edits.insert(document, self.call, "params", {field: value})

    def _says_parameters(self, document: Document) -> bool:
        """Whether the text writes its parameters in the action itself, without `params:`."""
        there = _at(document.value, self.call)
        shape = self.component.shape
        beside = {*TaskAction.model_fields, *shape.defaults, *shape.settings.model_fields}
        return isinstance(there, Map) and any(n in shape.action.model_fields and n not in beside for n in there)

    # --- adapters -----------------------------------------------------------------------------------------------------

    def set_adapter(self, name: str, value: Any) -> None:
        document = self.document
        key, written = _adapters_in(_at(document.value, self.home))
        names = [str((one or {}).get("name") or f"adapter_{i}") for i, one in enumerate(written, 1)]
        single = isinstance(_at(document.value, self.home).get(key), Map)
        at = (*self.home, key) if single else (*self.home, key, names.index(name) if name in names else len(names))
        model = isinstance(value, str) and not has_reference(value)
        if model and name in names and not _NAMES_A_MODEL.search(value):
            raise InputError(
                f"adapters.{name} is a weight: a number, and not {value!r}",
                fix=f"adapters.{name}=0.5; another adapter in its place: adapters.{name}=OWNER/NAME",
            )
        if isinstance(value, bool):
            raise InputError(f"adapters.{name} is a weight: a number", fix=f"adapters.{name}=0 leaves it out")
        if model and name in names:
            there = _at(document.value, at)
            known = isinstance(there, Map) and "model" in there
            self.text = (
                edits.replace(document, (*at, "model"), value) if known else edits.insert(document, at, "model", value)
            )
        elif model or isinstance(value, Mapping):
            one = {"type": "lora", "name": name, **(value if isinstance(value, Mapping) else {"model": value})}
            self.text = self._with_adapter(document, key, written, at, name in names, one)
        elif name not in names:
            raise UnknownName(
                hinted(f"no adapter {name!r}", name, names),
                fix=f"there are: {listing(names, 'and')}" if names else f"adapters.{name}=OWNER/NAME adds it",
            )
        elif value is None:
            self.text = edits.remove(document, (*self.home, key) if len(names) == 1 else at)
        elif "weight" in _at(document.value, at):
            self.text = edits.replace(document, (*at, "weight"), value)
        else:
            self.text = edits.insert(document, at, "weight", value)

    def _with_adapter(
        self, document: Document, key: str, written: list[Any], at: Path, there: bool, one: dict[str, Any]
    ) -> str:
        """The text with one more adapter, or with another in the place of the one of that name."""
        if there:
            return edits.replace(document, at, one)
        if not written:
            place = (*self.home, key)
            return (
                edits.insert(document, self.home, key, [one])
                if key not in _at(document.value, self.home)
                else edits.replace(document, place, [one])
            )
        if isinstance(_at(document.value, (*self.home, key)), Map):
            return edits.replace(document, (*self.home, key), [cell.to_plain(written[0]), one])
        return edits.insert(document, (*self.home, key), len(written), one)


def _inside(document: Document, path: Path, value: Any) -> tuple[Path, Any]:
    """`quantization: {type: nf4, …}` keeps what it says besides when it changes to another kind that heeds it."""
    written = _at(document.value, path)
    if isinstance(written, Map) and "type" in written and value in _FOUR_BITS:
        return (*path, "type"), value
    return path, value


def _at(value: Any, path: Path) -> Any:
    """The value at a path, or None."""
    for step in path:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def _path_of(document: Document, component: Component) -> Path:
    """Where a component's own mapping stands in the document."""
    for key in ("component", "components"):
        found = document.value.get(key)
        for i, item in enumerate(found if isinstance(found, list) else [found]):
            if item is component.written:
                return (key, i) if isinstance(found, list) else (key,)
    raise AssertionError("a component is written in its document")


def _action_path(component: Component) -> Path:
    """From a component's mapping to that of the action that runs when none is named; () where it is the same."""
    for key in ("actions", "action"):
        if (written := component.written.get(key)) is not None:
            chosen: Action = component.action()
            return (key, component.actions.index(chosen)) if isinstance(written, list) else (key,)
    return ()
