"""The chapter's own examples run as they are written, on small models that a hub of our own gives out by their names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import mc_jupyter as mc
from mc_jupyter.errors import AccessDenied, BadToken, NeedsToken, NoSuchModel, Offline, PlanError, UnsafeWeights
from mc_jupyter.events import Advance, Phase, Run
from tests import adapters, models, pipelines
from tests.conftest import cell
from tests.document.test_reader import documents
from tests.weights.hub_stand_in import HubStandIn

pytestmark = pytest.mark.slow

BLOCKS = Path(__file__).parent / "language" / "blocks"
ADAPTERS = (
    "tloen/alpaca-lora-7b", "plncmm/guanaco-lora-7b", "user/style-lora", "medalpaca/medalpaca-lora-7b",
    "user/formal-writing-lora", "user/technical-lora", "beomi/llama-2-ko-7b-lora",
)  # fmt: skip


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*") if f.is_file()}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, bytes]]:
    """Small stand-ins for the chapter's models, of the right architectures."""
    import torch
    from safetensors.torch import load_file

    root = tmp_path_factory.mktemp("chapter")
    # The chapter's longest answer has 32 768 tokens: a window of 256 ends it sooner.
    found = {
        "llama": files_of(models.llama(root / "llama")),
        "classifier": files_of(models.classifier(root / "classifier")),
        "encoder": files_of(models.encoder(root / "encoder")),
    }
    for i, name in enumerate(ADAPTERS):
        found[name] = files_of(adapters.lora(root / f"adapter-{i}", root / "llama", rank=4 * (1 + i % 2), seed=i + 1))
    torch.save(load_file(root / "llama" / "model.safetensors"), root / "pytorch_model.bin")
    pickled = dict(found["llama"])
    pickled["pytorch_model.bin"] = (root / "pytorch_model.bin").read_bytes()
    return {**found, "pickled": pickled}


@pytest.fixture
def hub(made: dict[str, dict[str, bytes]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[HubStandIn]:
    with HubStandIn() as standing_in:
        for name in ("HuggingFaceTB/SmolLM3-3B", "meta-llama/Llama-2-7b-chat-hf", "gpt2"):
            standing_in.add(name, made["llama"])
        for name in ADAPTERS:
            standing_in.add(name, made[name])
        standing_in.tokens.add("hf_reader_token")
        standing_in.add("meta-llama/Llama-2-7b-hf", made["pickled"], access="gated", readers={"hf_reader_token"})
        standing_in.add("distilbert-base-uncased-finetuned-sst-2-english", made["classifier"])
        standing_in.add("distilbert-base-uncased", made["classifier"])
        standing_in.add("bert-base", made["classifier"])
        standing_in.add("sentence-transformers/all-MiniLM-L6-v2", made["encoder"])
        monkeypatch.setenv("HF_ENDPOINT", standing_in.url)
        monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)  # read when it was imported
        monkeypatch.setenv("HUGGINGFACE_TOKEN", "hf_reader_token")
        monkeypatch.setenv("HF_TOKEN", "hf_reader_token")
        yield standing_in


def text_of(number: str, tmp_path: Path) -> str:
    """A block as it is written; only folders of another machine are put elsewhere."""
    text = (BLOCKS / f"{number}.yml").read_text(encoding="utf-8")
    for folder in ("/custom/cache", "/data/model-cache"):
        text = text.replace(folder, str(tmp_path / "elsewhere"))
    return text


INPUTS: dict[str, dict[str, Any]] = {
    "09": {"messages": [{"role": "user", "content": "hello"}]},
    "14": {"system_prompt": "be brief", "user_prompt": "hello"},
    "15": {"text": "a lovely day"},
    "16": {"text": "a lovely day"},
    "26": {"text": ["a lovely day"] * 40},
    "43": {"text": "a lovely day"},
}


@pytest.mark.parametrize("number", ["01", "05", "09", "10", "12", "13", "14", "15", "16", "24", "26", "43", "44"])
def test_a_block_downloads_its_model_and_answers(
    number: str, hub: HubStandIn, session: mc.Session, tmp_path: Path
) -> None:
    if number == "12":  # "only what is on this disk": somebody has been there before
        session.pull("component: {type: model, model: gpt2}")
    handle = session.load(text_of(number, tmp_path), "chapter", overrides={"seed": 1} if number in ("01",) else {})
    result = handle(**INPUTS.get(number, {"prompt": "the little fox"}))
    match number:
        case "15":
            assert set(result) == {"label", "score"}
            assert result["label"] in ("NEGATIVE", "POSITIVE")
            assert 0 < result["score"] <= 1
        case "16":
            assert len(result["embedding"]) == 64
        case "26":
            assert len(result) == 40
        case "43":
            assert result["label"] in ("NEGATIVE", "POSITIVE")
        case _:
            assert result.tokens > 0
    assert handle.facts().dtype == ("float16" if number == "24" else "float32")


@pytest.mark.parametrize("number", ["03", "07", "08"])
def test_a_block_with_a_path_answers(number: str, session: mc.Session, llama: Path, tmp_path: Path) -> None:
    text = text_of(number, tmp_path).replace("/path/to/model", str(llama))
    assert session.load(text)("the little fox").tokens > 0


@pytest.mark.parametrize(
    ("number", "weights"),
    [
        ("28", {"alpaca": 1.0}),
        ("29", {"alpaca": 0.7, "assistant": 0.8}),
        ("30", {"style-adapter": 0.5}),
        ("32", {"medical": 1.0}),
        ("33", {"formal": 0.6, "technical": 0.4}),
        ("34", {"korean": 1.0}),
    ],
)
def test_a_block_downloads_its_adapters_and_adds_them_up(
    number: str, weights: dict[str, float], hub: HubStandIn, session: mc.Session
) -> None:
    (text,) = documents(BLOCKS / f"{number}.yml")
    handle = session.load(text + "  params: {max_output_length: 8, do_sample: false}\n", "chapter")
    assert {plan.name: weight for plan, weight, _ in handle.adapters()} == weights
    for plan, weight, laid in handle.adapters():
        assert laid.modules == 4  # q_proj and v_proj of two layers
        assert laid.scales == (2 * weight, 2 * weight), plan.name
    with_them = handle("the little fox").token_ids
    handle.set({f"adapters.{name}": 0 for name in weights})
    assert handle("the little fox").token_ids != with_them
    bare = session.load(cell("text-generation", "gpt2", "params: {max_output_length: 8, do_sample: false}"), "bare")
    assert handle("the little fox").token_ids == bare("the little fox").token_ids
    planned: Any = handle.planned
    assert planned.driver.lays_adapters


def test_block_31_lays_an_adapter_of_this_disk(
    hub: HubStandIn, made: dict[str, dict[str, bytes]], session: mc.Session, tmp_path: Path
) -> None:
    (text,) = documents(BLOCKS / "31.yml")
    folder = tmp_path / "adapter"
    folder.mkdir()
    with pytest.raises(NoSuchModel, match="/path/to/lora/adapter"):
        session.load(text)
    for name, content in made["user/style-lora"].items():
        (folder / name).write_bytes(content)
    handle = session.load(text.replace("/path/to/lora/adapter", str(folder)))
    assert [plan.name for plan, _, _ in handle.adapters()] == ["custom-lora"]


def test_block_25_holds_its_weights_in_eight_bits(hub: HubStandIn, session: mc.Session) -> None:
    handle = session.load((BLOCKS / "25.yml").read_text(encoding="utf-8"))
    assert handle.facts().quantization.startswith("int8")
    assert handle("the little fox", seed=1).tokens > 0


@pytest.mark.parametrize("number", ["22", "23", "27", "41", "42", "45"])
def test_a_block_for_a_gpu_runs_there_and_says_elsewhere_that_there_is_none(
    number: str, hub: HubStandIn, made: dict[str, dict[str, bytes]], session: mc.Session
) -> None:
    import torch

    for name in re.findall(r"(?m)^  model: (\S+)", "".join(documents(BLOCKS / f"{number}.yml"))):
        hub.add(name, made["llama"])
    for text in documents(BLOCKS / f"{number}.yml"):
        for here in (text, text.replace("device: cuda", "device: cpu")):
            if "device: cuda" in here and not torch.cuda.is_available():
                with pytest.raises(PlanError, match="device: cuda` is not on this machine"):
                    session.load(here)
            elif "precision: float16" in here or "device: cpu" in here:
                assert session.load(here, "chapter")("the little fox", seed=1).tokens > 0


def test_block_19_draws_and_stops_when_it_is_told(hub: HubStandIn, session: mc.Session, tmp_path: Path) -> None:
    hub.add("black-forest-labs/FLUX.1-dev", files_of(pipelines.flux(tmp_path / "flux", channels=(8, 8, 8, 8))))
    text = text_of("19", tmp_path)
    handle = session.load(text, "chapter")
    run = Run()
    run.listener = lambda event: run.stop() if isinstance(event, Advance) and event.unit == "steps" else None
    with pytest.raises(mc.errors.Interrupted) as caught:  # its fifty steps are left to a GPU
        handle(prompt="a red fox", run=run)
    assert caught.value.partial.info["mc_jupyter"].facts["interrupted"] == "step 1 of 50"
    image = session.load(text.replace("steps: 50", "steps: 1"), "chapter")(prompt="a red fox", seed=1)
    assert image.size == (1024, 1024)
    assert image.info["mc_jupyter"].facts["model"] == "black-forest-labs/FLUX.1-dev"


def test_block_06_names_a_pickle_and_needs_the_users_word(hub: HubStandIn, session: mc.Session, tmp_path: Path) -> None:
    text = text_of("06", tmp_path)
    with pytest.raises(UnsafeWeights, match="allow_pickle: true"):
        session.load(text)
    allowed = session.load(text + "  allow_pickle: true\n")
    assert allowed("the little fox", seed=1).tokens > 0
    assert (tmp_path / "elsewhere").is_dir()


def test_block_11_asks_for_a_revision_that_is_not_there(hub: HubStandIn, session: mc.Session, tmp_path: Path) -> None:
    with pytest.raises(NoSuchModel, match=r"v1\.0"):
        session.load(text_of("11", tmp_path))


def test_five_ways_not_to_get_a_model_are_five_errors(
    hub: HubStandIn, session: mc.Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gated = text_of("01", tmp_path)
    seen = {}

    def error_of(text: str) -> str:
        with pytest.raises(mc.ComposeError) as caught:
            session.load(text)
        seen[type(caught.value)] = str(caught.value)
        return str(caught.value)

    error_of(cell("text-generation", "gpt2-no-such"))
    hub.tokens.add("hf_stranger_token")
    monkeypatch.setenv("HF_TOKEN", "hf_stranger_token")
    error_of(gated)
    monkeypatch.setenv("HF_TOKEN", "hf_wrong_token")
    error_of(gated)
    monkeypatch.delenv("HF_TOKEN")
    error_of(gated)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    error_of(gated)
    assert set(seen) == {NoSuchModel, AccessDenied, BadToken, NeedsToken, Offline}
    for text in seen.values():
        first_line = text.splitlines()[0]
        assert re.match(r"line \d+: ", first_line) or "\n" not in text.replace("\n    → ", "")
        assert "_token" not in text


def test_a_second_run_asks_the_hub_nothing(hub: HubStandIn, session: mc.Session) -> None:
    document = cell("text-classification", "bert-base")
    session.load(document, "a")
    asked = len(hub.requests)
    session.load(document, "a")("a lovely day")
    with mc.Session() as later:
        later.load(document, "a")("a lovely day")
    assert len(hub.requests) == asked


def test_a_download_tells_its_bytes(hub: HubStandIn, session: mc.Session) -> None:
    heard: list[Any] = []
    session.load(cell("text-classification", "bert-base"), run=Run(listener=heard.append))
    assert [e.name for e in heard if isinstance(e, Phase)] == ["find", "download", "load", "load"]
    told = [e for e in heard if isinstance(e, Advance) and e.unit == "bytes"]
    assert told[-1].total == told[-1].done > 300_000


def test_pulling_downloads_and_loads_nothing(hub: HubStandIn, session: mc.Session) -> None:
    checkpoint = session.pull(cell("text-classification", "bert-base"))[0][1]
    assert checkpoint.parameters == 88_066
    assert session.loads == 0


def test_a_download_that_broke_off_is_never_loaded(hub: HubStandIn, session: mc.Session) -> None:
    document = cell("text-classification", "bert-base")
    hub.cut_after = 100_000
    hub.dead_at = 100_000
    with pytest.raises(mc.ComposeError):
        session.load(document)
    assert session.plan(document).component.checkpoint is None
    assert session.loads == 0
