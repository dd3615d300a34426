"""Hugging Face transformers: text models of every architecture it knows, and models that describe images."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mc_jupyter.devices import give_back, trim
from mc_jupyter.drivers import Asked, Driver, Facts, ModelKey, Refusal, TaskCall, performs
from mc_jupyter.drivers import _numbers as numbers
from mc_jupyter.drivers import _quantization as quantization
from mc_jupyter.drivers._batching import batches
from mc_jupyter.drivers._belonging import check_rows
from mc_jupyter.drivers._chance import Chance
from mc_jupyter.drivers._facts import read_facts
from mc_jupyter.drivers._lora.layers import Adapters
from mc_jupyter.drivers._memory import halving, refusing_what_does_not_fit
from mc_jupyter.drivers._transformers import captioning, casting, heads, padding, pairs, vocabulary, windows
from mc_jupyter.drivers._transformers.company import Company, Together
from mc_jupyter.drivers._transformers.conversations import Speaking
from mc_jupyter.drivers._transformers.decoding import Decoder
from mc_jupyter.drivers._transformers.embedding import Embedder, lowercasing
from mc_jupyter.drivers._transformers.encoders import check_gives_tokens, encoder_class, without_decoder
from mc_jupyter.drivers._transformers.first import first_scores
from mc_jupyter.drivers._transformers.habits import Habits
from mc_jupyter.drivers._transformers.loading import (
    Quiet,
    check_placed,
    device_of,
    lacking_heads,
    load_tokenizer,
    placement,
    read_model,
    rows_of,
    untrained,
)
from mc_jupyter.drivers._transformers.modules import Step, read_steps, size
from mc_jupyter.drivers._transformers.refusals import refusals
from mc_jupyter.drivers._transformers.sampling import drawing_layers, lent
from mc_jupyter.drivers._transformers.sentences import flaw, guess, read_sentences, told
from mc_jupyter.drivers._transformers.spelling import Alphabet
from mc_jupyter.drivers._transformers.tokens import Keeps, refuse_empty, tokenized, worth_reading
from mc_jupyter.errors import InputError, RunError
from mc_jupyter.events import Advance, Run
from mc_jupyter.tasks.chat_completion import ChatCompletion
from mc_jupyter.tasks.image_to_text import ImageToText
from mc_jupyter.tasks.text_classification import TextClassification
from mc_jupyter.tasks.text_embedding import TextEmbedding
from mc_jupyter.tasks.text_generation import TextGeneration
from mc_jupyter.trust import apart
from mc_jupyter.values import Embedding, Label, describe
from mc_jupyter.weights.memory import Estimate
from mc_jupyter.weights.unsafe import check_pickle

if TYPE_CHECKING:
    import torch

    from mc_jupyter.weights import Checkpoint

_CLASSES = {
    "causal-lm": "AutoModelForCausalLM",
    "seq2seq-lm": "AutoModelForSeq2SeqLM",
    "sequence-classifier": "AutoModelForSequenceClassification",
    "encoder": "AutoModel",
    ImageToText.head: "AutoModelForImageTextToText",
}
_OTHER_HEADS = ("ForCausalLM", "ForSequenceClassification", "ForConditionalGeneration", "ForTokenClassification")
_WRITERS = ("causal-lm", "seq2seq-lm", ImageToText.head)
_GENERATION_TOKENS = 4096  # prompt tokens of a batch of prompts; more would mostly wait for its longest answer


class Transformers(Driver):
    """Hugging Face transformers: text models of every architecture it knows, and models that describe images."""

    words = ("huggingface",)
    package = "transformers"
    by_pieces = True
    lays_adapters = True
    layers: Adapters
    heads = tuple(_CLASSES)
    quantizes = quantization.OFFERED

    def __init__(self, model: Any, tokenizer: Any, key: ModelKey, folder: Path, images: Any = None):
        self.model = model
        self.tokenizer = tokenizer
        self.images = images  # what prepares them, of a model that sees
        self.key = key
        self.folder = folder
        self.sentences = read_sentences(folder) if key.head == TextEmbedding.head else None
        self.steps: tuple[Step, ...] = ()  # sentence-transformers' modules after the encoder
        self.untrained: tuple[str, ...] = ()
        self.habits = Habits()
        self.layers = Adapters(model)
        self.positions = windows.positions(model)
        self.drawing = drawing_layers(model)
        self.alphabet = Alphabet(tokenizer) if key.head in _WRITERS else None
        self._keep_company(key)

    def _keep_company(self, key: ModelKey) -> None:
        exact = key.dtype == "float32" and key.quantization == "none"
        self.company = Company(exact=exact, alone=quantization.BY_BATCH if key.quantization == "int8" else "")
        self.rounds = not exact  # until it is told what that does to a list of texts

    # --- loading ------------------------------------------------------------------------------------------------------

    @classmethod
    def refuses(cls, asked: Asked) -> Iterator[Refusal]:
        yield from super().refuses(asked)
        yield from refusals(asked)

    @classmethod
    def estimate(cls, key: ModelKey, checkpoint: Checkpoint) -> Estimate:
        model, tokenizer = quantization.estimate(key, checkpoint), vocabulary.memory(checkpoint.folder)
        if key.device != "cpu":  # tokenizers stay in main memory
            return model
        held = tokenizer.weights_bytes
        return Estimate(model.weights_bytes + held, max(model.peak_bytes + held, tokenizer.peak_bytes))

    @classmethod
    def wake(cls, key: ModelKey) -> None:
        import torch  # noqa: F401
        from transformers import AutoModel, AutoTokenizer, PreTrainedModel  # noqa: F401

        if key.quantization != "none":
            quantization.import_quietly()  # 48 MB of its own, which are not the model's

    @classmethod
    def load(cls, key: ModelKey, checkpoint: Checkpoint | None, run: Run) -> Transformers:
        assert checkpoint is not None
        import torch
        import transformers

        check_pickle(checkpoint)
        tokenizer = load_tokenizer(checkpoint.folder, dict(key.options).get("fast_tokenizer"))
        check_rows(tokenizer, rows_of(checkpoint.folder), key.subject or "the model")
        trim()  # reading one of 262,144 words leaves 95 to 195 MB free
        images = captioning.load_image_processor(checkpoint.folder) if key.head == ImageToText.head else None
        embeds = key.head == TextEmbedding.head
        auto = getattr(transformers, encoder_class(checkpoint) if embeds else _CLASSES[key.head])
        dtype = getattr(torch, key.dtype)
        with Quiet(), Chance(0).drawing(), refusing_what_does_not_fit(key.subject or "the model"):
            arguments = {
                "dtype": dtype,
                **placement(key),
                **padding.without_one_beyond(checkpoint.config),
                **quantization.arguments(key, lacking_heads(checkpoint, key.head)),
            }
            model, info = read_model(auto, checkpoint, arguments)
            check_placed(model, key.subject or "the model")
            if embeds:
                without_decoder(model, checkpoint.folder)
            quantization.settle(model.eval(), dtype)
        writer = captioning.writer(model) if key.head == ImageToText.head else model
        habits = Habits.of(writer) if key.head in _WRITERS else Habits()
        for part in model.modules():  # a captioning model's text decoder has settings of its own
            if getattr(part, "generation_config", None) is not None:
                part.generation_config.max_length = None  # every call says its own; beside that, this one only warns
        self = cls(model, tokenizer, key, checkpoint.folder, images)
        self.untrained, self.habits = untrained(info, key.head, checkpoint), habits
        if embeds:
            check_gives_tokens(model, self._device, key.subject or "the model")
        if self.sentences is not None and not flaw(self.sentences):  # with a flaw, its component follows none of it
            self.steps = read_steps(self.sentences, checkpoint, self._device)
        self.read_facts()
        if key.quantization != "none":
            give_back()  # what was read is several times what is kept
        for note in self.facts().notes:
            run.note(note)
        return self

    @property
    def notes(self) -> tuple[str, ...]:
        subject, config = self.key.subject or "this checkpoint", self.model.config
        if self.untrained:
            parts = ", ".join(self.untrained)
            return (
                f"{subject} has no trained {parts}: random weights, so answers mean nothing until it is fine-tuned, "
                "or an adapter brings its own",
            )
        if self.sentences is not None:
            return tuple(told(self.sentences))
        trained_as = next(iter(config.architectures or ()), "")
        if self.key.head == TextEmbedding.head and (lost := tuple(guess(self.folder))):
            return lost
        if self.key.head == TextEmbedding.head and trained_as.endswith(_OTHER_HEADS):
            return (f"{subject} was trained as {trained_as}, not for embeddings: its vectors may mean little",)
        if self.key.head == "causal-lm" and trained_as.endswith("ForMaskedLM"):
            return (f"{subject} was trained as {trained_as}, to fill gaps and not to write: its texts mean little",)
        return self.habits.notes(subject)

    def facts(self) -> Facts:
        return self._facts

    def read_facts(self) -> None:
        """Read them now: adapters laid on later are not of the base."""
        beside = vocabulary.memory(self.folder).weights_bytes
        found = read_facts(self.model, self.key, self.window, self.notes)
        numbers_after, bytes_after = size(self.steps)
        parameters = found.parameters and found.parameters + numbers_after
        self._facts = replace(found, beside=beside, bytes=found.bytes + bytes_after, parameters=parameters)

    # --- number types -------------------------------------------------------------------------------------------------

    @classmethod
    def castable(cls, old: ModelKey, new: ModelKey, stored: str | None) -> bool:
        return casting.castable(old, new, stored)

    def cast(self, key: ModelKey) -> None:
        import torch

        with Quiet():
            casting.cast(self.model, getattr(torch, key.dtype))
        self.key = key
        self._keep_company(key)
        self.read_facts()
        trim()

    def close(self) -> None:
        self.layers.close()
        self.model = None
        self.drawing, self.alphabet = [], None
        vars(self).pop("_lowercasing", None)
        self.tokenizer = None
        give_back()

    @property
    def window(self) -> int | None:
        """How many tokens the model can look at, or None where its design sets no limit."""
        return windows.window(self.positions, self.tokenizer, self.sentences)

    def fits(self, settings: Any) -> int | None:
        said = self.sentences if getattr(settings, "architecture", None) != "bert" else None
        return _least(getattr(settings, "max_seq_length", None), windows.window(self.positions, self.tokenizer, said))

    # --- tasks --------------------------------------------------------------------------------------------------------

    @performs(TextGeneration)
    def generate(self, call: TaskCall) -> list[Any]:
        """Continuations of texts, without the texts themselves."""
        keeps: Keeps = "end" if call.action.truncate else "all"
        prompts = tokenized(self.tokenizer, worth_reading(call.items, self._prompt_limit(call), keeps), call.run)
        return [None] * len(call.items) if prompts is None else self._write(prompts, call)

    @performs(ChatCompletion)
    def chat(self, call: TaskCall) -> list[Any]:
        """Answers to conversations."""
        try:
            prompts = self._conversations(call)
        except apart.Stopped:
            return [None] * len(call.items)
        return self._write(prompts, call)

    @performs(ImageToText)
    def describe(self, call: TaskCall) -> list[Any]:
        """Descriptions of images: what comes after the prompt, where there is one."""
        return captioning.describe(
            self.model, self.tokenizer, self.images, self.window, self.key.dtype, self.habits, call
        )

    @performs(TextClassification)
    def classify(self, call: TaskCall) -> list[Any]:
        """The likeliest class with its score: odds, or the number itself where the head was trained to measure."""
        config = self.model.config
        names = call.settings.labels or heads.names_of(config)
        function = heads.function_of(config)
        seconds = pairs.seconds_of(call.items, call.action.text_pair)

        def judge(inputs: dict[str, torch.Tensor]) -> torch.Tensor:
            logits: torch.Tensor = self.model(**inputs).logits.float()
            return logits

        rows = self._encode(call, judge, self.tokenizer, seconds)
        return [row and _label(heads.scores(row, function), names, call.action.return_probabilities) for row in rows]

    @performs(TextEmbedding)
    def embed(self, call: TaskCall) -> list[Any]:
        """Token vectors pooled into one, as sentence-transformers does it."""
        said = self.sentences if call.settings.architecture != "bert" else None
        tokenizer = self._lowercasing if said and said.lowercase else self.tokenizer
        embedder = Embedder(self.model, tokenizer, said, self.steps, call.action)
        if not call.action.normalize and said and said.after[-1].kind == "Normalize":
            call.run.note("the checkpoint's own Normalize module scales each vector to length 1 all the same")
        prompted = replace(call, items=[embedder.prompt + text for text in call.items])
        rows = self._encode(prompted, embedder.vectors, tokenizer)
        return [row and Embedding(row) for row in rows]

    @cached_property
    def _lowercasing(self) -> Any:
        return lowercasing(self.tokenizer)

    # --- reading text -------------------------------------------------------------------------------------------------

    def _encode(
        self, call: TaskCall, compute: Any, tokenizer: Any, seconds: Sequence[str] | None = None
    ) -> list[list[float] | None]:
        """One row for each text, or pair of texts: their tokens go through `compute` in batches, longest first.

        None for those that an interrupt came before.
        """
        import torch

        limit = _least(call.action.max_input_length, self.fits(call.settings))
        cut = bool(call.action.truncate and limit)
        keeps: Keeps = _kept(tokenizer) if cut else "all"
        texts = worth_reading(call.items, limit, keeps)
        seconds = None if seconds is None else worth_reading(seconds, limit, keeps)
        # The tokenizer itself cuts, so that closing tokens such as [SEP] stay.
        how = {"truncation": True, "max_length": limit} if cut else {}
        read = pairs.read(tokenizer, texts, seconds, call.run, **how)
        if read is None:
            return [None] * len(call.items)
        rows_of_ids = read.ids
        if any(len(ids) > (limit or len(ids)) for ids in rows_of_ids):
            raise _too_long([len(ids) for ids in rows_of_ids], limit, call.items)
        refuse_empty(rows_of_ids, call.items)

        lengths = [len(ids) for ids in rows_of_ids]

        def numbers_of(batch: list[int]) -> torch.Tensor:
            batch_rows = [rows_of_ids[i] for i in batch]
            filler = padding.filler_of_texts(self.model, batch_rows, self.entries)
            with padding.taken_for_padding(self.model.config, filler), lent(self.drawing, Chance(0)):
                inputs = self._padded(batch_rows, filler, side="right")
                if read.types is not None:
                    types = [read.types[i] for i in batch]
                    inputs["token_type_ids"] = self._padded(types, 0, side="right")["input_ids"]
                found: torch.Tensor = compute(inputs)
            return found

        def judge(batch: list[int]) -> dict[int, list[float]]:
            made = dict[int, list[float]]()
            for part in self.company.parts(batch, lengths, numbers_of, call.run):
                found = numbers_of(part)
                numbers.check(found, self.model.dtype)
                made |= dict(zip(part, found.tolist(), strict=True))
            return made

        rows: list[list[float] | None] = [None] * len(lengths)
        done = 0
        with torch.inference_mode():
            plan = self._apart(batches(lengths, size=self._at_once(call)), rows_of_ids)
            for batch, made in halving(plan, judge, call.run):
                for position, row in made.items():
                    rows[position] = row
                done += len(batch)
                call.run.emit(Advance(done, len(lengths), "items"))
        return rows

    def _apart(self, plan: Iterable[list[int]], rows: list[list[int]]) -> Iterator[list[int]]:
        """Batches in parts that a classifier takes: of an encoder-decoder it is read at the last end of a text, and
        transformers has no batch of texts with several numbers of ends."""
        end = getattr(self.model.config, "eos_token_id", None)  # a tower's config has it further in, or not at all
        if (
            self.key.head != TextClassification.head
            or not self.model.config.is_encoder_decoder
            or not isinstance(end, int)
        ):
            yield from plan
            return
        for batch in plan:
            for _, same in groupby(sorted(batch, key=lambda i: rows[i].count(end)), lambda i: rows[i].count(end)):
                yield list(same)

    def _at_once(self, call: TaskCall) -> int | None:
        """How many inputs may go through the model together; None where nobody says."""
        return 1 if self.drawing else call.action.batch_size

    def _padded(self, rows: list[list[int]], pad: int, side: str) -> dict[str, torch.Tensor]:
        import torch

        longest = max(map(len, rows))
        left = side == "left"

        def filled(row: list[int], filler: int) -> list[int]:
            blank = [filler] * (longest - len(row))
            return blank + row if left else row + blank

        ids = torch.tensor([filled(row, pad) for row in rows])
        self._refuse_beyond_the_table(int(ids.max()))
        mask = torch.tensor([filled([1] * len(row), 0) for row in rows])
        return {"input_ids": ids.to(self._device), "attention_mask": mask.to(self._device)}

    @property
    def _device(self) -> Any:
        return device_of(self.model)

    def _refuse_beyond_the_table(self, largest: int) -> None:
        """RunError for a token that the model has no row for. On a GPU, looking it up would end all later calls too."""
        if self.entries is not None and largest >= self.entries:
            raise RunError(
                f"the tokenizer gives token {largest}, and the model has {self.entries}",
                fix="the tokenizer belongs to another model, or is damaged: fetch both again",
            )

    @property
    def entries(self) -> int | None:
        """How many tokens the model has a vector for, None where it does not say."""
        try:
            found = getattr(self.model.get_input_embeddings(), "num_embeddings", None)
        except NotImplementedError:  # transformers' word for a model that has no such table
            return None
        return found if isinstance(found, int) else None

    def _conversations(self, call: TaskCall) -> list[list[int]]:
        speaking = Speaking(
            self.tokenizer,
            self.key.subject or "the model",
            call.settings.chat_template,
            call.action.tools,
            self._prompt_limit(call),
            bool(call.action.truncate),
            call.run.note,
        )
        said = ([m.model_dump(exclude_none=True) for m in messages] for messages in call.items)
        return [speaking.tokens(messages, lambda: call.run.stopped) for messages in said]

    # --- writing text -------------------------------------------------------------------------------------------------

    def _prompt_limit(self, call: TaskCall) -> int | None:
        return _least(call.action.max_input_length, self.fits(call.settings))

    def _tell_of_rounding(self, prompts: list[list[int]], call: TaskCall) -> None:
        """Once: half precision rounds a batch otherwise than one text, and a token that is nearly even may change."""
        if len(prompts) > 1 and self.rounds and self._at_once(call) != 1 and self.company.together != Together.ALONE:
            self.rounds = False
            call.run.note(
                f"{self._facts.number_type} rounds texts that are written together a little otherwise than each alone, "
                "so that one may go on otherwise: batch_size: 1 writes each as alone"
            )

    def _write(self, prompts: list[list[int]], call: TaskCall) -> list[Any]:
        action = self.habits.over(call.action)
        limit = self._prompt_limit(call)
        if any(len(ids) > (limit or len(ids)) for ids in prompts):
            if not action.truncate:
                raise _too_long([len(ids) for ids in prompts], limit, call.items)
            prompts = [ids[-limit:] if limit else ids for ids in prompts]
        refuse_empty(prompts, call.items)
        self._tell_of_rounding(prompts, call)
        filler = padding.filler_of_prompts(self.model, self.tokenizer, self.entries)
        fits = self.fits(call.settings)
        decoder = Decoder(self.model, self.tokenizer, filler, fits, self.habits, self.drawing, self.alphabet)
        results: list[Any] = [None] * len(prompts)
        lengths = [len(ids) for ids in prompts]
        plan = batches(
            lengths,
            size=self._at_once(call),
            tokens=_GENERATION_TOKENS,
            # The penalty would count padding as tokens already used.
            same_length=(action.repetition_penalty != 1 or self.habits.counts_the_prompt)
            and not self.model.config.is_encoder_decoder,
        )

        def inputs(batch: list[int]) -> dict[str, torch.Tensor]:
            # An encoder counts positions from the first token; what is written goes on after the last.
            side = "right" if self.model.config.is_encoder_decoder else "left"
            return self._padded([prompts[i] for i in batch], filler, side)

        def write(batch: list[int]) -> dict[int, Any]:
            made = dict[int, Any]()
            for part in self.company.parts(batch, lengths, lambda rows: first_scores(decoder, inputs(rows)), call.run):
                made |= dict(zip(part, decoder.write(inputs(part), action, call.run, part), strict=True))
            return made

        for _, made in halving(plan, write, call.run):
            for position, text in made.items():
                results[position] = text
        return results


def _kept(tokenizer: Any) -> Keeps:
    """The part of a text that this tokenizer keeps where it cuts."""
    return "end" if tokenizer.truncation_side == "left" else "start"


def _least(*numbers: int | None) -> int | None:
    return min((n for n in numbers if n is not None), default=None)


def _too_long(lengths: list[int], limit: int | None, items: Sequence[Any]) -> InputError:
    """The error for inputs that do not fit, naming the first by its place and its text."""
    first = next(i for i, n in enumerate(lengths) if n > (limit or n))
    which = "the input" if len(lengths) == 1 else f"input {first + 1} of {len(lengths)}"
    item = f": [{first}] is {describe(items[first])}" if first < len(items) > 1 else ""
    return InputError(
        f"{which} has {lengths[first]} tokens; at most {limit} fit{item}", fix="shorten it, or say truncate: true"
    )


def _label(row: list[float], names: list[str], probabilities: bool) -> Label:
    best = max(range(len(row)), key=row.__getitem__)
    found: dict[str, Any] = {"label": names[best], "score": row[best], "label_id": best}
    if probabilities:
        found["probabilities"] = row
    return Label(found, scores=dict(zip(heads.apart(names), row, strict=True)))
