"""A store of vectors, and what is searched in it."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from mc_jupyter.components import ComponentType, Envelope
from mc_jupyter.language.fields import Bound, Closed, Spelled


class VectorStoreSettings(Envelope):
    """Where the vectors are kept."""

    driver: Literal["chroma", "milvus", "faiss", "qdrant"] = Field("chroma", description="The store's library.")
    mode: Literal["local", "server"] = Field("local", description="Files of this machine, or a server.")
    storage_dir: Bound[str] | None = Field(None, description="Folder of a local store.")
    endpoint: Bound[str] | None = Field(None, description="Address of a server.")
    host: Bound[str] | None = Field(None, description="Name of a server's machine.")
    port: Bound[int] | None = Field(None, description="Port of a server.")
    protocol: Bound[str] | None = Field(None, description="How to speak to a server: http, https, grpc.")
    tenant: Bound[str] | None = Field(None, description="Tenant (chroma).")
    database: Bound[str] | None = Field(None, description="Database.")
    user: Bound[str] | None = Field(None, description="User name.")
    password: Bound[str] | None = Field(None, description="Password; write ${env.NAME}.")
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


class VectorStore(ComponentType):
    """A store of vectors, and what is searched in it."""

    sources: ClassVar[tuple[str, ...]] = ("result", "response")
    Settings: ClassVar[type[Envelope]] = VectorStoreSettings
    Action: ClassVar[type[Closed]] = VectorStoreAction
