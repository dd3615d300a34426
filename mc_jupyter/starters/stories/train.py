"""Train the story starter: `python -m mc_jupyter.starters.stories.train [--out DIR] [--steps N]`."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from mc_jupyter.starters import training
from mc_jupyter.starters.stories.corpus import Message, stream

BATCH, LENGTH = 16, 256
SPECIAL = ["<s>", "</s>", "<pad>", "<|im_start|>", "<|im_end|>"]
CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def render(document: str | list[Message]) -> str:
    """A document as the model reads it, less its first `<s>`: a story ends with `</s>`, a message with `<|im_end|>`."""
    if isinstance(document, str):
        return f"{document}</s>"
    return "".join(f"<|im_start|>{message['role']}\n{message['content']}<|im_end|>\n" for message in document)


def make_tokenizer(seed: int, documents: int) -> PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer learned from the corpus; every byte is in it, so any text round-trips."""
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=2048, special_tokens=SPECIAL, initial_alphabet=alphabet, show_progress=False
    )
    texts = (render(document) for document in itertools.islice(stream(seed + 1), documents))
    core.train_from_iterator(
        (text.replace("</s>", "").replace("<|im_end|>", "").replace("<|im_start|>", "") for text in texts), trainer
    )
    core.post_processor = processors.TemplateProcessing(single="<s> $A", pair="<s> $A $B", special_tokens=[("<s>", 0)])
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=core,
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        model_max_length=512,
        extra_special_tokens=["<|im_start|>", "<|im_end|>"],
        clean_up_tokenization_spaces=False,
        model_input_names=["input_ids", "attention_mask"],
    )
    tokenizer.chat_template = CHAT_TEMPLATE
    return tokenizer


def make_model(vocabulary: int) -> LlamaForCausalLM:
    """Four layers of width 192; widths divide by 64, which 4-bit quantization asks for."""
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=vocabulary,
            hidden_size=192,
            intermediate_size=448,
            num_hidden_layers=4,
            num_attention_heads=6,
            num_key_value_heads=2,
            head_dim=32,
            max_position_embeddings=512,
            tie_word_embeddings=True,
            bos_token_id=0,
            eos_token_id=[1, 4],
            pad_token_id=2,
        )
    )
    model.generation_config = GenerationConfig(bos_token_id=0, eos_token_id=[1, 4], pad_token_id=2)
    return model


def packed(tokenizer: PreTrainedTokenizerFast, seed: int) -> Iterator[torch.Tensor]:
    """Batches of token ids (BATCH, LENGTH): documents one after the other, cut where a row is full.

    Every document starts with `<s>`, but half of the conversations leave it out: `apply_chat_template` adds none,
    while text rendered first and tokenized later gets one, and the model should answer either.
    """
    generator = torch.Generator().manual_seed(seed)
    ids: list[int] = []
    documents = stream(seed)
    while True:
        while len(ids) < BATCH * LENGTH:
            batch = list(itertools.islice(documents, 64))
            encoded = tokenizer([render(document) for document in batch], add_special_tokens=False)["input_ids"]
            for document, row in zip(batch, encoded, strict=True):
                bare = isinstance(document, list) and torch.rand(1, generator=generator).item() < 0.5
                ids += row if bare else [0, *row]
        yield torch.tensor(ids[: BATCH * LENGTH]).view(BATCH, LENGTH)
        ids = ids[BATCH * LENGTH :]


def train(out: Path, steps: int, seed: int = 0, resume: Path | None = None) -> float:
    """Generate, train, save; the loss of the last stretch. Every step sees new documents."""
    torch.manual_seed(seed)
    if resume:
        tokenizer = PreTrainedTokenizerFast.from_pretrained(resume)
        model = LlamaForCausalLM.from_pretrained(resume, dtype=torch.float32)
    else:
        tokenizer = make_tokenizer(seed, documents=20_000 if steps > 50 else 500)
        model = make_model(len(tokenizer))
    print(f"{model.num_parameters():,} parameters, {len(tokenizer)} tokens")
    batches = packed(tokenizer, seed)

    def loss_at(_: int) -> torch.Tensor:
        ids = next(batches)
        with torch.autocast("cpu", torch.bfloat16):
            logits = model(input_ids=ids, use_cache=False).logits[:, :-1]
        return torch.nn.functional.cross_entropy(logits.float().reshape(-1, logits.shape[-1]), ids[:, 1:].reshape(-1))

    loss = training.fit(
        model, loss_at, steps=steps, rate=2e-3 if resume else 4e-3, betas=(0.9, 0.95), every=100 if steps > 50 else 5
    )
    training.save(model, tokenizer, out)
    return loss


if __name__ == "__main__":
    asked = training.arguments(Path(__file__).parent, default_steps=2_600)
    train(asked.out, asked.steps, asked.seed, asked.resume)
