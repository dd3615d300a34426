"""Patterns of adapters' configs: what PEFT takes them for, and never without end."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

import mc_jupyter as mc
from mc_jupyter.drivers._lora import patterns
from mc_jupyter.drivers._lora.patterns import Patterns
from mc_jupyter.errors import PlanError
from tests import adapters
from tests.conftest import cell

PATHS = [f"model.layers.{n}.{part}_proj" for n in (0, 1, 10) for part in ("self_attn.q", "self_attn.v", "mlp.down")]
ENDLESS = "(model|m.*)*(\\w|\\w\\w|.)*!"


@pytest.mark.parametrize(
    "pattern",
    [
        "q_proj",
        "layers.1.self_attn.q_proj",
        "^model.layers.1.self_attn.q_proj",
        "^layers.1.self_attn.q_proj",
        "q_proj$",
        "self_attn",
        "1.*",
        r"layers\.\d+\.mlp\.(down|up)_proj",
        "(.*)",
        "",
    ],
)
def test_a_rank_goes_to_the_modules_that_peft_gives_it_to(pattern: str) -> None:
    from peft.utils.other import get_pattern_key

    ours = Patterns("a").settled({"rank_pattern": {pattern: 3, "down_proj": 5}}, PATHS)["rank_pattern"]
    given = {pattern: 3, "down_proj": 5}
    assert [ours.get(path, 8) for path in PATHS] == [given.get(get_pattern_key(given, path), 8) for path in PATHS]
    assert [ours.get(get_pattern_key(ours.keys(), path), 8) for path in PATHS] == [ours.get(p, 8) for p in PATHS]


@pytest.mark.parametrize(
    "pattern", [r".*\.(q|v)_proj", "(?i).*Q_PROJ", "q_proj", r"model\.layers\.(?!1\.).*down_proj", "a|.*v_proj"]
)
def test_a_pattern_targets_what_peft_targets(pattern: str) -> None:
    from peft import LoraConfig
    from peft.tuners.tuners_utils import check_target_module_exists

    ours = Patterns("a").settled({"target_modules": pattern}, PATHS)["target_modules"]
    theirs = LoraConfig(target_modules=pattern)
    assert ours == [path for path in PATHS if check_target_module_exists(theirs, path)]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"target_modules": ENDLESS}, "takes more than 0.3 s"),
        ({"exclude_modules": ENDLESS}, "takes more than 0.3 s"),
        ({"rank_pattern": {ENDLESS: 4}}, "takes more than 0.3 s"),
        ({"alpha_pattern": {"(": 4}}, "is no regular expression"),
        ({"layers_pattern": [ENDLESS], "layers_to_transform": [1]}, "is more than a name"),
        ({"target_modules": "q" * 5000}, "is longer than 1000 letters"),
        ({"r": 10**9}, "says rank 1000000000, and the largest of its matrices is 4"),
        ({"rank_pattern": {"q_proj": 10**9}}, "says rank 1000000000"),
    ],
)
def test_what_would_not_end_is_refused_and_the_base_is_as_it_was(
    said: dict[str, Any], why: str, llama: Path, tmp_path: Path, session: mc.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patterns, "SECONDS", 0.3)
    greedy = "action: {text: ${input.text}, do_sample: false, max_output_length: 4}"
    alone = session.load(cell("text-generation", llama, greedy), "alone")
    before = alone("the fox").token_ids
    folder = adapters.lora(tmp_path / "lora", llama)
    file = folder / "adapter_config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **said}))
    began = time.perf_counter()
    with pytest.raises(PlanError, match=why) as caught:
        session.load(cell("text-generation", llama, f"peft_adapters: [{{name: one, model: {folder}}}]", greedy))
    assert time.perf_counter() - began < 10
    assert "line 5: " in str(caught.value)
    assert alone("the fox").token_ids == before


def test_thousands_of_patterns_are_looked_up_and_not_matched() -> None:
    many = {f"layers.{n}.q_proj": n for n in range(20_000)}
    began = time.perf_counter()
    found = Patterns("a").settled({"rank_pattern": many}, PATHS)["rank_pattern"]
    assert time.perf_counter() - began < 2
    assert found == {}


def test_an_adapter_with_a_pattern_is_laid(llama: Path, tmp_path: Path, session: mc.Session) -> None:
    folder = adapters.lora(
        tmp_path / "lora", llama, targets=r".*\.(q|v)_proj", rank_pattern={r"layers\.\d\..*v_proj": 2}
    )
    made = session.load(cell("text-generation", llama, f"peft_adapters: [{{name: one, model: {folder}}}]"))
    (_, _, facts), *_ = session.resident_of(made).thing.adapters_of(made.planned)
    assert (facts.modules, facts.ranks) == (4, (2, 4))
