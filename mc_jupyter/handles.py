"""A component that can be called, and the stream that its answer can be."""

from __future__ import annotations

import queue
import threading
import weakref
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from mc_jupyter import calls, words
from mc_jupyter.drivers import AdapterFacts, AdapterKey, Facts
from mc_jupyter.errors import InputError, Interrupted, RunError
from mc_jupyter.events import Event, Piece, Run
from mc_jupyter.inputs import Input
from mc_jupyter.plan import ComponentPlan, Plan
from mc_jupyter.residents import Loaded, Model
from mc_jupyter.trust import Permissions
from mc_jupyter.values.files import is_upload
from mc_jupyter.values.streams import Stream
from mc_jupyter.words import format_bytes, hinted, listing

if TYPE_CHECKING:
    from mc_jupyter.changes import Change
    from mc_jupyter.comparison import Comparison
    from mc_jupyter.session import Session


class Handle:
    """A component that can be called. It holds no model: unloading needs no help from whoever keeps a handle."""

    def __init__(
        self,
        session: Session,
        name: str,
        text: str,
        plan: Plan,
        component: ComponentPlan,
        overrides: dict[str, Any],
        first_line: int = 1,
    ):
        self._session = weakref.ref(session)
        self.name = name
        self.text = text
        self.plan = plan
        self.component = component
        self.overrides = overrides
        self.first_line = first_line
        self.loaded: Loaded | None = None

    def __repr__(self) -> str:
        facts = self.facts()
        state = f"{facts.number_type} on {facts.device}" if facts else "not loaded"
        task = self.component.task.name if self.component.task else self.component.component.type.name
        return f"<{self.name}: {task}, {self.component.subject}, {state}>"

    @property
    def inputs(self) -> tuple[Input, ...]:
        return self.component.inputs

    @property
    def permissions(self) -> Permissions:
        """What reading the inputs may touch: what the session allows, and what the cell allows besides."""
        settings = self.component.settings
        return self._live().permissions.and_also(urls=settings.allow_urls, paths=settings.allow_paths)

    def __call__(self, *args: Any, run: Run | None = None, seed: int | None = None, **inputs: Any) -> Any:
        """The result for these inputs. One positional argument is the first input."""
        session, given = self._live(), self._given(args, inputs)
        if run is not None:
            return session.call(self, given, run=run, seed=seed)
        with session.new_run() as own:
            return session.call(self, given, run=own, seed=seed)

    def map(self, items: Iterable[Any], *, run: Run | None = None, **inputs: Any) -> Any:
        """The results for a list of first inputs, in order: batched, longest first."""
        if isinstance(items, str | bytes) or not isinstance(items, Iterable):
            raise InputError(f"map takes a list of inputs, not {type(items).__name__}", fix=f"{self.name}.map([…])")
        return self(list(items), run=run, **inputs)

    def stream(self, *args: Any, seed: int | None = None, **inputs: Any) -> TextStream:
        """The answer piece by piece, as it is written. `.result` is the whole one at the end."""
        session = self._live()
        run = Run()
        given = self._given(args, inputs)
        call = calls.prepare(self.component, given, seed=seed, overrides=self.overrides, permissions=self.permissions)
        session.ready(self, run)
        return TextStream(self, call, run)

    def pieces(self, call: calls.Prepared, run: Run) -> Any:
        """What `streaming: true` gives: pieces, each shaped by `output` where it names ${result[]}.

        An output that names ${result} gets the stream itself in its place.
        """
        stream = TextStream(self, call, run)
        if call.template is None:
            return stream
        return stream.map(call.piece) if call.shapes_pieces else call.output(stream)

    def missing(self, inputs: Mapping[str, Any]) -> list[Input]:
        """The inputs a call needs and these do not give."""
        return self.component.missing(inputs)

    def facts(self) -> Facts | None:
        """What the loaded model really is; None when it is not loaded."""
        session = self._session()
        resident = session.resident_of(self) if session else None
        return resident.model.facts() if resident else None

    def adapters(self) -> list[tuple[AdapterKey, float, AdapterFacts | None]]:
        """The adapters that are loaded: what each is, its weight, and what its layers say of it."""
        session = self._session()
        resident = session.resident_of(self) if session else None
        if session is None or resident is None or self.loaded is None:
            return []
        return session.models.laid(resident, self.loaded)

    # --- changing -----------------------------------------------------------------------------------------------------

    def change(self, settings: Mapping[str, Any] | None = None, /, **more: Any) -> Change:
        """What setting these fields would do, said before it is done; an error is the one that the cell would give.

        `handle.change(precision="bfloat16", temperature=0.2)`, `handle.change({"adapters.alpaca": 0.3})`; None is a
        field's default.
        """
        return self._live().change(self, _dotted({**(settings or {}), **more}))

    def set(self, settings: Mapping[str, Any] | None = None, /, *, run: Run | None = None, **more: Any) -> Change:
        """Set fields of the component, with the least change to what is loaded; gives what was done.

        `handle.set(precision="bfloat16", adapters={"alpaca": 0.3})`, or names with a dot in a mapping, as in `change`.
        The handle stays the same; its `text` is the cell as it now reads. An error leaves everything as it was.
        """
        session = self._live()
        change = self.change(settings, **more)
        if run is not None:
            session.apply(change, run)
            return change
        with session.new_run() as own:
            session.apply(change, own)
        return change

    def panel(self) -> Any:
        """Controls for the component's settings, inputs and model; needs a notebook."""
        from mc_jupyter.notebook.panel import panel

        return panel(self)

    def compare(
        self, grid: Mapping[str, Any], /, *args: Any, seed: int | None = None, run: Run | None = None, **inputs: Any
    ) -> Comparison:
        """Run every combination of these settings over the inputs, and say what each gave, took, and how they agree.

        `handle.compare({"precision": ["float32", "bfloat16"], "adapters.a": [0, 0.5, 1]}, text="…")`: fields as in
        `set`, inputs as in a call. The handle and its model stay as they are. See `mc_jupyter.comparison`.
        """
        from mc_jupyter.comparison import compare

        return compare(self._live(), self, grid, *args, seed=seed, run=run, **inputs)

    def card(self) -> tuple[tuple[str, str], ...]:
        """What there is to say about it, in rows of a label and a text."""
        session = self._session()
        return tuple(_card(self, session.resident_of(self) if session else None))

    def unload(self) -> None:
        """Let go of the model; the next call loads it again."""
        self._live().unload(self.name)

    def _live(self) -> Session:
        session = self._session()
        if session is None:
            raise RunError(f"{self.name} belongs to a session that has ended", fix="run its cell again")
        return session

    def _given(self, args: tuple[Any, ...], inputs: dict[str, Any]) -> Any:
        """The inputs of a call by name; a mapping or the first input alone may come without a name."""
        if not args:
            return self._named(inputs)
        if len(args) > 1:
            raise InputError(f"{self.name} takes one input without a name; the others need theirs")
        if inputs or not isinstance(args[0], Mapping) or is_upload(args[0]):
            if not self.inputs:
                return args[0]
            if twice := [name for name in self.inputs[0].names if name in inputs]:
                raise InputError(f"{twice[0]} is given twice: with its name, and without", fix="keep one of them")
            return self._named({self.inputs[0].name: args[0], **inputs})
        return self._named(dict(args[0]))

    def _named(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """The inputs, each also under the other names that the cell's expressions give it."""
        known = {name for i in self.inputs for name in i.names}
        for name in map(str, inputs):
            if known and name not in known:
                raise InputError(
                    hinted(f"{self.name} has no input {name!r}", name, known),
                    fix=f"its inputs: {listing([i.name for i in self.inputs], 'and')}",
                )
        lacking = self.missing(inputs)
        if lacking:
            names = listing([i.name for i in lacking], "and")
            example = ", ".join(f'{i.name}="…"' for i in lacking)
            raise InputError(f"{self.name} needs {names}", fix=f"{self.name}({example})")
        return inputs


class TextStream(Stream):
    """Text as it is written, by a run of its own. Closing it stops the run; `.result` is the whole answer."""

    def __init__(self, handle: Handle, call: calls.Prepared, run: Run):
        self.run = run
        self.result: Any = None
        self._queue: queue.SimpleQueue[Any] = queue.SimpleQueue()
        session = handle._live()
        resident = session.resident_of(handle)
        assert resident is not None

        def listen(event: Event, heard: Any = run.listener) -> None:
            heard(event)
            if isinstance(event, Piece):
                self._queue.put(event.text)

        run.listener = listen

        def work() -> None:
            try:
                self.result = session.perform(handle, resident, call, run)
                self._queue.put(None)
            except Interrupted as error:
                self.result = error.partial
                self._queue.put(None)
            except BaseException as error:  # handed to whoever reads the stream
                self._queue.put(error)

        self._thread = threading.Thread(target=work, name=f"mc_jupyter-{handle.name}", daemon=True)
        self._thread.start()
        super().__init__(self._read())

    def _read(self) -> Iterator[str]:
        ended = False
        try:
            while (piece := self._queue.get()) is not None:
                if isinstance(piece, BaseException):
                    raise piece
                yield piece
            ended = True
        finally:
            if not ended:  # the reader went away: there is nobody to write for
                self.run.stop()
            self._thread.join()


def _card(handle: Handle, resident: Model | None) -> Iterator[tuple[str, str]]:
    component = handle.component
    settings = component.settings
    yield "task", component.task.name if component.task else component.component.type.name
    yield "model", component.subject
    if component.driver:
        yield (
            "driver",
            f"{settings.driver or component.task.driver if component.task else ''} ({component.driver.name})",
        )
    if resident is None:
        yield "state", "not loaded; the first call loads it"
    else:
        facts = resident.model.facts()
        yield "device", f"{facts.device} (asked: {settings.device}; {component.device_why})"
        yield "precision", f"{facts.dtype} (asked: {settings.precision})"
        if settings.quantization.type != "none" or facts.quantization != "none":
            yield "quantization", f"{facts.quantization} (asked: {settings.quantization.type})"
        for plan, weight, laid in handle.adapters():
            yield "adapter", _adapter(plan, weight, laid)
        beside = sum(each.bytes for each in (resident.model.layers.facts().values() if resident.model.layers else ()))
        size = format_bytes(facts.bytes) + (f" and {format_bytes(beside)} of adapters" if beside else "")
        yield "memory", f"{size}, {facts.parameters:,} parameters" if facts.parameters else size
        if facts.window:
            yield "window", f"{facts.window} tokens"
        yield "loaded in", words.seconds(resident.load_seconds)
    if handle.inputs:
        yield "inputs", ", ".join(i.name + ("" if i.required else " (optional)") for i in handle.inputs)
        yield (
            "call it",
            _call(handle)
            if len([i for i in handle.inputs if i.required]) <= 1
            else (f"{handle.name}({', '.join(f'{i.name}=…' for i in handle.inputs if i.required)})"),
        )
    remarks = resident.model.facts().remarks if resident else ()
    for note in (*handle.plan.remarks, *component.notes, *remarks):
        yield "note", note


def _call(handle: Handle) -> str:
    """A call of a component with one input."""
    kind = handle.inputs[0].kind if handle.inputs else ""
    example = {"messages": '[{"role": "user", "content": "…"}]', "image": '"picture.png"'}.get(kind, '"…"')
    return f"{handle.name}({example})"


def _dotted(settings: Mapping[str, Any]) -> dict[str, Any]:
    """`adapters={"alpaca": 0.3}` as `{"adapters.alpaca": 0.3}`."""
    inner = settings.get("adapters")
    if not isinstance(inner, Mapping):
        return dict(settings)
    rest = {name: value for name, value in settings.items() if name != "adapters"}
    return {**rest, **{f"adapters.{name}": value for name, value in inner.items()}}


def _adapter(plan: AdapterKey, weight: float, laid: AdapterFacts | None) -> str:
    """`pirate × 0.5, starter:stories-pirate: 28 modules, rank 8, scale 1.0, 0.3 MB`."""
    told = f"{plan.name} × {weight:g}, {plan.subject}"
    if laid is None:
        return told
    rank, scale = (_range(*pair) for pair in (laid.ranks, laid.scales))
    return f"{told}: {laid.modules} modules, rank {rank}, scale {scale}, {format_bytes(laid.bytes)}"


def _range(low: float, high: float) -> str:
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"
