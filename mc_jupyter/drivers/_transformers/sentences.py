"""What sentence-transformers' files say of a model: modules after the encoder, prompts, how much of a text is read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from mc_jupyter.drivers._transformers import arguments
from mc_jupyter.drivers._transformers.folder import config_at
from mc_jupyter.drivers._transformers.pooling import POOLINGS
from mc_jupyter.errors import PlanError
from mc_jupyter.trust.names import fault
from mc_jupyter.weights.reading import AGAIN, NOTHING, Config, NotWhole, read_json, shown
from mc_jupyter.words import listing

# The encoder's module, by its name now and by those of version 0.
_ENCODERS = ("Transformer", "BERT", "RoBERTa", "DistilBERT", "ALBERT", "CamemBERT", "XLMRoBERTa", "XLNet")
_WITHOUT_ENCODER = ("StaticEmbedding", "WordEmbeddings", "BoW", "CLIPModel", "Router", "Asym")
_DONE = ("Pooling", "Dense", "Normalize", "LayerNorm", "Dropout", "WeightedLayerPooling")
_ENCODER_FILES = tuple(
    f"sentence_{kind}_config.json"
    for kind in ("bert", "roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet")
)
# Flags of older files, and the words of newer ones.
_FLAGS = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}
# Those of torch that need no argument; sentence-transformers, too, takes no others unless it may run foreign code.
_ACTIVATIONS = (
    "Identity", "ELU", "CELU", "SELU", "GELU", "GLU", "Hardshrink", "Hardsigmoid", "Hardswish", "Hardtanh", "LeakyReLU",
    "LogSigmoid", "Mish", "PReLU", "RReLU", "ReLU", "ReLU6", "Sigmoid", "SiLU", "Softplus", "Softshrink", "Softsign",
    "Tanh", "Tanhshrink",
)  # fmt: skip
_LEFT_OUT = "architecture: bert pools the token vectors and leaves it out"


@dataclass(frozen=True, slots=True)
class Module:
    """One of a model's modules: its class as modules.json names it, its folder (`2_Dense`), and what is said there."""

    type: str
    path: str
    config: Config = field(repr=False)

    @property
    def kind(self) -> str:
        """`Dense`; the whole name of a class that is not sentence-transformers' own."""
        return self.type.rpartition(".")[2] if self.type.startswith("sentence_transformers.") else self.type

    @property
    def modes(self) -> tuple[str, ...]:
        """The ways in which a Pooling makes one vector of many, several side by side."""
        named = self.config.get("pooling_mode")
        if isinstance(named, str):
            return (named,)
        if named is not None:
            return self.config.texts("pooling_mode")
        flags = (*_FLAGS, *(key for key in self.config if key.startswith("pooling_mode_") and key not in _FLAGS))
        return tuple(_FLAGS.get(flag, flag) for flag in flags if self.config.flag(flag)) or ("mean",)


@dataclass(frozen=True, slots=True)
class Sentences:
    """All of it. `window` is None where the tokenizer's own counts, `prompt_name` where no prompt is the default."""

    modules: tuple[Module, ...]
    encoder: Config = field(repr=False)
    prompts: Mapping[str, str]
    prompt_name: str | None
    dimensions: int | None
    similarity: str | None
    made_as: str

    @property
    def after(self) -> tuple[Module, ...]:
        """The modules after the encoder."""
        return self.modules[1:]

    @property
    def window(self) -> int | None:
        return arguments.window(self.encoder)

    @property
    def lowercase(self) -> bool:
        return self.encoder.flag("do_lower_case")

    @property
    def lacks_pooling(self) -> Module | None:
        """A Pooling whose file is not here, so that nothing says how it pools."""
        return next((each for each in self.after if each.kind == "Pooling" and not each.config), None)


def read_sentences(folder: Path) -> Sentences | None:
    """What the folder says; None where sentence-transformers did not save it."""
    if not (folder / "modules.json").exists():
        return None
    files = (config_at(folder / name) for name in _ENCODER_FILES)
    said = config_at(folder / "config_sentence_transformers.json")
    prompts = said.inside("prompts")
    return Sentences(
        modules=tuple(_modules(folder)),
        encoder=next((each for each in files if each), NOTHING),
        prompts=MappingProxyType({name: prompts.text(name) or "" for name in prompts}),
        prompt_name=said.text("default_prompt_name"),
        dimensions=said.number("truncate_dim") or None,
        similarity=said.text("similarity_fn_name"),
        made_as=said.text("model_type") or "SentenceTransformer",
    )


def _modules(folder: Path) -> Iterator[Module]:
    file = folder / "modules.json"
    for module in Config(file, {"modules": read_json(file)}).each_in("modules"):
        path = (module.text("path") or "").rstrip("/")
        if path and (why := fault(path)):
            raise NotWhole(f"{file}: path {shown(path)} {why}", fix=AGAIN)
        yield Module(module.text("type") or "", path, config_at(folder / path / "config.json") if path else NOTHING)


def told(said: Sentences) -> Iterator[str]:
    """What these files add to what a cell says, a line each."""
    if said.prompt_name and said.prompts.get(said.prompt_name):
        named, text = shown(said.prompt_name), shown(said.prompts[said.prompt_name])
        yield f'before each text goes the checkpoint\'s prompt {named}, {text!r} (prompt_name: "" leaves it out)'
    elif names := [shown(name) for name, text in said.prompts.items() if text]:
        yield f"the checkpoint has prompts, and none is used unless prompt_name: says which: {listing(names, 'and')}"
    yield from arguments.told_arguments(said.encoder)
    if said.dimensions:
        yield f"the first {said.dimensions} numbers of each vector are kept, as the checkpoint says (truncate_dim:)"
    if said.similarity in ("dot", "euclidean", "manhattan") and said.after and said.after[-1].kind != "Normalize":
        yield f"the checkpoint compares vectors by {said.similarity}, where lengths count: normalize: false keeps them"


def guess(folder: Path) -> Iterator[str]:
    """What is told of a folder that sentence-transformers has saved, and that has lost its list of modules."""
    left = [name for name in (*_ENCODER_FILES, "config_sentence_transformers.json") if (folder / name).exists()]
    left += [f"{file.parent.name}/{file.name}" for file in sorted(folder.glob("*_Pooling/config.json"))]
    if left and not (folder / "modules.json").exists():
        yield (
            f"{left[0]} is there without modules.json, and is not read: that a vector is the mean of its tokens' is a "
            "guess (pooling:)"
        )


# --- what is not done -------------------------------------------------------------------------------------------------


def no_encoder(said: Sentences) -> PlanError | None:
    """Why there is no model of transformers to read these texts, whether or not the files are followed."""
    first = said.modules[0] if said.modules else None
    if first is not None and first.kind in _WITHOUT_ENCODER:
        return PlanError(
            f"this model begins with a sentence-transformers module {first.kind}, and the huggingface driver runs "
            "those that begin with a Transformer",
            fix="use another model, or sentence_transformers.SentenceTransformer in Python",
        )
    if first is not None and first.path:
        return PlanError(
            f"this model's {shown(first.kind)} lies in {shown(first.path)}, as sentence-transformers once saved it",
            fix=f'move the files of {shown(first.path)} beside modules.json, and write "path": "" for it there',
        )
    return None


def flaw(said: Sentences) -> PlanError | None:
    """The first thing of these files that this library would not do as sentence-transformers does it."""
    return no_encoder(said) or next(_flaws(said), None)


def _flaws(said: Sentences) -> Iterator[PlanError]:
    if said.made_as != "SentenceTransformer":
        yield PlanError(f"this model is a {shown(said.made_as)}, which gives no single vector of a text", fix=_LEFT_OUT)
    if not said.modules or said.modules[0].kind not in _ENCODERS:
        first = said.modules[0].kind if said.modules else "of no name"
        yield PlanError(
            f"this model begins with a module {shown(first)} that the huggingface driver does not apply", fix=_LEFT_OUT
        )
    yield from _foreign_modules(said)
    yield from _foreign_encoding(said.encoder)
    yield from arguments.foreign_arguments(said.encoder)
    if said.prompt_name is not None and said.prompt_name not in said.prompts:
        yield PlanError(
            f"config_sentence_transformers.json names a default prompt {shown(said.prompt_name)}, and has none of that "
            f"name ({listing([*map(shown, said.prompts)], 'and') or 'it has no prompts'})",
            fix="correct default_prompt_name there, or architecture: bert, which reads no prompts",
        )


def _foreign_modules(said: Sentences) -> Iterator[PlanError]:
    for module in said.after:
        if module.kind not in _DONE:
            yield PlanError(
                f"this model has a sentence-transformers module {shown(module.kind)} that the huggingface driver does "
                "not apply",
                fix=_LEFT_OUT,
            )
        elif module.kind == "Pooling" and (odd := [mode for mode in module.modes if mode not in POOLINGS]):
            yield PlanError(
                f"this model pools by {shown(odd[0])}, which the huggingface driver does not do",
                fix="architecture: bert, with pooling: (one that it does)",
            )
        elif module.kind == "Dense" and (activation := _foreign_activation(module.config)):
            yield PlanError(
                f"{shown(module.path)} (Dense) has an activation {shown(activation)}, which is none of torch's",
                fix=_LEFT_OUT,
            )
    if not any(module.kind == "Pooling" for module in said.after):
        yield PlanError("this model's modules make no vector of a whole text: none is a Pooling", fix=_LEFT_OUT)


def _foreign_activation(config: Config) -> str | None:
    named = config.text("activation_function")
    known = named is None or (named.startswith("torch.nn.") and named.rpartition(".")[2] in _ACTIVATIONS)
    return None if known else named


def _foreign_encoding(encoder: Config) -> Iterator[PlanError]:
    """What sentence_bert_config.json asks of the encoder beyond its last layer's vectors of the text's tokens."""
    task = encoder.text("transformer_task") or "feature-extraction"
    ways = encoder.inside("modality_config")
    text = ways.inside("text") if "text" in ways else None
    odd = text is not None and (text.get("method"), text.get("method_output_name")) != ("forward", "last_hidden_state")
    if task != "feature-extraction" or odd or (ways and text is None):
        yield PlanError(
            f"{encoder.file.name} asks for another output than the encoder's token vectors (task {shown(task)})",
            fix=_LEFT_OUT,
        )
    elif "message" in ways:
        yield PlanError(
            f"{encoder.file.name} has each text put into the chat template first, which the huggingface driver does "
            "not do for embeddings",
            fix="architecture: bert reads the text as it is",
        )
    elif encoder.get("processing_kwargs"):
        yield PlanError(f"{encoder.file.name} has processing_kwargs, which are not applied", fix=_LEFT_OUT)
