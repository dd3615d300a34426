"""driver: huggingface, compared with transformers called directly."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest

import mc_jupyter as mc
from mc_jupyter.errors import InputError, Interrupted, PlanError, SpecError, WeightsError
from mc_jupyter.events import Note, Run
from tests import models
from tests.conftest import cell
from tests.drivers.contract import TextContract

GREEDY = "params: {max_output_length: 12, do_sample: false}"


def lines(*params: str) -> list[str]:
    return ["text: ${input.prompt as text}", "params:", *(f"  {p}" for p in params)]


class TestTransformers(TextContract):
    @pytest.fixture
    def document(self, llama: Path) -> str:
        return cell("text-generation", llama, "text: ${input.prompt as text}", GREEDY)


@pytest.mark.parametrize("task", ["text-generation", "text-classification", "text-embedding"])
def test_a_call_walks_through_no_modules(
    session: mc.Session, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, task: str
) -> None:
    """A large model has thousands: what is to be known of them is known since it was loaded."""
    import torch

    files = {"text-generation": "llama", "text-classification": "classifier", "text-embedding": "encoder"}
    greedy = [GREEDY] if task == "text-generation" else []
    handle = session.load(cell(task, request.getfixturevalue(files[task]), *greedy), "a")
    handle("the fox")
    walks: list[Any] = []
    walk = torch.nn.Module.named_modules

    def watched(self: Any, *how: Any, **more: Any) -> Any:
        yield from walk(self, *how, **more)
        if next(self.children(), None) is not None:
            walks.append(self)

    monkeypatch.setattr(torch.nn.Module, "named_modules", watched)
    handle("the fox")
    assert walks == []


def test_what_is_to_be_known_of_a_tokenizer_is_known_since_it_was_loaded(
    session: mc.Session, llama: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of one with thousands of added tokens it takes milliseconds, and each call that is shown needs it."""
    handle = session.load(cell("text-generation", llama, "params: {max_output_length: 12, stop_sequences: [zzz]}"), "a")
    monkeypatch.setattr("mc_jupyter.drivers._transformers.decoding.Alphabet", None)
    assert handle("the fox")


@pytest.fixture
def write(session: mc.Session, llama: Path) -> Any:
    """Write with these parameters: write("temperature: 1", prompt="the fox")."""

    def written(*params: str, prompt: Any = "the little fox", **inputs: Any) -> Any:
        return session.load(cell("text-generation", llama, *lines(*params)))(prompt, **inputs)

    return written


@pytest.fixture(scope="module")
def direct(llama: Path) -> Any:
    """transformers itself: token ids written after a prompt."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model, tokenizer = AutoModelForCausalLM.from_pretrained(llama), AutoTokenizer.from_pretrained(llama)

    def written(prompt: str, **arguments: Any) -> list[tuple[int, ...]]:
        inputs = tokenizer(prompt, return_tensors="pt")
        rows = model.generate(**inputs, **arguments)[:, inputs["input_ids"].shape[1] :].tolist()
        ends = {tokenizer.eos_token_id, tokenizer.pad_token_id}
        return [tuple(t for t in row if t not in ends) for row in rows]

    return written


class TestWriting:
    PROMPTS = ("the little fox", "once upon a time there was a brave cat who", "a", "Zürich 東京 🦊 {x} ${")

    @pytest.mark.parametrize("prompt", PROMPTS)
    def test_greedy_output_is_transformers_own_token_for_token(self, write: Any, direct: Any, prompt: str) -> None:
        expected = direct(prompt, max_new_tokens=24, do_sample=False)
        assert [write("max_output_length: 24", "do_sample: false", prompt=prompt).token_ids] == expected

    def test_beam_search_is_transformers_own(self, write: Any, direct: Any) -> None:
        found = write("max_output_length: 10", "do_sample: false", "num_beams: 3", "num_return_sequences: 2")
        expected = direct(
            "the little fox", max_new_tokens=10, do_sample=False, num_beams=3, num_return_sequences=2,
            early_stopping=True,
        )  # fmt: skip
        assert [text.token_ids for text in found] == expected

    def test_a_batch_is_what_its_prompts_give_alone(self, write: Any) -> None:
        params = ("max_output_length: 10", "do_sample: false")
        alone = [write(*params, prompt=p).token_ids for p in self.PROMPTS]
        assert [t.token_ids for t in write(*params, prompt=list(self.PROMPTS))] == alone
        assert [t.token_ids for t in write(*params, "batch_size: 2", prompt=list(self.PROMPTS))] == alone

    def test_a_batch_with_a_repetition_penalty_is_what_its_prompts_give_alone(self, write: Any) -> None:
        params = ("max_output_length: 10", "do_sample: false", "repetition_penalty: 1.8")
        alone = [write(*params, prompt=p).token_ids for p in self.PROMPTS]
        assert [t.token_ids for t in write(*params, prompt=list(self.PROMPTS))] == alone

    def test_max_output_length_bounds_what_is_written(self, write: Any) -> None:
        assert write("max_output_length: 3", "do_sample: false").tokens == 3
        assert write("max_output_length: 9", "do_sample: false").tokens == 9
        assert write("max_output_length: 9", "do_sample: false").finish_reason == "length"

    def test_without_max_output_length_writing_ends_with_the_window(self, write: Any) -> None:
        text = write("do_sample: false", "min_output_length: 1000", prompt="fox " * 100)
        assert text.prompt_tokens + text.tokens == text.window == 256

    def test_min_output_length_keeps_the_end_away(self, session: mc.Session, tmp_path: Path) -> None:
        eager = models.llama(tmp_path, eos_token_id=list(range(5, 400)))
        settings = json.loads((tmp_path / "generation_config.json").read_text())
        (tmp_path / "generation_config.json").write_text(json.dumps({**settings, "eos_token_id": list(range(5, 400))}))
        short = session.load(cell("text-generation", eager, *lines("max_output_length: 20", "do_sample: false")))("a")
        params = ("max_output_length: 20", "min_output_length: 15", "do_sample: false")
        long = session.load(cell("text-generation", eager, *lines(*params)))("a")
        assert short.tokens < 15 <= long.tokens
        assert short.finish_reason == "stop"

    def test_temperature_changes_what_is_drawn(self, write: Any) -> None:
        cold = {write("max_output_length: 12", "temperature: 0.01", prompt="a", seed=s).token_ids for s in range(6)}
        hot = {write("max_output_length: 12", "temperature: 2", "top_k: 0", "top_p: 1", prompt="a", seed=s).token_ids
               for s in range(6)}  # fmt: skip
        assert len(cold) < len(hot) == 6

    def test_temperature_0_is_greedy(self, write: Any) -> None:
        greedy = write("max_output_length: 12", "do_sample: false")
        assert write("max_output_length: 12", "temperature: 0").token_ids == greedy.token_ids

    def test_top_k_1_is_greedy_and_more_is_not(self, write: Any) -> None:
        greedy = write("max_output_length: 12", "do_sample: false").token_ids
        assert write("max_output_length: 12", "temperature: 2", "top_k: 1", seed=5).token_ids == greedy
        assert write("max_output_length: 12", "temperature: 2", "top_k: 400", "top_p: 1", seed=5).token_ids != greedy

    def test_a_tiny_top_p_is_greedy_and_a_large_one_is_not(self, write: Any) -> None:
        greedy = write("max_output_length: 12", "do_sample: false").token_ids
        assert write("max_output_length: 12", "temperature: 2", "top_p: 0.0001", seed=5).token_ids == greedy
        assert write("max_output_length: 12", "temperature: 2", "top_k: 0", "top_p: 1", seed=5).token_ids != greedy

    def test_repetition_penalty_makes_repeats_rarer(self, write: Any, direct: Any) -> None:
        plain = write("max_output_length: 40", "do_sample: false").token_ids
        varied = write("max_output_length: 40", "do_sample: false", "repetition_penalty: 2").token_ids
        assert len(set(varied)) > len(set(plain))
        assert [varied] == direct("the little fox", max_new_tokens=40, do_sample=False, repetition_penalty=2.0)

    def test_num_beams_finds_another_text(self, write: Any) -> None:
        one = write("max_output_length: 10", "do_sample: false")
        assert write("max_output_length: 10", "do_sample: false", "num_beams: 4").token_ids != one.token_ids

    @pytest.mark.parametrize(("name", "values"), [("length_penalty", (-4.0, 4.0)), ("early_stopping", (True, False))])
    def test_fields_of_beam_search_reach_it(
        self, session: mc.Session, tmp_path: Path, name: str, values: tuple[Any, Any]
    ) -> None:
        """On a model that ends often, so that beams of several lengths compete: both values, compared with the library."""
        from transformers import AutoModelForCausalLM, AutoTokenizer

        ends = list(range(5, 512, 9))
        folder = models.llama(tmp_path, eos_token_id=ends)
        model, tokenizer = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
        prompts = [
            f"the {word}" for word in ("fox", "cat", "tree", "hill", "sea", "tea", "book", "day", "ball", "garden")
        ]
        seen = []
        for value in values:
            params = ("max_output_length: 16", "do_sample: false", "num_beams: 4", f"{name}: {json.dumps(value)}")
            handle = session.load(cell("text-generation", folder, *lines(*params)))
            found = [handle(p).token_ids for p in prompts]
            arguments = {"early_stopping": True, "length_penalty": 1.0, name: value}
            for prompt, ids in zip(prompts, found, strict=True):
                inputs = tokenizer(prompt, return_tensors="pt")
                row = model.generate(**inputs, max_new_tokens=16, min_new_tokens=1, num_beams=4, do_sample=False,
                                     **arguments)[0, inputs["input_ids"].shape[1] :].tolist()  # fmt: skip
                end = next((i for i, t in enumerate(row) if t in ends), len(row))
                assert ids == tuple(row[:end])
            seen.append(found)
        assert seen[0] != seen[1]

    def test_stop_sequences_end_the_text_before_them(self, write: Any) -> None:
        whole = write("max_output_length: 30", "do_sample: false")
        stop = str(whole)[6:8]
        cut = write("max_output_length: 30", "do_sample: false", f"stop_sequences: [{json.dumps(stop)}]")
        assert cut == whole[: whole.index(stop)]
        assert cut.finish_reason == "stop"
        assert cut.tokens < whole.tokens

    def test_a_stream_never_shows_what_a_stop_sequence_cuts(self, session: mc.Session, llama: Path) -> None:
        whole = session.load(cell("text-generation", llama, *lines("max_output_length: 30", "do_sample: false")))(
            "a fox"
        )
        stop = str(whole)[5:9]
        params = ("max_output_length: 30", "do_sample: false", f"stop_sequences: [{json.dumps(stop)}]")
        stream = session.load(cell("text-generation", llama, *lines(*params))).stream("a fox")
        assert "".join(stream) == whole[: whole.index(stop)] == stream.result

    def test_num_return_sequences_gives_so_many(self, write: Any) -> None:
        several = write("max_output_length: 8", "num_return_sequences: 3", "temperature: 2", "top_k: 0", seed=1)
        assert len(set(several)) == 3
        assert isinstance(write("max_output_length: 8", "num_return_sequences: 1"), str)

    def test_streaming_gives_pieces_and_the_default_the_whole(self, write: Any) -> None:
        pieces = write("max_output_length: 8", "do_sample: false", "streaming: true")
        assert "".join(pieces) == write("max_output_length: 8", "do_sample: false", "streaming: false")

    def test_a_seed_repeats_what_was_drawn_and_leaves_the_users_random_state(self, write: Any) -> None:
        import torch

        state = torch.get_rng_state()
        first = write("max_output_length: 12", "temperature: 2", seed=7)
        assert write("max_output_length: 12", "temperature: 2", "seed: 7") == first
        assert write("max_output_length: 12", "temperature: 2", seed=8) != first
        assert torch.equal(torch.get_rng_state(), state)

    def test_the_seed_that_was_drawn_is_part_of_the_result(self, write: Any) -> None:
        first = write("max_output_length: 12", "temperature: 2")
        assert write("max_output_length: 12", "temperature: 2", seed=first.seed) == first

    def test_a_too_long_input_is_refused_unless_the_cell_says_truncate(self, write: Any) -> None:
        with pytest.raises(InputError, match=r"has \d+ tokens; at most 5 fit[\s\S]*truncate: true"):
            write("max_output_length: 4", "max_input_length: 5", prompt="the little fox ran over the green hill")
        params = ("max_output_length: 4", "max_input_length: 5", "truncate: true", "do_sample: false")
        assert write(*params, prompt="the little fox ran over the green hill").prompt_tokens == 5

    def test_max_input_length_bounds_what_is_read(self, write: Any) -> None:
        text = "the little fox ran over the green hill"
        params = ("max_output_length: 4", "truncate: true", "do_sample: false")
        assert write(*params, "max_input_length: 3", prompt=text).prompt_tokens == 3
        assert write(*params, "max_input_length: 6", prompt=text).prompt_tokens == 6

    def test_max_seq_length_bounds_input_and_output_together(self, session: mc.Session, llama: Path) -> None:
        short = session.load(cell("text-generation", llama, "max_seq_length: 20", "params: {do_sample: false}"))
        text = short("the little fox")
        assert text.prompt_tokens + text.tokens == 20

    def test_an_encoder_decoder_writes_what_transformers_writes(self, session: mc.Session, t5: Path) -> None:
        from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

        model, tokenizer = AutoModelForSeq2SeqLM.from_pretrained(t5), AutoTokenizer.from_pretrained(t5)
        inputs = tokenizer("the little fox", return_tensors="pt")
        row = model.generate(**inputs, max_new_tokens=6, min_new_tokens=1, do_sample=False)[0, 1:].tolist()
        params = ("architecture: seq2seq", "params: {max_output_length: 6, do_sample: false}")
        text = session.load(cell("text-generation", t5, *params))("the little fox")
        assert list(text.token_ids) == [t for t in row if t != tokenizer.eos_token_id]

    def test_architecture_causal_of_an_encoder_decoder_is_refused(self, session: mc.Session, t5: Path) -> None:
        with pytest.raises(PlanError, match="seq2seq"):
            session.load(cell("text-generation", t5, "architecture: causal"))


class TestChat:
    @pytest.fixture
    def chat(self, session: mc.Session, llama: Path) -> Any:
        return session.load(cell("chat-completion", llama, "messages: ${input.messages}", GREEDY), "chat")

    def test_a_conversation_becomes_the_templates_text(self, chat: Any, direct: Any) -> None:
        text = "<|im_start|>user\nhello<|im_end|>\n<|im_start|>assistant\n"
        answer = chat([{"role": "user", "content": "hello"}])
        assert [answer.token_ids] == direct(text, max_new_tokens=12, do_sample=False)

    def test_a_list_of_conversations_gives_an_answer_to_each(self, chat: Any) -> None:
        one, two = [{"role": "user", "content": "hello"}], [{"role": "user", "content": "what a lovely day"}]
        assert list(chat([one, two])) == [chat(one), chat(two)]

    def test_a_template_of_the_cell_replaces_the_models(self, session: mc.Session, llama: Path, direct: Any) -> None:
        template = "chat_template: \"{% for m in messages %}{{ m['content'] }}!{% endfor %}\""
        handle = session.load(cell("chat-completion", llama, template, GREEDY))
        answer = handle([{"role": "user", "content": "hello"}])
        assert [answer.token_ids] == direct("hello!", max_new_tokens=12, do_sample=False)

    def test_a_model_without_a_template_is_refused_before_it_is_loaded(
        self, session: mc.Session, tmp_path: Path
    ) -> None:
        base = models.llama(tmp_path, template=None)
        with pytest.raises(PlanError, match=r"no chat template[\s\S]*task: text-generation"):
            session.load(cell("chat-completion", base))
        assert session.loads == 0

    def test_messages_that_the_template_refuses_are_an_input_error(self, session: mc.Session, llama: Path) -> None:
        template = "chat_template: \"{{ raise_exception('roles must alternate') }}\""
        handle = session.load(cell("chat-completion", llama, template))
        with pytest.raises(InputError, match="roles must alternate"):
            handle([{"role": "user", "content": "hello"}])

    LOOPING = "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}"

    def test_a_template_that_does_not_end_is_one_error_that_names_it(
        self, session: mc.Session, llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("mc_jupyter.trust.apart.TEMPLATE_SECONDS", 0.2)
        handle = session.load(cell("chat-completion", llama, f'chat_template: "{self.LOOPING}"'))
        with pytest.raises(InputError, match=r"the cell's chat_template did not end within 0\.2 s"):
            handle([{"role": "user", "content": "hello"}])
        own = models.llama(tmp_path, template=self.LOOPING)
        with pytest.raises(InputError, match=rf"the chat template of .*{own.name} did not end within 0\.2 s"):
            session.load(cell("chat-completion", own))([{"role": "user", "content": "hello"}])

    def test_a_template_that_builds_gigabytes_is_not_told_as_memory_of_the_device(
        self, session: mc.Session, llama: Path
    ) -> None:
        handle = session.load(cell("chat-completion", llama, "chat_template: \"{{ 'a' * 10**11 }}\""))
        with pytest.raises(InputError, match="the cell's chat_template took more than 512 MB of memory"):
            handle([{"role": "user", "content": "hello"}])

    def test_one_interrupt_ends_a_template(self, session: mc.Session, llama: Path) -> None:
        handle = session.load(cell("chat-completion", llama, f'chat_template: "{self.LOOPING}"'))
        threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
        started = time.monotonic()
        with pytest.raises(Interrupted):
            handle([{"role": "user", "content": "hello"}])
        assert time.monotonic() - started < 2

    @pytest.mark.parametrize(
        ("template", "why"),
        [
            ("{% for %}", r"Expected an expression.*\(line 1 of the template\)"),
            (r"a\n{{ x|blah }}", r"No filter named 'blah' \(line 2 of the template\)"),
            ("{% for m in messages %}x{% endfor", "unexpected end of template"),
        ],
    )
    def test_a_template_that_is_none_is_refused_when_the_cell_is_read_and_pointed_at(
        self, session: mc.Session, llama: Path, template: str, why: str
    ) -> None:
        document = cell("chat-completion", llama, f'chat_template: "{template}"')
        said = "\n".join(str(problem) for problem in session.plan(document).problems)
        assert re.search(rf"line 5: the cell's chat_template is no Jinja template: {why}", said)
        assert "^^^" in said

    @pytest.mark.parametrize(
        ("template", "why"),
        [
            ("{{ ''.__class__ }}", "makes nothing of these messages"),
            ("{{ messages[0].contet }}", "makes nothing of these messages"),
            (r"a\n\n{{ blah() }}", r"fails: 'blah' is undefined \(line 3 of the template\)"),
            (r"{{ '\\ud800' }}", r"writes '\\ud800', which is half a letter"),
        ],
    )
    def test_what_a_template_of_the_cell_does_wrong_is_said_at_its_line(
        self, session: mc.Session, llama: Path, template: str, why: str
    ) -> None:
        handle = session.load(cell("chat-completion", llama, f'chat_template: "{template}"', GREEDY))
        with pytest.raises(InputError, match=rf"line 5: the cell's chat_template {why}"):
            handle([{"role": "user", "content": "hello"}])

    def test_what_a_models_own_template_does_wrong_names_the_model(self, session: mc.Session, tmp_path: Path) -> None:
        own = models.llama(tmp_path, template="{{ messages|blah }}")
        handle = session.load(cell("chat-completion", own))
        with pytest.raises(InputError, match=rf"^the chat template of .*{own.name} is no Jinja template: No filter"):
            handle([{"role": "user", "content": "hello"}])

    def test_an_empty_conversation_is_an_input_error(self, session: mc.Session, llama: Path) -> None:
        handle = session.load(cell("chat-completion", llama, "messages: ${input.messages}"))
        with pytest.raises(InputError, match="the conversation is empty"):
            handle(messages=[[], [{"role": "user", "content": "hello"}]])

    def test_a_template_cannot_reach_python(self, session: mc.Session, llama: Path) -> None:
        template = "chat_template: \"{{ ''.__class__.__mro__ }}\""
        handle = session.load(cell("chat-completion", llama, template, GREEDY))
        with pytest.raises(InputError):
            handle([{"role": "user", "content": "hello"}])

    def test_tools_need_a_template_that_knows_them(self, session: mc.Session, llama: Path) -> None:
        tool = "tools: [{type: function, function: {name: f, parameters: {}}}]"
        with pytest.raises(InputError, match="knows no tools"):
            session.load(cell("chat-completion", llama, tool, GREEDY))([{"role": "user", "content": "hello"}])
        template = "chat_template: \"{% for t in tools %}{{ t['function']['name'] }}{% endfor %}ok\""
        handle = session.load(cell("chat-completion", llama, template, tool, GREEDY))
        assert handle([{"role": "user", "content": "hello"}]).tokens > 0

    def test_a_wrong_role_is_an_error_at_its_place(self, session: mc.Session, llama: Path) -> None:
        document = cell("chat-completion", llama, "messages:", "  - role: usr", "    content: hi")
        with pytest.raises(SpecError, match=r"line 6: role is 'usr'[\s\S]*did you mean 'user'"):
            session.load(document)


class TestClassifying:
    TEXTS = ("a lovely day", "the old tree", "numbers such as 1 2 3 and names such as anna", "x")

    def test_the_label_and_score_are_the_softmax_of_the_logits(self, session: mc.Session, classifier: Path) -> None:
        import torch
        from transformers import AutoModelForSequenceClassification, AutoTokenizer

        model = AutoModelForSequenceClassification.from_pretrained(classifier)
        tokenizer = AutoTokenizer.from_pretrained(classifier)
        handle = session.load(cell("text-classification", classifier, "params: {return_probabilities: true}"))
        for text in self.TEXTS:
            with torch.no_grad():
                row = model(**tokenizer(text, return_tensors="pt")).logits.softmax(-1)[0]
            found = handle(text)
            assert found["label"] == model.config.id2label[int(row.argmax())]
            assert found["label_id"] == int(row.argmax())
            assert found["score"] == pytest.approx(float(row.max()), abs=1e-6)
            assert found["probabilities"] == pytest.approx(row.tolist(), abs=1e-6)

    def test_a_batch_is_what_its_texts_give_alone(self, session: mc.Session, classifier: Path) -> None:
        handle = session.load(cell("text-classification", classifier))
        for alone, together in zip([handle(t) for t in self.TEXTS], handle(list(self.TEXTS)), strict=True):
            assert together["label"] == alone["label"]
            assert together["score"] == pytest.approx(alone["score"], abs=1e-6)

    def test_probabilities_come_only_when_asked_for(self, session: mc.Session, classifier: Path) -> None:
        assert "probabilities" not in session.load(cell("text-classification", classifier))("x")

    def test_labels_of_the_cell_replace_the_models(self, session: mc.Session, classifier: Path) -> None:
        own = session.load(cell("text-classification", classifier))("a lovely day")
        named = session.load(cell("text-classification", classifier, "labels: [bad, good]"))("a lovely day")
        assert (own["label"], named["label"]) in (("NEGATIVE", "bad"), ("POSITIVE", "good"))

    def test_too_few_labels_are_refused(self, session: mc.Session, classifier: Path) -> None:
        with pytest.raises(PlanError, match="labels names 1 classes, but the model has 2"):
            session.load(cell("text-classification", classifier, "labels: [one]"))

    def test_a_multi_label_model_scores_each_class_for_itself(self, session: mc.Session, tmp_path: Path) -> None:
        labels = ("a", "b", "c")
        folder = models.classifier(tmp_path, labels=labels, problem_type="multi_label_classification")
        handle = session.load(cell("text-classification", folder, "params: {return_probabilities: true}"))
        assert sum(handle("a lovely day")["probabilities"]) != pytest.approx(1, abs=1e-3)

    def test_max_input_length_and_truncate(self, session: mc.Session, classifier: Path) -> None:
        short = session.load(cell("text-classification", classifier, "params: {max_input_length: 4}"))
        with pytest.raises(InputError, match="input 2 of 2 has .* tokens; at most 4 fit"):
            short(["x", "a lovely day to read a book"])
        cut = session.load(cell("text-classification", classifier, "params: {max_input_length: 4, truncate: true}"))
        assert cut("a lovely day to read")["score"] == pytest.approx(cut("a lovely tree by the sea")["score"], abs=1e-6)

    def test_a_checkpoint_without_a_trained_head_says_so(self, session: mc.Session, encoder: Path) -> None:
        heard: list[object] = []
        session.load(cell("text-classification", encoder), run=Run(listener=heard.append))
        assert any(isinstance(e, Note) and "no trained classifier" in e.text for e in heard)
        card = session.load(cell("text-classification", encoder)).card()
        assert any(label == "note" and "no trained classifier" in text for label, text in card)


class TestEmbedding:
    TEXTS = ("a lovely day", "the little fox ran over the green hill and saw a ball", "x", "numbers such as 1 2 3")

    @pytest.mark.parametrize("pooling", ["mean", "cls", "max"])
    @pytest.mark.parametrize("normalize", [True, False])
    def test_vectors_are_those_of_sentence_transformers(
        self, session: mc.Session, encoder: Path, pooling: str, normalize: bool
    ) -> None:
        from sentence_transformers import SentenceTransformer
        from sentence_transformers.sentence_transformer.modules import Pooling, Transformer

        body = Transformer(str(encoder))
        parts = [body, Pooling(body.get_embedding_dimension(), pooling_mode=pooling)]
        expected = SentenceTransformer(modules=parts, device="cpu").encode(
            list(self.TEXTS), normalize_embeddings=normalize
        )
        params = f"params: {{pooling: {pooling}, normalize: {str(normalize).lower()}}}"
        found = session.load(cell("text-embedding", encoder, params))(list(self.TEXTS))
        for ours, theirs in zip(found, expected, strict=True):
            assert ours == pytest.approx(theirs.tolist(), abs=1e-5)

    def test_a_model_saved_by_sentence_transformers_is_pooled_as_it_says(
        self, session: mc.Session, encoder: Path, tmp_path: Path
    ) -> None:
        from sentence_transformers import SentenceTransformer
        from sentence_transformers.sentence_transformer.modules import Pooling, Transformer

        body = Transformer(str(encoder), max_seq_length=16)
        made = SentenceTransformer(modules=[body, Pooling(body.get_embedding_dimension(), pooling_mode="cls")])
        made.save(str(tmp_path))
        expected = made.encode(["a lovely day"], normalize_embeddings=True)[0]
        assert session.load(cell("text-embedding", tmp_path))("a lovely day") == pytest.approx(expected, abs=1e-5)
        plain = session.load(cell("text-embedding", tmp_path, "architecture: bert"))("a lovely day")
        assert plain != pytest.approx(expected, abs=1e-3)
        with pytest.raises(InputError, match="at most 16 fit"):
            session.load(cell("text-embedding", tmp_path))("tree " * 40)

    def test_architecture_sbert_needs_the_files_of_sentence_transformers(
        self, session: mc.Session, encoder: Path
    ) -> None:
        with pytest.raises(PlanError, match="modules.json"):
            session.load(cell("text-embedding", encoder, "architecture: sbert"))

    def test_a_batch_is_what_its_texts_give_alone(self, session: mc.Session, encoder: Path) -> None:
        handle = session.load(cell("text-embedding", encoder))
        for alone, together in zip([handle(t) for t in self.TEXTS], handle(list(self.TEXTS)), strict=True):
            assert together == pytest.approx(alone, abs=1e-5)

    def test_batch_size_says_how_many_go_at_once(self, session: mc.Session, encoder: Path) -> None:
        texts = [f"{'fox ' * (i % 5 + 1)}" for i in range(10)]
        sizes = []
        for size in (2, 5):
            handle = session.load(cell("text-embedding", encoder, f"batch_size: {size}"))
            resident: Any = session.resident_of(handle)
            assert resident is not None
            handle(texts)  # the first of its length is measured beside another
            seen: list[int] = []
            hook = resident.thing.driver.model.register_forward_pre_hook(
                lambda module, args, kwargs, seen=seen: seen.append(len(kwargs["input_ids"])), with_kwargs=True
            )
            handle(texts)
            hook.remove()
            sizes.append(seen)
        assert sizes == [[2] * 5, [5] * 2]

    def test_without_batch_size_the_longest_texts_go_first(self, session: mc.Session, encoder: Path) -> None:
        handle = session.load(cell("text-embedding", encoder))
        resident: Any = session.resident_of(handle)
        assert resident is not None
        handle("fox " * 50)
        handle(["fox " * 50, "fox"])
        widths: list[int] = []
        resident.thing.driver.model.register_forward_pre_hook(
            lambda module, args, kwargs: widths.append(kwargs["input_ids"].shape[1]), with_kwargs=True
        )
        handle([f"{'fox ' * (i % 50 + 1)}" for i in range(100)])
        assert widths == sorted(widths, reverse=True)
        assert len(widths) > 1


class TestLoading:
    def test_precision_is_read_back_from_the_weights(self, session: mc.Session, llama: Path) -> None:
        full = session.load(cell("text-generation", llama), "full").facts()
        half = session.load(cell("text-generation", llama, "precision: bfloat16"), "half").facts()
        assert (full.dtype, half.dtype) == ("float32", "bfloat16")
        assert half.bytes < full.bytes * 0.6

    def test_half_precision_weights_become_float32_on_a_cpu(
        self, session: mc.Session, tmp_path: Path, llama: Path
    ) -> None:
        import torch
        from transformers import AutoModelForCausalLM

        shutil.copytree(llama, tmp_path / "half")
        AutoModelForCausalLM.from_pretrained(llama, dtype=torch.float16).save_pretrained(tmp_path / "half")
        assert session.load(cell("text-generation", tmp_path / "half")).facts().dtype == "float32"

    def test_weights_that_are_not_the_models_are_refused(
        self, session: mc.Session, tmp_path: Path, llama: Path
    ) -> None:
        from safetensors.torch import load_file, save_file

        shutil.copytree(llama, tmp_path / "broken")
        weights = load_file(llama / "model.safetensors")
        weights.pop("model.layers.1.mlp.up_proj.weight")
        save_file(weights, tmp_path / "broken" / "model.safetensors", metadata={"format": "pt"})
        with pytest.raises(WeightsError, match="1 of the model's weights are not in"):
            session.load(cell("text-generation", tmp_path / "broken"))
        assert session.residents() == []

    def test_one_weights_file_of_its_own_name_is_loaded(self, session: mc.Session, tmp_path: Path, llama: Path) -> None:
        folder = tmp_path / "named"
        shutil.copytree(llama, folder)
        (folder / "model.safetensors").rename(folder / "special.fp32.safetensors")
        named = session.load(cell("text-generation", folder / "special.fp32.safetensors", *lines("do_sample: false",
            "max_output_length: 8")))  # fmt: skip
        usual = session.load(
            cell("text-generation", llama, *lines("do_sample: false", "max_output_length: 8")), "usual"
        )
        assert named("the fox") == usual("the fox")

    def test_fast_tokenizer_false_is_refused_where_there_is_only_the_fast_one(
        self, session: mc.Session, llama: Path
    ) -> None:
        assert session.load(cell("text-generation", llama, "fast_tokenizer: true")).facts() is not None
        with pytest.raises(PlanError, match="only the Rust tokenizer"):
            session.load(cell("text-generation", llama, "fast_tokenizer: false"))

    def test_pickled_weights_load_only_when_allowed(self, session: mc.Session, tmp_path: Path, llama: Path) -> None:
        import torch
        from safetensors.torch import load_file

        folder = tmp_path / "pickled"
        shutil.copytree(llama, folder)
        torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
        (folder / "model.safetensors").unlink()
        with pytest.raises(mc.ComposeError, match="allow_pickle: true"):
            session.load(cell("text-generation", folder))
        allowed = session.load(cell("text-generation", folder, "allow_pickle: true", *lines("do_sample: false",
            "max_output_length: 8")))  # fmt: skip
        usual = session.load(
            cell("text-generation", llama, *lines("do_sample: false", "max_output_length: 8")), "usual"
        )
        assert allowed("the fox") == usual("the fox")
