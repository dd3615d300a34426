"""Train the captioning starter: `python -m mc_jupyter.starters.shapes_caption.train [--out DIR] [--steps N]`."""

from __future__ import annotations

import copy
import random
from pathlib import Path
from typing import Any

import torch
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, unfold
from transformers import (
    AutoProcessor,
    BertTokenizer,
    BlipConfig,
    BlipForConditionalGeneration,
    BlipImageProcessor,
    BlipProcessor,
)

from mc_jupyter.starters import training
from mc_jupyter.starters.shapes.corpus import COLOURS, SHAPES, SIDE
from mc_jupyter.starters.shapes_caption.corpus import OPENINGS, Batch, Painter, caption

BATCH, WIDTH, PATCH = 64, 96, 8
LOOKING = 0.6  # the share of the steps in which only the vision tower learns
PAD, UNKNOWN, CLS, SEP, MASK, BEGIN = "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[DEC]"


def make_processor() -> Any:
    """A BERT tokenizer that knows the captions' words, and letters for others; pictures as they are, from -1 to 1."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = ["a", "an", "on", "background", "picture", "drawing", "of", *COLOURS, *SHAPES]
    pieces = [PAD, UNKNOWN, CLS, SEP, MASK, BEGIN, *letters, *(f"##{each}" for each in letters), *words]
    vocabulary = {piece: number for number, piece in enumerate(dict.fromkeys(pieces))}
    tokenizer = BertTokenizer(vocab=vocabulary, bos_token=BEGIN, model_max_length=32)
    images = BlipImageProcessor(size={"height": SIDE, "width": SIDE}, image_mean=[0.5] * 3, image_std=[0.5] * 3)
    return BlipProcessor(images, tokenizer)


def make_model(tokenizer: Any) -> Any:
    """A vision transformer over 64 patches of 8 × 8 pixels and a two-layer decoder that looks at them."""
    numbers = {
        "vocab_size": len(tokenizer),
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.sep_token_id,
        "sep_token_id": tokenizer.sep_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    shared = {"hidden_size": WIDTH, "intermediate_size": 192, "num_attention_heads": 4, "projection_dim": WIDTH}
    text = {"num_hidden_layers": 2, "max_position_embeddings": 32, "encoder_hidden_size": WIDTH, **numbers, **shared}
    vision = {"num_hidden_layers": 4, "image_size": SIDE, "patch_size": PATCH, "initializer_range": 0.02, **shared}
    return BlipForConditionalGeneration(
        BlipConfig(
            text_config=text,
            vision_config=vision,
            projection_dim=WIDTH,
            image_text_hidden_size=WIDTH,
        )
    )


class Heads(torch.nn.Module):
    """What the vision tower is asked while it learns; dropped afterwards.

    From captions alone it learns colours at once and shapes hardly ever. Asked halfway which pixels of a patch the
    shape covers, whatever its colour, and at the end which shape, colour and ground it sees, it learns them too.
    """

    def __init__(self) -> None:
        super().__init__()
        self.kinds = (len(SHAPES), len(COLOURS), len(COLOURS))
        self.outline = torch.nn.Linear(WIDTH, PATCH**2)
        self.from_first = torch.nn.Linear(WIDTH, sum(self.kinds))
        self.from_all = torch.nn.Linear(WIDTH, sum(self.kinds))

    def loss(self, seen: Any, batch: Batch) -> torch.Tensor:
        """How badly the outputs of the vision tower tell the scenes of a batch."""
        colours = list(COLOURS)
        rows = [(SHAPES.index(s.shape), colours.index(s.colour), colours.index(s.background)) for s in batch.scenes]
        covered = unfold(batch.covered[:, None], PATCH, stride=PATCH).transpose(1, 2)
        loss = binary_cross_entropy_with_logits(self.outline(seen.hidden_states[2][:, 1:]).float(), covered)
        last = seen.last_hidden_state
        for told in (self.from_first(last[:, 0]), self.from_all(last[:, 1:].mean(1))):
            for kind, right in zip(told.float().split(self.kinds, dim=1), torch.tensor(rows).unbind(1), strict=True):
                loss = loss + cross_entropy(kind, right) / 2
        return loss


def told(model: Any, tokenizer: Any, seen: torch.Tensor, openings: list[str], captions: list[str]) -> torch.Tensor:
    """How badly the decoder goes on from the openings: BLIP's loss, of the captions' words alone.

    What an opening says is never asked for, so that a caption with no prompt begins at the shape.
    """
    words = tokenizer(
        [one + two for one, two in zip(openings, captions, strict=True)], padding=True, return_tensors="pt"
    )
    labels = words["input_ids"].masked_fill(words["attention_mask"] == 0, -100)
    for row, opening in zip(labels, openings, strict=True):
        row[: 1 + len(opening.split())] = -100  # each of its words is one token, after the one that begins
    words["input_ids"][:, 0] = tokenizer.bos_token_id
    loss: torch.Tensor = model.text_decoder(
        input_ids=words["input_ids"],
        attention_mask=words["attention_mask"],
        encoder_hidden_states=seen,
        labels=labels,
        reduction="mean",
    ).loss
    return loss


def train(out: Path, steps: int, seed: int = 0, resume: Path | None = None) -> float:
    """Train the vision tower, then the whole, which `resume` goes on with; the loss of the last stretch."""
    torch.manual_seed(seed)
    processor = AutoProcessor.from_pretrained(resume) if resume else make_processor()
    model = make_model(processor.tokenizer)
    if resume:
        model = BlipForConditionalGeneration.from_pretrained(resume, dtype=torch.float32)
    heads, chance = Heads(), random.Random(seed)
    painter = Painter(seed, outlines=15_000 if steps > 50 else 100)

    def loss_at(step: int) -> torch.Tensor:
        if step and step % 500 == 0:
            training.save(copy.deepcopy(model), processor, out)
        batch = painter.batch(BATCH)
        with torch.autocast("cpu", torch.bfloat16):  # twice as fast, where the processor knows bfloat16
            seen = model.vision_model(pixel_values=batch.pictures * 2 - 1, output_hidden_states=True)
            loss = heads.loss(seen, batch)
            if resume or step >= LOOKING * steps:
                openings, captions = chance.choices(OPENINGS, k=BATCH), [caption(each) for each in batch.scenes]
                loss = loss + told(model, processor.tokenizer, seen.last_hidden_state, openings, captions)
        return loss.float()

    whole = torch.nn.ModuleList([model, heads])
    loss = training.fit(whole, loss_at, steps=steps, rate=5e-4 if resume else 1.5e-3, every=100 if steps > 50 else 5)
    training.save(model, processor, out)
    return loss


if __name__ == "__main__":
    asked = training.arguments(Path(__file__).parent, default_steps=6_000)
    train(asked.out, asked.steps, asked.seed, asked.resume)
