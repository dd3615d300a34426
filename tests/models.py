"""Small models made here, with random weights: real architectures, real files, loaded by the ordinary code.

Random weights prove plumbing: what we give is compared with what the library gives when it is called directly.
"""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

CORPUS = [
    "the little fox ran over the green hill and saw a bright red ball under the old tree",
    "once upon a time there was a brave cat who wanted to learn how to swim in the sea",
    "what a lovely day it is to read a good book in the garden and drink some cold tea",
    "numbers such as 1 2 3 4 5 6 7 8 9 and names such as Anna Ben Carl and Dora are words too",
] * 8

CHAT_TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def byte_tokenizer(template: str | None = None, **settings: Any) -> Any:
    """A byte-level BPE: any text goes in and comes out whole."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    specials = ["<s>", "</s>", "<pad>", "<|im_start|>", "<|im_end|>"]
    core.train_from_iterator(
        CORPUS,
        trainers.BpeTrainer(
            vocab_size=512,
            special_tokens=specials,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    names = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "model_max_length": 256, **settings}
    made = PreTrainedTokenizerFast(tokenizer_object=core, **names)
    made.chat_template = template
    return made


def with_words(tokenizer: Any, size: int) -> Any:
    """The tokenizer with made-up words that no text has, so that there are that many."""
    from tokenizers import Tokenizer

    written = json.loads(tokenizer.backend_tokenizer.to_str())
    written["model"]["vocab"] |= {f"<made up {i}>": i for i in range(len(tokenizer), size)}
    made = type(tokenizer)(
        tokenizer_object=Tokenizer.from_str(json.dumps(written)),
        model_max_length=tokenizer.model_max_length,
        **tokenizer.special_tokens_map,
    )
    made.chat_template = tokenizer.chat_template
    return made


def word_tokenizer(max_length: int = 64) -> Any:
    """A WordPiece tokenizer with [CLS] and [SEP]."""
    from transformers import BertTokenizer

    letters = [chr(c) for c in range(33, 127) if not chr(c).isupper()]
    words = sorted({word.lower() for line in CORPUS for word in line.split()})
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{c}" for c in letters), *words]
    return BertTokenizer(vocab={piece: i for i, piece in enumerate(dict.fromkeys(pieces))}, model_max_length=max_length)


def large_vocabulary(kind: str, size: int) -> Any:
    """A tokenizer of that many made-up words: `BPE`, `Unigram` or `WordPiece`."""
    import random

    from tokenizers import Tokenizer, models

    dice = random.Random(0)
    letters = "etaoinshrdlucmfwypvbgkjqxz"
    if kind == "BPE":
        words, merges = list(letters), []
        known = set(words)
        while len(words) < size:
            first, second = dice.choice(words[:3000]), dice.choice(words[:3000])
            if len(first + second) <= 12 and first + second not in known:
                known.add(first + second)
                words.append(first + second)
                merges.append((first, second))
        return Tokenizer(models.BPE(vocab={word: n for n, word in enumerate(words)}, merges=merges))
    made = sorted({"".join(dice.choices(letters, k=dice.randint(4, 9))) for _ in range(size)})
    if kind == "Unigram":
        return Tokenizer(
            models.Unigram([("<unk>", 0.0), *((f"▁{word}", -10 * dice.random()) for word in made)], unk_id=0)
        )
    vocabulary = {word: n for n, word in enumerate(["[UNK]", *made])}
    return Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))


def llama(folder: Path, *, template: str | None = CHAT_TEMPLATE, window: int = 256, **config: Any) -> Path:
    """A causal language model of 120 000 parameters."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    tokenizer = byte_tokenizer(template, model_max_length=window)
    if config.get("vocab_size", 0) > len(tokenizer):  # as many words as rows: else the two are no one's model
        tokenizer = with_words(tokenizer, config["vocab_size"])
    sizes = {
        "vocab_size": len(tokenizer),
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": window,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
        # Random weights of the usual size give nearly even odds; larger ones give texts that differ.
        "initializer_range": 0.3,
    }
    LlamaForCausalLM(LlamaConfig(**{**sizes, **config})).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def reciter(folder: Path, tokenizer: Any, tokens: list[int], **config: Any) -> Path:
    """A causal language model that says these tokens by heart: each is decided by the one before it alone."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    sizes = {
        "vocab_size": len(tokenizer), "hidden_size": 64, "intermediate_size": 64, "num_hidden_layers": 1,
        "num_attention_heads": 2, "bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id, "max_position_embeddings": 256, "tie_word_embeddings": False,
    }  # fmt: skip
    model = LlamaForCausalLM(LlamaConfig(**{**sizes, **config}))
    layer = model.model.layers[0]
    with torch.no_grad():
        for weight in (model.model.embed_tokens, model.lm_head, layer.self_attn.o_proj, layer.mlp.down_proj):
            weight.weight.zero_()
        for place, (now, then) in enumerate(itertools.pairwise(tokens)):
            model.model.embed_tokens.weight[now, place] = 1.0
            model.lm_head.weight[then, place] = 9.0
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def large_llama(folder: Path, **config: Any) -> Path:
    """A causal language model of 12 million parameters: so many that its embeddings are little of it."""
    sizes = {
        "hidden_size": 512,
        "intermediate_size": 1408,
        "num_hidden_layers": 4,
        "num_attention_heads": 8,
        "num_key_value_heads": 4,
        "initializer_range": 0.1,
    }
    return llama(folder, **{**sizes, **config})


LARGE_BERT: dict[str, Any] = {
    "hidden_size": 512,
    "intermediate_size": 1024,
    "num_hidden_layers": 5,
    "num_attention_heads": 8,
    "initializer_range": 0.05,
}
"""Makes `classifier` and `encoder` 11 million parameters large."""


def gpt2(folder: Path, **config: Any) -> Path:
    """A causal language model whose linear layers are transformers' own Conv1D, and whose output is its embedding."""
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    tokenizer = byte_tokenizer()
    made = GPT2Config(
        vocab_size=len(tokenizer), n_positions=256, initializer_range=0.2, bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
        **{"n_embd": 64, "n_layer": 2, "n_head": 4, **config},
    )  # fmt: skip
    GPT2LMHeadModel(made).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def t5(folder: Path, **config: Any) -> Path:
    """An encoder-decoder."""
    import torch
    from transformers import T5Config, T5ForConditionalGeneration

    torch.manual_seed(0)
    tokenizer = byte_tokenizer()
    made = T5Config(
        pad_token_id=tokenizer.pad_token_id, eos_token_id=tokenizer.eos_token_id,
        decoder_start_token_id=tokenizer.pad_token_id,
        **{"vocab_size": len(tokenizer), "d_model": 32, "d_kv": 8, "d_ff": 64, "num_layers": 2, "num_heads": 4, **config},
    )  # fmt: skip
    T5ForConditionalGeneration(made).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def classifier(folder: Path, *, labels: tuple[str, ...] = ("NEGATIVE", "POSITIVE"), **config: Any) -> Path:
    """A BERT that tells classes apart (at random)."""
    import torch
    from transformers import BertForSequenceClassification

    torch.manual_seed(0)
    tokenizer = word_tokenizer()
    names = dict(enumerate(labels))
    made = _bert_config(tokenizer, id2label=names, label2id={v: k for k, v in names.items()}, **config)
    BertForSequenceClassification(made).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def encoder(folder: Path, **config: Any) -> Path:
    """A BERT that gives token vectors."""
    import torch
    from transformers import BertModel

    torch.manual_seed(0)
    tokenizer = word_tokenizer()
    BertModel(_bert_config(tokenizer, **config)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def _bert_config(tokenizer: Any, **config: Any) -> Any:
    from transformers import BertConfig

    sizes = {
        "vocab_size": len(tokenizer),
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "max_position_embeddings": 64,
        "initializer_range": 0.2,
        "pad_token_id": tokenizer.pad_token_id,
    }
    return BertConfig(**{**sizes, **config})
