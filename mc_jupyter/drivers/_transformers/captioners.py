"""What writes about images, an architecture each: what a text begins with, and what `generate` is given.

All rows of a batch begin with equally many tokens: the text decoders of BLIP and GIT count positions from the first
one, padding or not, so that a padded row would be read otherwise than alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from mc_jupyter.drivers._transformers.decoding import Decoder
from mc_jupyter.drivers._transformers.habits import Habits

if TYPE_CHECKING:
    import torch


class Captioner(Decoder):
    """Writes about images with one model."""

    made_as: ClassVar[str]
    """The class that such checkpoints are saved as."""

    begins: ClassVar[str] = "input_ids"
    """The argument of `generate` that says what a text begins with."""

    without_prompt: ClassVar[str] = ""
    """Why it takes no prompt; empty where it takes one."""

    def __init__(self, model: Any, tokenizer: Any, window: int | None, habits: Habits):
        super().__init__(model, tokenizer, 0, window, habits)
        self.shares_window = True
        self.ends = _ends(self.writer(model), tokenizer)
        # Rows that ended are filled with it. transformers warns where it is an end, as in many of these checkpoints.
        self.pad_id = next(i for i in (tokenizer.pad_token_id, *range(len(self.ends) + 1)) if _fills(i, self.ends))

    @staticmethod
    def writer(model: Any) -> Any:
        """The part of a model whose settings of generation count."""
        return model

    def begin(self, prompt: str) -> list[int]:
        """The tokens that a text begins with; the prompt may be empty."""
        return [*self.start(), *self.tokens(prompt)]

    def start(self) -> list[int]:
        """The tokens before a prompt."""
        raise NotImplementedError

    def tokens(self, prompt: str) -> list[int]:
        """A prompt's own tokens, with none that mark a beginning or an end."""
        ids: list[int] = self.tokenizer(prompt, add_special_tokens=False, verbose=False)["input_ids"]
        return ids

    def inputs(self, images: Mapping[str, torch.Tensor], rows: torch.Tensor) -> dict[str, torch.Tensor]:
        """What `generate` is given: prepared images, and (rows, tokens) that the texts begin with."""
        return {**images, self.begins: rows}

    def _before(self, inputs: dict[str, torch.Tensor]) -> int:
        return inputs[self.begins].shape[1]

    def _lengths(self, inputs: dict[str, torch.Tensor]) -> list[int]:
        return [self._before(inputs)] * len(inputs[self.begins])


class Git(Captioner):
    """GIT: one decoder reads the picture and continues the text."""

    made_as = "GitForCausalLM"

    def start(self) -> list[int]:
        bos = self.model.generation_config.bos_token_id
        return [self.tokenizer.cls_token_id if bos is None else bos]

    def inputs(self, images: Mapping[str, torch.Tensor], rows: torch.Tensor) -> dict[str, torch.Tensor]:
        return {**images, "input_ids": rows, "attention_mask": rows.new_ones(rows.shape)}


class Blip(Captioner):
    """BLIP: its own `generate` sets the first token, cuts off the last, and says which ones end and fill a text."""

    made_as = "BlipForConditionalGeneration"

    @staticmethod
    def writer(model: Any) -> Any:
        return model.text_decoder

    def __init__(self, model: Any, tokenizer: Any, window: int | None, habits: Habits):
        super().__init__(model, tokenizer, window, habits)
        self.ends = frozenset([model.config.text_config.sep_token_id])

    def start(self) -> list[int]:
        return [self.model.config.text_config.bos_token_id]

    def inputs(self, images: Mapping[str, torch.Tensor], rows: torch.Tensor) -> dict[str, torch.Tensor]:
        from torch.nn.functional import pad

        longer = pad(rows, (0, 1), value=self.model.config.text_config.sep_token_id)
        return {**images, "input_ids": longer, "attention_mask": longer.new_ones(longer.shape)}

    def _before(self, inputs: dict[str, torch.Tensor]) -> int:
        return inputs["input_ids"].shape[1] - 1

    def _arguments(self, action: Any, room: int) -> dict[str, Any]:
        arguments = super()._arguments(action, room)
        del arguments["pad_token_id"]
        return arguments


class Blip2(Captioner):
    """BLIP-2: a language model reads what a query transformer saw, in place of as many image tokens, then the text."""

    made_as = "Blip2ForConditionalGeneration"

    def __init__(self, model: Any, tokenizer: Any, window: int | None, habits: Habits):
        super().__init__(model, tokenizer, window, habits)
        self.shares_window = not self.writer(model).config.is_encoder_decoder

    @staticmethod
    def writer(model: Any) -> Any:
        return model.language_model

    def start(self) -> list[int]:
        return [self.model.config.image_token_index] * self.model.config.num_query_tokens

    def tokens(self, prompt: str) -> list[int]:
        """With the marks that the tokenizer adds (OPT's at the beginning, T5's at the end)."""
        ids: list[int] = self.tokenizer(prompt, verbose=False)["input_ids"]
        return ids if ids or not self.shares_window else [self.model.config.text_config.bos_token_id]

    def inputs(self, images: Mapping[str, torch.Tensor], rows: torch.Tensor) -> dict[str, torch.Tensor]:
        return {**images, "input_ids": rows, "attention_mask": rows.new_ones(rows.shape)}

    def _before(self, inputs: dict[str, torch.Tensor]) -> int:
        return inputs["input_ids"].shape[1] if self.shares_window else 1

    def _lengths(self, inputs: dict[str, torch.Tensor]) -> list[int]:
        return [inputs["input_ids"].shape[1]] * len(inputs["input_ids"])


class VisionEncoderDecoder(Captioner):
    """An image encoder and a text decoder joined, such as ViT and GPT-2: it writes from its start token on."""

    made_as = "VisionEncoderDecoderModel"
    begins = "decoder_input_ids"
    without_prompt = "it was trained to write whole descriptions, each from its start token on"

    def start(self) -> list[int]:
        settings = self.model.generation_config
        first = settings.decoder_start_token_id
        return [settings.bos_token_id if first is None else first]


class Donut(VisionEncoderDecoder):
    """Donut: the prompt is the tag of a task (`<s_cord-v2>`), and takes the place of the start token."""

    without_prompt = ""

    def begin(self, prompt: str) -> list[int]:
        return self.tokens(prompt) or self.start()


class Pix2Struct(VisionEncoderDecoder):
    """Pix2Struct: as many patches as fit, whatever the picture's shape; it continues the text."""

    made_as = "Pix2StructForConditionalGeneration"
    without_prompt = ""


def _ends(writer: Any, tokenizer: Any) -> frozenset[int]:
    """The tokens at which generation ends."""
    found = writer.generation_config.eos_token_id
    found = tokenizer.eos_token_id if found is None else found
    return frozenset(found if isinstance(found, list) else [] if found is None else [found])


def _fills(token: Any, ends: frozenset[int]) -> bool:
    return isinstance(token, int) and token not in ends
