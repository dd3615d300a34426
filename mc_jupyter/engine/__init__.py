"""The engine: it keeps what is open, orders it, and calls. What is done is the component type's affair.

definition   what a name is defined as: a component's text and plan, frozen
residents    what stays open, by key; over room (memory)
calls        fields rendered over inputs, output built
streams      answers piece by piece
changes      fields set: said, then done
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from mc_jupyter import document, words
from mc_jupyter.components import DEFAULT, Effect, Planned, reaching
from mc_jupyter.devices import give_back, is_out_of_memory
from mc_jupyter.document import plan as planning
from mc_jupyter.document.edits import field_name, plain
from mc_jupyter.document.plan import Plan
from mc_jupyter.engine import room
from mc_jupyter.engine.calls import Prepared, prepare
from mc_jupyter.engine.changes import Change
from mc_jupyter.engine.definition import Defined, Definition, written_with
from mc_jupyter.engine.residents import Gone, Place, Resident, Residents
from mc_jupyter.engine.streams import TextStream
from mc_jupyter.errors import (
    ComposeError,
    InputError,
    Interrupted,
    NeedsWord,
    NotBuilt,
    Problem,
    RunError,
    UnknownName,
    forget_frames,
)
from mc_jupyter.events import Done, Phase, Run
from mc_jupyter.faults import reason, said_as
from mc_jupyter.interrupts import going, stop_on_interrupt
from mc_jupyter.trust import ways
from mc_jupyter.trust.consent import Wish
from mc_jupyter.trust.environment import Allowed, Environment
from mc_jupyter.trust.permissions import Permissions
from mc_jupyter.values import Batch, is_image
from mc_jupyter.values.pictures import origin
from mc_jupyter.words import hinted

_PLANS_KEPT = 64
_TRIES = 20  # of a call whose resident goes, or changes, before its turn comes


class Engine:
    """Plans texts, opens what their components need, calls them, and changes them. Safe to use from several threads.

    `limits` are bytes per device that residents may take; `permissions` say what reading inputs may touch; `on_change`
    is called after what is open, or what a name is defined as, has changed, perhaps from another thread; `allowed` says
    which environment variables documents may read; with `trust` nobody is asked before commands run or secrets are
    sent.
    """

    def __init__(
        self,
        limits: Mapping[str, int],
        permissions: Permissions,
        on_change: Callable[[], None],
        *,
        allowed: Allowed | None = None,
        trust: bool = False,
    ):
        self.permissions = permissions
        self.allowed = allowed or Allowed()
        self.trust = trust
        self.on_change = on_change
        self.residents = Residents(limits, on_change)
        self.defined: dict[str, Defined] = {}
        self._plans: dict[tuple[Any, ...], Plan] = {}
        self._running: dict[int, Run] = {}

    @property
    def environment(self) -> Environment:
        """The environment as documents may read it, now."""
        return Environment(os.environ, self.allowed)

    # --- describing ---------------------------------------------------------------------------------------------------

    def plan(self, text: str, *, first_line: int = 1, beside: Mapping[str, Any] | None = None) -> Plan:
        """What the text would do here. Asking again is a look-up, for as long as its files are as they were."""
        if not isinstance(text, str):
            raise InputError(f"a document is text, not {type(text).__name__}")
        key = (text, first_line, tuple(sorted((name, repr(value)) for name, value in (beside or {}).items())))
        kept = self._plans.get(key)
        if kept is not None and kept.holds():
            return kept
        made = self._recalled(planning.make(document.read(text, first_line=first_line), self.environment, beside))
        if made.settled:
            if len(self._plans) >= _PLANS_KEPT:
                self._plans.clear()
            self._plans[key] = made
        return made

    def _recalled(self, made: Plan) -> Plan:
        """The plan, where it lacks files, on what is open and was made from them before they went."""
        if all(part.complete for part in made.components):
            return made
        opened = [one.planned for one in self.defined.values() if self.residents.get(one.planned.key) is not None]

        def whole(part: Planned) -> Planned:
            found = (part.type.recalled(part, other) for other in opened if not part.complete)
            return next(filter(None, found), part)

        return replace(made, components=tuple(map(whole, made.components)))

    def definition(
        self,
        text: str,
        component: str = DEFAULT,
        *,
        first_line: int = 1,
        beside: Mapping[str, Any] | None = None,
        plan: Plan | None = None,
    ) -> Definition:
        """One component of a text. The first error that running it would raise, where something stands in the way."""
        made = plan or self.plan(text, first_line=first_line, beside=beside)
        if not made.components:
            raise NotBuilt("workflows are read and planned, but this version does not run them yet")
        planned = made.named(component)
        self.refuse(planned)
        if planned.asks and not self.trust:
            message = f"this needs your word first: {words.listing(planned.asks, 'and')}"
            raise NeedsWord(message, fix="Session(trust=True) asks nobody")
        return Definition(text, made, planned, dict(beside or {}))

    def refuse(self, planned: Planned, kinds: type[ComposeError] = ComposeError) -> None:
        """Raise the first error of these kinds that running it would. What it asks for can be answered from then on."""
        for problem in planned.problems:
            if isinstance(problem, kinds):
                raise self.asked(problem)

    def unanswered(self, planned: Planned) -> list[Wish]:
        """Files and addresses that a component would reach by its own word, to which the user has not given his."""
        wanted = reaching(planned.component, self.permissions, planned.permissions(self.permissions))
        return [] if self.trust else [wish for wish in wanted if not self.allowed.consent.holds(wish)]

    def carry(self, old: Planned, new: Planned) -> None:
        """Let a word for a component count for what the user makes of it by setting fields other than its texts."""
        was, now = (reaching(p.component, self.permissions, p.permissions(self.permissions)) for p in (old, new))
        self.allowed.consent.carry(was, now)

    def permissions_of(self, planned: Planned) -> Permissions:
        """What reading the inputs of a component may touch by now. Asks nobody."""
        return self.permissions if self.unanswered(planned) else planned.permissions(self.permissions)

    def asked(self, error: ComposeError) -> ComposeError:
        """An error that is shown now: its questions can be answered."""
        if isinstance(error, NeedsWord):
            self.allowed.consent.ask(error.wishes)
        return error

    def named(self, name: str) -> Defined:
        """What has been defined under a name. UnknownName where there is none, RunError in a closed session."""
        if (one := self.defined.get(name)) is not None:
            return one
        self.residents.refuse_if_closed()
        raise UnknownName(
            hinted(f"no component {name!r} has been defined", name, self.defined),
            fix=f"there are: {words.listing([*self.defined], 'and')}"
            if self.defined
            else f"run a cell that begins with %%compose {name}",
        )

    def forget_plans(self) -> None:
        """Plan everything anew at the next question: what a text names may be elsewhere now."""
        self._plans.clear()

    # --- opening ------------------------------------------------------------------------------------------------------

    def define(self, one: Defined, run: Run) -> None:
        """Give a name its definition, and open what it needs unless it says `preload: false`.

        An error leaves the name with what it was defined as before.
        """
        with going(run):
            self._define(one, run)
        self.on_change()

    def _define(self, one: Defined, run: Run) -> None:
        planned = one.planned
        there = self.there(one, sure=True)  # its plan has just looked at the files
        if there is not None:
            there.keep[one.name] = planned.keep_alive
            if not there.users:
                there.thing.stay(one.name, planned)
            self.residents.recount(there)
        elif planned.preload:
            self._open(one, run)
        self.defined[one.name] = one

    def there(self, one: Defined, *, sure: bool = False) -> Resident | None:
        """What a name has open, if that is all it needs and its files are what they were, or gone. Opens nothing.

        With `sure` the files are not looked at again.
        """
        planned = one.planned
        found = self.residents.get(planned.key)
        if found is None or one.name not in found.holders or (planned.outdated() and not sure):
            return None
        return found if found.thing.serves(one.name, planned) else None

    def held(self, one: Defined) -> Resident | None:
        """What a name has open, complete or not; while it is being changed, too."""
        found = self.residents.get(one.planned.key)
        if found is None and self.defined.get(one.name) is one:
            found = next(iter(self.residents.held_by(one.name)), None)
        return found

    def opened(self, one: Defined, run: Run) -> Resident | None:
        """What a name needs for a call, opened if it is not there; None where nothing stays open."""
        if (found := self.there(one)) is not None:
            return found
        with one.lock:
            self.refuse_if_replaced(one)
            return self.there(one) or self._open(one, run)

    def _open(self, one: Defined, run: Run) -> Resident | None:
        self.residents.refuse_if_closed()
        if one.planned.complete and not one.planned.holds():  # its files have changed since
            self._tell_of_other_files(one, run)
            one.definition = self._planned_anew(one.definition)
        planned = one.planned
        self.refuse(planned)
        resident: Resident | None = planned.type.open(planned, self._place(one, planned, run), run)
        if not planned.complete:  # its files came: now they are known
            one.definition = self._planned_anew(one.definition)
        self.on_change()
        return resident

    def _tell_of_other_files(self, one: Defined, run: Run) -> None:
        if self.residents.get(one.planned.key) is not None and one.planned.outdated():
            run.note(f"{one.name}: its files have changed since it was loaded: they are loaded now")

    def _place(self, one: Defined, planned: Planned, run: Run, effect: Effect | None = None) -> Place:
        return Place(self.residents, one.name, one.planned.key, planned.keep_alive, effect, run)

    def _planned_anew(self, old: Definition) -> Definition:
        made = self.plan(old.text, first_line=old.first_line, beside=old.beside)
        return replace(old, plan=made, planned=made.named(old.component))

    def refuse_if_replaced(self, one: Defined) -> None:
        """RunError where a cell has given the name another definition since."""
        if self.defined.get(one.name, one) is not one:
            raise RunError(f"the cell of {one.name} has been run again since", fix=f"use the new {one.name}")

    # --- calling ------------------------------------------------------------------------------------------------------

    def prepared(self, one: Defined, inputs: Any, *, action: str = DEFAULT, seed: int | None = None) -> Prepared:
        """A call, its fields rendered over the inputs. InputError and UnknownName for what is wrong with it."""
        planned = one.planned
        if wishes := self.unanswered(planned):
            raise self.asked(_reaches(wishes, self.allowed.consent.where()))
        allowed = planned.permissions(self.permissions)
        beside, env = one.definition.beside, self.environment
        try:
            return prepare(planned, inputs, action=action, seed=seed, beside=beside, permissions=allowed, env=env)
        except NeedsWord as error:
            raise self.asked(error) from None

    def call(self, one: Defined, inputs: Any, *, run: Run, action: str = DEFAULT, seed: int | None = None) -> Any:
        """One call of a component: its fields rendered, its value computed, its output built."""
        started = time.perf_counter()
        call = self.prepared(one, inputs, action=action, seed=seed)
        if one.planned.type.streams(one.planned, call.fields):
            return self._pieces(one, call, run)
        with going(run):
            resident = self.opened(one, run)
            with stop_on_interrupt(run):
                value = self.perform(one, call, run, resident)
        given = call.output(value)
        for line in call.notes:
            run.note(line)
        run.emit(Done("done", _figures(value, time.perf_counter() - started)))
        return given

    def stream(
        self, one: Defined, inputs: Any, *, run: Run, action: str = DEFAULT, seed: int | None = None
    ) -> TextStream:
        """The answer piece by piece. What it needs is opened now, the run begins when the first piece is read."""
        call = self.prepared(one, inputs, action=action, seed=seed)
        one.planned.type.streams(one.planned, call.fields, asked=True)
        return self._stream(one, call, run)

    def _stream(self, one: Defined, call: Prepared, run: Run) -> TextStream:
        with going(run):
            self.opened(one, run)
        return TextStream(one.name, lambda run: self.perform(one, call, run), run)

    def _pieces(self, one: Defined, call: Prepared, run: Run) -> Any:
        """What `streaming: true` gives: pieces, each shaped by `output` where it names ${result[]}.

        An output that names ${result} gets the stream itself in its place.
        """
        stream = self._stream(one, call, run)
        if call.template is None:
            return stream
        return stream.map(call.piece) if call.shapes_pieces else call.output(stream)

    def perform(self, one: Defined, call: Prepared, run: Run, resident: Resident | None = None) -> Any:
        """The value of a prepared call. Interrupted, with what there was, where the run was stopped.

        `resident` is what `opened` has just given. What a name is defined as may change while the call waits for its
        turn: it is then made with what is open now.
        """
        self._running[id(run)] = run
        try:
            value = self._performed(one, call, run, resident)
        finally:
            self._running.pop(id(run), None)
        if run.stopped:
            raise _interrupted(value)
        return value

    def _performed(self, one: Defined, call: Prepared, run: Run, resident: Resident | None) -> Any:
        there = resident
        for _ in range(_TRIES):
            there = there or self.opened(one, run)
            planned = one.planned
            if there is None:
                return self._called(one.name, planned, None, call, run)
            try:
                with self.residents.lease(there, run) as thing:
                    if there.key == planned.key and thing.serves(one.name, planned):
                        return self._called(one.name, planned, thing, call, run)
            except Gone:
                pass
            there = None
        raise RunError(f"what {one.name} needs kept changing while this call waited for it", fix="call it again")

    def _called(self, name: str, planned: Planned, thing: Any, call: Prepared, run: Run) -> Any:
        """The type's own value. However it fails, the traceback that goes up holds no tensor."""
        run.emit(Phase("run", name))
        try:
            with said_as(RunError, f"{name} failed"):
                return planned.type.call(planned, thing, call.call(run))
        except BaseException as error:
            forget_frames(error)
            if not is_out_of_memory(error):
                raise
            give_back()
            raise room.out_of_memory(self.residents, reason(error), planned.key) from None

    # --- changing -----------------------------------------------------------------------------------------------------

    def change(self, one: Defined, settings: Mapping[str, Any]) -> Change:
        """What setting these fields would do: the new text, and what happens to what is open. Does nothing yet.

        Fields are named as in the cell, an adapter's weight `adapters.NAME`; None takes one out of the text. A wrong
        value is the error that the cell would give; one that cannot be had here, or is too large, is said now.
        """
        self.refuse_if_replaced(one)
        old = one.definition
        settings = {(field := field_name(name)): plain(value, field) for name, value in settings.items()}
        text, beside = written_with(old, settings)
        new = self.definition(text, old.component, first_line=old.first_line, beside=beside)
        effect = new.planned.type.change(old.planned, new.planned, self._place(one, new.planned, Run()))
        return Change(one.name, settings, effect, old, new)

    def apply(self, change: Change, run: Run) -> None:
        """Do what a change says; an error leaves the name as it was defined, and nothing open by halves.

        A change that was described before another one was applied is described anew, so that neither is lost.
        """
        one = self.named(change.name)
        with going(run), one.lock:
            if change.old is not one.definition or change.effect.passing:
                change = self.change(one, change.settings)
            self._apply(one, change, run)
        self.on_change()

    def _apply(self, one: Defined, change: Change, run: Run) -> None:
        before, definition = self.there(one), change.new
        pinned = before is not None and one.name in before.pins
        if not change.effect.waits:
            self.residents.refuse_if_closed()
            planned = definition.planned
            now = planned.type.open(planned, self._place(one, planned, run, change.effect), run)
            if not planned.complete:
                definition = self._planned_anew(definition)
            if now is not None:
                now.thing.stay(one.name, definition.planned)
        self.carry(one.planned, definition.planned)
        one.definition = definition
        after = self.residents.get(definition.planned.key)
        if after is not None and one.name in after.holders:
            self.residents.recount(after)
            if pinned and before is not None:
                self.residents.move_pin(one.name, before, after)

    # --- looking after what is open -----------------------------------------------------------------------------------

    def unload(self, one: Defined | None = None) -> list[str]:
        """Let go of what one name has open, or of everything; gives a line for each that went.

        RunError, with nothing gone, while something of it runs.
        """
        lines = self._unload_all() if one is None else self._unload(one)
        self.on_change()
        return lines

    def _unload_all(self) -> list[str]:
        held = [(resident.whose, room.bytes_of(resident)) for resident in self.residents]
        self.residents.unload()
        return [f"{whose}: {words.format_bytes(size)} given back" for whose, size in held]

    def _unload(self, one: Defined) -> list[str]:
        name = one.name
        held = self.residents.held_by(name)
        self.residents.wait_for_ending(held)
        self.residents.refuse_if_running(held)
        self.residents.unpin(name)
        sizes = {id(resident): room.bytes_of(resident) for resident in held}
        others = [resident for resident in held if resident.holders != {name}]
        gone = self.residents.release(name)
        lines = [f"{name}: {words.format_bytes(sizes.get(id(resident), 0))} given back" for resident in gone]
        lines += [f"{name}: let go; the model stays for {_and(resident.holders)}" for resident in others]
        nothing = "no model of it is loaded" if one.planned.loads else "nothing of it is open"
        return lines or [f"{name}: {nothing}"]

    def close(self) -> None:
        """Stop what runs, let go of everything and open nothing more. What is in use goes when its run has ended."""
        for run in tuple(self._running.values()):
            run.stop()
        self.residents.clear()
        self.defined.clear()


_READING = {
    "allow_paths": "whoever reads the notebook may see what is in it",
    "allow_urls": "its server learns that it was asked, and for what",
}


def _reaches(wishes: Sequence[Wish], where: ways.Where) -> NeedsWord:
    """The error that shows what a cell would read by its own word alone, and how to allow it."""
    error = NeedsWord(
        Problem(
            f"{wish.name}: true lets this cell, in this folder, read {wish.use}: {_READING[wish.name]}",
            wish.place,
            ways.to_reach(wish.name, where),
        )
        for wish in wishes
    )
    error.wishes = tuple(wishes)
    return error


def _and(names: set[str]) -> str:
    return words.listing(sorted(names), "and")


def _interrupted(partial: Any) -> Interrupted:
    tokens = getattr(partial, "tokens", None)
    after = f" after {tokens:,} token{'' if tokens == 1 else 's'}" if tokens is not None else ""
    if isinstance(partial, Batch):
        after = f" after {sum(_is_whole(one) for one in partial if one is not None):,} of {len(partial):,}"
    error = Interrupted(f"interrupted{after}", fix="what there was by then is in sys.last_value.partial")
    error.partial = partial
    return error


def _is_whole(result: Any) -> bool:
    """Whether an item of a batch was finished before the interrupt: a text or a picture on its way was not."""
    if isinstance(result, Batch):
        return all(map(_is_whole, result))
    if getattr(result, "finish_reason", None) == "interrupted":
        return False
    return result is not None and not (is_image(result) and origin(result).facts.get("interrupted"))


def _figures(value: Any, seconds: float) -> str:
    results = value if isinstance(value, Batch) else [value]
    tokens = sum(getattr(r, "tokens", None) or 0 for r in results)
    if tokens and seconds:
        return f"{tokens} tokens in {words.seconds(seconds)} ({tokens / seconds:.0f}/s)"
    return f"{len(results)} in {words.seconds(seconds)}"
