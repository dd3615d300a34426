"""mc_jupyter.engine.changes: what setting a field does to what is loaded, said before it is done, and then done."""

from __future__ import annotations

import gc
import shutil
import threading
import weakref
from pathlib import Path
from typing import Any

import pytest

import mc_jupyter as mc
from mc_jupyter import devices
from mc_jupyter.drivers.transformers import Transformers
from mc_jupyter.errors import ComposeError, DoesNotFit, InputError, RunError, SpecError, UnknownName, WeightsError
from mc_jupyter.events import Piece, Run
from tests import adapters, models
from tests.conftest import cell
from tests.test_session import GREEDY, model_of


@pytest.fixture(scope="module")
def laid(tmp_path_factory: pytest.TempPathFactory, llama: Path) -> dict[str, Path]:
    """Two adapters of one base."""
    folder = tmp_path_factory.mktemp("adapters")
    return {
        "a": adapters.lora(folder / "a", llama, rank=4, seed=1),
        "b": adapters.lora(folder / "b", llama, rank=8, seed=2, targets=("q_proj", "o_proj")),
    }


def text_with(base: Path, laid: dict[str, Path], **weights: float) -> str:
    lines = [f"  - {{name: {name}, model: {laid[name]}, weight: {weight}}}" for name, weight in weights.items()]
    return cell("text-generation", base, GREEDY, *(["peft_adapters:", *lines] if lines else []))


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the driver loads from here on."""
    done: list[str] = []
    load = Transformers.load

    def watched(plan: Any, *rest: Any) -> Any:
        done.append(plan.dtype)
        return load(plan, *rest)

    monkeypatch.setattr(Transformers, "load", watched)
    return done


class TestSteps:
    def test_sampling_changes_nothing_that_is_loaded(self, session: mc.Session, llama: Path) -> None:
        handle = session.load(cell("text-generation", llama, GREEDY), "a")
        model = model_of(session, handle)
        change = handle.set(max_output_length=3)
        assert change.effect.step == "nothing"
        assert handle("the fox").tokens == 3
        assert model_of(session, handle) is model
        assert "max_output_length: 3" in handle.text

    def test_a_number_type_is_cast_in_place_and_equals_a_fresh_load(
        self, session: mc.Session, llama: Path, loads: list[str]
    ) -> None:
        handle = session.load(cell("text-generation", llama, GREEDY), "a")
        model = model_of(session, handle)
        change = handle.change(precision="bfloat16")
        assert (change.effect.step, handle.facts().dtype) == ("cast", "float32")  # said, and not done yet
        assert "cast in place: 255 kB instead of 511 kB" in str(change)
        session.apply(change)
        assert model_of(session, handle) is model
        with mc.Session() as fresh:
            other = fresh.load(cell("text-generation", llama, GREEDY, "precision: bfloat16"), "b")
            assert (handle.facts().dtype, handle.facts().bytes) == ("bfloat16", other.facts().bytes)
            assert handle("the fox").token_ids == other("the fox").token_ids
        assert loads == ["float32", "bfloat16"]  # the second is the fresh session's

    def test_what_a_cast_would_lose_is_loaded_again(self, session: mc.Session, llama: Path, loads: list[str]) -> None:
        handle = session.load(cell("text-generation", llama, GREEDY, "precision: bfloat16"), "a")
        change = handle.set(precision="float32")
        assert change.effect.step == "reload"
        assert "255 kB given back first" in str(change)
        assert handle.facts().dtype == "float32"
        assert loads == ["bfloat16", "float32"]
        with mc.Session() as fresh:
            assert handle("the fox") == fresh.load(cell("text-generation", llama, GREEDY), "b")("the fox")

    def test_a_model_that_others_use_is_not_cast_under_them(self, session: mc.Session, llama: Path) -> None:
        one = session.load(cell("text-generation", llama, GREEDY), "one")
        two = session.load(cell("text-generation", llama, GREEDY), "two")
        change = one.set(precision="bfloat16")
        assert change.effect.step == "reload"
        assert "the old one stays for two" in str(change)
        assert (one.facts().dtype, two.facts().dtype) == ("bfloat16", "float32")
        change = two.set(precision="bfloat16")
        assert change.effect.step == "share"
        assert "that one has loaded" in str(change)
        assert model_of(session, one) is model_of(session, two)

    def test_quantization_loads_again_and_says_how_much_it_takes(self, session: mc.Session, llama: Path) -> None:
        handle = session.load(cell("text-generation", llama, GREEDY), "a")
        change = handle.set(quantization="int8")
        assert change.effect.step == "reload"
        assert handle.facts().quantization.startswith("int8")
        assert handle.facts().bytes < 511_000

    def test_before_anything_is_loaded_a_change_is_free(self, session: mc.Session, llama: Path) -> None:
        handle = session.load(cell("text-generation", llama, GREEDY, "preload: false"), "a")
        assert handle.set(precision="bfloat16").effect.step == "later"
        assert session.loads == 0
        handle("the fox")
        assert handle.facts().dtype == "bfloat16"

    def test_a_cell_with_another_precision_casts_too_or_loads_but_never_holds_both(
        self, session: mc.Session, llama: Path
    ) -> None:
        session.load(cell("text-generation", llama), "a")
        session.load(cell("text-generation", llama, "precision: bfloat16"), "a")
        assert [row.dtype for row in session.residents()] == ["bfloat16"]

    def test_a_pin_goes_with_its_component(self, session: mc.Session, llama: Path) -> None:
        one = session.load(cell("text-generation", llama, GREEDY), "one")
        session.load(cell("text-generation", llama, GREEDY), "two")
        session.pin("one")
        one.set(precision="bfloat16")
        assert {row.names: row.pins for row in session.residents()} == {("two",): (), ("one",): ("one",)}

    def test_adapters_may_be_set_as_a_mapping(self, session: mc.Session, llama: Path, laid: dict[str, Path]) -> None:
        handle = session.load(text_with(llama, laid, a=1.0, b=1.0), "a")
        assert handle.set(adapters={"a": 0.5, "b": 0}).effect.step == "weights"
        assert [weight for _, weight, _ in handle.adapters()] == [0.5, 0]


class TestRefusals:
    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ({"precision": "float17"}, r"line \d+: precision is 'float17'"),
            ({"temperature": 9}, "temperature should be at most 2"),
            ({"quantization": "int7"}, "int7"),
        ],
    )
    def test_a_wrong_value_is_the_cells_own_error_and_changes_nothing(
        self, session: mc.Session, llama: Path, settings: dict[str, Any], message: str
    ) -> None:
        handle = session.load(cell("text-generation", llama, "params: {max_output_length: 4}"), "a")
        text, model = handle.text, model_of(session, handle)
        with pytest.raises(SpecError, match=message) as by_setting:
            handle.set(settings)
        assert (handle.text, model_of(session, handle)) == (text, model)
        from mc_jupyter.document.edits import rewritten

        with pytest.raises(SpecError) as by_cell:
            mc.read(rewritten(mc.read(text), settings))
        assert str(by_setting.value) == str(by_cell.value)

    @pytest.mark.parametrize("weight", ["0,5", "50%", "much"])
    def test_what_is_no_weight_is_not_taken_for_another_adapter(
        self, session: mc.Session, llama: Path, laid: dict[str, Path], weight: str
    ) -> None:
        handle = session.load(text_with(llama, laid, a=1.0), "a")
        with pytest.raises(InputError, match="is a weight: a number"):
            handle.set({"adapters.a": weight})

    def test_an_adapters_name_alone_is_pointed_at_its_field(
        self, session: mc.Session, llama: Path, laid: dict[str, Path]
    ) -> None:
        with pytest.raises(UnknownName, match=r"did you mean 'adapters\.a'"):
            session.load(text_with(llama, laid, a=1.0), "x").set(a=0.5)

    def test_a_field_that_there_is_not_is_named(self, session: mc.Session, llama: Path) -> None:
        with pytest.raises(UnknownName, match="did you mean 'precision'"):
            session.load(cell("text-generation", llama), "a").set(precison="float16")

    def test_a_device_that_is_not_here_leaves_the_resident_as_it_was(self, session: mc.Session, llama: Path) -> None:
        handle = session.load(cell("text-generation", llama, GREEDY), "a")
        model, text = model_of(session, handle), handle.text
        with pytest.raises(ComposeError, match="not on this machine"):
            handle.set(device="cuda:77")
        assert (model_of(session, handle), handle.text) == (model, text)

    def test_a_change_that_does_not_fit_leaves_the_resident_as_it_was(
        self, session: mc.Session, llama: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        handle = session.load(cell("text-generation", llama, GREEDY, "precision: bfloat16"), "a")
        model = model_of(session, handle)
        little = devices.Memory(free=10_000, total=1_000_000, limit_by="test")
        monkeypatch.setattr(devices, "free_memory", lambda device, **_: little)
        with pytest.raises(DoesNotFit):
            handle.set(precision="float32")
        assert model_of(session, handle) is model
        assert handle("the fox").tokens == 6

    def test_a_load_that_fails_leaves_the_cell_as_it_read(
        self, session: mc.Session, llama: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        handle = session.load(cell("text-generation", llama, GREEDY, "precision: bfloat16"), "a")
        text = handle.text

        def broken(*arguments: Any) -> Any:
            raise WeightsError("the disk is gone")

        with monkeypatch.context() as patch, pytest.raises(WeightsError):
            patch.setattr(Transformers, "load", broken)
            handle.set(precision="float32")
        assert handle.text == text
        assert handle("the fox").tokens == 6
        assert handle.facts().dtype == "bfloat16"


class TestAdapters:
    def test_a_weight_changes_without_a_reload(
        self, session: mc.Session, llama: Path, laid: dict[str, Path], loads: list[str]
    ) -> None:
        handle = session.load(text_with(llama, laid, a=1.0), "a")
        full = handle("the fox").token_ids
        change = handle.set({"adapters.a": 0})
        assert change.effect.step == "weights"
        bare = session.load(text_with(llama, laid), "bare")
        assert handle("the fox").token_ids == bare("the fox").token_ids != full
        handle.set({"adapters.a": 1.0})
        assert handle("the fox").token_ids == full
        assert len(loads) == 1

    @pytest.mark.slow
    def test_two_components_share_the_base_and_never_see_each_others_weights(
        self, session: mc.Session, llama: Path, laid: dict[str, Path]
    ) -> None:
        alone: dict[str, Any] = {}
        for name, weights in {"a": {"a": 1.0}, "b": {"b": 1.0}, "both": {"a": 0.7, "b": 0.3}, "bare": {}}.items():
            with mc.Session() as other:
                alone[name] = other.load(text_with(llama, laid, **weights), name)("the fox").token_ids
        assert len(set(alone.values())) == 4
        handles = {
            name: session.load(text_with(llama, laid, **weights), name)
            for name, weights in {"a": {"a": 1.0}, "b": {"b": 1.0}, "both": {"a": 0.7, "b": 0.3}, "bare": {}}.items()
        }
        assert len(session.residents()) == session.loads == 1
        for _ in range(2):
            for name, handle in handles.items():
                assert handle("the fox").token_ids == alone[name]

    def test_an_adapter_goes_with_the_last_component_that_uses_it(
        self, session: mc.Session, llama: Path, laid: dict[str, Path]
    ) -> None:
        one = session.load(text_with(llama, laid, a=1.0), "one")
        session.load(text_with(llama, laid, a=0.5, b=1.0), "two")
        driver = session.resident_of(one).thing.driver
        assert len(driver.layers.facts()) == 2
        session.unload("two")
        assert [plan.name for plan in driver.layers.facts()] == ["a"]
        one.set({"adapters.a": None})
        assert driver.layers.facts() == {}
        assert one("the fox").token_ids == session.load(text_with(llama, laid), "bare")("the fox").token_ids

    def test_one_is_added_and_only_that_is_loaded(
        self, session: mc.Session, llama: Path, laid: dict[str, Path], loads: list[str]
    ) -> None:
        handle = session.load(text_with(llama, laid, a=0.7), "a")
        change = handle.set({"adapters.b": {"model": str(laid["b"]), "weight": 0.3}})
        assert change.effect.step == "adapters"
        assert "lays on b" in str(change)
        with mc.Session() as other:
            expected = other.load(text_with(llama, laid, a=0.7, b=0.3), "x")("the fox").token_ids
        assert handle("the fox").token_ids == expected
        assert loads == ["float32", "float32"]  # once here, once in the other session

    def test_a_wrong_adapter_leaves_nothing_half_attached(
        self, session: mc.Session, llama: Path, laid: dict[str, Path], tmp_path: Path
    ) -> None:
        handle = session.load(text_with(llama, laid, a=1.0), "a")
        answer, text = handle("the fox").token_ids, handle.text
        wide = models.llama(tmp_path / "wide", hidden_size=128)
        wrong = adapters.lora(tmp_path / "wrong", wide)
        for model in (str(wrong), str(llama), "./nowhere"):
            with pytest.raises(ComposeError):
                handle.set({"adapters.b": model})
        assert handle.text == text
        assert [plan.name for plan in session.resident_of(handle).thing.driver.layers.facts()] == ["a"]
        assert handle("the fox").token_ids == answer

    def test_a_change_that_fails_half_way_leaves_the_text_and_a_model_that_can_be_used(
        self, session: mc.Session, llama: Path, laid: dict[str, Path], tmp_path: Path
    ) -> None:
        wide = models.llama(tmp_path / "wide", hidden_size=128)
        broken = tmp_path / "broken"  # a pickle: what is wrong with it is seen when it is read, after the cast
        adapters.as_pickle(adapters.lora(tmp_path / "wrong", wide), broken)
        handle = session.load(cell("text-generation", llama, GREEDY, "allow_pickle: true"), "a")
        answer, text = handle("the fox").token_ids, handle.text
        with pytest.raises(ComposeError):
            handle.set(precision="bfloat16", peft_adapters=[{"name": "b", "model": str(broken)}])
        assert handle.text == text
        assert (handle("the fox").token_ids, handle.facts().dtype) == (answer, "float32")
        handle.set(precision="float16")
        with mc.Session() as other:
            fresh = other.load(cell("text-generation", llama, GREEDY, "precision: float16"), "x")
            assert handle("the fox").token_ids == fresh("the fox").token_ids

    def test_an_adapter_whose_file_changed_is_laid_anew(
        self, session: mc.Session, llama: Path, laid: dict[str, Path], tmp_path: Path
    ) -> None:
        there = tmp_path / "adapter"
        shutil.copytree(laid["a"], there)
        handle = session.load(text_with(llama, {"a": there}, a=1.0), "a")
        before = handle("the fox").token_ids
        again = adapters.lora(tmp_path / "again", llama, rank=4, seed=7)
        for name in ("adapter_config.json", "adapter_model.safetensors"):
            shutil.copyfile(again / name, there / name)
        with mc.Session() as other:
            fresh = other.load(text_with(llama, {"a": again}, a=1.0), "x")("the fox").token_ids
        assert fresh != before
        assert [handle("the fox").token_ids, handle("the fox").token_ids] == [fresh, fresh]
        assert session.loads == 1  # the base stayed

    def test_a_weight_takes_no_room_from_others(
        self, session: mc.Session, llama: Path, classifier: Path, laid: dict[str, Path]
    ) -> None:
        session.load(cell("text-classification", classifier), "other")
        handle = session.load(text_with(llama, laid, a=1.0), "a")
        session.limits = {"cpu": sum(row.bytes for row in session.residents()) + 1000}
        assert handle.set({"adapters.a": 0.3}).effect.step == "weights"
        handle("the fox")
        assert {row.names for row in session.residents()} == {("other",), ("a",)}

    def test_a_cast_keeps_the_adapters(self, session: mc.Session, llama: Path, laid: dict[str, Path]) -> None:
        handle = session.load(text_with(llama, laid, a=1.0), "a")
        assert handle.set(precision="bfloat16").effect.step == "cast"
        with mc.Session() as other:
            fresh = other.load(text_with(llama, laid, a=1.0).replace("task:", "precision: bfloat16\n  task:"), "x")
            assert handle("the fox").token_ids == fresh("the fox").token_ids
        assert session.resident_of(handle).thing.driver.layers.facts().popitem()[1].dtype == "bfloat16"

    def test_the_card_shows_modules_rank_and_the_scale_in_use(
        self, session: mc.Session, llama: Path, laid: dict[str, Path]
    ) -> None:
        handle = session.load(text_with(llama, laid, a=0.5), "a")
        told = [text for label, text in handle.card() if label == "adapter"]
        assert len(told) == 1
        assert told[0].startswith(f"a × 0.5, {laid['a']}: 4 modules, rank 4, scale 1, ")

    def test_overrides_beside_the_cell_give_weights(
        self, session: mc.Session, llama: Path, laid: dict[str, Path]
    ) -> None:
        document = text_with(llama, laid, a=1.0)
        handle = session.load(document, "a", overrides={"adapters.a": 0.0})
        bare = session.load(text_with(llama, laid), "bare")("the fox").token_ids
        assert handle("the fox").token_ids == bare
        handle.set({"adapters.a": 1.0})
        assert handle("the fox").token_ids != bare
        with pytest.raises(ComposeError, match="no adapter 'z'"):
            session.load(document, "a", overrides={"adapters.z": 1.0})

    def test_unloading_gives_base_and_adapters_back(
        self, session: mc.Session, llama: Path, laid: dict[str, Path]
    ) -> None:
        handle = session.load(text_with(llama, laid, a=1.0), "a")
        handle("the fox")
        gone = weakref.ref(model_of(session, handle))
        session.unload("a")
        gc.collect()
        assert gone() is None
        assert handle("the fox").tokens == 6


class TestTogether:
    """What must hold when several things happen to one component."""

    def test_a_cast_that_is_broken_off_leaves_no_model_that_is_half_of_each(
        self, session: mc.Session, llama: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from mc_jupyter.drivers._transformers import casting

        handle = session.load(cell("text-generation", llama, GREEDY), "a")
        before = handle("the fox").token_ids

        def interrupted(*arguments: Any) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(casting, "_take_dtype", interrupted)
            handle.set(precision="bfloat16")
        assert handle("the fox").token_ids == before
        assert handle.facts().dtype == "float32"
        assert {p.dtype for p in model_of(session, handle).parameters()} == {torch().float32}

    def test_weights_that_an_interrupt_left_half_set_are_set_again(
        self, session: mc.Session, llama: Path, laid: dict[str, Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from peft.tuners.lora import LoraLayer

        with_a = session.load(text_with(llama, laid, a=1.0), "a")
        bare = session.load(text_with(llama, laid), "b")
        expected = bare("the fox").token_ids
        with_a("the fox")
        left = iter(range(2))

        def breaks(layer: Any, *rest: Any, **named: Any) -> Any:
            if next(left, None) is None:
                raise KeyboardInterrupt
            return whole(layer, *rest, **named)

        whole = LoraLayer.enable_adapters
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(LoraLayer, "enable_adapters", breaks)
            bare("the fox")
        assert bare("the fox").token_ids == expected

    def test_a_handle_of_before_cannot_change_the_new_cell(self, session: mc.Session, llama: Path) -> None:
        old = session.load(cell("text-generation", llama), "a")
        new = session.load(cell("text-generation", llama, GREEDY), "a")
        with pytest.raises(RunError, match="has been run again since"):
            old.set(temperature=0.2)
        assert new("the fox").tokens == 6

    def test_a_change_described_earlier_loses_nothing_that_came_between(self, session: mc.Session, llama: Path) -> None:
        handle = session.load(cell("text-generation", llama), "a")
        earlier = handle.change(temperature=0.3)
        handle.set(top_p=0.5)
        session.apply(earlier)
        assert "temperature: 0.3" in handle.text
        assert "top_p: 0.5" in handle.text

    def test_two_threads_that_set_lose_nothing(self, session: mc.Session, llama: Path) -> None:
        handle = session.load(cell("text-generation", llama), "a")
        fields = {"temperature": 0.5, "top_p": 0.5, "top_k": 5, "max_output_length": 5}
        threads = [threading.Thread(target=handle.set, args=({name: value},)) for name, value in fields.items()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert all(f"{name}: {value}" in handle.text for name, value in fields.items())

    def test_a_cast_keeps_to_the_budget_it_announced(self, llama: Path, classifier: Path) -> None:
        with mc.Session(memory={"cpu": 800_000}) as session:
            handle = session.load(cell("text-generation", llama, "precision: bfloat16"), "a")
            handle.set(precision="float32")
            session.load(cell("text-classification", classifier, "precision: bfloat16"), "b")
            assert sum(row.bytes for row in session.residents()) <= 800_000

    def test_a_flag_of_the_cell_gives_way_however_the_field_is_named(self, session: mc.Session, llama: Path) -> None:
        handle = session.load(cell("text-generation", llama), "a", overrides={"precision": "bfloat16"})
        handle.set({"params.precision": "float32"})
        assert handle.facts().dtype == "float32"

    def test_an_override_that_there_is_not_is_refused(self, session: mc.Session, llama: Path) -> None:
        with pytest.raises(UnknownName, match="did you mean 'precision'"):
            session.load(cell("text-generation", llama), "a", overrides={"precison": "bfloat16"})

    def test_a_cell_run_again_without_its_adapter_takes_it_off(
        self, session: mc.Session, llama: Path, laid: dict[str, Path]
    ) -> None:
        session.load(text_with(llama, laid, a=1.0), "a")
        handle = session.load(text_with(llama, laid), "a")
        assert session.resident_of(handle).thing.driver.layers.facts() == {}

    def test_an_adapters_model_is_replaced_and_the_rest_of_it_stays(
        self, session: mc.Session, llama: Path, laid: dict[str, Path]
    ) -> None:
        handle = session.load(text_with(llama, laid, a=0.25), "a")
        handle.set({"adapters.a": str(laid["b"])})
        assert [(plan.subject, weight) for plan, weight, _ in handle.adapters()] == [(str(laid["b"]), 0.25)]

    def test_numbers_of_numpy_are_numbers(self, session: mc.Session, llama: Path, laid: dict[str, Path]) -> None:
        import numpy as np

        handle = session.load(text_with(llama, laid, a=1.0), "a")
        handle.set({"adapters.a": np.float32(0.5)}, max_output_length=np.int64(3))
        assert "weight: 0.5" in handle.text
        assert handle("the fox").tokens == 3

    def test_a_key_with_nothing_under_it_is_filled(self, session: mc.Session, llama: Path) -> None:
        handle = session.load(cell("text-generation", llama, "params:"), "a")
        handle.set(max_output_length=3)
        assert handle("the fox").tokens == 3

    def test_a_run_calls_no_component_of_its_own_model_from_within(
        self, session: mc.Session, llama: Path, laid: dict[str, Path]
    ) -> None:
        one = session.load(text_with(llama, laid, a=1.0), "one")
        two = session.load(text_with(llama, laid), "two")
        expected, said = one("the fox").token_ids, []

        def listen(event: Any) -> None:
            if isinstance(event, Piece):
                with pytest.raises(RunError, match="under way in this very thread"):
                    two("x")
                said.append(event)

        assert one("the fox", run=Run(listen)).token_ids == expected
        assert said


def torch() -> Any:
    import torch as library

    return library
