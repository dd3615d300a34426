"""task: image-to-text by driver: huggingface, compared with transformers called directly, token for token."""

from __future__ import annotations

import base64
import io
import json
import logging
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

import mc_jupyter as mc
from mc_jupyter.errors import InputError, Interrupted, PlanError, SpecError, WeightsError
from mc_jupyter.events import Advance, Run
from mc_jupyter.values.pictures import rgb
from tests import adapters, captioners
from tests.captioners import pictures
from tests.conftest import cell
from tests.drivers.contract import TextContract
from tests.weights.hub_stand_in import HubStandIn

pytestmark = pytest.mark.slow

GREEDY = "params: {max_output_length: 10, do_sample: false}"
PROMPTED = "prompt: ${input.prompt as text}"
CHIEF = ("blip", "git", "vit-gpt2")
KINDS = ("blip", "git", "vit-gpt2", "blip2", "blip2-t5", "donut", "pix2struct")
PROMPTS = {
    "blip": "the red fox", "git": "a cat saw", "blip2": "the ball is", "blip2-t5": "the ball is", "donut": "<s_menu>",
    "pix2struct": "a picture of",
}  # fmt: skip
MAKERS: dict[str, Callable[[Path], Path]] = {
    "blip": captioners.blip, "git": captioners.git, "vit-gpt2": captioners.vit_gpt2, "blip2": captioners.blip2,
    "blip2-t5": lambda folder: captioners.blip2(folder, decoder="t5"), "donut": captioners.donut,
    "pix2struct": captioners.pix2struct,
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A captioning model's folder, by its architecture; each is made once."""
    made: dict[str, Path] = {}

    def found(kind: str) -> Path:
        if kind not in made:
            made[kind] = MAKERS[kind](tmp_path_factory.mktemp(kind))
        return made[kind]

    return found


@pytest.fixture(scope="module")
def direct(folder: Any) -> Callable[..., list[tuple[int, ...]]]:
    """transformers itself, used as each model's own documentation shows: the tokens written about one picture."""
    made: dict[str, Direct] = {}

    def written(kind: str, picture: Any, prompt: str = "", **arguments: Any) -> list[tuple[int, ...]]:
        if kind not in made:
            made[kind] = Direct(kind, folder(kind))
        return made[kind](picture, prompt, **arguments)

    return written


class Direct:
    """One model of the library's own."""

    def __init__(self, kind: str, path: Path, **arguments: Any):
        from transformers import AutoImageProcessor, AutoModelForImageTextToText, AutoProcessor, AutoTokenizer

        whole = kind in ("blip", "blip2", "blip2-t5", "pix2struct")
        self.kind = kind
        self.model = AutoModelForImageTextToText.from_pretrained(path, **arguments).eval()
        self.processor = (AutoProcessor if whole else AutoImageProcessor).from_pretrained(path)
        self.tokenizer = AutoTokenizer.from_pretrained(path)

    def __call__(self, picture: Any, prompt: str = "", **arguments: Any) -> list[tuple[int, ...]]:
        inputs, before = self.inputs(picture, prompt)
        with torch.inference_mode():
            rows = self.model.generate(**inputs, max_new_tokens=10, **arguments)
        end = self.tokenizer.sep_token_id or self.tokenizer.eos_token_id
        return [until(row[before:].tolist(), end) for row in rows]

    def inputs(self, picture: Any, prompt: str) -> tuple[dict[str, Any], int]:
        """What `generate` is given, and with how many tokens its rows begin."""
        bare = {"add_special_tokens": False, "return_tensors": "pt"}
        match self.kind:
            case "blip" if prompt:
                found = dict(self.processor(images=picture, text=prompt, return_tensors="pt"))
                return found, found["input_ids"].shape[1] - 1  # it cuts off [SEP]
            case "blip2-t5":
                return dict(self.processor(images=picture, text=prompt, return_tensors="pt")), 1
            case "blip2" if prompt:
                found = dict(self.processor(images=picture, text=prompt, return_tensors="pt"))
                return found, found["input_ids"].shape[1]
        found = dict(getattr(self.processor, "image_processor", self.processor)(picture, return_tensors="pt"))
        if not prompt:
            return found, 5 if self.kind == "blip2" else 1  # four tokens stand for the picture
        ids = self.tokenizer(prompt, **bare)["input_ids"]
        if self.kind in ("donut", "pix2struct"):
            return {**found, "decoder_input_ids": ids}, ids.shape[1] + (self.kind == "pix2struct")
        ids = torch.cat([torch.tensor([[self.tokenizer.cls_token_id]]), ids], dim=1)
        return {**found, "input_ids": ids}, ids.shape[1]


def until(ids: list[int], end: int) -> tuple[int, ...]:
    return tuple(ids[: ids.index(end)] if end in ids else ids)


@pytest.fixture(scope="module")
def shared() -> Iterator[mc.Session]:
    """One session for all that only describes: a model is loaded once."""
    with mc.Session() as made:
        yield made


@pytest.fixture
def describe(shared: mc.Session, folder: Any) -> Callable[..., Any]:
    """Describe with these parameters: describe("blip", picture, "do_sample: false", prompt="a fox")."""

    def described(kind: str, image: Any, *params: str, run: Run | None = None, **inputs: Any) -> Any:
        lines = ["params:", *(f"  {p}" for p in ("max_output_length: 10", *params))]
        lines = [PROMPTED, *lines] if "prompt" in inputs else lines
        return shared.load(cell("image-to-text", folder(kind), *lines), kind)(image, run=run, **inputs)

    return described


GREEDILY = "do_sample: false"


class TestTokensAreTheLibrarysOwn:
    @pytest.mark.parametrize("kind", KINDS)
    def test_without_a_prompt(self, kind: str, describe: Any, direct: Any) -> None:
        found = [describe(kind, picture, GREEDILY).token_ids for picture in pictures()]
        assert found == [direct(kind, picture, do_sample=False)[0] for picture in pictures()]
        assert len(set(found)) >= 3  # it looks at them

    @pytest.mark.parametrize("kind", PROMPTS)
    def test_after_a_prompt(self, kind: str, describe: Any, direct: Any) -> None:
        prompt = PROMPTS[kind]
        found = [describe(kind, picture, GREEDILY, prompt=prompt).token_ids for picture in pictures(2)]
        assert found == [direct(kind, picture, prompt, do_sample=False)[0] for picture in pictures(2)]
        assert found[0] != direct(kind, pictures()[0], do_sample=False)[0]

    @pytest.mark.parametrize("kind", CHIEF)
    def test_drawn_with_a_seed(self, kind: str, describe: Any, direct: Any) -> None:
        torch.manual_seed(5)
        expected = direct(kind, pictures()[1], do_sample=True, temperature=0.7, top_k=50, top_p=0.9, min_new_tokens=1)
        found = describe(kind, pictures()[1], seed=5)
        assert [found.token_ids] == expected
        assert found.seed == 5

    @pytest.mark.parametrize("kind", CHIEF)
    def test_drawn_with_other_odds(self, kind: str, describe: Any, direct: Any) -> None:
        odds = {"temperature": 1.7, "top_k": 7, "top_p": 0.5}
        torch.manual_seed(5)
        expected = direct(kind, pictures()[1], do_sample=True, **odds, min_new_tokens=1)
        found = describe(kind, pictures()[1], *(f"{name}: {value}" for name, value in odds.items()), seed=5)
        assert [found.token_ids] == expected

    @pytest.mark.parametrize("kind", CHIEF)
    def test_by_beam_search(self, kind: str, describe: Any, direct: Any) -> None:
        params = (GREEDILY, "num_beams: 3", "num_return_sequences: 2", "length_penalty: -2.0")
        asked = {"num_beams": 3, "num_return_sequences": 2, "length_penalty": -2.0, "early_stopping": True}
        expected = direct(kind, pictures()[2], do_sample=False, min_new_tokens=1, **asked)
        assert [text.token_ids for text in describe(kind, pictures()[2], *params)] == expected

    @pytest.mark.parametrize("kind", CHIEF)
    def test_with_a_repetition_penalty(self, kind: str, describe: Any, direct: Any) -> None:
        expected = [direct(kind, picture, do_sample=False, repetition_penalty=1.9)[0] for picture in pictures()]
        found = [text.token_ids for text in describe(kind, pictures(), GREEDILY, "repetition_penalty: 1.9")]
        assert found == expected
        assert found != [text.token_ids for text in describe(kind, pictures(), GREEDILY)]

    @pytest.mark.parametrize("kind", ["int8", "nf4"])
    def test_in_fewer_bits(self, kind: str, folder: Any, session: mc.Session) -> None:
        from transformers import BitsAndBytesConfig

        bits = {"load_in_8bit": True} if kind == "int8" else {"load_in_4bit": True, "bnb_4bit_quant_type": "nf4"}
        config = BitsAndBytesConfig(**bits, **({"bnb_4bit_compute_dtype": torch.float32} if kind == "nf4" else {}))
        library = Direct("blip", folder("blip"), quantization_config=config, dtype=torch.float32)
        library(pictures()[0], do_sample=False)  # the first pass packs 4-bit weights otherwise
        handle = session.load(cell("image-to-text", folder("blip"), f"quantization: {kind}", GREEDY))
        assert handle.facts().quantization.startswith(f"{kind} (bitsandbytes, ")
        assert handle.facts().bytes < 0.7 * 4 * (handle.facts().parameters or 0)
        # One at a time: which columns int8 leaves as they are depends on all that goes through a layer at once.
        found = [handle(picture).token_ids for picture in pictures()]
        assert found == [library(picture, do_sample=False)[0] for picture in pictures()]

    def test_with_an_adapter_over_the_text_decoder(self, folder: Any, session: mc.Session, tmp_path: Path) -> None:
        from peft import PeftModel

        base = folder("blip")
        laid = adapters.lora(
            tmp_path / "lora", base, auto="AutoModelForImageTextToText", targets=("query", "value"), size=0.5
        )
        text = cell("image-to-text", base, f"peft_adapters: [{{name: pirate, model: {laid}}}]", GREEDY)
        handle = session.load(text)
        library = Direct("blip", base)
        bare = [library(picture, do_sample=False)[0] for picture in pictures()]
        library.model = PeftModel.from_pretrained(library.model, str(laid)).eval()
        changed = [library(picture, do_sample=False)[0] for picture in pictures()]
        assert changed != bare
        assert [t.token_ids for t in handle(pictures())] == changed
        handle.set({"adapters.pirate": 0})
        assert [t.token_ids for t in handle(pictures())] == bare
        ((_, _, facts),) = handle.adapters()
        assert facts.modules == 8  # query and value of self and cross attention, in two layers


class TestCaptioning(TextContract):
    """One picture; what the suite gives is how its description begins."""

    @pytest.fixture
    def document(self, folder: Any) -> str:
        return cell("image-to-text", folder("git"), f"image: {data_uri(pictures()[2])}", PROMPTED, GREEDY)


def data_uri(picture: Image.Image) -> str:
    file = io.BytesIO()
    picture.save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


class TestACall:
    @pytest.mark.parametrize("kind", KINDS)
    def test_a_list_of_images_is_what_they_give_alone(self, kind: str, describe: Any) -> None:
        alone = [describe(kind, picture, GREEDILY) for picture in pictures()]
        assert list(describe(kind, pictures(), GREEDILY)) == alone
        assert list(describe(kind, pictures(), GREEDILY, "batch_size: 3")) == alone

    @pytest.mark.parametrize("kind", ["blip", "git"])
    def test_each_image_with_a_prompt_of_its_own(self, kind: str, describe: Any) -> None:
        prompts = ["the red fox saw", "a", "", "a cat"]
        alone = [describe(kind, *pair, GREEDILY, prompt=p) for *pair, p in zip(pictures(), prompts, strict=True)]
        found = describe(kind, pictures(), GREEDILY, prompt=prompts)
        assert list(found) == alone
        assert [text.prompt_tokens for text in found] == [5, 2, 1, 3]  # the first token of all is the model's

    def test_one_prompt_is_for_all_images(self, describe: Any) -> None:
        alone = [describe("git", picture, GREEDILY, prompt="a cat") for picture in pictures(2)]
        assert list(describe("git", pictures(2), GREEDILY, prompt="a cat")) == alone

    def test_several_prompts_may_be_about_one_image(self, describe: Any) -> None:
        image = pictures()[0]
        alone = [describe("git", image, GREEDILY, prompt=prompt) for prompt in ("a cat", "the red ball")]
        assert list(describe("git", image, GREEDILY, prompt=["a cat", "the red ball"])) == alone

    def test_a_list_inside_a_prompt_is_a_prompt_for_each(self, shared: mc.Session, folder: Any, describe: Any) -> None:
        said = 'prompt: "the ${input.colour as text} ball"'
        handle = shared.load(cell("image-to-text", folder("git"), said, GREEDY))
        alone = [
            describe("git", p, GREEDILY, prompt=f"the {c} ball")
            for p, c in zip(pictures(2), ("red", "green"), strict=True)
        ]
        assert list(handle(pictures(2), colour=["red", "green"])) == alone

    def test_prompts_for_other_than_all_images_are_refused(self, describe: Any) -> None:
        with pytest.raises(InputError, match="2 prompts for 3 images"):
            describe("git", pictures(3), GREEDILY, prompt=["a", "the"])

    def test_a_model_that_takes_no_prompt_says_so(self, describe: Any) -> None:
        with pytest.raises(InputError, match="a vit-gpt2 model takes no prompt") as caught:
            describe("vit-gpt2", pictures()[0], GREEDILY, prompt="a picture of")
        assert caught.value.problems[0].fix == "remove prompt:"

    def test_a_prompt_in_the_cell_is_refused_at_its_line(self, session: mc.Session, folder: Any) -> None:
        for prompt in ("a picture of", "[a picture of, the]"):
            with pytest.raises(PlanError, match="line 5: a vit-gpt2 model takes no prompt"):
                session.load(cell("image-to-text", folder("vit-gpt2"), f"prompt: {prompt}"))
        session.load(cell("image-to-text", folder("git"), "prompt: a picture of"))

    def test_an_empty_prompt_is_none(self, describe: Any) -> None:
        for kind in ("blip", "vit-gpt2"):
            assert describe(kind, pictures()[0], GREEDILY, prompt="") == describe(kind, pictures()[0], GREEDILY)

    @pytest.mark.parametrize(
        "line", ["prompt: a cat saw", "text: a cat saw", "action: {text: a cat saw}", "action: {prompt: a cat saw}"]
    )
    def test_a_prompt_may_stand_where_either_edition_has_it(
        self, line: str, describe: Any, shared: mc.Session, folder: Any
    ) -> None:
        expected = describe("git", pictures()[0], GREEDILY, prompt="a cat saw")
        lines = (line, GREEDY) if "action" not in line else (f"action: {{{GREEDY}, {line[9:]}",)
        assert shared.load(cell("image-to-text", folder("git"), *lines))(pictures()[0]) == expected

    @pytest.mark.parametrize("kind", CHIEF)
    def test_a_stream_adds_up(self, kind: str, shared: mc.Session, folder: Any) -> None:
        handle = shared.load(cell("image-to-text", folder(kind), "streaming: true", GREEDY))
        stream = handle(pictures()[3])
        pieces = list(stream)
        assert len(pieces) > 1
        assert "".join(pieces) == stream.result

    def test_writing_ends_at_a_stop_sequence_and_not_before_min_output_length(self, describe: Any) -> None:
        whole = describe("git", pictures()[3], GREEDILY)
        word = whole.split()[1]
        cut = describe("git", pictures()[3], GREEDILY, f"stop_sequences: {word!r}")
        assert (cut, cut.finish_reason) == (whole[: whole.index(word)], "stop")
        assert cut.tokens < whole.tokens

    @pytest.mark.parametrize("kind", CHIEF)
    def test_lengths_bound_what_is_written(self, kind: str, folder: Any, shared: mc.Session) -> None:
        def written(*params: str) -> Any:
            lines = ["params:", "  do_sample: false", *(f"  {p}" for p in params)]
            return shared.load(cell("image-to-text", folder(kind), *lines))(pictures()[0])

        assert written("max_output_length: 3", "min_output_length: 3").tokens == 3
        endless = written("min_output_length: 1000")  # the text's first token is the model's own
        assert (endless.tokens + 1, endless.finish_reason) == (endless.window, "length")

    def test_several_answers_come_as_a_list_for_each_image(self, describe: Any) -> None:
        found = describe("blip", pictures(2), "num_return_sequences: 3", seed=1)
        assert [len(texts) for texts in found] == [3, 3]
        assert len({text.token_ids for texts in found for text in texts}) > 2

    def test_a_prompt_that_cannot_fit_is_refused_before_it_is_read(self, describe: Any) -> None:
        with pytest.raises(InputError, match="has 600,000 letters; at most"):
            describe("blip", pictures()[0], GREEDILY, prompt="fox " * 150_000)

    def test_a_prompt_that_is_too_long_is_refused_or_cut_at_its_beginning(self, describe: Any) -> None:
        fox, image = "fox " * 90, pictures()[0]
        with pytest.raises(InputError, match=r"the prompt has 90 tokens; at most 62 fit"):
            describe("blip", image, GREEDILY, prompt=fox)
        cut = describe("blip", image, GREEDILY, "truncate: true", "max_input_length: 2", prompt=fox + "the red ball")
        assert cut == describe("blip", image, GREEDILY, prompt="red ball")
        filled = describe("blip", image, GREEDILY, "truncate: true", "max_input_length: 900", prompt=fox)
        assert (filled.prompt_tokens, filled.tokens) == (63, 1)

    def test_limits_of_prompts_without_a_prompt_are_refused(self, session: mc.Session, folder: Any) -> None:
        with pytest.raises(SpecError, match="max_input_length is for prompts, and there is none"):
            session.load(cell("image-to-text", folder("blip"), "params: {max_input_length: 8}"))

    def test_stopping_keeps_what_is_there_and_the_next_call_is_whole(self, describe: Any) -> None:
        whole = describe("git", pictures(3), GREEDILY, "batch_size: 1")
        run = Run()

        def stop(event: object) -> None:
            if isinstance(event, Advance) and event.done == 4:
                run.stop()

        run.listener = stop
        with pytest.raises(Interrupted) as caught:
            describe("git", pictures(3), GREEDILY, "batch_size: 1", run=run)
        first, *others = caught.value.partial
        assert (first.tokens, first.finish_reason, others) == (4, "interrupted", [None, None])
        assert first.token_ids == whole[0].token_ids[:4]
        assert describe("git", pictures(3), GREEDILY, "batch_size: 1") == whole


class TestImages:
    @pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "I;16", "F"])
    def test_of_any_mode_are_read_as_rgb(self, mode: str, describe: Any) -> None:
        image = pictures()[2].convert("I" if mode == "I;16" else mode).convert(mode)
        if mode in ("LA", "RGBA"):
            image.putalpha(Image.linear_gradient("L").resize(image.size))
        assert describe("git", image, GREEDILY) == describe("git", rgb(image), GREEDILY)

    def test_a_photo_is_seen_upright(self, describe: Any) -> None:
        upright = pictures()[1]
        turned, exif = upright.transpose(Image.Transpose.ROTATE_90), Image.Exif()
        exif[274] = 6
        file = io.BytesIO()
        turned.save(file, "PNG", exif=exif)
        assert describe("git", Image.open(file), GREEDILY) == describe("git", upright, GREEDILY)
        assert describe("git", turned, GREEDILY) != describe("git", upright, GREEDILY)

    @pytest.mark.parametrize("size", [(1, 1), (3, 50), (50, 3), (1, 150)])
    def test_of_odd_sizes_are_described(self, size: tuple[int, int], describe: Any) -> None:
        # Three pixels high, and what is scaled to 32 × 32 is all red in any case.
        seen = describe("blip", Image.new("RGB", size, "red"), GREEDILY)
        assert seen == describe("blip", Image.new("RGB", (64, 64), "red"), GREEDILY)

    @pytest.mark.parametrize("size", [(0, 4), (1, 5000)])
    def test_with_nothing_to_see_are_refused(self, size: tuple[int, int], describe: Any) -> None:
        with pytest.raises(InputError, match="image 2 of 2 is"):
            describe("git", [pictures()[0], Image.new("RGB", size)], GREEDILY)


class TestModels:
    @pytest.mark.parametrize("kind", KINDS)
    def test_the_architecture_may_be_named(self, kind: str, session: mc.Session, folder: Any) -> None:
        word = kind.removesuffix("-t5")
        assert session.plan(cell("image-to-text", folder(kind), f"architecture: {word}")).problems == ()

    @pytest.mark.parametrize(("kind", "said"), [("blip", "git"), ("git", "vit-gpt2"), ("donut", "vit-gpt2")])
    def test_another_architecture_than_the_files_have_is_one_error(
        self, kind: str, said: str, session: mc.Session, folder: Any
    ) -> None:
        with pytest.raises(PlanError, match=f"this model is {kind}, not {said}") as caught:
            session.load(cell("image-to-text", folder(kind), f"architecture: {said}"))
        assert caught.value.problems[0].fix == f"architecture: {kind}"
        assert session.loads == 0

    def test_kosmos2_is_no_architecture_here(self, session: mc.Session, folder: Any) -> None:
        with pytest.raises(SpecError, match=r"architecture[\s\S]*kosmos2"):
            session.load(cell("image-to-text", folder("blip"), "architecture: kosmos2"))

    def test_a_text_model_does_not_describe_images(self, session: mc.Session, llama: Path) -> None:
        with pytest.raises(PlanError, match="does not describe images: it was saved as LlamaForCausalLM"):
            session.load(cell("image-to-text", llama))
        assert session.loads == 0

    @pytest.mark.parametrize("task", ["text-generation", "chat-completion", "text-embedding", "text-classification"])
    def test_a_captioning_model_does_no_task_of_texts(self, task: str, session: mc.Session, folder: Any) -> None:
        with pytest.raises(PlanError, match=r"describes images \(GitForCausalLM\)") as caught:
            session.load(cell(task, folder("git")))
        assert caught.value.problems[0].fix == "task: image-to-text"

    def changed(self, folder: Path, tmp_path: Path, file: str = "config.json", **entries: Any) -> Path:
        copy = Path(shutil.copytree(folder, tmp_path / "copy"))
        config = json.loads((copy / file).read_text())
        (copy / file).write_text(json.dumps({**config, **entries}))
        return copy

    def test_a_blip_that_answers_questions_is_refused(self, session: mc.Session, folder: Any, tmp_path: Path) -> None:
        other = self.changed(folder("blip"), tmp_path, architectures=["BlipForQuestionAnswering"])
        with pytest.raises(PlanError, match="saved as BlipForQuestionAnswering, which describes no images"):
            session.load(cell("image-to-text", other))

    def test_an_encoder_with_another_decoder_is_taken_as_it_is(
        self, session: mc.Session, folder: Any, tmp_path: Path
    ) -> None:
        config = json.loads((folder("vit-gpt2") / "config.json").read_text())
        other = self.changed(folder("vit-gpt2"), tmp_path, decoder={**config["decoder"], "model_type": "trocr"})
        assert session.plan(cell("image-to-text", other)).problems == ()
        with pytest.raises(PlanError, match="this model is vit with trocr, not vit-gpt2"):
            session.load(cell("image-to-text", other, "architecture: vit-gpt2"))

    def test_without_word_of_how_images_are_prepared_there_is_one_error(
        self, session: mc.Session, tmp_path: Path
    ) -> None:
        bare = captioners.blip(tmp_path, processor=False)
        with pytest.raises(WeightsError, match=r"no preprocessor_config\.json"):
            session.load(cell("image-to-text", bare))
        (bare / "preprocessor_config.json").write_text("{")
        with pytest.raises(WeightsError, match=r"preprocessor_config\.json"):
            session.load(cell("image-to-text", bare))
        (bare / "preprocessor_config.json").write_text('{"image_processor_type": "NoSuchImageProcessor"}')
        with pytest.raises(WeightsError, match=r"how images are prepared cannot be read"):
            session.load(cell("image-to-text", bare))

    def test_a_pix2struct_of_painted_questions_is_refused(
        self, session: mc.Session, folder: Any, tmp_path: Path
    ) -> None:
        content = json.loads((folder("pix2struct") / "processor_config.json").read_text())
        entries = {"image_processor": {**content["image_processor"], "is_vqa": True}}
        other = self.changed(folder("pix2struct"), tmp_path, "processor_config.json", **entries)
        with pytest.raises(PlanError, match="questions that are painted onto the picture"):
            session.load(cell("image-to-text", other))

    def test_a_blip2_of_before_image_tokens_is_refused(self, session: mc.Session, folder: Any, tmp_path: Path) -> None:
        other = self.changed(folder("blip2"), tmp_path, image_token_index=None)
        with pytest.raises(PlanError, match="image_token_index"):
            session.load(cell("image-to-text", other))

    @pytest.mark.parametrize("bits", ["none", "int8"])
    def test_a_pooler_that_no_description_needs_may_be_lacking(
        self, bits: str, session: mc.Session, folder: Any, tmp_path: Path
    ) -> None:
        from safetensors.torch import load_file, save_file

        other = self.changed(folder("vit-gpt2"), tmp_path)
        weights = load_file(other / "model.safetensors")
        kept = {name: tensor for name, tensor in weights.items() if "pooler" not in name}
        save_file(kept, other / "model.safetensors", {"format": "pt"})
        lines = (f"quantization: {bits}", GREEDY)
        found = session.load(cell("image-to-text", other, *lines))
        whole = session.load(cell("image-to-text", folder("vit-gpt2"), *lines), "whole")
        assert len(kept) == len(weights) - 2
        assert found.facts().notes == whole.facts().notes == ()
        assert found(pictures()[0]) == whole(pictures()[0])

    @pytest.mark.parametrize("kind", ["blip", "git", "vit-gpt2"])
    def test_the_number_type_changes_in_place_as_if_loaded_anew(
        self, kind: str, session: mc.Session, folder: Any
    ) -> None:
        handle = session.load(cell("image-to-text", folder(kind), GREEDY), "it")
        before = handle(pictures())
        handle.set({"precision": "bfloat16"})
        assert (session.loads, handle.facts().dtype) == (1, "bfloat16")
        anew = session.load(cell("image-to-text", folder(kind), "precision: bfloat16", "keep_alive: 0", GREEDY), "new")
        assert handle(pictures()) == anew(pictures())
        assert handle.facts().bytes < 0.6 * 4 * (handle.facts().parameters or 0)
        assert before == session.load(cell("image-to-text", folder(kind), GREEDY), "again")(pictures())

    def test_facts_are_read_from_the_model(self, session: mc.Session, folder: Any) -> None:
        facts = session.load(cell("image-to-text", folder("blip"))).facts()
        assert (facts.architecture, facts.window, facts.quantization) == ("BlipForConditionalGeneration", 64, "none")
        assert facts.notes == ()

    @pytest.mark.parametrize("kind", CHIEF)
    def test_transformers_says_nothing_itself(
        self, kind: str, session: mc.Session, folder: Any, recwarn: pytest.WarningsRecorder
    ) -> None:
        from transformers.utils import logging as log

        heard: list[str] = []
        log.warning_once.cache_clear()
        listener = logging.Handler(logging.WARNING)
        listener.emit = lambda record: heard.append(record.getMessage())  # type: ignore[method-assign]
        log.add_handler(listener)
        try:
            for line in (GREEDY, "params: {max_output_length: 4, seed: 1}", "params: {num_beams: 2, seed: 1}"):
                session.load(cell("image-to-text", folder(kind), line))(pictures())
        finally:
            log.remove_handler(listener)
        assert heard + [str(warning.message) for warning in recwarn] == []


def test_block_18_downloads_its_model_and_describes(
    folder: Any, session: mc.Session, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    text = (Path(__file__).parents[1] / "language" / "blocks" / "18.yml").read_text(encoding="utf-8")
    with HubStandIn() as hub:
        hub.add("Salesforce/blip-image-captioning-large", {f.name: f.read_bytes() for f in folder("blip").iterdir()})
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)  # read when it was imported
        handle = session.load(text, "chapter")
        assert [i.name for i in handle.inputs] == ["image", "prompt"]
        assert handle(image=pictures()[0], prompt="a picture of", seed=1).tokens > 0
        assert handle(pictures()[0], seed=1).tokens > 0
