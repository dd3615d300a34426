"""mc_jupyter.session: models stay, are shared, and go."""

from __future__ import annotations

import gc
import io
import json
import os
import shutil
import subprocess
import sys
import weakref
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import mc_jupyter as mc
from mc_jupyter import devices
from mc_jupyter.errors import DoesNotFit, InputError, Interrupted, NotBuilt, RunError, UnknownName, WeightsError
from mc_jupyter.events import Advance, Done, Note, Phase, Run
from tests import adapters, models
from tests.conftest import cell

GREEDY = "params: {max_output_length: 6, do_sample: false}"


def model_of(session: mc.Session, handle: Any) -> Any:
    resident: Any = session.resident_of(handle)
    assert resident is not None
    return resident.thing.driver.model


class TestResidency:
    def test_the_same_cell_again_loads_nothing(self, session: mc.Session, llama: Path) -> None:
        document = cell("text-generation", llama)
        first = model_of(session, session.load(document, "a"))
        assert model_of(session, session.load(document, "a")) is first
        assert session.loads == 1

    def test_another_component_on_the_same_weights_shares_them(self, session: mc.Session, llama: Path) -> None:
        one = session.load(cell("text-generation", llama), "one")
        two = session.load(cell("chat-completion", llama), "two")
        assert model_of(session, one) is model_of(session, two)
        assert session.loads == 1
        assert session.residents()[0].names == ("one", "two")

    def test_changed_prompts_and_sampling_reload_nothing(self, session: mc.Session, llama: Path) -> None:
        session.load(cell("text-generation", llama, "text: hello", "params: {temperature: 0.2}"), "a")
        session.load(cell("text-generation", llama, "text: bye", "params: {temperature: 1.2, top_k: 3}"), "a")
        assert session.loads == 1

    def test_a_changed_model_releases_the_old_before_the_new_is_read(
        self, session: mc.Session, llama: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from mc_jupyter.drivers.transformers import Transformers

        old = weakref.ref(model_of(session, session.load(cell("text-generation", llama), "a")))
        alive_at_load: list[bool] = []
        load = Transformers.load

        def watched(*arguments: Any) -> Any:
            alive_at_load.append(old() is not None)
            return load(*arguments)

        monkeypatch.setattr(Transformers, "load", watched)
        session.load(cell("text-generation", llama, "precision: bfloat16"), "a")
        assert alive_at_load == [False]
        assert len(session.residents()) == 1

    def test_files_that_changed_on_disk_are_read_again(self, session: mc.Session, tmp_path: Path, llama: Path) -> None:
        folder = tmp_path / "m"
        shutil.copytree(llama, folder)
        handle = session.load(cell("text-generation", folder, GREEDY), "a")
        before = handle("the fox")
        models.llama(folder, num_hidden_layers=1)
        assert handle("the fox") != before
        assert session.loads == 2

    @pytest.mark.parametrize(
        "file",
        [
            "config_sentence_transformers.json",
            "sentence_bert_config.json",
            "2_Normalize/config.json",
            "dense/config.json",
            "additional_chat_templates/tool_use.jinja",
            "preprocessor_config.json",
        ],
    )
    def test_a_file_that_says_how_inputs_are_read_is_read_again(
        self, session: mc.Session, tmp_path: Path, llama: Path, file: str
    ) -> None:
        shutil.copytree(llama, tmp_path / "m")
        there = tmp_path / "m" / file
        there.parent.mkdir(exist_ok=True)
        (tmp_path / "m" / "modules.json").write_text("[]")
        there.write_text("{}")
        handle = session.load(cell("text-generation", tmp_path / "m", GREEDY), "a")
        handle("the fox")
        there.write_text('{"a": 1}')
        handle("the fox")
        assert session.loads == 2

    def test_files_that_changed_are_told_of(self, session: mc.Session, tmp_path: Path, llama: Path) -> None:
        shutil.copytree(llama, tmp_path / "m")
        handle = session.load(cell("text-generation", tmp_path / "m", GREEDY), "a")
        models.llama(tmp_path / "m", num_hidden_layers=1)
        events: list[Any] = []
        handle("the fox", run=Run(events.append))
        handle("the fox", run=Run(events.append))
        told = [e.text for e in events if isinstance(e, Note)]
        assert told == ["a: its files have changed since it was loaded: they are loaded now"]

    @pytest.mark.parametrize("gone", ["", "tokenizer.json", "model.safetensors"])
    def test_a_loaded_model_is_called_when_its_files_are_gone(
        self, session: mc.Session, tmp_path: Path, llama: Path, gone: str
    ) -> None:
        folder = tmp_path / "m"
        shutil.copytree(llama, folder)
        handle = session.load(cell("text-generation", folder, GREEDY), "a")
        before = handle("the fox")
        (folder / gone).unlink() if gone else shutil.rmtree(folder)
        assert handle("the fox") == before
        assert "".join(handle.stream("the fox")) == before
        assert list(handle(["the fox", "the fox"])) == [before, before]
        assert session.loads == 1

    def test_a_loaded_model_whose_files_are_gone_is_set_compared_and_shared(
        self, session: mc.Session, tmp_path: Path, llama: Path
    ) -> None:
        shutil.copytree(llama, tmp_path / "m")
        text = cell("text-generation", tmp_path / "m", GREEDY)
        handle = session.load(text, "a")
        before = handle("the fox")
        shutil.rmtree(tmp_path / "m")
        for name in ("a", "b"):
            again = session.load(text, name)
            assert again("the fox") == before
            assert "are gone: what is in memory is used" in again.plan.notes[-1]
        again.set(max_output_length=2)
        assert before.startswith(again("the fox"))
        assert [row["error"] for row in again.compare({"max_output_length": [2, 4]}, "the fox")] == [None, None]
        assert session.loads == 1
        with pytest.raises(WeightsError, match="there is no "):
            session.load(text.replace("model:", "precision: bfloat16\n  model:"), "c")

    def test_an_adapter_whose_files_are_gone_is_used_for_as_long_as_it_is_laid(
        self, session: mc.Session, tmp_path: Path, llama: Path
    ) -> None:
        shutil.copytree(llama, tmp_path / "m")
        adapters.lora(tmp_path / "pirate", llama)
        handle = session.load(
            cell(
                "text-generation",
                tmp_path / "m",
                GREEDY,
                f"peft_adapters: {{name: pirate, model: {tmp_path / 'pirate'}}}",
            ),
            "a",
        )
        laid = handle("the fox")
        handle.set(adapters={"pirate": 0.5})
        half = handle("the fox")
        shutil.rmtree(tmp_path / "m")
        shutil.rmtree(tmp_path / "pirate")
        assert handle("the fox") == half
        handle.set(adapters={"pirate": 1.0})
        assert handle("the fox") == laid

    def test_what_is_not_loaded_any_more_says_that_its_files_are_gone(
        self, session: mc.Session, tmp_path: Path, llama: Path
    ) -> None:
        shutil.copytree(llama, tmp_path / "m")
        handle = session.load(cell("text-generation", tmp_path / "m", GREEDY), "a")
        shutil.rmtree(tmp_path / "m")
        session.unload("a")
        with pytest.raises(WeightsError, match="there is no "):
            handle("the fox")

    def test_a_cell_that_cannot_be_had_leaves_the_model_that_is_there(self, session: mc.Session, llama: Path) -> None:
        handle = session.load(cell("text-generation", llama, GREEDY), "a")
        model = model_of(session, handle)
        for wrong in (
            cell("text-generation", "./no-such-folder"),
            cell("text-generation", llama, "device: cuda:77"),
            cell("text-generation", llama, "quantization: int7"),
            cell("text-generation", llama, "peft_adapters: [{model: ./nowhere}]"),
            cell("text-generation", llama, "tempratur: 3"),
        ):
            with pytest.raises(mc.ComposeError):
                session.load(wrong, "a")
        assert model_of(session, session.handles["a"]) is model

    def test_preload_false_waits_for_the_first_call(self, session: mc.Session, llama: Path) -> None:
        handle = session.load(cell("text-generation", llama, "preload: false", GREEDY), "a")
        assert session.loads == 0
        handle("the fox")
        assert session.loads == 1

    def test_a_handle_of_before_does_not_take_the_name_back(self, session: mc.Session, llama: Path) -> None:
        old = session.load(cell("text-generation", llama, GREEDY), "a")
        new = session.load(cell("text-generation", llama, GREEDY, "precision: bfloat16"), "a")
        with pytest.raises(RunError, match="the cell of a has been run again since"):
            old("the fox")
        assert new("the fox").tokens == 6

    def test_a_pinned_model_stays_when_its_component_turns_to_another(self, session: mc.Session, llama: Path) -> None:
        session.load(cell("text-generation", llama), "a")
        session.pin("a")
        session.load(cell("text-generation", llama, "precision: bfloat16"), "a")
        assert sorted(row.dtype for row in session.residents()) == ["bfloat16", "float32"]
        session.load(cell("text-generation", llama), "a")
        assert session.loads == 2

    def test_unloading_by_name_lets_a_pinned_model_go(self, session: mc.Session, llama: Path) -> None:
        session.load(cell("text-generation", llama), "a")
        session.pin("a")
        assert "given back" in session.unload("a")[0]
        assert session.residents() == []

    def test_a_running_model_is_not_unloaded_under_its_run(self, session: mc.Session, llama: Path) -> None:
        long = "params: {max_output_length: 200, min_output_length: 200}"
        stream = session.load(cell("text-generation", llama, long), "a").stream("the fox")
        next(stream)
        for name in ("a", None):
            with pytest.raises(RunError, match="is running"):
                session.unload(name)
        stream.close()
        assert "given back" in session.unload("a")[0]

    def test_a_shared_model_stays_until_its_last_component_lets_go(self, session: mc.Session, llama: Path) -> None:
        one = session.load(cell("text-generation", llama), "one")
        session.load(cell("chat-completion", llama), "two")
        gone = weakref.ref(model_of(session, one))
        assert "stays for two" in session.unload("one")[0]
        assert gone() is not None
        assert "given back" in session.unload("two")[0]
        gc.collect()
        assert gone() is None

    def test_leaving_the_session_unloads_everything(self, llama: Path) -> None:
        with mc.Session() as session:
            gone = weakref.ref(model_of(session, session.load(cell("text-generation", llama))))
        gc.collect()
        assert gone() is None

    def test_a_handle_keeps_no_model_alive(self, session: mc.Session, llama: Path) -> None:
        handle = session.load(cell("text-generation", llama), "a")
        answer = handle("the fox")
        stream = handle.stream("the fox")
        list(stream)
        gone = weakref.ref(model_of(session, handle))
        session.unload()
        gc.collect()
        assert gone() is None
        assert (handle.name, str(answer), stream.result) is not None

    def test_an_error_inside_the_model_keeps_no_tensor_alive(self, session: mc.Session, llama: Path) -> None:
        handle = session.load(cell("text-generation", llama, GREEDY), "a")
        model = model_of(session, handle)
        tensors: list[weakref.ref[Any]] = []

        def fail(module: Any, args: Any, kwargs: Any) -> None:
            tensors.append(weakref.ref(kwargs["input_ids"]))
            raise RuntimeError("broken\nin two lines")

        hook = model.register_forward_pre_hook(fail, with_kwargs=True)
        with pytest.raises(RunError, match="line 4: transformers failed: broken in two lines") as caught:
            handle("the fox")
        hook.remove()
        gone = weakref.ref(model)
        del model, hook, fail
        session.unload()
        gc.collect()
        assert caught.value.__traceback__ is not None
        assert [t() for t in tensors] == [None]
        assert gone() is None

    @pytest.mark.slow
    def test_ten_loads_and_unloads_leave_no_memory_behind(self, tmp_path: Path) -> None:
        """In a process of its own, since allocators keep what other tests left: ten models of 24 MB come and go."""
        folder = models.llama(tmp_path, hidden_size=512, intermediate_size=1024, num_hidden_layers=4)
        code = f"""
import mc_jupyter as mc
from mc_jupyter import devices, process
document = {cell("text-generation", folder, "precision: bfloat16", GREEDY)!r}
session = mc.Session()
def cycle():
    handle = session.load(document, "a")
    handle("the fox")
    size = handle.facts().bytes
    session.unload("a")
    return process.holds().resident, size
cycle()
after = [cycle() for _ in range(10)]
print((min(rss for rss, _ in after[5:]) - after[0][0]) / after[0][1])
"""
        # transformers reads weights in several threads, and glibc keeps some freed memory for each of them.
        env = {**os.environ, "MALLOC_ARENA_MAX": "1"}
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, env=env)
        assert done.returncode == 0, done.stderr
        assert float(done.stdout) < 0.2  # of one model


class TestMemory:
    def test_a_model_that_cannot_fit_is_refused_before_a_weight_is_read(
        self, session: mc.Session, llama: Path, classifier: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        session.load(cell("text-classification", classifier), "resident")
        session.pin("resident")
        full = devices.Memory(free=400_000, total=1_000_000, limit_by="the container's limit")
        monkeypatch.setattr(devices, "free_memory", lambda device, **_: full)
        with pytest.raises(DoesNotFit) as caught:
            session.load(cell("text-generation", llama), "big")
        assert session.loads == 1
        text = str(caught.value)
        assert "511 kB" in text  # read as it is stored: no tensor is there twice
        assert "400 kB" in text
        assert "%compose unload resident" in text
        assert "`precision: bfloat16` makes it 255 kB" in text
        assert "`quantization: int8` makes it" in text
        assert "resident (353 kB)" in text

    def test_what_the_load_releases_counts_as_free(
        self, session: mc.Session, llama: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        session.load(cell("text-generation", llama), "a")
        little = devices.Memory(free=100_000, total=1_000_000, limit_by="test")
        monkeypatch.setattr(devices, "free_memory", lambda device, **_: little)
        session.load(cell("text-generation", llama, "precision: bfloat16"), "a")
        with pytest.raises(DoesNotFit):
            session.load(cell("text-generation", llama), "b")

    def test_memory_names_what_is_loaded(self, session: mc.Session, llama: Path) -> None:
        session.load(cell("text-generation", llama), "a")
        report = session.memory()
        assert report.devices["cpu"].free > 0
        assert report.process > 1e6
        assert [(row.names, row.bytes) for row in report.residents] == [(("a",), 510_784)]


class TestCalling:
    @pytest.fixture
    def echo(self, session: mc.Session) -> Any:
        return session.load("component: {type: model, task: text-generation, driver: echo}", "echo")

    def test_one_positional_argument_is_the_first_input(self, echo: Any) -> None:
        assert echo("hi") == echo(prompt="hi") == echo(text="hi") == echo({"prompt": "hi"}) == "hi"

    def test_a_list_inside_a_longer_text_is_a_batch(self, session: mc.Session) -> None:
        handle = session.load(
            cell("text-generation", "x", "text: 'Say ${input.a as text}, ${input.b}!'", driver="echo")
        )
        assert handle(a=["x", "y"], b="z") == ["Say x, z!", "Say y, z!"]
        assert handle.map(["x"], b="z") == ["Say x, z!"]
        with pytest.raises(InputError, match="a and b are lists of different lengths"):
            handle(a=["x", "y"], b=["z"])

    def test_a_list_of_questions_is_a_list_of_conversations(self, session: mc.Session) -> None:
        lines = (
            "messages:",
            "  - {role: system, content: be brief}",
            "  - {role: user, content: '${input.q as text}'}",
        )
        assert session.load(cell("chat-completion", "x", *lines, driver="echo"))(["a", "b"]) == ["a", "b"]

    def test_iterators_and_arrays_are_lists(self, echo: Any) -> None:
        import numpy as np

        assert echo(x for x in ("a", "b")) == echo(np.array(["a", "b"])) == ["a", "b"]

    def test_a_view_of_bytes_is_an_image_and_no_list_of_numbers(self, session: mc.Session) -> None:
        file = io.BytesIO()
        Image.new("RGB", (3, 2)).save(file, "PNG")
        handle = session.load(cell("image-upscale", "x", "scale: 2", driver="echo"))
        assert handle(file.getbuffer()).size == (6, 4)
        assert [image.size for image in handle([file.getbuffer(), file.getvalue()])] == [(6, 4)] * 2

    @pytest.mark.parametrize("given", [{"a"}, [["a"]], ["a", None], [{"a": 1}]])
    def test_what_is_no_list_of_texts_is_refused(self, echo: Any, given: Any) -> None:
        with pytest.raises(InputError, match="a set|and not a text"):
            echo(given)

    def test_an_empty_list_gives_an_empty_list(self, session: mc.Session, classifier: Path) -> None:
        assert session.load(cell("text-classification", classifier))([]) == []

    def test_an_input_given_twice_is_refused(self, echo: Any) -> None:
        with pytest.raises(InputError, match="prompt is given twice"):
            echo("a", prompt="b")

    def test_an_environment_variable_that_is_not_set_is_an_error_when_it_is_needed(
        self, session: mc.Session, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("NO_SUCH_NAME", raising=False)
        handle = session.load(cell("text-generation", "x", "text: 'a ${env.NO_SUCH_NAME}'", driver="echo"))
        with pytest.raises(InputError, match="the environment variable NO_SUCH_NAME is not set"):
            handle()

    def test_a_closed_session_loads_nothing(self) -> None:
        session = mc.Session()
        handle = session.load("component: {type: model, driver: echo}")
        session.close()
        with pytest.raises(RunError, match="has been closed"):
            handle("a")

    def test_an_interrupted_list_keeps_what_is_done(self, session: mc.Session, classifier: Path) -> None:
        run = Run()
        run.listener = lambda event: run.stop() if isinstance(event, Advance) else None
        handle = session.load(cell("text-classification", classifier, "batch_size: 2"))
        with pytest.raises(Interrupted, match="interrupted after 2 of 6") as caught:
            handle(["a lovely day"] * 6, run=run)
        assert sum(r is not None for r in caught.value.partial) == 2

    def test_output_over_a_stream_gets_the_stream(self, session: mc.Session) -> None:
        document = "component: {type: model, driver: echo, streaming: true, output: {t: '${result}', n: 1}}"
        found = session.load(document)("a b")
        assert (list(found["t"]), found["n"]) == (["a ", "b"], 1)

    def test_a_missing_input_is_named_with_the_call_that_gives_it(self, echo: Any) -> None:
        with pytest.raises(InputError, match=r'echo needs prompt\n    → echo\(prompt="…"\)'):
            echo()

    def test_an_unknown_input_is_refused(self, echo: Any) -> None:
        with pytest.raises(InputError, match="no input 'promt'; did you mean 'prompt'"):
            echo(promt="hi")

    def test_output_shapes_the_result(self, session: mc.Session) -> None:
        handle = session.load(
            "component: {type: model, task: text-classification, driver: echo, "
            "output: {name: ${result.label}, of: ${input.text}, nothing: ${result.nope}}}"
        )
        found = handle("hi")
        assert found["name"] in ("NEGATIVE", "POSITIVE")
        assert found["of"] == "hi"
        assert found["nothing"] is None

    def test_the_seeds_outputs_mean_what_a_reader_expects(self, session: mc.Session) -> None:
        embed = session.load(
            "component: {type: model, task: text-embedding, driver: echo, output: {embedding: ${result.embedding}}}"
        )
        assert len(embed("hi")["embedding"]) == 8
        assert [len(v) for v in embed(["a", "b"])["embedding"]] == [8, 8]

    def test_an_output_of_pieces_is_built_for_each_piece_of_a_stream(self, session: mc.Session) -> None:
        handle = session.load(
            "component: {type: model, task: text-generation, driver: echo, streaming: true, output: '<${result[]}>'}"
        )
        assert list(handle("a b")) == ["<a >", "<b>"]

    def test_an_output_of_pieces_over_a_batch_is_built_for_each_result(self, session: mc.Session) -> None:
        handle = session.load("component: {type: model, task: text-generation, driver: echo, output: ${result[].text}}")
        assert handle(["a", "b"]) == ["a", "b"]

    def test_a_field_may_be_an_expression_and_its_value_is_checked(self, session: mc.Session) -> None:
        document = cell("text-generation", "x", "params:", "  max_output_length: ${input.n as integer}", driver="echo")
        handle = session.load(document, "echo")
        assert handle("a b c", n=2) == "a b "
        with pytest.raises(InputError, match=r"line 7: max_output_length should be at least 1, and is 0"):
            handle("a b c", n=0)
        with pytest.raises(InputError, match="line 7"):
            handle("a b c", n="many")

    def test_an_expression_that_gives_nothing_leaves_a_field_at_its_default(self, session: mc.Session) -> None:
        document = cell("text-generation", "x", "params:", "  max_output_length: ${input.n as integer}", driver="echo")
        assert session.load(document)("a b c") == "a b c"

    def test_a_chat_is_rendered_message_by_message(self, session: mc.Session) -> None:
        document = cell(
            "chat-completion", "x", "messages:", "  - {role: system, content: be brief}",
            "  - ...${input.history}", "  - {role: user, content: '${input.q}!'}", driver="echo",
        )  # fmt: skip
        assert session.load(document)(history=[{"role": "user", "content": "x"}], q="hello") == "hello!"

    def test_a_run_tells_its_phases_and_its_figures(self, session: mc.Session, llama: Path) -> None:
        heard: list[Any] = []
        run = Run(listener=heard.append)
        handle = session.load(cell("text-generation", llama, GREEDY), "a", run=run)
        handle("the fox", run=run)
        assert [e.name for e in heard if isinstance(e, Phase)] == ["find", "load", "load", "run"]
        assert [e for e in heard if isinstance(e, Done)][-1].summary.startswith("6 tokens in")

    def test_a_document_runs_without_a_name(self, session: mc.Session) -> None:
        text = "component: {type: model, task: text-generation, driver: echo}"
        assert session.run(text, {"prompt": "hi"}) == session.run(text, "hi") == "hi"
        assert session.handles == {}

    def test_the_named_component_of_a_document_runs(self, session: mc.Session) -> None:
        part = "{{id: {0}, type: model, task: text-generation, driver: echo, output: '{0} ${{result}}'}}"
        text = f"components: [{part.format('a')}, {part.format('b')}]"
        assert session.run(text, "hi", "b") == "b hi"
        with pytest.raises(UnknownName, match="none is marked as the default"):
            session.run(text, "hi")

    def test_a_component_of_a_document_with_workflows_can_be_called(self, session: mc.Session) -> None:
        text = (
            "workflow: {jobs: [{id: a, component: one}]}\n"
            "components:\n  - {id: one, type: model, task: text-generation, driver: echo}\n"
            "  - {id: two, type: http-client, endpoint: 'http://localhost:1/'}\n"
        )
        assert any("does not run them" in note for note in session.plan(text).notes)
        assert session.load(text, component="one")("hi") == "hi"
        with pytest.raises(NotBuilt, match="http-client"):
            session.load(text, component="two")

    def test_workflows_are_planned_and_refused_when_run(self, session: mc.Session) -> None:
        with pytest.raises(NotBuilt, match="workflows"):
            session.run("workflow: {jobs: [{id: a}]}\ncomponent: {type: model, driver: echo}", {})

    def test_an_unknown_handle_has_a_suggestion(self, session: mc.Session, echo: Any) -> None:
        with pytest.raises(UnknownName, match="did you mean 'echo'"):
            session.handle("ecko")

    def test_a_seed_for_a_task_that_draws_nothing_is_refused(self, session: mc.Session) -> None:
        handle = session.load("component: {type: model, task: text-embedding, driver: echo}")
        with pytest.raises(InputError, match="takes no seed"):
            handle("hi", seed=3)

    def test_a_closed_stream_stops_its_run(self, session: mc.Session, llama: Path) -> None:
        handle = session.load(
            cell("text-generation", llama, "params: {max_output_length: 200, min_output_length: 200}")
        )
        stream = handle.stream("the fox")
        next(stream)
        stream.close()
        assert stream.result.finish_reason == "interrupted"

    def test_an_error_in_a_stream_reaches_its_reader(self, session: mc.Session, llama: Path) -> None:
        handle = session.load(cell("text-generation", llama, "params: {max_input_length: 1}"), "a")
        with pytest.raises(InputError, match="at most 1 fit"):
            list(handle.stream("the little fox"))


class TestSecrets:
    def test_a_token_is_in_nothing_that_can_be_shown(
        self, session: mc.Session, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setenv("MY_HUB_TOKEN", "hf_canary_1234567890")
        session.allowed = session.allowed.also(["MY_HUB_TOKEN"])
        document = (
            "component:\n  type: model\n  task: text-generation\n  model:\n    repository: no/such-model\n"
            "    token: ${env.MY_HUB_TOKEN}\n    cache_dir: " + json.dumps(str(tmp_path)) + "\n"
        )
        plan = session.plan(document)
        with pytest.raises(WeightsError) as caught:
            session.load(document)
        shown = [str(caught.value), repr(caught.value), repr(plan), *plan.lines(), repr(plan.component.settings)]
        assert plan.component.settings.model.token.reveal() == "hf_canary_1234567890"
        assert not [text for text in shown if "canary" in text]


def test_an_input_of_a_list_that_does_not_fit_is_named_by_its_place_and_its_text(session: mc.Session) -> None:
    short = session.load(cell("text-generation", "starter:stories", "max_input_length: 5"), "short")
    with pytest.raises(InputError, match=r"input 2 of 2 has .*: \[1\] is the text 'Once there was a very"):
        short.map(["Once", "Once there was a very small fox in a very large wood"])
    echo = session.load(cell("text-generation", "x", "text: ${input.text as text}", driver="echo"), "echo")
    with pytest.raises(InputError, match=r"text\[1\]: these 1 bytes are not UTF-8"):
        echo.map(["Once", b"\xff"])
