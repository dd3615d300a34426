"""The vocabulary of documents: model sources, secrets, numbers within limits, and values that may be expressions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Literal, TypeVar, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    model_validator,
)
from pydantic.annotated_handlers import GetJsonSchemaHandler
from pydantic_core import PydanticCustomError, core_schema

from mc_jupyter.language import expressions
from mc_jupyter.language.cell.lookalikes import around, named
from mc_jupyter.trust.names import path_fault
from mc_jupyter.trust.secrets import Secret
from mc_jupyter.words import hinted

T = TypeVar("T")

Format = Literal["safetensors", "pytorch", "gguf", "onnx", "tensorrt"]
Precision = Literal["auto", "float32", "float16", "bfloat16"]
DeviceMode = Literal["single", "auto"]
QuantizationKind = Literal["none", "int8", "int4", "fp4", "nf4"]

_DIRECTIVES = frozenset({"...", "?", "*", "+", "|", "&"})
_LOCAL = re.compile(r"(?:/|\./|\.\./|~|[A-Za-z]:[\\/])|\.{1,2}$")
_DEVICE = re.compile(r"auto|cpu|mps|cuda(?::\d+)?")


class Closed(BaseModel):
    """A frozen set of fields that refuses keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True, protected_namespaces=())

    elsewhere: ClassVar[Mapping[str, str]] = {}
    """What other programs call things, in small letters: the word → what to write here instead."""

    @classmethod
    def names(cls) -> Mapping[str, str]:
        """Every name that the fields answer to, with the field's own: `text`, and `prompt` for `text` too."""
        return _names(cls)

    @classmethod
    def ours_for(cls, word: str) -> str | None:
        """What to write here for another program's word, as `CFG scale`; None where that is not known."""
        return cls.elsewhere.get(word.lower().replace(" ", "_").replace("-", "_"))

    @model_validator(mode="before")
    @classmethod
    def _one_spelling(cls, written: Any) -> Any:
        """Other names of fields become their own; a name beside its field's own stays, and is refused as unknown."""
        if not isinstance(written, Mapping):
            return written
        names = cls.names()
        return {(names[k] if k in names and names[k] not in written else k): v for k, v in written.items()}


# --- values that may be expressions -----------------------------------------------------------------------------------


def is_deferred(value: object) -> bool:
    """Whether a written value is known only when it is rendered: it holds `${…}`, or spreads, maps or joins.

    A mapping or list whose *elements* hold expressions is not deferred: its shape can be checked now.
    """
    if isinstance(value, str):
        return expressions.has_reference(value)
    if isinstance(value, Mapping):
        return any(key in _DIRECTIVES for key in value)
    if isinstance(value, list):
        return any(isinstance(item, str) and item.startswith("...${") for item in value)
    return False


class _MayBeExpression:
    """Lets `${…}` through a field's check; the same check runs again on what the expression gives."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        numeric = {source, *get_args(source)} & {int, float}

        def check(value: object, inner: core_schema.ValidatorFunctionWrapHandler) -> Any:
            if isinstance(value, bool) and numeric and bool not in get_args(source):
                raise PydanticCustomError("no_number", "should be a number")
            return value if is_deferred(value) else inner(value)

        return core_schema.no_info_wrap_validator_function(check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"anyOf": [handler(schema), {"type": "string", "pattern": r"\$\{", "description": "an expression"}]}


Bound = Annotated[T, _MayBeExpression()]
"""`Bound[int]`: a whole number, or an expression that must yield one."""


@dataclass(frozen=True)
class Spelled:
    """Other names that a field answers to, from one edition of the language or another."""

    names: tuple[str, ...]

    def __init__(self, *names: str):
        object.__setattr__(self, "names", names)


@cache
def _names(model: type[Closed]) -> Mapping[str, str]:
    fields = model.model_fields.items()
    spelled = ((name, mark) for name, info in fields for mark in info.metadata if isinstance(mark, Spelled))
    others = {other: name for name, mark in spelled for other in mark.names}
    return MappingProxyType({**others, **{name: name for name in model.model_fields}})


# --- where drawing begins ---------------------------------------------------------------------------------------------

SEEDS = 2**64
"""How many seeds there are: torch's generators take no more, and those of other programs fit."""


def _any_is_none(seed: int) -> int | None:
    return None if seed == -1 else seed


Seed = Annotated[int, Field(ge=-1, lt=SEEDS), AfterValidator(_any_is_none)]
"""Where a generator begins. -1 says what other programs mean by it: any, which is what saying nothing means here."""


# --- where a model comes from -----------------------------------------------------------------------------------------


_ESCAPED = re.compile(r"[\x00-\x1f]")


def _nameable(text: str) -> str:
    if _ESCAPED.search(text):
        raise ValueError(
            "it has a line's end, a tab or the like in it, as \\n and \\t are in double quotes; write a Windows path "
            "in single quotes, or with / in place of \\"
        )
    if letter := around(text):
        raise ValueError(
            f"{named(letter.char)} stands at one of its ends, as a part of it; write {letter.mended.strip()}"
        )
    if why := path_fault(text):
        raise ValueError(f"it {why}")
    return text


FileName = Annotated[str, AfterValidator(_nameable)]
"""A path, or a name that becomes one: what no file system can have is told where it is written."""


class HubSource(Closed):
    """A model repository on the Hugging Face hub."""

    provider: Literal["huggingface"] = Field("huggingface", description="Where the files come from.")
    repository: Bound[FileName] = Field(description="Repository on the hub: OWNER/NAME or NAME.")
    revision: Bound[FileName] | None = Field(None, description="Branch, tag or commit (the hub's default: main).")
    filename: Bound[FileName] | None = Field(None, description="One weights file of the repository, instead of all.")
    cache_dir: Bound[FileName] | None = Field(None, description="Folder for downloads (default: the hub's own cache).")
    local_files_only: Bound[bool] = Field(False, description="Use only what is on this disk; never ask the hub.")
    token: Bound[Secret] | None = Field(None, description="Access token, for private and gated models.")

    def __str__(self) -> str:
        return self.repository


class LocalSource(Closed):
    """A model on this disk: a folder, or one file."""

    provider: Literal["local"] = Field("local", description="Where the files come from.")
    path: Bound[FileName] = Field(
        description="Folder or file. `~` is your home; a relative path starts where you work."
    )
    format: Bound[Format] | None = Field(None, description="File format; found out from the files when not given.")

    def __str__(self) -> str:
        return self.path


class StarterSource(Closed):
    """A small model that ships with mc_jupyter."""

    provider: Literal["starter"] = Field("starter", description="Where the files come from.")
    name: Bound[str] = Field(description="Which one: stories, sentiment, embedding, shapes, shapes-caption or upscale.")

    def __str__(self) -> str:
        return f"starter:{self.name}"


_ADDRESS = re.compile(r"(?:https?://)?(?:www\.)?(?:huggingface\.co|hf\.co)/(?P<name>[^/?#\s]+(?:/[^/?#\s]+)?)")
_OLLAMAS = re.compile(r"(?:ollama://)?(?:[\w.-]+/)*[\w.-]{2,}:[\w.-]+|ollama://\S+")


def source_of(written: object) -> object:
    """The long form of a model source written as text, by the chapter's path rules."""
    if isinstance(written, str) and not expressions.has_reference(written):
        if not written.strip():
            raise ValueError("names no model")
        if address := _ADDRESS.match(written):
            name = address["name"].partition(":")[0]  # Ollama names a file of it by a tag
            raise ValueError(f"a model of the hub is named without its address: {name}")
        if written.startswith("starter:"):
            return StarterSource(name=written.removeprefix("starter:"))
        if _LOCAL.match(written):
            return LocalSource(path=written)
        if _OLLAMAS.fullmatch(written):
            raise ValueError(
                f"{written} is a name of Ollama's, which keeps GGUF files; a model of the hub is OWNER/NAME"
            )
        return HubSource(repository=written)
    if isinstance(written, Mapping) and "provider" not in written:
        provider = "local" if "path" in written else "huggingface"
        return {"provider": provider, **written}
    return written


ModelSource = Annotated[
    Annotated[HubSource | LocalSource | StarterSource, Field(discriminator="provider")],
    BeforeValidator(source_of, json_schema_input_type=str | HubSource | LocalSource | StarterSource),
]


# --- how long a model stays -------------------------------------------------------------------------------------------

_SPAN = re.compile(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s?)?")


def seconds_of(written: object) -> object:
    """Seconds from `10m`, `1h30m`, `45s`, a number of seconds, or -1 (for ever)."""
    if isinstance(written, bool) or (isinstance(written, str) and expressions.has_reference(written)):
        return written
    if isinstance(written, int | float):
        if written < 0 and written != -1:
            raise ValueError("is a time such as 10m, 0 or -1")
        try:
            return float("inf") if written == -1 else float(written)
        except OverflowError:
            raise ValueError("is no time: write 10m, or -1 (for ever)") from None
    text = str(written).strip()
    found = _SPAN.fullmatch(text)
    if text == "-1":
        return float("inf")
    if not text or found is None:
        raise ValueError(f"{text!r} is no time: write 10m, 1h30m, 45s, 0 (not at all) or -1 (for ever)")
    hours, minutes, seconds = (float(part or 0) for part in found.groups())
    return hours * 3600 + minutes * 60 + seconds


KeepAlive = Annotated[Bound[float], BeforeValidator(seconds_of, json_schema_input_type=str | float)]


# --- how a model is loaded --------------------------------------------------------------------------------------------


_DEVICES_ELSEWHERE = {"gpu": "cuda", "nvidia": "cuda", "metal": "mps", "apple": "mps", "processor": "cpu"}


def _device(name: str) -> str:
    if meant := _DEVICES_ELSEWHERE.get(name.strip().lower()):
        raise ValueError(f"{name!r} is not a device: {meant} is what it is called here")
    if not _DEVICE.fullmatch(name):
        raise ValueError(
            hinted(
                f"{name!r} is not a device: auto, cpu, cuda, cuda:N or mps",
                name,
                ["auto", "cpu", "cuda", "cuda:0", "mps"],
            )
        )
    return name


Device = Annotated[str, AfterValidator(_device)]


class Quantization(Closed):
    """Weights held in fewer bits."""

    type: Bound[QuantizationKind] = Field(description="Which numbers the weights become.")
    compute_dtype: Bound[Precision] = Field("auto", description="Precision of the arithmetic.")
    double_quant: Bound[bool] = Field(True, description="Quantize the scales too (4 bit only).")


_BITS = re.compile(r"(?:bnb|load_in|in|int)?[-_ ]*([48])[-_ ]*bits?|(?:bnb|q|w)([48])(?:_.*)?", re.IGNORECASE)
"""How others say so many bits: `4bit`, `bnb-4bit`, `8-bit`, `Q4_K_M`."""


def _bits(word: str) -> str:
    if found := _BITS.fullmatch(word.strip()):
        ours = "int8" if "8" in found.groups() else "nf4, or int4,"
        raise ValueError(f"{word!r} is not one of its words: {ours} is what it is called here")
    return word


def _quantization(written: object) -> object:
    if isinstance(written, str) and not expressions.has_reference(written):
        return {"type": _bits(written)}
    return written


def _listed(written: object) -> object:
    return [written] if isinstance(written, Mapping) else written


class Adapter(Closed):
    """A small set of trained changes laid over a base model."""

    type: Literal["lora"] = Field("lora", description="Kind of adapter.")
    name: str | None = Field(None, description="What you call it (default: adapter_1, adapter_2 …).")
    model: ModelSource = Field(description="Where the adapter's files come from.")
    weight: Bound[float] = Field(1.0, description="How much of it is added: 0 none, 1 as trained.")
    precision: Bound[Precision] | None = Field(None, description="Number format of the adapter (default: the model's).")
    quantization: Bound[QuantizationKind] | None = Field(None, description="Hold the adapter in fewer bits.")
    low_cpu_mem_usage: Bound[bool] = Field(False, description="Load it piece by piece.")


def adapter_names(adapters: Sequence[Adapter]) -> list[str]:
    """What each adapter is called: its name, or `adapter_1`, `adapter_2` … by its place in the list."""
    return [adapter.name or f"adapter_{i}" for i, adapter in enumerate(adapters, 1)]


_MODELS_ELSEWHERE = {
    **dict.fromkeys(("torch_dtype", "dtype", "data_type"), "precision: is its name here: float32, float16, bfloat16"),
    **dict.fromkeys(("load_in_4bit", "bnb_4bit"), "quantization: nf4"),
    "load_in_8bit": "quantization: int8",
    "device_map": "device: is its name here; device_mode: auto spreads a model over all",
    **dict.fromkeys(("lora", "loras", "lora_path", "adapter", "adapters"), "peft_adapters: [{model: …}]"),
    **dict.fromkeys(
        ("model_id", "model_name", "model_path", "model_name_or_path", "pretrained", "checkpoint"),
        "model: is its name here",
    ),
    **dict.fromkeys(("engine", "library", "backend", "framework"), "driver: is its name here"),
    **dict.fromkeys(("pipeline", "pipeline_tag"), "task: is its name here"),
    "trust_remote_code": "remove it: code that comes with a model is not run",
}
"""Words of transformers and others."""


class ModelSettings(Closed):
    """What every `type: model` component may say about its model: the fields that decide which bytes are in memory."""

    elsewhere = _MODELS_ELSEWHERE

    model: Bound[ModelSource] | None = Field(
        None, description="The model: a hub name, a path, `starter:NAME`, or a mapping."
    )
    device: Bound[Device] = Field(
        "auto", description="Where it runs: auto (CUDA, else MPS, else CPU), cpu, cuda, cuda:N, mps."
    )
    device_mode: Bound[DeviceMode] = Field("single", description="One device, or spread over all (auto).")
    precision: Bound[Precision] = Field(
        "auto", description="Number format: auto is half precision on a GPU, float32 on a CPU."
    )
    quantization: Annotated[
        Quantization, BeforeValidator(_quantization, json_schema_input_type=QuantizationKind | Quantization)
    ] = Field(Quantization(type="none"), description="Hold the weights in fewer bits.")
    low_cpu_mem_usage: Bound[bool] = Field(False, description="Load piece by piece (transformers 5 always does).")
    allow_pickle: bool = Field(False, description="Read weights stored as pickle (.bin, .pt), tensors only.")
    allow_urls: bool = Field(False, description="Fetch http(s) addresses in inputs, of public hosts only.")
    allow_paths: bool = Field(False, description="Read files outside the working folder that texts in inputs name.")
    peft_adapters: Annotated[
        list[Adapter], BeforeValidator(_listed, json_schema_input_type=Adapter | list[Adapter]), Spelled("peft_adapter")
    ] = Field(default_factory=list, description="Adapters laid over the model; several are added up.")


def secrets_in(value: object) -> Iterator[Secret]:
    """Every secret that fields, lists and mappings hold."""
    if isinstance(value, Secret):
        yield value
    elif isinstance(value, BaseModel):
        yield from secrets_in(dict(value))
    elif isinstance(value, Mapping):
        yield from secrets_in(list(value.values()))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from secrets_in(item)
