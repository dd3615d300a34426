"""A store of vectors, and what is searched in it."""

from __future__ import annotations

import hashlib
import importlib.util
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Annotated, Any, ClassVar, Literal, cast

from pydantic import Field, create_model

from mc_jupyter.components import (
    Call,
    Component,
    ComponentType,
    Envelope,
    Open,
    Planned,
    Resident,
    Room,
    Shape,
    default_inputs,
    filled,
)
from mc_jupyter.errors import ComposeError, InputError, MissingPackage, NotBuilt, Problem, UnknownName
from mc_jupyter.events import Run
from mc_jupyter.language import expressions
from mc_jupyter.language.addresses import Host, Port, Server
from mc_jupyter.language.cell import place_in
from mc_jupyter.language.fields import Bound, Closed, Spelled
from mc_jupyter.stores import Entry, Match, Store, Wanted
from mc_jupyter.trust.environment import Keeper
from mc_jupyter.trust.secrets import Secret
from mc_jupyter.values import Batch
from mc_jupyter.words import hinted, listing


class VectorStoreSettings(Envelope):
    """Where the vectors are kept."""

    driver: str = Field("chroma", description="The store's library: chroma, milvus, faiss or qdrant.")
    mode: Literal["local", "server"] = Field("local", description="Files of this machine, or a server.")
    storage_dir: Bound[str] | None = Field(None, description="Folder of a local store.")
    endpoint: Bound[Server] | None = Field(None, description="Address of a server.")
    host: Bound[Host] | None = Field(None, description="Name of a server's machine.")
    port: Bound[Port] | None = Field(None, description="Port of a server.")
    protocol: Bound[str] | None = Field(None, description="How to speak to a server: http, https, grpc.")
    tenant: Bound[str] | None = Field(None, description="Tenant (chroma).")
    database: Bound[str] | None = Field(None, description="Database.")
    user: Bound[str] | None = Field(None, description="User name.")
    password: Bound[Secret] | None = Field(None, description="Password; write ${env.NAME}.")
    timeout: Bound[float | str] | None = Field(None, description="When to give up.")
    dimension: Bound[int] | None = Field(None, description="Length of the vectors (faiss).")
    metric: Literal["l2", "ip", "cosine"] | None = Field(None, description="How near is measured (faiss).")


class VectorStoreAction(Closed):
    """One thing done with the store."""

    method: Literal["insert", "update", "search", "delete"] = Field("search", description="What is done.")
    collection: Bound[str] | None = Field(None, description="Name of the collection.")
    query: Annotated[Any, Spelled("vector")] = Field(None, description="Vector (or vectors) to store or to search for.")
    vector_id: Any = Field(None, description="Ids of the vectors.")
    metadata: Any = Field(None, description="What is kept beside each vector.")
    document: Any = Field(None, description="The text each vector stands for.")
    top_k: Bound[Annotated[int, Field(ge=1)]] = Field(10, description="Most results.")
    metric_type: Bound[str] | None = Field(None, description="How near is measured.")
    filter: Any = Field(None, description="Only vectors whose metadata match.")
    output_fields: Bound[list[str]] | None = Field(None, description="Which fields results carry.")
    partition: Bound[str] | None = Field(None, description="Partition (milvus).")
    partitions: Bound[list[str]] | None = Field(None, description="Partitions to search (milvus).")
    insert_if_not_exist: Bound[bool] = Field(True, description="update: add what is not there.")
    batch_size: Bound[Annotated[int, Field(ge=1)]] | None = Field(None, description="How many go at once.")
    output: Any = Field(None, description="What the call gives back, built from ${result}.")


_UNTOLD = ("metric_type", "output_fields", "partition", "partitions", "insert_if_not_exist", "batch_size")
"""What a `Store` is not told of yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreShape(Shape):
    """A vector store's fields, and the database that its `driver:` means; None where this version has none."""

    store: type[Store] | None


@dataclass(frozen=True, slots=True)
class StoreKey:
    """Exactly what decides which store is open: equal keys are one."""

    store: str
    fields: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StorePlan(Planned):
    """A vector store with its choices."""

    store: type[Store]

    @property
    def key(self) -> StoreKey:
        named = ((name, repr(getattr(self.settings, name))) for name in type(self.settings).model_fields)
        return StoreKey(self.store.name, tuple(one for one in named if one[0] not in Envelope.model_fields))

    @property
    def subject(self) -> str:
        return str(self.settings.storage_dir or self.settings.endpoint or self.settings.host or self.store.name)


class OpenStore(Open):
    """A store that is open."""

    def __init__(self, store: Store, subject: str):
        self.store, self._subject = store, subject

    @property
    def subject(self) -> str:
        return self._subject

    def close(self) -> None:
        self.store.close()


class VectorStore(ComponentType):
    """A store of vectors, and what is searched in it."""

    runs: ClassVar[bool] = True
    sources: ClassVar[tuple[str, ...]] = ("result", "response")
    Settings: ClassVar[type[Envelope]] = VectorStoreSettings
    Action: ClassVar[type[Closed]] = VectorStoreAction

    @classmethod
    def shape(cls, written: Mapping[str, Any]) -> StoreShape:
        word = str(written.get("driver", VectorStoreSettings.model_fields["driver"].default))
        if word not in Store.spoken():
            message = hinted(f"no store {word!r}", word, Store.spoken())
            place = place_in(written, ("driver",))
            raise UnknownName(message, place=place, fix=f"driver: {listing(Store.spoken())}")
        store = Store.named(word) if word in Store.names() else None
        foreign = f"driver: {word}" if store is None and "driver" in written else ""
        settings = _settings_of(store)  # type: ignore[arg-type]  # hashable
        return StoreShape(settings, VectorStoreAction, foreign=foreign, store=store)

    @classmethod
    def shapes(cls) -> Iterator[tuple[dict[str, str], Shape]]:
        yield {"type": cls.name}, StoreShape(cls.Settings, cls.Action, store=None)

    @classmethod
    def keeper(cls, written: Component, path: tuple[Any, ...]) -> Keeper | None:
        address = written.own.get("endpoint") or written.own.get("host")
        kept = path == ("password",) and address and not expressions.has_reference(str(address))
        return Keeper(str(address)) if kept else None

    @classmethod
    def check(cls, shape: Any, own: Mapping[str, Any], action: Mapping[str, Any]) -> Iterator[tuple[str, Problem]]:
        for name in _UNTOLD:
            usual = VectorStoreAction.model_fields[name].default
            if shape.store is not None and action.get(name, usual) != usual:
                yield name, Problem(f"{name} is read, but this version tells no store of it yet", fix="leave it out")

    @classmethod
    def plan(cls, written: Component, env: Mapping[str, str], beside: Mapping[str, Any]) -> Planned:
        store = cast("StoreShape", written.shape).store
        settings, problems = filled(written, env, beside)
        if lack := _lack(written, store):
            problems = (*problems, lack)
        if store is None:
            return Planned(written.id, written, settings, default_inputs(written), problems=problems)
        return StorePlan(written.id, written, settings, default_inputs(written), problems=problems, store=store)

    @classmethod
    def open(cls, planned: Planned, room: Room, run: Run) -> Resident | None:
        plan = cast("StorePlan", planned)
        return room.hold(plan.key, lambda: OpenStore(plan.store.open(plan.settings, run), plan.subject))

    @classmethod
    def call(cls, planned: Planned, opened: Any, call: Call) -> Any:
        """`{ids, affected_rows}` of insert and update, `{affected_rows}` of delete; of search a list of matches, best
        first, each `{id, score, distance, metadata, document, embedding}`, or for several vectors a list of such lists.
        """
        store: Store = opened.store
        fields, collection = call.fields, call.fields.collection or "default"
        if fields.method in ("insert", "update"):
            entries = list(_entries(fields))
            store.insert(collection, entries)
            return {"ids": [entry.id for entry in entries], "affected_rows": len(entries)}
        if fields.method == "delete":
            ids = None if fields.vector_id is None else [str(one) for one in _listed(fields.vector_id)]
            if ids is None and fields.filter is None:
                raise InputError("delete needs to know what goes", fix="vector_id: …, or filter: {field: value}")
            return {"affected_rows": store.delete(collection, ids, fields.filter)}
        vectors, many = _vectors(fields.query)
        found = store.search(collection, vectors, Wanted(fields.top_k, fields.filter))
        rows = [[_row(match) for match in matches] for matches in found]
        return Batch(rows) if many else rows[0]


@cache
def _settings_of(store: Any) -> type[Closed]:
    """The fields of one store: the language's and its own."""
    if store is None or not store.Settings.model_fields:
        return VectorStoreSettings
    made = create_model(f"{store.__name__}Component", __base__=(VectorStoreSettings, store.Settings))
    return cast("type[Closed]", made)


def _lack(written: Component, store: type[Store] | None) -> ComposeError | None:
    if store is None:
        said = "driver" in written.written
        place = place_in(written.written, ("driver",) if said else ("type",))
        word = f"driver: {written.settings.driver}" + ("" if said else ", which is what it has when it names none,")
        return NotBuilt(f"{word} is read and planned, but this version has no such store yet", place=place)
    if store.package and importlib.util.find_spec(store.package) is None:
        install = f'%pip install "mc-jupyter[{store.extra}]"' if store.extra else f"%pip install {store.package}"
        return MissingPackage(f"driver: {store.name} needs {store.package}, which is not installed", fix=install)
    return None


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _vectors(query: Any) -> tuple[list[Sequence[float]], bool]:
    """The vectors of a field, and whether they came as a list of several."""
    if not isinstance(query, list | tuple) or not query:
        raise InputError("query is no vector", fix="a list of numbers, or a list of such lists")
    many = isinstance(query[0], list | tuple)
    return (list(query), True) if many else ([query], False)


def _entries(fields: Any) -> Iterator[Entry]:
    """What is inserted: each vector with its metadata, document and id; without an id, that of its content."""
    vectors, _ = _vectors(fields.query)
    ids, metadata, documents = (
        _column(name, getattr(fields, name), len(vectors)) for name in ("vector_id", "metadata", "document")
    )
    for given, vector, beside, document in zip(ids, vectors, metadata, documents, strict=True):
        entry = Entry("", vector, beside, document)
        yield replace(entry, id=_content_id(entry) if given is None else str(given))


def _column(name: str, value: Any, count: int) -> list[Any]:
    if value is None:
        return [None] * count
    listed = _listed(value)
    if len(listed) != count:
        raise InputError(f"{name} has {len(listed)} values for {count} vectors", fix="one for each vector")
    return listed


def _content_id(entry: Entry) -> str:
    """An id that equal entries share: so that inserting again what is there changes nothing."""
    content = entry.document if entry.document is not None else [float(v) for v in entry.vector]
    text = json.dumps([content, entry.metadata], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _row(match: Match) -> dict[str, Any]:
    entry = match.entry
    return {
        "id": entry.id,
        "score": 1 / (1 + match.distance),
        "distance": match.distance,
        "metadata": entry.metadata,
        "document": entry.document,
        "embedding": list(entry.vector),
    }
