"""Where vectors are kept: one file per vector database. An instance is that database, open.

To add one, write `stores/my_store.py` with one class:

    from mc_jupyter.parts import Match, Store

    class MyStore(Store):
        '''One line that help shows.'''

        package, extra = "mystore", "mystore"             # the module it needs, and our extra that installs it

        @classmethod
        def open(cls, settings, run):                     # open what the component's fields say
            import mystore                                # inside: nobody pays for a library that is not used

            opened = cls()
            opened.database = mystore.connect(settings.storage_dir)
            return opened

        def insert(self, collection, entries):            # write them, those of a known id in its place
            for entry in entries:
                self.database.put(collection, entry.id, entry.vector, entry)

        def search(self, collection, vectors, wanted):    # the nearest entries, for each vector a list
            found = (self.database.nearest(collection, each, wanted.top_k, wanted.filter) for each in vectors)
            return [[Match(entry, distance) for entry, distance in rows] for rows in found]

        def delete(self, collection, ids, filter):        # how many went
            return self.database.remove(collection, ids, filter)

        def close(self):                                  # let go of files and connections
            self.database.close()

The file's name is the word of `driver:` of a `type: vector-store` (`my_store.py` is `driver: my-store`). Nothing else
is edited. A store is a resident like a model: components whose fields open the same one share it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from mc_jupyter.catalog import Part
from mc_jupyter.events import Run
from mc_jupyter.language.fields import Closed

LANGUAGE_WORDS = ("chroma", "milvus", "faiss", "qdrant")
"""The words that the language itself has for a store, whether or not one here answers to them."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One vector with what is kept beside it: metadata, and the text that it stands for."""

    id: str
    vector: Sequence[float] = field(repr=False)
    metadata: Mapping[str, Any] | None = None
    document: str | None = None


@dataclass(frozen=True, slots=True)
class Match:
    """One entry that a search found. `distance` is 0 where it is the same vector, and grows from there."""

    entry: Entry
    distance: float


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a search wants: at most `top_k` entries, only those whose metadata match `filter` (`{field: value}`)."""

    top_k: int = 10
    filter: Any = None


class Store(Part, room="stores", noun="store"):
    """One vector database, open. It is asked by one thread at a time."""

    package: ClassVar[str | None] = None
    """The module whose import shows that the library is there; None when nothing is needed."""

    extra: ClassVar[str | None] = None
    """Our extra that installs it."""

    class Settings(Closed):
        """Component-level fields that only this store has."""

    @classmethod
    def spoken(cls) -> tuple[str, ...]:
        """The words that `driver:` takes: the language's own, and those of every store here."""
        return tuple(dict.fromkeys((*LANGUAGE_WORDS, *Store.names())))

    @classmethod
    def open(cls, settings: Any, run: Run) -> Store:
        """Open what the component's fields say, and make it where it is not there yet.

        `settings` are those fields, `run` hears what a reader should know. Raises PlanError for fields that do not go
        together, WeightsError for files that cannot be read, RunError for a server that does not answer.
        """
        raise NotImplementedError

    def insert(self, collection: str, entries: Sequence[Entry]) -> None:
        """Write entries into a collection; one whose id is there already takes its place. What has returned is kept.

        InputError where a vector is not as long as those that are there.
        """
        raise NotImplementedError

    def search(self, collection: str, vectors: Sequence[Sequence[float]], wanted: Wanted) -> list[list[Match]]:
        """The nearest entries of each of the vectors, the nearest first.

        `wanted` says how many, and of which. None are found in a collection that is not there.
        """
        raise NotImplementedError

    def delete(self, collection: str, ids: Sequence[str] | None, filter: Any) -> int:
        """Take entries out of a collection; gives how many there were.

        `ids` are theirs, or None; `filter` is what their metadata match, or None.
        """
        raise NotImplementedError

    def close(self) -> None:
        """Let go of files and connections. Called once; raises nothing."""
