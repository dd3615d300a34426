"""Adapters: LoRA folders with changed, damaged and hostile files, laid over a model that stays loaded, and as it was."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from random import Random
from typing import Any

import mc_jupyter as mc
from tests import adapters, models
from tests.fuzz import files, mutation
from tests.fuzz.files import Files
from tests.fuzz.kind import Kind

_BASE: dict[str, Any] = {
    "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 1, "num_key_value_heads": 1,
}  # fmt: skip
_ADAPTERS: dict[str, dict[str, Any]] = {
    "plain": {"rank": 2},
    "all linear": {"targets": "all-linear", "rank": 2},
    "pattern": {"targets": r".*\.(q|v)_proj", "rank": 2, "rslora": True},
    "embedding": {"targets": ("embed_tokens", "q_proj"), "rank": 2},
    "head": {"modules_to_save": ["lm_head"], "rank": 2},
    "biases": {"lora_bias": True, "bias": "all", "rank": 2},
    "ranks": {"rank_pattern": {"q_proj": 4}, "alpha_pattern": {"q_proj": 1}, "rank": 2},
}
_TARGETS: tuple[Any, ...] = (
    "(a+)+$", "(.*)*x", r"(\w+\s?)*$", "(((.*)*)*)*", "[", "", ".*", "all-linear", [], ["q_proj"] * 10_000, ["nothing"], [3], {"q_proj": 1}, None, 3, "(?P<a>", "a{99999}",
)  # fmt: skip


@dataclass(frozen=True)
class Case:
    """Adapters' files, each with its weight."""

    laid: tuple[tuple[str, Any, Files], ...] = field(repr=False)
    line: str


class Adapters(Kind):
    """One or two adapters over a small llama; afterwards its answer is the one that it gave before."""

    seconds = 20.0
    quiet = False

    def __init__(self, folder: Path):
        super().__init__(folder)
        self.base = folder / "base"
        if not (self.base / "whole").is_file():
            models.llama(self.base, **_BASE)
            for name, options in _ADAPTERS.items():
                adapters.lora(folder / name, self.base, **options)
            (self.base / "whole").touch()
        self.session = mc.Session()
        self.kept = self.session.load(self._text(()), "kept")
        self.session.pin("kept")
        self.first = str(self.kept("hello"))

    def _text(self, laid: tuple[tuple[Path, Any], ...], line: str = "") -> str:
        listed = "".join(
            f"    - {{type: lora, name: a{i}, model: {{provider: local, path: {str(path)!r}}}, weight: {weight}}}\n"
            for i, (path, weight) in enumerate(laid)
        )
        head = f"component:\n  type: model\n  task: text-generation\n  model: {self.base}\n  max_output_length: 4\n  do_sample: false\n"
        return head + (f"  peft_adapters:\n{listed}" if laid else "") + (f"  {line}\n" if line else "")

    @cached_property
    def seeds(self) -> dict[str, Files]:
        return {name: files.read(self.folder / name) for name in _ADAPTERS}

    @cached_property
    def others(self) -> Files:
        return {
            **{f"{name}/{file}": data for name, each in self.seeds.items() for file, data in each.items()},
            **files.read(self.base),
        }

    def make(self, dice: Random) -> Case:
        laid = []
        for _ in range(dice.choice((1, 1, 1, 2))):
            seed = dice.choice(tuple(_ADAPTERS))
            made = dict(self.seeds[seed])
            if dice.random() < 0.15:
                config = made["adapter_config.json"]
                assert isinstance(config, bytes)
                made["adapter_config.json"] = _targeted(dice, config)
            else:
                made = files.mutated(dice, made, self.others)
            laid.append((seed, dice.choice((1, 0.5, 0, -1, 1e30, ".nan", "${input.w | 1}")), made))
        return Case(
            tuple(laid), dice.choice(("", "", "", "allow_pickle: true", "preload: false", "quantization: int8"))
        )

    def attempt(self, case: Case) -> str:
        places = []
        for i, (_, weight, made) in enumerate(case.laid):
            files.write(self.folder / f"laid{i}", made)
            places.append((self.folder / f"laid{i}", weight))
        text = self._text(tuple(places), case.line)
        try:
            handle = self.session.load(text, "fuzzed")
            shown = [repr(handle), repr(handle.card()), repr(handle("hello")), repr(handle.adapters())]
            return "\n".join(shown)
        finally:
            self._leave()

    def _leave(self) -> None:
        """The next case finds the base alone, and it says what it said at first."""
        if "fuzzed" in self.session.handles:
            self.session.load("component: {type: model, task: text-generation, driver: echo}", "fuzzed")
        if (now := str(self.kept("hello"))) != self.first:
            self.kept.unload()
            raise AssertionError(f"the base no longer says what it said: {now!r}, not {self.first!r}")

    def shown(self, case: Case) -> str:
        told = [f"{seed}, weight {weight}\n{files.told(made, self.seeds[seed])}" for seed, weight, made in case.laid]
        return "\n".join([case.line, *told])

    def close(self) -> None:
        self.session.close()


def _targeted(dice: Random, config: bytes) -> bytes:
    """The configuration with targets that are hostile patterns, or none."""
    import json

    tree = json.loads(config)
    where = dice.choice(
        (
            "target_modules",
            "target_modules",
            "exclude_modules",
            "modules_to_save",
            "layers_pattern",
            "rank_pattern",
            "alpha_pattern",
            "trainable_token_indices",
        )
    )
    tree[where] = (
        dice.choice(_TARGETS)
        if not where.endswith("_pattern")
        else {dice.choice(("(a+)+$", "q_proj", "(.*)*x")): mutation.odd(dice)}
    )
    return json.dumps(tree).encode()
