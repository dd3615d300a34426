"""Variants of one component, run one after another over the same inputs, and what each gave and took.

    found = story.compare({"precision": ["float32", "bfloat16"], "adapters.pirate": [0, 0.5, 1]}, text="Once upon")
    found.records[0]["tokens_per_second"]
    found.sorted("peak_bytes")

Every combination of the grid is one variant: the component's cell with these fields set. They are loaded under a name
of their own, one at a time, so the component itself stays as it is; variants of one model share it (with the component
too), and run in the order that loads the fewest. All draw with the same seed.
"""

from __future__ import annotations

import itertools
import secrets
import time
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from mc_jupyter import words
from mc_jupyter.comparison.agreement import agreement
from mc_jupyter.comparison.peaks import Stretch, watched
from mc_jupyter.comparison.table import Comparison, Record
from mc_jupyter.components import FOR_EVER, Planned
from mc_jupyter.engine import Engine
from mc_jupyter.engine.calls import Prepared, given
from mc_jupyter.engine.changes import said
from mc_jupyter.engine.definition import Defined, written_with
from mc_jupyter.engine.misgiven import refuse_fields
from mc_jupyter.engine.residents import Resident
from mc_jupyter.errors import ComposeError, InputError, Interrupted, UnknownName, forget_frames
from mc_jupyter.events import Advance, Done, Event, Note, Phase, Run
from mc_jupyter.interrupts import stop_on_interrupt
from mc_jupyter.language.given import readable
from mc_jupyter.values import Batch, Embedding, Faces, Label, Text, is_image
from mc_jupyter.values.pictures import origin

__all__ = ["Comparison", "compare"]

REPEAT_FOR = 1.0  # seconds of calls, of which the fastest counts; a longer call is made once
_CALLS = 50  # at most


def compare(
    engine: Engine,
    of: Defined,
    grid: Mapping[str, Any],
    /,
    *args: Any,
    run: Run,
    seed: int | None = None,
    **inputs: Any,
) -> Comparison:
    """Run every combination of the grid over these inputs, which are given as in a call; a list of them is many items.

    `grid` names fields as `handle.set` does, each with the values to try; None is the field's default. UnknownName and
    InputError, before anything runs, for a field or an input that there is not; what goes wrong with one variant is
    its row's `error`. An interrupt ends the comparison with the rows there are by then.
    """
    return _Comparing(engine, of, grid, args, inputs, seed).run(run)


@dataclass(slots=True)
class _Variant:
    """One combination of settings: a definition of its own, later its record and the bare result that it comes from."""

    settings: dict[str, Any]
    defined: Defined | None = None
    error: str | None = None
    record: Record | None = None
    result: Any = None

    @property
    def key(self) -> Hashable:
        """What it would have open, as far as its files are known."""
        return self.planned.lot

    @property
    def planned(self) -> Planned:
        assert self.defined is not None
        return self.defined.planned


@dataclass(slots=True)
class _Calls:
    """The calls of one variant: the first one's result, and seconds and memory of each."""

    result: Any = None
    seconds: list[float] = field(default_factory=list)
    memory: list[Stretch] = field(default_factory=list)

    @property
    def more(self) -> bool:
        """Whether another call fits into the time for them."""
        if not self.seconds:
            return True
        return len(self.seconds) < _CALLS and sum(self.seconds) + min(self.seconds) <= REPEAT_FOR


class _Comparing:
    """One comparison under way."""

    def __init__(
        self,
        engine: Engine,
        of: Defined,
        grid: Mapping[str, Any],
        args: tuple[Any, ...],
        inputs: dict[str, Any],
        seed: int | None,
    ):
        self.engine = engine
        self.of = of
        self.fields = tuple(map(str, grid or ()))
        if not self.fields:
            raise InputError("nothing to compare", fix=_meant(of, inputs))
        if seed is not None and "seed" in self.fields:
            raise InputError("seed is given twice: in the grid, and beside it", fix="keep one of them")
        self.holder = f"compare {of.name}"  # a name that no variable can have
        # Iterators are read once, and every variant needs what they give.
        known = of.planned.inputs_for()
        self.args, self.inputs = tuple(readable(one, known) for one in args), readable(inputs, known)
        self.asked, self.drawn = seed, secrets.randbits(32)
        self.loading: Stretch | None = None  # how the model that is now held was loaded, if it was loaded here
        self.here = {resident.key for resident in engine.residents}  # loaded before
        self.interrupted = False
        self.variants = [self.variant(settings) for settings in _combinations(grid)]
        if first := next((v for v in self.variants if v.defined), None):
            self.call(first)

    # --- describing ---------------------------------------------------------------------------------------------------

    def variant(self, settings: dict[str, Any]) -> _Variant:
        """The component with these settings, planned; what stands in its way is its error."""
        made = _Variant(settings)
        try:
            made.defined = self.defined(settings)
        except UnknownName:
            raise
        except ComposeError as error:
            made.error = _reason(error)
        return made

    def defined(self, settings: dict[str, Any]) -> Defined:
        """A definition that nobody else finds: it goes with the comparison."""
        old = self.of.definition
        text, beside = written_with(old, settings)
        if self.asked is not None:
            beside.pop("seed", None)
        if self.of.planned.keep_alive != FOR_EVER or "keep_alive" in settings:
            beside["keep_alive"] = -1  # however briefly the cell keeps its model, a variant's calls are made with one
        try:
            made = self.engine.definition(text, old.component, first_line=old.first_line, beside=beside)
        except UnknownName as error:  # a driver or a task: a value, and not a field
            raise InputError(error.problems) from None
        self.engine.carry(old.planned, made.planned)
        return Defined(self.holder, made)

    def call(self, variant: _Variant) -> Prepared:
        """The variant's call: with the seed that was asked for, that of the cell, or the one drawn for all.

        Where a seed has no effect, there is none.
        """
        one = variant.defined
        assert one is not None
        refuse_fields(self.of.name, one.planned, self.args, self.inputs)
        found = given(self.of.name, one.planned.inputs, self.args, dict(self.inputs))
        call = self.engine.prepared(one, found, seed=self.asked)
        planned = variant.planned
        if not planned.type.count(planned, call.fields):
            raise InputError("the list of inputs is empty", fix="give at least one")
        if getattr(call.fields, "seed", 0) is not None or "seed" in planned.component.shape.ignores:
            return call
        return self.engine.prepared(one, found, seed=self.drawn)

    def ordered(self) -> list[_Variant]:
        """The variants that can run, those of one model together; first those whose model is there: it might go."""
        groups: dict[tuple[Hashable, str], list[_Variant]] = {}
        for variant in self.variants:
            if variant.defined is not None:
                groups.setdefault((variant.key, variant.planned.subject), []).append(variant)
        return [v for key in sorted(groups, key=lambda key: key[0] not in self.here) for v in groups[key]]

    # --- running ------------------------------------------------------------------------------------------------------

    def run(self, run: Run) -> Comparison:
        started, cold = time.perf_counter(), self.engine.residents.loads == 0
        try:
            with stop_on_interrupt(run):
                self.run_all(run)
        finally:
            self.engine.residents.release(self.holder)
        found = self.comparison(cold)
        outcome = f"{len(found)} of {len(self.variants)} variants in {words.seconds(time.perf_counter() - started)}"
        run.emit(Done("interrupted" if self.interrupted else "done", outcome))
        return found

    def run_all(self, run: Run) -> None:
        waiting = self.ordered()
        done = len(self.variants) - len(waiting)
        key: Hashable = None
        for variant in waiting:
            if run.stopped:
                self.interrupted = True
                return
            if variant.key != key:  # so that the last one's memory does not count as the next one's
                self.engine.residents.release(self.holder)
                key, self.loading = variant.key, None
            run.emit(Phase("run", f"{self.of.name} with {said(variant.settings)}"))
            run.emit(Advance(done, len(self.variants), "items"))
            try:
                self.run_one(variant, replace(run, listener=_passing(run)))
            except Interrupted:
                self.interrupted = True
                return
            except Exception as error:  # it is told: as the row's reason
                forget_frames(error)
                variant.error = _reason(error)
            done += 1
        run.emit(Advance(done, len(self.variants), "items"))
        self.interrupted = run.stopped

    def run_one(self, variant: _Variant, run: Run) -> None:
        one, loads = variant.defined, self.engine.residents.loads
        assert one is not None
        call = self.call(variant)
        with watched(variant.planned.runs_on) as loading:
            resident = self.engine.opened(one, run)
        if loaded := self.engine.residents.loads > loads:
            self.loading = loading
        if run.stopped:  # loading cannot be broken off; what comes after it can
            raise Interrupted("interrupted")
        made = self.calls(variant, call, run)
        shaped = call.output(made.result)
        for line in call.notes:
            run.note(line)
        variant.result = made.result
        variant.record = {
            **_blank(variant.settings),
            "output": shaped,
            "loaded": loaded,
            "load_seconds": (resident.load_seconds if loaded else 0.0) if resident else None,
            **_pace(made, variant.planned.type.count(variant.planned, call.fields)),
            **self.memory(variant, resident, made),
        }

    def calls(self, variant: _Variant, call: Prepared, run: Run) -> _Calls:
        """As many calls as fit; an interrupt after the first leaves what there is."""
        assert variant.defined is not None
        made = _Calls()
        while made.more:
            with watched(variant.planned.runs_on) as memory:
                started = time.perf_counter()
                try:
                    result = self.engine.perform(variant.defined, call, run)
                except Interrupted:
                    if not made.seconds:
                        raise
                    return made
                seconds = time.perf_counter() - started
            if not made.seconds:
                made.result = result
            made.seconds.append(seconds)
            made.memory.append(memory)
        return made

    def memory(self, variant: _Variant, resident: Resident | None, made: _Calls) -> Record:
        """What the model really is and takes; the peak is the model and the most that loading or a call took besides.

        What loading leaves beside the model (libraries that it imports) is not counted, nor what only a first call
        takes: it is not the variant's. How a model was loaded that was there before is not known.
        """
        facts = resident.thing.facts() if resident else None
        if resident is None or facts is None:
            return {}
        laid = [found for _, _, found in resident.thing.adapters_of(variant.planned) if found is not None]
        size = facts.bytes + facts.beside + sum(found.bytes for found in laid)
        called = [stretch.added for stretch in made.memory if stretch.added is not None]
        loading = self.loading.passing if self.loading else None
        besides = max(min(called), loading or 0) if called else None
        return {
            "model_bytes": size,
            "peak_bytes": None if besides is None else size + besides,
            "peak_includes_loading": None if besides is None else loading is not None,
            "device": facts.device,
            "dtype": facts.dtype,
            "quantization": facts.quantization,
        }

    # --- the result ---------------------------------------------------------------------------------------------------

    def comparison(self, cold: bool) -> Comparison:
        reference = next((v for v in self.variants if v.record), None)
        for variant in self.variants:
            if variant.record is not None and reference is not None:
                variant.record.update(_agreed(reference, variant))
        records = [record for v in self.variants if (record := _record(v)) is not None]
        seeds = {next(_seeds_in(v.result), None) for v in self.variants if v.record}
        seed = next(iter(seeds)) if len(seeds) == 1 else None
        notes = [_how_they_agree(reference.result)] if reference and len(records) > 1 else []
        notes += [f"seed {seed} for every variant"] if seed is not None else []
        if cold and any(v.record and v.record["loaded"] for v in self.variants):
            notes.append("a session's first load takes longer: it reads the library too")
        if {r["peak_includes_loading"] for r in records} >= {True, False}:
            notes.append("peak memory is without loading where the model was there before")
        if self.interrupted:
            notes.append(f"interrupted: {len(records)} of {len(self.variants)} variants ran")
        return Comparison(
            self.of.name, self.fields, records, tuple(filter(None, notes)), seed, interrupted=self.interrupted
        )


# --- small parts ------------------------------------------------------------------------------------------------------


def _meant(of: Defined, inputs: Mapping[str, Any]) -> str:
    """The call with a grid: fields with their values, where they came as arguments, else an example."""
    known = {word for one in of.planned.inputs_for() for word in one.names}
    grid = {name: value for name, value in inputs.items() if name not in known}
    shown = ", ".join(f'"{name}": {_short(value)}' for name, value in grid.items()) or '"precision": ["float32", …]'
    beside = "".join(f", {name}={_short(value)}" for name, value in inputs.items() if name in known)
    return f"{of.name}.compare({{{shown}}}{beside})"


def _short(value: Any) -> str:
    written = repr(value) if isinstance(value, str | bool | int | float | list | tuple) else "…"
    return written if len(written) < 80 else "…"


def _combinations(grid: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Every combination, the last field changing fastest. A text, a number or a mapping alone is one value."""
    values = []
    for name, asked in grid.items():
        alone = isinstance(asked, str | bytes | Mapping) or not isinstance(asked, Iterable)
        values.append([asked] if alone else list(asked))
        if not values[-1]:
            raise InputError(f"{name} has no values to compare", fix=f'{{"{name}": […]}}, or leave it out')
    for combination in itertools.product(*values):
        yield dict(zip(map(str, grid), combination, strict=True))


def _passing(run: Run) -> Any:
    """A listener that passes on what a reader of a comparison wants to hear: notes, and how far a download is."""
    downloading = False

    def listen(event: Event) -> None:
        nonlocal downloading
        if isinstance(event, Phase):
            downloading = event.name == "download"
        if isinstance(event, Note) or (downloading and isinstance(event, Phase | Advance)):
            run.emit(event)

    return listen


_KEYS = (
    *("output", "loaded", "load_seconds", "calls", "seconds_per_item", "tokens_per_second"),
    *("model_bytes", "peak_bytes", "peak_includes_loading", "device", "dtype", "quantization"),
    *("agreement", "same", "score_difference"),
)


def _blank(settings: dict[str, Any]) -> Record:
    """A record that says nothing yet."""
    return {"settings": settings, **dict.fromkeys(_KEYS), "reference": False, "error": None}


def _record(variant: _Variant) -> Record | None:
    """The row; None of a variant that an interrupt came before."""
    if variant.record is None and variant.error is not None:
        return {**_blank(variant.settings), "error": variant.error}
    return variant.record


def _pace(made: _Calls, items: int) -> Record:
    best = min(made.seconds)
    tokens = sum(text.tokens or 0 for text in _texts_in(made.result))
    return {
        "calls": len(made.seconds),
        "seconds_per_item": best / items,
        "tokens_per_second": tokens / best if tokens and best else None,
    }


def _texts_in(result: Any) -> Iterator[Text]:
    if isinstance(result, Batch):
        for item in result:
            yield from _texts_in(item)
    elif isinstance(result, Text):
        yield result


def _seeds_in(result: Any) -> Iterator[int]:
    """The seeds of a result's texts and pictures, in order: of several pictures the first is the call's."""
    if isinstance(result, Batch):
        for item in result:
            yield from _seeds_in(item)
    else:
        seed = (
            result.seed if isinstance(result, Text) else origin(result).facts.get("seed") if is_image(result) else None
        )
        yield from () if seed is None else (seed,)


def _agreed(reference: _Variant, variant: _Variant) -> Record:
    one_tokenizer = reference.planned.files == variant.planned.files
    found = agreement(reference.result, variant.result, same_tokens=one_tokenizer)
    return {
        "agreement": found.share,
        "same": found.same,
        "score_difference": found.score_difference,
        "reference": variant is reference,
    }


def _how_they_agree(result: Any) -> str:
    """What the numbers of the column say."""
    while isinstance(result, Batch) and result:
        result = result[0]
    if isinstance(result, Text):
        return "agreement: how much of the text is that of the first row, up to the first token that differs"
    if isinstance(result, Label):
        return "agreement: the label of the first row, and how far apart the scores are"
    if is_image(result):
        return "agreement: 1 less the mean difference of the pixels from the first row's, of the most there can be"
    return "agreement: cosine with the vector of the first row" if isinstance(result, Embedding | Faces) else ""


def _reason(error: Exception) -> str:
    """Why a variant failed, in a line or two."""
    if not isinstance(error, ComposeError):
        return f"{type(error).__name__}: {(str(error).strip() or 'no reason given').splitlines()[0]}"
    return "\n".join(p.message + (f" → {p.fix}" if p.fix else "") for p in error.problems)
