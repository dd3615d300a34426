"""What changing a loaded model costs, against loading it again: an adapter's weight, a second component, a cast."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests import adapters, models
from tests.bench.generation import SIZES
from tests.bench.measure import Row, in_turns

ROUNDS = 11
# About 90 million parameters: loading is work, and a laptop has room for two.
LARGE: dict[str, Any] = {**SIZES, "hidden_size": 1024, "intermediate_size": 2816, "num_hidden_layers": 7}
CELL = """
component:
  type: model
  task: text-generation
  model: {folder}
  device: cpu
  precision: {precision}
  peft_adapters: [{{name: style, model: {style}, weight: {weight}}}]
"""


def rows(rounds: int = ROUNDS) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as made:
        folder = models.llama(Path(made) / "base", **LARGE)
        style = adapters.lora(Path(made) / "style", folder, rank=16, targets=("q_proj", "k_proj", "v_proj", "o_proj"))

        def document(weight: float = 1.0, precision: str = "float32") -> str:
            return CELL.format(folder=folder, style=style, weight=weight, precision=precision)

        yield from _weight(document, rounds)
        yield from _second_component(document, rounds)
        yield from _cast(document, rounds)


def _weight(document: Any, rounds: int) -> Iterator[Row]:
    import mc_jupyter as mc

    with mc.Session() as session:
        session.load(document(), "story")
        weights = iter(range(1, 10**6))

        def change() -> None:
            handle = session.handles["story"]
            handle.set({"adapters.style": 1 / next(weights)})
            handle.adapters()  # the layers are set, and read back

        def reload() -> None:
            session.unload("story")
            session.load(document(1 / next(weights)), "story")

        change()
        reload()
        times = in_turns(rounds, change=change, reload=reload)
    yield Row(
        "another weight of an adapter, text spliced and layers read back; peer: loading again",
        f"{times.median('change') * 1e3:.1f} ms", f"{times.median('reload') * 1e3:.0f} ms",
        f"{times.ratio('reload', 'change'):.0f}× faster", "≤ 10 ms", times.median("change") <= 0.010,
    )  # fmt: skip


def _second_component(document: Any, rounds: int) -> Iterator[Row]:
    import mc_jupyter as mc

    with mc.Session() as session:

        def first() -> None:
            session.unload()
            session.load(document(), "first")

        def second() -> None:
            if "second" in session.handles:
                session.unload("second")
            session.load(document(0.5), "second")

        first()
        second()
        times = in_turns(rounds, first=first, second=second)
        first()
        second()
        one = session.residents()[0].bytes
        both = sum(row.bytes for row in session.residents())
    yield Row(
        "a second component on the same base and adapter; peer: the first",
        f"{times.median('second') * 1e3:.1f} ms", f"{times.median('first') * 1e3:.0f} ms",
        f"{times.ratio('first', 'second'):.0f}× faster",
    )  # fmt: skip
    yield Row(
        "memory of both; peer: of one", f"{both / 1e6:.0f} MB", f"{one / 1e6:.0f} MB", f"{both / one:.2f}×", "≤ 1.05×",
        both <= 1.05 * one,
    )  # fmt: skip


def _cast(document: Any, rounds: int) -> Iterator[Row]:
    import mc_jupyter as mc

    def bare(precision: str) -> str:
        text: str = document(precision=precision)
        return text.partition("  peft_adapters")[0]

    with mc.Session() as session:

        def cast() -> float:
            handle = session.load(bare("float32"), "story")
            start = time.perf_counter()
            assert handle.set(precision="bfloat16").effect.step == "cast"
            return time.perf_counter() - start

        def fresh() -> float:
            session.unload("story")
            start = time.perf_counter()
            session.load(bare("bfloat16"), "story")
            return time.perf_counter() - start

        cast(), fresh()
        pairs = [(cast(), fresh()) for _ in range(rounds)]
    ours, peer = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratio = statistics.median(b / a for a, b in pairs)
    yield Row(
        "float32 to bfloat16 in place; peer: loading it so", f"{ours * 1e3:.0f} ms", f"{peer * 1e3:.0f} ms",
        f"{ratio:.1f}× faster",
    )  # fmt: skip
