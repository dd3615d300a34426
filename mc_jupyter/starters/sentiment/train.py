"""Train the sentiment starter: `python -m mc_jupyter.starters.sentiment.train [--out DIR] [--steps N]`."""

from __future__ import annotations

import itertools
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import DistilBertConfig, DistilBertForSequenceClassification, PreTrainedTokenizerFast

from mc_jupyter.starters import training
from mc_jupyter.starters.sentiment.corpus import stream

BATCH, LENGTH = 64, 48
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def make_tokenizer(seed: int, texts: int) -> PreTrainedTokenizerFast:
    """A lower-casing WordPiece tokenizer whose vocabulary is learned from the corpus."""
    core = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    core.normalizer = normalizers.BertNormalizer(lowercase=True)
    core.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    core.decoder = decoders.WordPiece()
    trainer = trainers.WordPieceTrainer(vocab_size=5000, special_tokens=SPECIAL, show_progress=False)
    core.train_from_iterator((text for text, _ in itertools.islice(stream(seed + 1), texts)), trainer)
    core.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=core,
        model_max_length=128,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
        model_input_names=["input_ids", "attention_mask"],
    )


def make_model(vocabulary: int) -> DistilBertForSequenceClassification:
    """Three layers of width 128: most of the weights are the word vectors."""
    return DistilBertForSequenceClassification(
        DistilBertConfig(
            vocab_size=vocabulary,
            dim=128,
            hidden_dim=384,
            n_layers=3,
            n_heads=4,
            max_position_embeddings=128,
            pad_token_id=0,
            dropout=0.1,
            seq_classif_dropout=0.2,
            id2label={0: "NEGATIVE", 1: "POSITIVE"},
            label2id={"NEGATIVE": 0, "POSITIVE": 1},
        )
    )


def train(out: Path, steps: int, seed: int = 0, resume: Path | None = None) -> float:
    """Generate, train, save; the loss of the last stretch. Every step sees new sentences."""
    torch.manual_seed(seed)
    if resume:
        tokenizer = PreTrainedTokenizerFast.from_pretrained(resume)
        model = DistilBertForSequenceClassification.from_pretrained(resume, dtype=torch.float32)
    else:
        tokenizer = make_tokenizer(seed, texts=60_000 if steps > 50 else 1_000)
        model = make_model(len(tokenizer))
    examples = stream(seed)

    def loss_at(_: int) -> torch.Tensor:
        texts, labels = zip(*itertools.islice(examples, BATCH), strict=True)
        batch = tokenizer(list(texts), padding=True, truncation=True, max_length=LENGTH, return_tensors="pt")
        # words lost at random: the verdict must not hang on one of them, and unknown words must not sway it
        lost = (torch.rand(batch["input_ids"].shape) < 0.04) & (batch["input_ids"] > 4)
        batch["input_ids"][lost] = torch.randint(4, len(tokenizer), (int(lost.sum()),))
        logits = model(**batch).logits
        return torch.nn.functional.cross_entropy(logits, torch.tensor(labels), label_smoothing=0.05)

    loss = training.fit(model, loss_at, steps=steps, rate=1e-3, every=250 if steps > 50 else 5)
    training.save(model, tokenizer, out)
    return loss


if __name__ == "__main__":
    asked = training.arguments(Path(__file__).parent, default_steps=3_000)
    train(asked.out, asked.steps, asked.seed, asked.resume)
