"""Train the embedding starter: `python -m mc_jupyter.starters.embedding.train [--out DIR] [--steps N]`."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from mc_jupyter.starters import training
from mc_jupyter.starters.embedding.corpus import stream

BATCH, TEMPERATURE = 64, 0.07
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
#: what sentence-transformers reads next to the model: take the mean of the tokens, then give it length one
MODULES = [
    {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
    {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
    {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"},
]


def make_tokenizer(seed: int, pairs: int) -> PreTrainedTokenizerFast:
    """A lower-casing WordPiece tokenizer whose vocabulary is learned from the corpus."""
    core = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    core.normalizer = normalizers.BertNormalizer(lowercase=True)
    core.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    core.decoder = decoders.WordPiece()
    trainer = trainers.WordPieceTrainer(vocab_size=5000, special_tokens=SPECIAL, show_progress=False)
    drawn = itertools.islice(stream(seed + 1), pairs)
    core.train_from_iterator((text for pair in drawn for text in (pair.sentence, pair.paraphrase)), trainer)
    core.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
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


def make_model(vocabulary: int) -> BertModel:
    """Three layers of width 128, no pooler: the sentence vector is the mean over the tokens."""
    return BertModel(
        BertConfig(
            vocab_size=vocabulary,
            hidden_size=128,
            num_hidden_layers=3,
            num_attention_heads=4,
            intermediate_size=384,
            max_position_embeddings=128,
            pad_token_id=0,
            hidden_dropout_prob=0.1,
            attention_probs_dropout_prob=0.1,
        ),
        add_pooling_layer=False,
    )


def embed(model: BertModel, tokenizer: PreTrainedTokenizerFast, texts: list[str]) -> torch.Tensor:
    """Unit vectors (texts, 128): the mean of the last hidden states over the real tokens."""
    batch = tokenizer(texts, padding=True, truncation=True, max_length=64, return_tensors="pt")
    hidden = model(**batch).last_hidden_state
    mask = batch["attention_mask"].unsqueeze(-1)
    return torch.nn.functional.normalize((hidden * mask).sum(1) / mask.sum(1), dim=-1)


def train(out: Path, steps: int, seed: int = 0) -> float:
    """Generate, train, save; the loss of the last stretch. Every step sees new pairs.

    The loss is InfoNCE: a sentence must pick its paraphrase among all paraphrases and lookalikes of the batch.
    """
    torch.manual_seed(seed)
    tokenizer = make_tokenizer(seed, pairs=60_000 if steps > 50 else 1_000)
    model = make_model(len(tokenizer))
    pairs = stream(seed)

    def loss_at(_: int) -> torch.Tensor:
        drawn = list(itertools.islice(pairs, BATCH))
        texts = [p.sentence for p in drawn] + [p.paraphrase for p in drawn] + [p.lookalike for p in drawn]
        with torch.autocast("cpu", torch.bfloat16):
            vectors = embed(model, tokenizer, texts).float()
        scores = vectors[:BATCH] @ vectors[BATCH:].T / TEMPERATURE
        return torch.nn.functional.cross_entropy(scores, torch.arange(BATCH))

    loss = training.fit(model, loss_at, steps=steps, rate=1.5e-3, every=50 if steps > 50 else 5)
    training.save(model, tokenizer, out)
    save_modules(out)
    return loss


def save_modules(out: Path) -> None:
    """The small files by which `SentenceTransformer(folder)` knows how to pool."""
    pooling = {"word_embedding_dimension": 128, "pooling_mode_mean_tokens": True, "pooling_mode_cls_token": False}
    files = {
        "modules.json": MODULES,
        "1_Pooling/config.json": pooling,
        "sentence_bert_config.json": {"max_seq_length": 128, "do_lower_case": False},
        "config_sentence_transformers.json": {
            "similarity_fn_name": "cosine",
            "prompts": {},
            "default_prompt_name": None,
        },
    }
    for name, content in files.items():
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_text(json.dumps(content, indent=2) + "\n")


if __name__ == "__main__":
    asked = training.arguments(Path(__file__).parent, default_steps=700)
    train(asked.out, asked.steps, asked.seed)
