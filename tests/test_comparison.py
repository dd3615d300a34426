"""mc_jupyter.comparison: variants run one after another, and nothing of them stays."""

from __future__ import annotations

import gc
import os
import signal
import sys
import types
import weakref
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import mc_jupyter as mc
from mc_jupyter import comparison, devices
from mc_jupyter.comparison import peaks
from mc_jupyter.comparison.agreement import agreement
from mc_jupyter.drivers.transformers import Transformers
from mc_jupyter.errors import InputError, UnknownName
from mc_jupyter.events import Advance, Done, Event, Note, Phase, Run
from mc_jupyter.values import Batch, Embedding, Faces, Label, Text
from mc_jupyter.values.pictures import origin
from tests import adapters, models, upscalers
from tests.conftest import cell

GREEDY = "params: {max_output_length: 6, temperature: 0}"
FREE = "params: {max_output_length: 12, min_output_length: 12, temperature: 1.5}"
BOTH = ["float32", "bfloat16"]


def model_of(session: mc.Session, handle: Any) -> Any:
    resident: Any = session.resident_of(handle)
    assert resident is not None
    return resident.thing.driver.model


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer calls of each variant than a reader would want."""
    monkeypatch.setattr(comparison, "REPEAT_FOR", 0.05)


@pytest.fixture
def story(session: mc.Session, llama: Path) -> mc.Handle:
    return session.load(cell("text-generation", llama, GREEDY), "story")


class TestRows:
    def test_rows_come_in_the_order_of_the_grid_and_say_what_they_set(self, story: mc.Handle) -> None:
        found = story.compare({"precision": BOTH, "temperature": [0, 1]}, "the fox")
        pairs = [(p, t) for p in BOTH for t in (0, 1)]
        assert [tuple(r["settings"].values()) for r in found] == pairs
        assert found.fields == ("precision", "temperature")
        assert [r["error"] for r in found] == [None] * 4

    def test_a_row_says_what_the_loaded_model_really_is(self, story: mc.Handle) -> None:
        found = story.compare({"precision": BOTH}, text="the fox")
        assert [r["dtype"] for r in found] == BOTH
        assert [r["device"] for r in found] == ["cpu", "cpu"]
        assert [r["model_bytes"] for r in found] == [510_784, 255_392 + 32]
        assert all(r["error"] is None for r in found)

    def test_a_row_holds_the_answer_and_the_pace_of_it(self, story: mc.Handle, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(comparison, "REPEAT_FOR", 1.0)
        (row,) = story.compare({"precision": ["float32"]}, "the fox")
        assert row["output"] == story("the fox")
        assert row["calls"] > 1
        assert 0 < row["seconds_per_item"] < 1
        assert row["tokens_per_second"] == pytest.approx(6 / row["seconds_per_item"])

    def test_a_list_of_inputs_is_many_items(self, session: mc.Session, classifier: Path) -> None:
        handle = session.load(cell("text-classification", classifier), "mood")
        found = handle.compare({"precision": BOTH}, ["good", "bad", "so so"])
        assert [len(r["output"]) for r in found] == [3, 3]
        assert found[0]["tokens_per_second"] is None

    def test_the_output_is_shaped_as_the_cell_says(self, session: mc.Session, llama: Path) -> None:
        handle = session.load(cell("text-generation", llama, GREEDY, "output: {said: '${result}'}"), "a")
        (row,) = handle.compare({"precision": ["float32"]}, "the fox")
        assert list(row["output"]) == ["said"]
        assert row["agreement"] == 1.0

    def test_a_cell_that_streams_is_measured_whole(self, session: mc.Session, llama: Path) -> None:
        handle = session.load(cell("text-generation", llama, GREEDY, "streaming: true"), "a")
        (row,) = handle.compare({"precision": ["float32"]}, "the fox")
        assert isinstance(row["output"], str)

    def test_none_is_a_fields_default_and_a_single_value_stands_alone(self, story: mc.Handle) -> None:
        found = story.compare({"precision": [None, "bfloat16"], "max_output_length": 2}, "the fox")
        assert [(r["dtype"], r["output"].tokens) for r in found] == [("float32", 2), ("bfloat16", 2)]
        assert "default" in repr(found)

    @pytest.mark.skipif(sys.platform != "linux", reason="only Linux keeps a peak that can be set back")
    def test_the_peak_is_at_least_the_model(self, story: mc.Handle) -> None:
        found = story.compare({"precision": BOTH}, "the fox")
        for row in found:
            assert row["model_bytes"] <= row["peak_bytes"] < row["model_bytes"] + 200e6
        assert [r["peak_includes_loading"] for r in found] == [False, True]
        assert "peak memory is without loading where the model was there before" in found.notes

    def test_a_peak_that_cannot_be_read_is_none(self, story: mc.Handle, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(peaks, "_CLEAR", Path("/no/such/file"))
        found = story.compare({"precision": BOTH}, "the fox")
        assert [r["peak_bytes"] for r in found] == [None, None]
        assert "peak memory" not in repr(found).splitlines()[1]


@pytest.mark.slow
class TestModels:
    def test_every_model_is_loaded_once_and_the_one_that_is_there_is_used(
        self, session: mc.Session, story: mc.Handle
    ) -> None:
        model = model_of(session, story)
        found = story.compare({"temperature": [0, 1], "precision": ["bfloat16", "float32", "float16"]}, "the fox")
        assert session.loads == 1 + 2
        assert [r["loaded"] for r in found] == [True, False, True, False, False, False]
        assert [r["load_seconds"] > 0 for r in found] == [r["loaded"] for r in found]
        assert model_of(session, story) is model

    def test_the_handle_stays_as_it_was_and_nothing_else_stays(self, session: mc.Session, story: mc.Handle) -> None:
        definition = story.definition
        before = story("the fox")
        story.compare({"precision": BOTH}, "the fox")
        assert story.definition is definition
        assert list(session.handles) == ["story"]
        assert [row.names for row in session.residents()] == [("story",)]
        assert story("the fox") == before

    def test_variants_models_are_gone_and_records_keep_none(
        self, session: mc.Session, story: mc.Handle, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        seen: list[weakref.ref[Any]] = []
        load = Transformers.load

        def watched(*arguments: Any) -> Any:
            assert [ref for ref in seen if ref() is not None] == []  # the one before has gone by now
            made = load(*arguments)
            seen.append(weakref.ref(made.model))
            return made

        monkeypatch.setattr(Transformers, "load", watched)
        found = story.compare({"precision": ["bfloat16", "float16"]}, "the fox")
        gc.collect()
        assert [ref() for ref in seen] == [None, None]
        assert len(found) == 2

    def test_a_component_that_is_not_loaded_is_compared_and_stays_unloaded(
        self, session: mc.Session, llama: Path
    ) -> None:
        handle = session.load(cell("text-generation", llama, GREEDY, "preload: false", "keep_alive: 0"), "a")
        found = handle.compare({"precision": BOTH, "temperature": [None, 1]}, "the fox")
        assert session.loads == 2
        assert session.residents() == []
        assert any("first load" in remark for remark in found.notes)

    def test_another_weight_of_an_adapter_loads_nothing(self, session: mc.Session, llama: Path, tmp_path: Path) -> None:
        folder = adapters.lora(tmp_path / "lora", llama)
        lines = ("peft_adapters:", f"  - {{name: a, model: {folder}, weight: 1}}")
        handle = session.load(cell("text-generation", llama, GREEDY, *lines), "a")
        answer = handle("the fox")
        found = handle.compare({"adapters.a": [0, 0.5, 1]}, "the fox")
        assert session.loads == 1
        assert found[2]["output"] == answer
        assert found[0]["output"] != answer
        assert handle("the fox") == answer
        facts = handle.facts()
        assert facts is not None
        assert found[0]["model_bytes"] > facts.bytes
        assert [(plan.name, weight) for plan, weight, _ in handle.adapters()] == [("a", 1.0)]

    def test_quantized_variants_say_what_they_became(self, session: mc.Session) -> None:
        handle = session.load(cell("text-classification", "starter:sentiment"), "mood")
        found = handle.compare({"quantization": ["none", "int8"]}, "I love it")
        assert [r["quantization"].partition(" ")[0] for r in found] == ["none", "int8"]
        assert found[1]["model_bytes"] < found[0]["model_bytes"]
        assert found[1]["same"] is True
        assert 0 < found[1]["score_difference"] < 0.1

    def test_what_does_not_fit_is_a_row_and_idle_models_make_room(self, llama: Path) -> None:
        with mc.Session(memory={"cpu": 500_000}) as session:
            handle = session.load(cell("text-generation", llama, GREEDY, "precision: bfloat16"), "a")
            heard: list[Event] = []
            found = handle.compare({"precision": BOTH}, "the fox", run=Run(listener=heard.append))
            assert "does not fit" in found[0]["error"] or "needs" in found[0]["error"]
            assert found[1]["reference"] is True
            assert handle("the fox").tokens == 6

    def test_a_model_that_had_to_go_comes_back_with_its_next_call(self, llama: Path) -> None:
        with mc.Session(memory={"cpu": 700_000}) as session:
            handle = session.load(cell("text-generation", llama, GREEDY, "precision: bfloat16"), "a")
            heard: list[Event] = []
            found = handle.compare({"precision": BOTH}, "the fox", run=Run(listener=heard.append))
            assert [r["error"] for r in found] == [None, None]
            assert any(isinstance(e, Note) and "a: unloaded to make room" in e.text for e in heard)
            assert handle("the fox").tokens == 6


class TestAgreement:
    def test_equal_variants_agree_wholly(self, story: mc.Handle) -> None:
        first, second = story.compare({"precision": ["float32", "float32"]}, "the fox")
        assert (first["agreement"], first["same"], first["reference"]) == (1.0, True, True)
        assert (second["agreement"], second["same"], second["reference"]) == (1.0, True, False)

    def test_variants_that_draw_draw_with_one_seed(self, session: mc.Session, llama: Path) -> None:
        handle = session.load(cell("text-generation", llama, FREE), "a")
        found = handle.compare({"precision": ["float32"] * 3}, "the fox")
        assert {r["output"].seed for r in found} == {found.seed}
        assert [r["same"] for r in found] == [True] * 3
        assert f"seed {found.seed} for every variant" in found.notes
        assert handle.compare({"top_k": [5]}, "the fox", seed=4).seed == 4

    def test_pictures_that_are_drawn_are_drawn_with_one_seed(self, session: mc.Session) -> None:
        handle = session.load(cell("image-generation", "x", "num_images: 2", driver="echo"), "d")
        found = handle.compare({"num_inference_steps": [1, 2]}, "a fox")
        assert {origin(r["output"][0]).facts["seed"] for r in found} == {found.seed}
        assert f"seed {found.seed} for every variant" in found.notes
        assert handle.compare({"seed": [1, 2]}, "a fox").seed is None

    def test_no_seed_is_given_where_none_has_an_effect(self, session: mc.Session, tmp_path: Path) -> None:
        model = upscalers.compact(tmp_path / "x.safetensors")
        handle = session.load(cell("image-upscale", model), "up")
        found = handle.compare({"scale": [2, 4]}, Image.new("RGB", (8, 6)))
        assert [r["error"] for r in found] == [None, None]
        assert [r["output"].size for r in found] == [(16, 12), (32, 24)]
        assert found.seed is None
        assert "seed has no effect" in handle.compare({"scale": [2]}, Image.new("RGB", (8, 6)), seed=1)[0]["error"]

    def test_seeds_may_be_what_is_compared(self, session: mc.Session, llama: Path) -> None:
        handle = session.load(cell("text-generation", llama, FREE), "a")
        found = handle.compare({"seed": [1, 2, 1]}, "the fox")
        assert [r["output"].seed for r in found] == [1, 2, 1]
        assert found.seed is None
        assert [r["same"] for r in found] == [True, False, True]
        with pytest.raises(InputError, match="seed is given twice"):
            handle.compare({"seed": [1]}, "the fox", seed=3)

    def test_embeddings_agree_by_their_cosine(self, session: mc.Session, encoder: Path) -> None:
        handle = session.load(cell("text-embedding", encoder), "e")
        first, second = handle.compare({"precision": BOTH}, "the little fox")
        a, b = first["output"], second["output"]
        norms = sum(x * x for x in a) ** 0.5 * sum(x * x for x in b) ** 0.5
        assert second["agreement"] == pytest.approx(sum(x * y for x, y in zip(a, b, strict=True)) / norms)
        assert 0.99 < second["agreement"] < 1
        assert second["same"] is False

    def test_texts_agree_up_to_the_first_token_that_differs(self) -> None:
        one, other = Text("abcd", token_ids=(1, 2, 3, 4)), Text("abx", token_ids=(1, 2, 9))
        assert agreement(one, other).share == 0.5
        assert agreement(one, other).same is False
        assert agreement(one, other, same_tokens=False).share == 0.5  # of letters
        assert agreement(Text("", token_ids=()), Text("", token_ids=())).share == 1.0

    def test_pictures_agree_by_how_far_their_pixels_are_apart(self) -> None:
        from PIL import Image

        black, white = (Image.new("RGB", (4, 4), name) for name in ("black", "white"))
        half = black.copy()
        half.paste(white.crop((0, 0, 2, 4)))
        assert agreement(black, black.copy()).same is True
        assert agreement(black, black.copy()).share == 1.0
        assert agreement(black, half).share == pytest.approx(1 - 3 / 8)  # three of four bands, half of the pixels
        assert agreement(black, half).same is False
        assert agreement(black, black.resize((8, 8))).share is None

    def test_faces_agree_by_the_cosine_of_the_first(self) -> None:
        one, other = (Faces(faces=[{"embedding": vector}], width=1, height=1) for vector in ([3.0, 4.0], [3.0, -4.0]))
        assert agreement(one, other).share == pytest.approx(-7 / 25)
        assert agreement(one, Faces(faces=[], width=1, height=1)).share is None

    def test_labels_agree_by_name_and_by_score(self) -> None:
        one = Label(label="A", score=0.75, scores={"A": 0.75, "B": 0.25})
        other = Label(label="B", score=0.5, scores={"A": 0.5, "B": 0.5})
        found = agreement(one, other)
        assert (found.share, found.same, found.score_difference) == (0.0, False, 0.25)

    def test_lists_agree_on_average_and_others_not_at_all(self) -> None:
        a, b = Embedding([1.0, 0.0]), Embedding([0.0, 1.0])
        assert agreement(Batch([a, a]), Batch([a, b])).share == 0.5
        assert agreement(Batch([a, a]), Batch([a, b])).same is False
        for others in ((1, 1), (Batch([a]), Batch([])), (a, Embedding([0.0, 0.0])), (a, Text("x"))):
            assert agreement(*others).share is None


class TestFailures:
    @pytest.mark.skipif(any(d.kind == "cuda" for d in devices.devices()), reason="this machine has CUDA")
    def test_a_variant_that_cannot_be_had_is_a_row_with_its_reason(self, session: mc.Session, story: mc.Handle) -> None:
        found = story.compare({"device": ["cuda", "cpu"]}, "the fox")
        assert "`device: cuda` is not on this machine" in found[0]["error"]
        assert found[0]["output"] is None
        assert found[1]["reference"] is True
        assert session.loads == 1
        assert "1 failed" in found.title

    def test_a_wrong_value_is_a_row_and_a_wrong_field_an_error_before_anything_runs(
        self, session: mc.Session, story: mc.Handle
    ) -> None:
        found = story.compare({"precision": ["float33", "float32"], "driver": [None, "no-such"]}, "the fox")
        assert [r["error"] is None for r in found] == [False, False, True, False]
        assert "float33" in found[0]["error"]
        heard: list[Event] = []
        run = Run(listener=heard.append)
        with pytest.raises(UnknownName, match="did you mean 'precision'"):
            story.compare({"precison": BOTH}, "the fox", run=run)
        with pytest.raises(UnknownName, match="no adapter 'a'"):
            story.compare({"adapters.a": [0, 1]}, "the fox", run=run)
        with pytest.raises(InputError, match="no input 'txt'"):
            story.compare({"precision": BOTH}, txt="the fox", run=run)
        with pytest.raises(InputError, match="has no values"):
            story.compare({"precision": []}, "the fox", run=run)
        with pytest.raises(InputError, match="nothing to compare"):
            story.compare({}, "the fox", run=run)
        with pytest.raises(InputError, match=r"story\.compare\(\{\"do_sample\": \[True, False\]\}, prompt='the fox'\)"):
            story.compare(do_sample=[True, False], prompt="the fox", run=run)
        with pytest.raises(InputError, match="the list of inputs is empty"):
            story.compare({"precision": BOTH}, [], run=run)
        assert heard == []
        assert session.loads == 1

    def test_an_error_of_the_engine_is_a_row_too(self, story: mc.Handle, monkeypatch: pytest.MonkeyPatch) -> None:
        load = Transformers.load

        def failing(plan: Any, *arguments: Any) -> Any:
            if plan.dtype == "bfloat16":
                raise ValueError("no such luck\nat all")
            return load(plan, *arguments)

        monkeypatch.setattr(Transformers, "load", failing)
        found = story.compare({"precision": ["bfloat16", "float16"]}, "the fox")
        assert found[0]["error"].endswith("no such luck at all")
        assert found[1]["reference"] is True


class TestInterrupts:
    @pytest.fixture
    def interrupting(self, monkeypatch: pytest.MonkeyPatch) -> Any:
        """A signal, as the front-end's stop button sends it, in a call of the model with this precision."""
        perform = Transformers.perform

        def at(dtype: str, call_number: int = 1) -> None:
            calls = 0

            def performed(self: Any, task: Any, call: Any) -> Any:
                nonlocal calls
                calls += self.key.dtype == dtype
                if self.key.dtype == dtype and calls == call_number:
                    os.kill(os.getpid(), signal.SIGINT)
                return perform(self, task, call)

            monkeypatch.setattr(Transformers, "perform", performed)

        return at

    def test_an_interrupt_keeps_the_rows_there_are(
        self, session: mc.Session, story: mc.Handle, interrupting: Any
    ) -> None:
        interrupting("bfloat16")
        heard: list[Event] = []
        found = story.compare({"precision": [*BOTH, "float16"]}, "the fox", run=Run(listener=heard.append))
        assert [r["dtype"] for r in found] == ["float32"]
        assert found.interrupted
        assert "interrupted: 1 of 3 variants ran" in found.notes
        assert isinstance(heard[-1], Done)
        assert heard[-1].outcome == "interrupted"
        assert [row.names for row in session.residents()] == [("story",)]
        assert story("the fox").tokens == 6

    def test_an_interrupt_in_a_repetition_keeps_the_row(
        self, story: mc.Handle, interrupting: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(comparison, "REPEAT_FOR", 10.0)
        interrupting("float32", 2)
        found = story.compare({"precision": BOTH}, "the fox")
        assert [(r["dtype"], r["calls"]) for r in found] == [("float32", 1)]
        assert found.interrupted

    def test_pythons_own_interrupt_leaves_nothing_loaded(
        self, session: mc.Session, story: mc.Handle, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def interrupted(*arguments: Any) -> Any:
            raise KeyboardInterrupt

        monkeypatch.setattr(Transformers, "perform", interrupted)
        with pytest.raises(KeyboardInterrupt):
            story.compare({"precision": ["bfloat16"]}, "the fox")
        assert [row.names for row in session.residents()] == [("story",)]


class TestTelling:
    def test_a_run_says_which_variant_it_is_at(self, story: mc.Handle) -> None:
        heard: list[Event] = []
        story.compare({"precision": BOTH}, "the fox", run=Run(listener=heard.append))
        said = ["story with precision: float32", "story with precision: bfloat16"]
        assert [e.subject for e in heard if isinstance(e, Phase)] == said
        assert [(e.done, e.total, e.unit) for e in heard if isinstance(e, Advance)] == [
            (n, 2, "items") for n in range(3)
        ]

    def test_it_is_a_table_in_text(self, story: mc.Handle) -> None:
        lines = repr(story.compare({"precision": [*BOTH, "float33"]}, "the fox")).splitlines()
        assert lines[0] == "story: 3 variants, 1 failed"
        for heading in ("precision", "loaded as", "output", "load", "per item", "tokens/s", "agreement"):
            assert heading in lines[1]
        assert "float32 on cpu" in lines[3]
        assert "shared" in lines[3]
        assert "reference" in lines[3]
        assert "✗" in lines[5]

    def test_sorting_puts_the_best_first_and_what_failed_last(self, story: mc.Handle) -> None:
        found = story.compare({"precision": ["float33", *BOTH]}, "the fox")
        by = found.sorted("model_bytes")
        assert [r["dtype"] for r in by] == ["bfloat16", "float32", None]
        assert [r["dtype"] for r in found.sorted("model_bytes", reverse=True)] == ["float32", "bfloat16", None]
        rates = [r["tokens_per_second"] for r in found.sorted("tokens_per_second")][:2]
        assert rates == sorted(rates, reverse=True)
        assert [r["settings"]["precision"] for r in found.sorted("precision")] == ["bfloat16", "float32", "float33"]
        with pytest.raises(UnknownName, match="did you mean 'precision'"):
            found.sorted("precison")

    def test_without_pandas_the_line_to_paste_is_said(self, story: mc.Handle, monkeypatch: pytest.MonkeyPatch) -> None:
        found = story.compare({"precision": BOTH}, "the fox")
        monkeypatch.setitem(sys.modules, "pandas", None)
        with pytest.raises(ImportError, match="%pip install pandas"):
            found.to_dataframe()
        stand_in = types.SimpleNamespace(DataFrame=lambda rows: rows)
        monkeypatch.setitem(sys.modules, "pandas", stand_in)
        rows = found.to_dataframe()
        assert [row["settings.precision"] for row in rows] == BOTH
        assert rows[1]["dtype"] == "bfloat16"


@pytest.mark.gpu
def test_on_a_gpu_the_peak_is_torchs_own(session: mc.Session, llama: Path) -> None:
    if not any(d.kind == "cuda" for d in devices.devices()):
        pytest.skip("no CUDA device here")
    handle = session.load(cell("text-generation", llama, GREEDY, "device: cuda"), "a")
    for row in handle.compare({"precision": BOTH}, "the fox"):
        assert row["error"] is None
        assert row["device"].startswith("cuda")
        assert row["model_bytes"] < row["peak_bytes"] < 100e6


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux keeps a peak that can be set back")
def test_a_peak_is_what_was_taken_and_given_back() -> None:
    import mmap

    # Pages of its own: what other tests have given back to Python's allocator would be used again, and nothing grow.
    own = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
    devices.give_back()  # what they left behind would otherwise go meanwhile, and hide as much of the peak
    with peaks.watched("cpu") as stretch, mmap.mmap(-1, 64_000_000, flags=own) as block:
        for page in range(0, len(block), mmap.PAGESIZE):
            block[page] = 1
    assert stretch.added is not None
    assert stretch.passing is not None
    assert 60e6 < stretch.passing < 80e6
    assert 60e6 < stretch.added < 80e6


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux keeps a peak that can be set back")
def test_two_comparisons_of_the_same_variants_find_the_same_peaks(session: mc.Session, tmp_path: Path) -> None:
    large = models.large_llama(
        tmp_path, vocab_size=32_000, hidden_size=768, intermediate_size=2048, num_attention_heads=12
    )
    handle = session.load(cell("text-generation", large, GREEDY, "keep_alive: 0"), "a")
    grid = {"precision": ["bfloat16"], "quantization": ["none", "int8", "nf4"]}
    handle.compare(grid, "the fox")  # a library's first load takes more: it imports what it needs besides
    first, second = ([row["peak_bytes"] for row in handle.compare(grid, "the fox")] for _ in range(2))
    assert second == pytest.approx(first, rel=0.05)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux keeps a peak that can be set back")
def test_weights_that_are_read_when_they_are_first_used_do_not_count_twice(tmp_path: Path) -> None:
    import mmap

    (tmp_path / "weights").write_bytes(bytes(64_000_000))
    with (
        (tmp_path / "weights").open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped,
        peaks.watched("cpu") as stretch,
    ):
        assert sum(mapped[::4096]) == 0
    assert stretch.added is not None
    assert stretch.added < 10e6
