"""What a component type keeps open, and the room that it is kept in."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from threading import RLock
from typing import Any, ClassVar, Protocol, Self

from mc_jupyter.components._records import Effect, Planned


class Open:
    """What a component type has opened: residents keep it by its key, and close it when nobody wants it.

        from dataclasses import dataclass
        from typing import Any
        from mc_jupyter.parts import Closed, ComponentType, Envelope, Field, Open, Planned

        class Log(Open):
            def __init__(self, path):
                self.file = open(path, "a+")

            def close(self):                              # let go of everything
                self.file.close()

        @dataclass(frozen=True)
        class PlannedLog(Planned):
            @property
            def key(self):                                # equal keys are one open log
                return ("log", self.settings.path)

        class Logged(ComponentType):
            '''Writes lines into a file that stays open.'''

            runs = True

            class Settings(Envelope):
                path: str = Field(description="The file.")

            class Action(Closed):
                line: Any = Field(description="What to write.")

            @classmethod
            def plan(cls, written, env, beside):
                planned = super().plan(written, env, beside)
                return PlannedLog(planned.id, written, planned.settings, planned.inputs, problems=planned.problems)

            @classmethod
            def open(cls, planned, room, run):
                return room.hold(planned.key, lambda: Log(planned.settings.path))

            @classmethod
            def call(cls, planned, opened, call):         # `opened` is the log, in its turn
                return opened.file.write(f"{call.fields.line}\\n")

    Components of one path then share one open file. What else it may say, each with a default, stands below.
    """

    lock: RLock
    """Held while it is called (where calls follow one another), and while it is changed."""

    one_at_a_time: ClassVar[bool] = True
    """Whether calls of it follow one another."""

    def __new__(cls, *args: Any, **more: Any) -> Self:
        made = super().__new__(cls)
        made.lock = RLock()
        return made

    @property
    def subject(self) -> str:
        """What a reader calls it."""
        return type(self).__name__

    def memory(self) -> Mapping[str, int]:
        """Bytes that it takes, by device; only that counts against memory."""
        return {}

    @property
    def mapped(self) -> int:
        """Bytes of that which are pages of files, and not the process's own."""
        return 0

    def serves(self, holder: str, planned: Planned) -> bool:
        """Whether nothing has to be opened before this holder's next call."""
        return True

    def stay(self, holder: str, planned: Planned) -> None:
        """A holder's text has changed and it stays: let go of what was here for its old text alone."""

    def keep_for(self, holders: Collection[str]) -> None:
        """Let go of what is here for others than these, who hold it now. Asked often: it costs little."""

    def facts(self) -> Any:
        """What it really is, read back from it; None where there is nothing to say."""
        return None

    def parts(self) -> tuple[str, ...]:
        """What is laid over it, by name."""
        return ()

    def adapters_of(self, planned: Planned) -> list[Any]:
        """What is laid over it for one component: what each is, its weight, and what its layers say."""
        return []

    def close(self) -> None:
        """Let go of everything."""


@dataclass(frozen=True, slots=True)
class Need:
    """Memory that opening takes at its peak, on one device.

    `least` is how much does in need, where the library can run what does not fit as a whole. `lighter` gives gentler
    ways, asked where it does not fit: (a line of the cell, the bytes it then needs).
    """

    device: str
    bytes: int
    subject: str
    least: int | None = None
    lighter: Callable[[], Sequence[tuple[str, int]]] = tuple


class Resident(Protocol):
    """Something open, as those who opened it see it."""

    key: Any
    thing: Any
    load_seconds: float
    holders: set[str]

    @property
    def pinned(self) -> bool: ...

    @property
    def whose(self) -> str:
        """What a reader calls it: the components that hold it."""


class Room(Protocol):
    """One holder's place among the residents: what `open` and `change` are given.

    `effect` is what was said that opening would do, where a change is being applied; None where a cell is run.
    """

    holder: str
    effect: Effect | None

    @property
    def held(self) -> Resident | None:
        """What the holder has open for what it is defined as now."""

    def get(self, key: Hashable) -> Resident | None:
        """What is open by this key, whoever holds it."""

    def hold(
        self,
        key: Hashable,
        open: Callable[[], Open],
        need: Need | None = None,
        finish: Callable[[Any], None] | None = None,
    ) -> Resident:
        """What this key says, opened if it is not there; the holder lets go of any other first.

        Idle residents go where `need` asks for room; DoesNotFit, with nothing gone, where that is not enough. `finish`
        does with it what this holder needs besides, in its turn among the calls.
        """

    def become(self, resident: Resident, key: Hashable, work: Callable[[], None], need: Need | None = None) -> bool:
        """Let a resident become what another key says: `work` changes it, in its turn among the calls.

        False where it has gone before that. A PlanError of `work` says that it has changed nothing.
        """

    def in_the_way(self, key: Hashable, need: Need) -> Sequence[Resident]:
        """What would have to go before this can be opened. DoesNotFit where that is not enough."""

    def refuse(self, need: Need) -> None:
        """DoesNotFit where a need cannot be met even with everything else gone."""

    def took(self, key: Hashable) -> float | None:
        """Seconds that opening this took before."""

    def others(self) -> Sequence[Resident]:
        """Everything that is open."""
