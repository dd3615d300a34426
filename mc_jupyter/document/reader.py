"""A document, read: its components typed, whichever edition's spelling they are written in.

What the editions of model-compose spell differently is brought to one form here and nowhere else: a component's fields
inline, under `action:` or `actions:`; an action's settings directly in it or under `params:`; and the other names that
fields declare (`Spelled`). Expressions stay expressions. `workflows` reads the workflows.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mc_jupyter.components import DEFAULT, Action, Component, ComponentType, Shape
from mc_jupyter.document import misplaced
from mc_jupyter.document.findings import Findings, texts_in
from mc_jupyter.document.spec import ACTION, COMPONENT, ELSEWHERE, TOP, Spec
from mc_jupyter.document.workflows import WorkflowReader
from mc_jupyter.errors import Problem, SpecError, UnknownName
from mc_jupyter.language import cell, expressions
from mc_jupyter.language.cell import Document, Map, place_in
from mc_jupyter.language.fields import Closed
from mc_jupyter.language.kinds import taken
from mc_jupyter.words import UNNAMED, listing

# What an action's expressions may name; those of its output also name what its component type has (`result` …).
_SOURCES = ("input", "env", "context")


def read(text: str, *, first_line: int = 1) -> Spec:
    """The document that a text is, or SpecError with every problem of it. Lines in errors count from `first_line`."""
    problems: list[Problem] = []
    document = cell.read(text, first_line=first_line, problems=problems)
    found = Findings(problems, document.notes)
    found.expressions(document.value)
    top = _top(document, found)
    components = [c for w in found.parts(top, "component") if (c := _component(w, found))]
    found.unique(components, "component")
    reader = WorkflowReader(found, components, lambda written: _component(written, found))
    workflows = [w for m in found.parts(top, "workflow") if (w := reader.workflow(m))]
    found.unique(workflows, "workflow")
    if not (components or workflows or found.problems):
        found.wrong("there is neither a component nor a workflow", document.place(), "component:\n        type: model")
    return Spec(document, tuple(components), tuple(workflows), found.result())


def _top(document: Document, found: Findings) -> Map:
    """The document's own mapping, its keys checked; SpecError where it is none."""
    top = document.value
    if not isinstance(top, Map):
        found.wrong("a document is a mapping", document.place(), "component:\n        type: model\n        …")
        raise SpecError(found.problems)
    beside = misplaced.beside_a_component(top)
    if beside:
        verb = "stands" if len(beside) == 1 else "stand"
        message = f"{listing(beside, 'and')} {verb} at the top: a component's fields are indented under component:"
        found.wrong(message, place_in(top, (beside[0],), key=True), misplaced.indented(document, top, beside))
    for key in top:
        if key in ELSEWHERE:
            found.notes.append(f"{key}: has no use in a notebook, and is left out")
        elif key not in TOP and key not in beside:
            found.unknown_key(key, top, (*TOP, "controller"))
    if beside and all(top.get(key) is None for key in TOP):  # they are all that there is of it
        raise SpecError(found.problems)
    return top


def _component(written: Map, found: Findings) -> Component | None:
    """The component that a mapping is, or None with its problems noted."""
    word = written.get("type")
    place = place_in(written, ("type",))
    if not isinstance(word, str):
        near = misplaced.nearest("type", written)
        place = place_in(written, (near,), key=True) if near else place
        message = f"a component needs type:{f', and {near}: is none' if near else ''}"
        found.wrong(message, place, f"type: {listing(ComponentType.names())}")
        return None
    try:
        kind = ComponentType.named(word)
        shape = kind.shape(written)
    except UnknownName as error:
        found.failed(error, place)
        return None
    return _ComponentReader(written, kind, shape, found).component()


class _ComponentReader:
    """Reads one component, whose type says which fields it takes."""

    def __init__(self, written: Map, kind: type[ComponentType], shape: Shape, found: Findings):
        self.written = written
        self.kind = kind
        self.shape = shape
        self.found = found
        self.own = Map(span=written.span)
        """The component's own fields, in one spelling."""
        self.inline = Map(span=written.span)
        """The fields of its action that are written beside them."""
        self.unread: list[str] = []
        """Fields of an engine that is not here: what they mean and may be, it alone knows."""

    def component(self) -> Component | None:
        before = len(self.found.problems)
        self.sort_out()
        self.own = self.ours(self.shape.settings, self.own)
        settings = self.found.valid(self.shape.settings, self.own)
        read = [(raw, action) for raw in self.actions_written() if (action := self.action(raw))]
        actions = [action for _, action in read]
        self.found.known_sources(self.own, ("env",), "a component's own fields are decided before it is called")
        self.found.unique(actions, "action", [raw for raw, _ in read])
        name = self.written.get("id", UNNAMED)
        if not isinstance(name, str) or name == DEFAULT:
            self.found.wrong("an id is a name", place_in(self.written, ("id",)), "id: my_model")
        elif (marked := sum(action.default for action in actions)) > 1:
            self.found.wrong(
                f"{marked} actions are marked as the default",
                place_in(self.written, ("actions",), key=True),
                "keep default: true at one of them",
            )
        if len(self.found.problems) > before:
            return None
        self.found.notes += self.notes(settings)
        return Component(name, self.kind, self.shape, settings, tuple(actions), self.own, self.written)

    def sort_out(self) -> None:
        """Divide what is written into the component's own fields and those of its action."""
        own = self.shape.settings.names()
        for key in self.written:
            if key in own:
                if self.written[key] is not None:  # `device:` with nothing after it is not said
                    self.found.put(self.own, own[key], self.written, key)
            elif key not in COMPONENT and not self.of_action(key, self.written, self.inline):
                self.unknown_key(key, self.written, (*COMPONENT, *own))

    def of_action(self, key: str, written: Map, into: Map) -> bool:
        """Whether a key is one of the action's fields, or holds some as `params:` does; they are copied then."""
        if key in self.kind.nested:
            self.flatten(into, written, key)
        elif key in self.shape.action.names():
            self.put(into, written, key)
        else:
            return False
        return True

    def put(self, into: Map, written: Map, key: str) -> None:
        """Copy a field of the action, unless nothing stands behind it.

        One that gets an expression when it is left out (`text:`) is taken all the same, and found to be no text.
        """
        name = self.shape.action.names()[key]
        if written[key] is not None or name in self.shape.defaults:
            self.found.put(into, name, written, key)

    def flatten(self, into: Map, written: Map, key: str) -> None:
        """Bring the fields under `params:` up beside the others."""
        nested = written[key]
        if nested is None:
            return
        if not isinstance(nested, Map):
            inside = misplaced.without_dashes(nested) or "temperature: 0.7"
            self.found.wrong(f"{key} is a mapping", place_in(written, (key,)), misplaced.under(key, inside))
            return
        for inner in nested:
            if inner in self.shape.action.names():
                self.put(into, nested, inner)
            else:
                self.unknown_key(inner, nested, ())

    def unknown_key(self, key: str, written: Map, beside: tuple[str, ...]) -> None:
        if self.shape.foreign:
            self.unread.append(key)
            return
        known = (*beside, *self.shape.action.names(), *(self.kind.nested if beside else ()))
        fields = (self.shape.action, self.shape.settings)
        self.found.unknown_key(key, written, known, fields, misplaced.hint(key, written, known, self.shape.settings))

    def ours(self, model: type[Closed], written: Map) -> Map:
        """What is written, without the fields that an engine which is not here may mean otherwise than we do."""
        while self.shape.foreign and self.shape.loose and (wrong := self.found.wrong_fields(model, written)):
            self.unread += wrong
            written = written.with_(without=wrong)
        return written

    def actions_written(self) -> Iterator[Map]:
        """The mapping of each action; an empty one where the component says none."""
        if "action" in self.written and "actions" in self.written:
            place = place_in(self.written, ("action",), key=True)
            self.found.wrong("action and actions are both given", place, "keep one of them")
        key = "actions" if "actions" in self.written else "action"
        given = self.written.get(key)
        if given is None:
            yield Map(span=self.written.span)
        for item in given if isinstance(given, list) else [given]:
            if isinstance(item, Map):
                yield item
            elif given is not None:
                self.found.wrong("an action is a mapping", place_in(self.written, (key,)))

    def action(self, raw: Map) -> Action | None:
        """One action, with what the component says beside it; None with its problems noted."""
        said = Map(span=raw.span)
        for key in raw:
            if key in ACTION or self.of_action(key, raw, said):
                continue
            if key in self.shape.settings.names():
                place = place_in(raw, (key,), key=True)
                self.found.wrong(f"{key} belongs to the component, not to its action", place)
            else:
                self.unknown_key(key, raw, ACTION)
        said = self.inline.with_(said)
        supplied = {name: text for name, text in self.shape.defaults.items() if name not in said}
        whole = Map(supplied, span=said.span).with_(said)  # the task's own input comes first
        whole = self.ours(self.shape.action, whole)
        fields = self.found.valid(self.shape.action, whole)
        self.checked_together(whole)
        if fields is None:
            return None
        name, default = str(raw.get("id", "__action__")), bool(raw.get("default", False))
        return Action(name, fields, whole, default, frozenset(supplied))

    def checked_together(self, whole: Map) -> None:
        """Check an action's fields against each other, and what its expressions name."""
        for name, problem in () if self.shape.foreign else self.kind.check(self.shape, self.own, whole):
            here = place_in(whole, (name,), key=True) if name else None
            self.found.problems.append(problem.at(here or (whole.span.place() if whole.span else None)))
        kinds = [takes.kind for takes in taken(self.shape.action).values()]
        types = [word for kind in kinds for word in (kind.name, kind.conversion) if word]
        self.found.known_sources(whole.with_(without=("output", "completion")), _SOURCES, types=types)
        after = Map({k: whole[k] for k in ("output", "completion") if k in whole}, spans=whole._spans, span=whole.span)
        self.found.known_sources(after, (*_SOURCES, *self.kind.sources))

    def notes(self, settings: Any) -> Iterator[str]:
        """What a reader should know of the component."""
        yield from self.shape.notes
        if self.unread:
            names = listing(list(dict.fromkeys(self.unread)), "and")
            yield f"not read, as it is for {self.shape.foreign}, which this version has not: {names}"
        tokens = (text for path, text in texts_in(self.own) if path[-1] == "token")
        if any(text and not expressions.has_reference(text) for text in tokens):
            yield "a token stands in the text, where every reader finds it: token: ${env.HF_TOKEN} keeps it out"
        if settings.runtime != "native":
            yield f"runtime: {settings.runtime}: in a notebook it runs in the kernel"
        if settings.max_concurrent_count:
            yield "max_concurrent_count: in a kernel, calls of one model follow one another"
