"""Weights are found, fetched, checked and measured: with the real huggingface_hub, against a hub of our own."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from mc_jupyter import starters, weights
from mc_jupyter.devices import Memory
from mc_jupyter.errors import (
    AccessDenied,
    BadToken,
    ComposeError,
    DoesNotFit,
    Interrupted,
    NeedsToken,
    NoSuchModel,
    Offline,
    PlanError,
    UnsafeWeights,
    WeightsError,
)
from mc_jupyter.events import Advance, Event, Note, Phase, Run
from mc_jupyter.language.fields import HubSource, LocalSource, StarterSource
from mc_jupyter.trust.secrets import Secret
from mc_jupyter.weights import download, hub, unsafe
from mc_jupyter.weights.reading import NotWhole
from tests.weights.hub_stand_in import HubStandIn

CANARY = "hf_canaryCANARYcanaryCANARYcanary"


def tensors(**shapes: tuple[str, list[int]]) -> bytes:
    """A safetensors file of zeros: `name=("BF16", [2, 3])`. Written by hand, so that torch is not needed."""
    sizes = {"F32": 4, "BF16": 2, "F16": 2, "I64": 8, "U8": 1, "F8_E4M3": 1}
    header: dict[str, Any] = {}
    end = 0
    for name, (dtype, shape) in shapes.items():
        size = sizes[dtype]
        for side in shape:
            size *= side
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [end, end + size]}
        end += size
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + bytes(end)


BIG = tensors(a=("F32", [700, 1000]), b=("I64", [3]))  # 2.8 MB
SMALL = tensors(a=("F16", [40, 40]))
CONFIG = b'{"model_type": "llama"}'


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubStandIn]:
    """A hub, an empty cache, and no token of whoever runs the tests."""
    for name in ("HF_TOKEN", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HUGGING_FACE_HUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)  # read when it was imported
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "no-token"))
    monkeypatch.setattr(download, "PAUSE", 0.01)
    with HubStandIn() as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        yield server


def source(repository: str = "owner/model", **fields: Any) -> HubSource:
    return HubSource(repository=repository, **fields)


def listened() -> tuple[Run, list[Event]]:
    events: list[Event] = []
    return Run(events.append), events


def notes(events: list[Event]) -> list[str]:
    return [event.text for event in events if isinstance(event, Note)]


@pytest.fixture
def no_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)


# ── fetching ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_is_fetched_is_the_repositorys_bytes_at_its_commit(stand_in: HubStandIn) -> None:
    repository = stand_in.add("owner/model", {"config.json": CONFIG, "model.safetensors": BIG, "README.md": b"hello"})
    checkpoint = weights.fetch(source(), Run())
    assert [file.read_bytes() for file in checkpoint.files] == [BIG]
    assert checkpoint.revision == repository.branches["main"]
    assert (checkpoint.format, checkpoint.dtype, checkpoint.parameters) == ("safetensors", "float32", 700_003)
    assert checkpoint.bytes == 2_800_024
    assert checkpoint.config == {"model_type": "llama"}
    assert weights.find(source()) == checkpoint


def test_only_what_the_model_needs_is_fetched(stand_in: HubStandIn) -> None:
    extra = ["pytorch_model.bin", "tf_model.h5", "onnx/model.onnx", "onnx/config.json", "original/a.safetensors",
             "model.fp16.safetensors", "model-q4.gguf", "README.md", "modeling.py", "training_args.bin"]  # fmt: skip
    needed = [
        "config.json",
        "tokenizer.json",
        "vocab.txt",
        "chat_template.jinja",
        "tokenizer.model",
        "model.safetensors",
    ]
    files = (
        dict.fromkeys(extra, b"x" * 2000)
        | {n: b'{"is": "%s"}' % n.encode() for n in needed}
        | {"model.safetensors": SMALL}
    )
    stand_in.add("owner/model", files)
    weights.fetch(source(), Run())
    fetched = {
        one.path.rpartition("/resolve/")[2].partition("/")[2] for one in stand_in.requests if "resolve" in one.path
    }
    assert fetched == set(needed)


def test_a_second_fetch_of_a_branch_asks_nobody_and_names_the_commit(stand_in: HubStandIn) -> None:
    repository = stand_in.add("owner/model", {"config.json": CONFIG, "model.safetensors": SMALL})
    first = weights.fetch(source(), Run())
    stand_in.requests.clear()
    run, events = listened()
    assert weights.fetch(source(), run) == first
    assert stand_in.requests == []
    assert notes(events) == [f"owner/model: commit {repository.branches['main'][:7]}, on this disk"]


def test_progress_counts_bytes_of_all_files_and_ends_at_their_sum(stand_in: HubStandIn) -> None:
    stand_in.add("owner/model", {"config.json": CONFIG, "model.safetensors": BIG})
    stand_in.slow = 0.02
    run, events = listened()
    weights.fetch(source(), run)
    phases = [(event.name, event.subject) for event in events if isinstance(event, Phase)]
    assert phases == [("find", "owner/model"), ("download", "owner/model")]
    steps = [event for event in events if isinstance(event, Advance)]
    assert {(step.total, step.unit) for step in steps} == {(len(BIG) + len(CONFIG), "bytes")}
    assert [step.done for step in steps] == sorted(step.done for step in steps)
    assert steps[-1].done == steps[-1].total
    assert any(0.1 < step.done / len(BIG) < 0.9 for step in steps)


@pytest.mark.slow
def test_progress_comes_at_most_20_times_a_second_and_goes_on_while_nothing_moves(stand_in: HubStandIn) -> None:
    stand_in.add("owner/model", {"config.json": CONFIG, "model.safetensors": BIG[: 8 + len(BIG) // 2]})
    stand_in.slow = 3.0
    times: list[float] = []
    run = Run(lambda event: times.append(time.monotonic()) if isinstance(event, Advance) else None)
    threading.Timer(1.5, run.stop).start()
    with pytest.raises(Interrupted):
        weights.fetch(source(), run)
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert len(times) >= 3
    assert max(gaps) < 1.0
    assert len(times) / (times[-1] - times[0]) < 21


def test_a_tag_and_a_short_commit_are_revisions(stand_in: HubStandIn) -> None:
    repository = stand_in.add("owner/model", {"config.json": CONFIG, "model.safetensors": SMALL})
    old = repository.commit("v1.0")
    repository.files["model.safetensors"] = BIG
    new = repository.commit()
    assert weights.fetch(source(revision="v1.0"), Run()).revision == old
    assert weights.fetch(source(revision=new[:8]), Run()).revision == new
    stand_in.requests.clear()
    assert weights.fetch(source(revision=old[:8]), Run()).revision == old
    assert weights.fetch(source(revision=new), Run()).files[0].read_bytes() == BIG
    assert stand_in.requests == []


def test_cache_dir_is_where_files_go(stand_in: HubStandIn, tmp_path: Path) -> None:
    stand_in.add("owner/model", {"config.json": CONFIG, "model.safetensors": SMALL})
    checkpoint = weights.fetch(source(cache_dir=str(tmp_path / "elsewhere")), Run())
    assert checkpoint.folder.is_relative_to(tmp_path / "elsewhere")
    assert not (tmp_path / "cache").exists()


def test_other_libraries_find_what_was_fetched(stand_in: HubStandIn, tmp_path: Path) -> None:
    from huggingface_hub import snapshot_download, try_to_load_from_cache

    stand_in.add("owner/model", {"config.json": CONFIG, "model.safetensors": SMALL})
    folder = weights.fetch(source(), Run()).folder
    assert snapshot_download("owner/model", cache_dir=tmp_path / "cache", local_files_only=True) == str(folder)
    there = try_to_load_from_cache("owner/model", "model.safetensors", cache_dir=tmp_path / "cache")
    assert there == str(folder / "model.safetensors")


def test_what_another_library_fetched_is_completed_once_and_then_used(stand_in: HubStandIn, tmp_path: Path) -> None:
    from huggingface_hub import hf_hub_download

    stand_in.add("owner/model", {"config.json": CONFIG, "model.safetensors": BIG, "tokenizer.json": b"{}"})
    for name in ("config.json", "model.safetensors"):
        hf_hub_download("owner/model", name, cache_dir=tmp_path / "cache", endpoint=stand_in.url)
    stand_in.requests.clear()
    assert (weights.fetch(source(), Run()).folder / "tokenizer.json").read_bytes() == b"{}"
    assert stand_in.gets("model.safetensors") == []
    stand_in.requests.clear()
    weights.fetch(source(), Run())
    assert stand_in.requests == []


def test_all_shards_are_fetched_and_summed(stand_in: HubStandIn) -> None:
    stand_in.add("owner/model", sharded())
    checkpoint = weights.fetch(source(), Run())
    assert [file.name for file in checkpoint.files] == [
        "model-00001-of-00002.safetensors",
        "model-00002-of-00002.safetensors",
    ]
    assert checkpoint.bytes == 2 * 500 * 500 + 4 * 600 * 500
    assert checkpoint.dtype == "float32"


def sharded() -> dict[str, bytes]:
    first, second = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"
    index = json.dumps({"weight_map": {"a": first, "b": second}}).encode()
    return {
        "config.json": CONFIG, "model.safetensors.index.json": index,
        first: tensors(a=("BF16", [500, 500])), second: tensors(b=("F32", [600, 500])),
    }  # fmt: skip


def test_a_pipelines_parts_are_fetched_from_their_folders_and_its_duplicates_are_not(stand_in: HubStandIn) -> None:
    stand_in.add("owner/pipeline", {
        "model_index.json": b"{}", "all_in_one.safetensors": SMALL, "unet/config.json": CONFIG,
        "unet/diffusion_pytorch_model.safetensors": SMALL, "unet/diffusion_pytorch_model.fp16.safetensors": SMALL,
        "vae/config.json": CONFIG, "vae/diffusion_pytorch_model.safetensors": SMALL,
        "vae/diffusion_pytorch_model.bin": b"x",
    })  # fmt: skip
    checkpoint = weights.fetch(source("owner/pipeline"), Run())
    names = [file.relative_to(checkpoint.folder).as_posix() for file in checkpoint.files]
    assert names == ["unet/diffusion_pytorch_model.safetensors", "vae/diffusion_pytorch_model.safetensors"]
    assert (checkpoint.folder / "unet/config.json").is_file()


def test_filename_picks_one_file_of_several(stand_in: HubStandIn) -> None:
    stand_in.add(
        "owner/model", {"config.json": CONFIG, "a.Q4.gguf": b"GGUF" + bytes(3000), "a.Q8.gguf": b"GGUF" + bytes(6000)}
    )
    with pytest.raises(WeightsError, match=r"2 models .*a\.Q4\.gguf and a\.Q8\.gguf") as raised:
        weights.fetch(source(), Run())
    assert "`filename: a.Q4.gguf`" in str(raised.value)
    checkpoint = weights.fetch(source(filename="a.Q8.gguf"), Run())
    assert (checkpoint.format, checkpoint.bytes, checkpoint.files[0].name) == ("gguf", 6004, "a.Q8.gguf")
    assert stand_in.gets("a.Q4.gguf") == []


def test_an_adapter_is_found_as_one_and_is_not_taken_for_a_model(stand_in: HubStandIn) -> None:
    stand_in.add("owner/lora", {"adapter_config.json": b'{"r": 8}', "adapter_model.safetensors": SMALL})
    checkpoint = weights.fetch(source("owner/lora"), Run(), kind="adapter")
    assert checkpoint.files[0].name == "adapter_model.safetensors"
    assert checkpoint.config == {"r": 8}
    with pytest.raises(WeightsError, match="weights of an adapter") as raised:
        weights.find(source("owner/lora"))
    assert "peft_adapters:" in str(raised.value)


# ── breaks ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def break_at_half(stand_in: HubStandIn) -> None:
    """Fetch from a server that dies at half the file."""
    stand_in.dead_at = len(BIG) // 2
    with pytest.raises(Offline):
        weights.fetch(source(), Run())
    stand_in.dead_at = None
    stand_in.requests.clear()


@pytest.mark.parametrize("pinned", [False, True])
def test_a_download_cut_at_half_is_not_found_and_the_next_continues_it(stand_in: HubStandIn, pinned: bool) -> None:
    repository = stand_in.add("owner/model", {"config.json": CONFIG, "model.safetensors": BIG})
    break_at_half(stand_in)
    asked = source(revision=repository.branches["main"]) if pinned else source()
    assert weights.find(asked) is None
    run, events = listened()
    assert weights.fetch(asked, run).files[0].read_bytes() == BIG
    ranges = [one.range for one in stand_in.gets("model.safetensors")]
    assert ranges == [f"bytes={len(BIG) // 2}-"]
    assert any(note.startswith("resuming: 1.4 MB of 2.8 MB") for note in notes(events))
    first = next(event for event in events if isinstance(event, Advance))
    assert first.done == len(BIG) // 2 + len(CONFIG)


def test_a_download_never_says_resuming_when_nothing_is_there(stand_in: HubStandIn) -> None:
    stand_in.add("owner/model", {"config.json": CONFIG, "model.safetensors": BIG})
    run, events = listened()
    weights.fetch(source(), run)
    assert notes(events) == []


def test_a_server_that_cannot_continue_makes_it_start_again_and_say_so(stand_in: HubStandIn) -> None:
    stand_in.add("owner/model", {"config.json": CONFIG, "model.safetensors": BIG})
    break_at_half(stand_in)
    stand_in.ranges = False
    run, events = listened()
    assert weights.fetch(source(), run).files[0].read_bytes() == BIG
    assert "starting again: the server cannot continue model.safetensors" in notes(events)
    last = [event for event in events if isinstance(event, Advance)][-1]
    assert last.done == last.total


def test_a_connection_that_keeps_breaking_is_taken_up_within_one_fetch(stand_in: HubStandIn) -> None:
    stand_in.add("owner/model", {"config.json": CONFIG, "model.safetensors": BIG})
    stand_in.cut_after = len(BIG) // 10
    assert weights.fetch(source(), Run()).files[0].read_bytes() == BIG
    assert len(stand_in.gets("model.safetensors")) >= 10


def test_bytes_that_came_changed_are_not_kept(stand_in: HubStandIn) -> None:
    stand_in.add("owner/model", {"config.json": CONFIG, "model.safetensors": BIG})
    stand_in.garble = 1
    run, events = listened()
    assert weights.fetch(source(), run).files[0].read_bytes() == BIG
    assert "starting again: model.safetensors came damaged" in notes(events)


def test_a_file_that_always_comes_changed_is_refused(stand_in: HubStandIn) -> None:
    stand_in.add("owner/model", {"config.json": CONFIG, "model.safetensors": BIG})
    stand_in.garble = 99
    with pytest.raises(WeightsError, match="its hash differs"):
        weights.fetch(source(), Run())
    assert weights.find(source()) is None


def test_stopping_the_run_ends_the_download_within_a_second_and_keeps_what_came(stand_in: HubStandIn) -> None:
    stand_in.add("owner/model", {"config.json": CONFIG, "model.safetensors": BIG})
    stand_in.slow = 0.05
    run = Run()
    run.listener = lambda event: run.stop() if isinstance(event, Advance) and event.done > 200_000 else None
    start = time.monotonic()
    with pytest.raises(Interrupted, match=r"stopped with .* of 2\.8 MB downloaded"):
        weights.fetch(source(), run)
    assert time.monotonic() - start < 2
    assert weights.find(source()) is None
    stand_in.slow = 0.0
    run, events = listened()
    assert weights.fetch(source(), run).files[0].read_bytes() == BIG
    assert notes(events)[0].startswith("resuming")


def test_a_keyboard_interrupt_leaves_nothing_that_would_be_loaded(stand_in: HubStandIn) -> None:
    stand_in.add("owner/model", sharded())
    stand_in.slow = 0.05

    def press(event: Event) -> None:
        if isinstance(event, Advance) and event.done > 200_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        weights.fetch(source(), Run(press))
    assert weights.find(source()) is None
    stand_in.slow = 0.0
    assert len(weights.fetch(source(), Run()).files) == 2


def test_a_process_killed_in_the_middle_leaves_nothing_that_would_be_loaded(stand_in: HubStandIn) -> None:
    stand_in.add("owner/model", {"config.json": CONFIG, "model.safetensors": BIG})
    stand_in.slow = 0.1
    code = (
        "from mc_jupyter import weights, events\nfrom mc_jupyter.language import fields\n"
        "weights.fetch(fields.HubSource(repository='owner/model'), events.Run(lambda event: print(event, flush=True)))"
    )
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    for line in child.stdout:
        if line.startswith("Advance") and int(line.partition("done=")[2].partition(",")[0]) > 300_000:
            break
    child.kill()
    child.wait()
    child.stdout.close()
    assert weights.find(source()) is None
    stand_in.slow = 0.0
    run, events = listened()
    assert weights.fetch(source(), run).files[0].read_bytes() == BIG
    assert notes(events)[0].startswith("resuming")


def test_a_snapshot_that_lost_a_file_is_not_found(stand_in: HubStandIn) -> None:
    stand_in.add("owner/model", {"config.json": CONFIG, "model.safetensors": SMALL, "tokenizer.json": b"{}"})
    checkpoint = weights.fetch(source(), Run())
    (checkpoint.folder / "tokenizer.json").unlink()
    assert weights.find(source()) is None
    assert (weights.fetch(source(), Run()).folder / "tokenizer.json").is_file()


def test_a_blob_that_was_cut_is_not_found_and_is_fetched_again(stand_in: HubStandIn) -> None:
    stand_in.add("owner/model", {"config.json": CONFIG, "model.safetensors": BIG})
    file = weights.fetch(source(), Run()).files[0]
    os.truncate(file.resolve(), 1000)
    assert weights.find(source()) is None
    assert weights.fetch(source(), Run()).files[0].read_bytes() == BIG


def test_a_snapshot_of_another_library_with_a_shard_missing_is_not_found(tmp_path: Path, stand_in: HubStandIn) -> None:
    files = sharded()
    del files["model-00002-of-00002.safetensors"]
    commit = "a" * 40
    folder = tmp_path / "cache/models--owner--model/snapshots" / commit
    lay(folder, files)
    lay(folder.parent.parent / "refs", {"main": commit.encode()})
    assert weights.find(source()) is None


def test_two_fetches_at_once_do_not_disturb_each_other(stand_in: HubStandIn) -> None:
    stand_in.add("owner/model", {"config.json": CONFIG, "model.safetensors": BIG})
    stand_in.slow = 0.01
    results: list[bytes] = []
    threads = [
        threading.Thread(target=lambda: results.append(weights.fetch(source(), Run()).files[0].read_bytes()))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [BIG] * 3
    assert len(stand_in.gets("model.safetensors")) == 1


# ── refusals of the hub ──────────────────────────────────────────────────────────────────────────────────────────────


def refusal(asked: HubSource, kind: type[ComposeError], capfd: pytest.CaptureFixture[str]) -> str:
    """What is said when fetching fails, which must be one line and its fix, with nothing of a token."""
    run, events = listened()
    with pytest.raises(kind) as raised:
        weights.fetch(asked, run)
    said = str(raised.value)
    assert type(raised.value) is kind
    assert len(said.splitlines()) == 2
    assert "\n    → " in said
    everything = said + repr(raised.value) + repr(events) + "".join(capfd.readouterr())
    assert CANARY[:8] not in everything
    return said


def test_a_gated_repository_without_a_token_needs_one(stand_in: HubStandIn, capfd: pytest.CaptureFixture[str]) -> None:
    stand_in.add("owner/gated", {"config.json": CONFIG, "model.safetensors": SMALL}, access="gated")
    said = refusal(source("owner/gated"), NeedsToken, capfd)
    assert "`owner/gated` is gated" in said
    assert f"accept them at {stand_in.url}/owner/gated" in said
    assert "${env.HF_TOKEN}" in said


def test_a_private_repository_without_a_token_needs_one(
    stand_in: HubStandIn, capfd: pytest.CaptureFixture[str]
) -> None:
    stand_in.add("owner/secret", {"config.json": CONFIG}, access="private")
    assert "private, or there is no such repository" in refusal(source("owner/secret"), NeedsToken, capfd)


def test_a_token_whose_owner_was_not_let_in_is_denied(stand_in: HubStandIn, capfd: pytest.CaptureFixture[str]) -> None:
    stand_in.tokens.add(CANARY)
    stand_in.add("owner/gated", {"config.json": CONFIG, "model.safetensors": SMALL}, access="gated")
    said = refusal(source("owner/gated", token=Secret(CANARY)), AccessDenied, capfd)
    assert "has not been let in" in said


@pytest.mark.parametrize("given", ["cell", "environment"])
def test_a_token_the_hub_does_not_know_is_bad_and_where_it_is_from_is_said(
    stand_in: HubStandIn, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    stand_in.add("owner/model", {"config.json": CONFIG, "model.safetensors": SMALL})
    if given == "environment":
        monkeypatch.setenv("HF_TOKEN", CANARY)
        assert "does not know the token from HF_TOKEN" in refusal(source(), BadToken, capfd)
    else:
        assert "the cell's `token:`" in refusal(source(token=Secret(CANARY)), BadToken, capfd)


@pytest.mark.parametrize("token", [f"{CANARY}\r", f"{CANARY}\nX-Other: 1", f"{CANARY} ", f"{CANARY}é"])
def test_what_can_be_no_token_is_refused_before_a_library_quotes_it(
    stand_in: HubStandIn, capfd: pytest.CaptureFixture[str], token: str
) -> None:
    assert "holds what no token does" in refusal(source(token=Secret(token)), BadToken, capfd)
    assert stand_in.requests == []


def test_a_mirrors_password_stands_in_no_error(
    stand_in: HubStandIn, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in.add("owner/gated", {"config.json": CONFIG, "model.safetensors": SMALL}, access="gated")
    monkeypatch.setenv("HF_ENDPOINT", stand_in.url.replace("//", f"//me:{CANARY}@"))
    for name in ("owner/gated", "owner/none"):
        with pytest.raises(WeightsError) as raised:
            weights.fetch(source(name), Run())
        assert CANARY[:8] not in str(raised.value)
    monkeypatch.setenv("HF_ENDPOINT", f"http://me:{CANARY}@127.0.0.1:9")
    assert "http://127.0.0.1:9 cannot be reached" in refusal(source(), Offline, capfd)


def test_a_repository_that_is_not_there_is_named(stand_in: HubStandIn, capfd: pytest.CaptureFixture[str]) -> None:
    stand_in.tokens.add(CANARY)
    said = refusal(source("owner/modle", token=Secret(CANARY)), NoSuchModel, capfd)
    assert "the hub has no repository `owner/modle`" in said


def test_a_name_like_a_starters_is_met_with_it(stand_in: HubStandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(starters, "names", lambda: ("sentiment", "stories"))
    with pytest.raises(NeedsToken, match="did you mean 'starter:stories'"):
        weights.fetch(source("storie"), Run())


@pytest.mark.parametrize(("field", "value"), [("revision", "v9"), ("filename", "nothing.safetensors")])
def test_a_revision_or_file_that_is_not_there_is_named(
    stand_in: HubStandIn, capfd: pytest.CaptureFixture[str], field: str, value: str
) -> None:
    stand_in.add("owner/model", {"config.json": CONFIG, "model.safetensors": SMALL})
    said = refusal(source(**{field: value}), NoSuchModel, capfd)
    assert f"`{value}`" in said.splitlines()[0]
    assert "owner/model" in said


def test_no_connection_is_offline(
    stand_in: HubStandIn, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
    monkeypatch.setenv("HF_ENDPOINT", address)
    assert f"{address} cannot be reached" in refusal(source(), Offline, capfd)


def test_a_hub_that_is_ill_says_so(stand_in: HubStandIn, capfd: pytest.CaptureFixture[str]) -> None:
    stand_in.status = 503
    assert "the hub answered 503" in refusal(source(), WeightsError, capfd)


def test_a_token_that_may_read_opens_private_and_gated_repositories(
    stand_in: HubStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in.tokens.add(CANARY)
    files = {"config.json": CONFIG, "model.safetensors": SMALL}
    stand_in.add("owner/secret", files, access="private", readers={CANARY})
    stand_in.add("owner/gated", files, access="gated", readers={CANARY})
    assert weights.fetch(source("owner/secret", token=Secret(CANARY)), Run()).files
    monkeypatch.setenv("HF_TOKEN", CANARY)
    assert weights.fetch(source("owner/gated"), Run()).files


def test_a_name_that_cannot_be_a_repository_is_refused(stand_in: HubStandIn, capfd: pytest.CaptureFixture[str]) -> None:
    assert "OWNER/NAME" in refusal(source("a/b/c"), NoSuchModel, capfd)


def test_an_onnx_models_numbers_beside_it_are_fetched_and_counted(stand_in: HubStandIn) -> None:
    stand_in.add("owner/model", {
        "config.json": CONFIG, "onnx/model.onnx": b"\x08" * 2000, "onnx/model.onnx_data": bytes(5000),
        "onnx/model_quantized.onnx": bytes(900),
    })  # fmt: skip
    checkpoint = weights.fetch(source(), Run())
    assert (checkpoint.format, checkpoint.bytes) == ("onnx", 7000)
    assert [file.name for file in checkpoint.files] == ["model.onnx", "model.onnx_data"]


def test_a_repository_without_weights_says_so(stand_in: HubStandIn, capfd: pytest.CaptureFixture[str]) -> None:
    stand_in.add("owner/model", {"config.json": CONFIG, "deep/model.safetensors": SMALL})
    assert "in its folders deep" in refusal(source(), NoSuchModel, capfd)


def test_too_little_disk_is_found_before_the_download(stand_in: HubStandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in.add("owner/model", {"config.json": CONFIG, "model.safetensors": BIG})
    monkeypatch.setattr(download, "_disk_free", lambda folder: 101_000_000)
    with pytest.raises(DoesNotFit, match=r"needs 2\.8 MB more on disk, and 101 MB is free"):
        weights.fetch(source(), Run())
    assert stand_in.gets("model.safetensors") == []


def test_whoever_asks_is_told_the_weights_size_before_they_are_fetched(stand_in: HubStandIn) -> None:
    stand_in.add("owner/model", {"config.json": CONFIG, "model.safetensors": BIG})

    def refuse(size: int) -> None:
        assert size == len(BIG)
        raise DoesNotFit("too large")

    with pytest.raises(DoesNotFit):
        weights.fetch(source(), Run(), before_download=refuse)
    assert stand_in.gets("model.safetensors") == []


# ── offline ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("way", ["field", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"])
def test_offline_opens_no_socket_and_names_what_is_missing(
    stand_in: HubStandIn, monkeypatch: pytest.MonkeyPatch, way: str, request: pytest.FixtureRequest
) -> None:
    stand_in.add("owner/model", {"config.json": CONFIG, "model.safetensors": SMALL, "tokenizer.json": b"{}"})
    folder = weights.fetch(source(), Run()).folder
    request.getfixturevalue("no_sockets")
    if way == "field":
        asked = source(local_files_only=True)
    else:
        asked = source()
        monkeypatch.setenv(way, "1")
    assert weights.fetch(asked, Run()).folder == folder
    (folder / "tokenizer.json").unlink()
    with pytest.raises(Offline, match=r"tokenizer\.json is missing"):
        weights.fetch(asked, Run())
    with pytest.raises(Offline, match="nothing of it is in"):
        weights.fetch(asked.model_copy(update={"repository": "owner/other"}), Run())


def test_finding_opens_no_socket(stand_in: HubStandIn, no_sockets: None) -> None:
    assert weights.find(source()) is None
    assert weights.find(source(token=Secret(CANARY), revision="v1")) is None


def test_a_cache_of_another_library_is_used_where_the_hub_cannot_be_reached(
    stand_in: HubStandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = "b" * 40
    folder = tmp_path / "cache/models--owner--model"
    lay(folder / "snapshots" / commit, {"config.json": CONFIG, "model.safetensors": SMALL})
    lay(folder / "refs", {"main": commit.encode()})
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    assert weights.fetch(source(), Run()).revision == commit


# ── this disk ────────────────────────────────────────────────────────────────────────────────────────────────────────


def lay(folder: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def local(path: Path | str, **fields: Any) -> LocalSource:
    return LocalSource(path=str(path), **fields)


def found(asked: LocalSource, **options: Any) -> weights.Checkpoint:
    checkpoint = weights.find(asked, **options)
    assert checkpoint is not None
    return checkpoint


def test_a_folder_and_one_of_its_files_are_the_same_model(tmp_path: Path) -> None:
    lay(tmp_path, {"config.json": CONFIG, "model.safetensors": SMALL})
    assert found(local(tmp_path)) == found(local(tmp_path / "model.safetensors"))
    assert found(local(tmp_path)).config == {"model_type": "llama"}


def test_home_and_relative_paths_are_understood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lay(tmp_path / "m", {"config.json": CONFIG, "model.safetensors": SMALL})
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert found(local("~/m")).folder == tmp_path / "m"
    assert found(local("./m")).files[0].samefile(tmp_path / "m/model.safetensors")


def test_a_path_that_is_not_there_is_met_with_its_neighbour(tmp_path: Path) -> None:
    lay(tmp_path / "llama-chat", {"model.safetensors": SMALL})
    with pytest.raises(NoSuchModel, match="did you mean 'llama-chat'"):
        weights.find(local(tmp_path / "lama-chat"))
    with pytest.raises(NoSuchModel, match="has llama-chat"):
        weights.find(local(tmp_path / "xyz" / "deeper"))


def test_one_folder_too_many_is_named(tmp_path: Path) -> None:
    lay(tmp_path, {"pack/config.json": CONFIG, "pack/model.safetensors": SMALL})
    with pytest.raises(NoSuchModel, match="its folder `pack` does") as raised:
        weights.find(local(tmp_path))
    assert f"path: {tmp_path / 'pack'}" in str(raised.value)


def test_a_format_that_is_asked_for_must_be_there(tmp_path: Path) -> None:
    lay(tmp_path, {"model.onnx": b"\x08" * 50, "model.onnx_data": b"y" * 70})
    with pytest.raises(NoSuchModel, match="no weights in safetensors") as raised:
        weights.find(local(tmp_path, format="safetensors"))
    assert "model.onnx is an ONNX network, which onnxruntime runs" in str(raised.value)
    assert found(local(tmp_path, format="onnx")).bytes == 120


def test_format_pytorch_takes_safetensors_where_there_is_nothing_else_and_says_so(tmp_path: Path) -> None:
    lay(tmp_path, {"config.json": CONFIG, "model.safetensors": SMALL})
    run, events = listened()
    assert weights.fetch(local(tmp_path, format="pytorch"), run).format == "safetensors"
    assert notes(events) == [f"`format: pytorch`: {tmp_path} holds safetensors files, which are used"]


def test_formats_are_taken_in_the_callers_order(tmp_path: Path) -> None:
    lay(tmp_path, {"model.safetensors": SMALL, "model.gguf": b"GGUF"})
    assert found(local(tmp_path)).format == "safetensors"
    assert found(local(tmp_path), formats=("gguf",)).format == "gguf"


def test_a_cut_file_on_this_disk_is_told_with_both_sizes(tmp_path: Path) -> None:
    lay(tmp_path, {"model.safetensors": BIG[:-100]})
    with pytest.raises(NotWhole, match=f"{len(BIG) - 100:,} bytes are here, its header says {len(BIG):,}"):
        weights.find(local(tmp_path))
    lay(tmp_path, {"model.safetensors": b"\xff" * 30})
    with pytest.raises(NotWhole, match="no header"):
        weights.find(local(tmp_path))


def test_a_shard_that_the_index_names_and_is_not_there_is_told(tmp_path: Path) -> None:
    files = sharded()
    del files["model-00001-of-00002.safetensors"]
    with pytest.raises(NotWhole, match=r"model-00001-of-00002\.safetensors is missing"):
        weights.find(local(lay(tmp_path, files)))


def test_a_starter_is_found_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lay(tmp_path / "stories", {"config.json": CONFIG, "model.safetensors": SMALL})
    monkeypatch.setattr(starters, "names", lambda: ("stories",))
    monkeypatch.setattr(starters, "folder", lambda name: tmp_path / name)
    checkpoint = weights.fetch(StarterSource(name="stories"), Run())
    assert checkpoint.folder == tmp_path / "stories"
    with pytest.raises(NoSuchModel, match="did you mean 'stories'"):
        weights.find(StarterSource(name="storys"))


# ── what must not be read ────────────────────────────────────────────────────────────────────────────────────────────


def test_pickle_weights_are_refused_before_they_are_fetched(stand_in: HubStandIn) -> None:
    stand_in.add("owner/model", {"config.json": CONFIG, "pytorch_model.bin": b"x" * 5000})
    with pytest.raises(UnsafeWeights, match=r"pytorch_model\.bin is a pickle file") as raised:
        weights.fetch(source(), Run())
    assert "`allow_pickle: true`" in str(raised.value)
    assert stand_in.gets("pytorch_model.bin") == []
    checkpoint = weights.fetch(source(), Run(), allow_pickle=True)
    assert (checkpoint.format, checkpoint.bytes) == ("pytorch", 5000)
    with pytest.raises(UnsafeWeights):
        weights.find(source())


def test_a_pickle_asked_for_by_name_is_refused_with_the_safe_file_beside_it(stand_in: HubStandIn) -> None:
    stand_in.add("owner/model", {"config.json": CONFIG, "pytorch_model.bin": b"x", "model.safetensors": SMALL})
    with pytest.raises(UnsafeWeights, match=r"model\.safetensors is there too"):
        weights.fetch(source(filename="pytorch_model.bin"), Run())


@pytest.mark.parametrize("file", ["config.json", "tokenizer_config.json"])
def test_a_repository_that_brings_code_is_refused_before_its_weights(stand_in: HubStandIn, file: str) -> None:
    code = json.dumps({"auto_map": {"AutoModel": "modeling.Mine"}}).encode()
    stand_in.add("owner/model", {"config.json": CONFIG, "model.safetensors": BIG, file: code, "modeling.py": b"1"})
    with pytest.raises(PlanError, match="never runs a repository's code") as raised:
        weights.fetch(source(), Run())
    assert file in str(raised.value)
    assert stand_in.gets("model.safetensors") == []
    assert stand_in.gets("modeling.py") == []


class Malice:
    """Unpickling this writes a file."""

    def __init__(self, mark: Path):
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return (os.mkdir, (str(self.mark),))


@pytest.mark.parametrize("zipped", [True, False])
def test_a_crafted_pickle_is_refused_and_leaves_no_trace(tmp_path: Path, zipped: bool) -> None:
    import torch

    mark = tmp_path / "mark"
    file = tmp_path / "pytorch_model.bin"
    torch.save({"a": torch.zeros(2), "b": Malice(mark)}, file, _use_new_zipfile_serialization=zipped)
    checkpoint = found(local(tmp_path), allow_pickle=True)
    with pytest.raises(UnsafeWeights, match=r"pytorch_model\.bin"):
        unsafe.check_pickle(checkpoint)
    assert not mark.exists()


def test_a_folder_whose_weights_lie_in_several_folders_names_them(tmp_path: Path) -> None:
    lay(tmp_path, {"unet/a.safetensors": b"", "vae/b.safetensors": b"", "model_index.json": b"{}"})
    with pytest.raises(
        NoSuchModel, match=r"holds no weights itself, its folders `unet` and `vae` do[\s\S]*path: .*unet"
    ):
        weights.find(local(tmp_path), kind="adapter")


def test_a_pickles_name_on_a_safetensors_file_is_refused_since_libraries_go_by_the_name(tmp_path: Path) -> None:
    file = tmp_path / "pytorch_model.bin"
    file.write_bytes(SMALL)
    found = weights.find(LocalSource(path=str(tmp_path)), allow_pickle=True)
    assert found is not None
    with pytest.raises(UnsafeWeights, match=r"has the name of a pickle[\s\S]*a name that ends in .safetensors"):
        weights.check_pickle(found)


@pytest.mark.parametrize("share", [0, 0.3, 0.9])
def test_half_a_pickle_file_is_told_from_an_unsafe_one(tmp_path: Path, share: float) -> None:
    import torch

    file = tmp_path / "pytorch_model.bin"
    torch.save({"a": torch.zeros(500)}, file)
    file.write_bytes(file.read_bytes()[: int(file.stat().st_size * share)])
    with pytest.raises(NotWhole, match=r"pytorch_model\.bin is not whole[\s\S]*fetch it again"):
        unsafe.check_pickle(found(local(tmp_path), allow_pickle=True))


def test_of_what_is_no_pickle_torchs_advice_is_not_passed_on(tmp_path: Path) -> None:
    lay(tmp_path, {"pytorch_model.bin": b"<html>not found</html>"})
    with pytest.raises(UnsafeWeights) as caught:
        unsafe.check_pickle(found(local(tmp_path), allow_pickle=True))
    assert "weights_only" not in str(caught.value)


def test_a_plain_pickle_that_is_no_torch_file_is_refused_and_leaves_no_trace(tmp_path: Path) -> None:
    import pickle

    mark = tmp_path / "mark"
    lay(tmp_path, {"pytorch_model.bin": pickle.dumps(Malice(mark))})
    with pytest.raises(UnsafeWeights):
        unsafe.check_pickle(found(local(tmp_path), allow_pickle=True))
    assert not mark.exists()


@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickle_of_weights_alone_passes(tmp_path: Path, zipped: bool) -> None:
    import torch

    state = {"a": torch.zeros(2, 3, dtype=torch.bfloat16)}
    torch.save(state, tmp_path / "pytorch_model.bin", _use_new_zipfile_serialization=zipped)
    unsafe.check_pickle(found(local(tmp_path), allow_pickle=True))


def test_pickles_are_refused_where_torchs_restricted_reader_has_holes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    torch.save({}, tmp_path / "pytorch_model.bin")
    monkeypatch.setattr(torch, "__version__", "2.9.1+cu130")
    with pytest.raises(UnsafeWeights, match=r"2\.9\.1.*\n.*torch>=2\.10"):
        unsafe.check_pickle(found(local(tmp_path), allow_pickle=True))


def test_a_hash_that_is_none_never_becomes_a_file_name(stand_in: HubStandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in.add("owner/model", {"config.json": CONFIG, "model.safetensors": SMALL})
    monkeypatch.setattr("tests.weights.hub_stand_in.etag", lambda data: "../../../outside")
    assert {entry.etag for entry in hub.ask(source()).entries} == {None}


@pytest.mark.parametrize("header", ["../../../outside", "../../../../outside", ""])
def test_what_a_header_says_never_becomes_a_file_name(
    stand_in: HubStandIn, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, header: str
) -> None:
    stand_in.add("owner/model", {"config.json": CONFIG, "model.safetensors": SMALL})
    listing = hub.ask(source())
    hub._keep(source(), listing)
    monkeypatch.setattr("tests.weights.hub_stand_in.etag", lambda data: header)
    before = set(tmp_path.rglob("*"))
    download.Download(source(), listing, list(listing.entries), Run()).get(listing.entries)
    folder = hub.cache_folder(source())
    new = [one for one in tmp_path.rglob("*") if one not in before and not one.is_relative_to(folder)]
    assert [one for one in new if one.is_file() and ".locks" not in one.parts] == []
    assert (folder / "snapshots" / listing.commit / "config.json").read_bytes() == CONFIG


def test_a_file_without_a_hash_is_refused(stand_in: HubStandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in.add("owner/model", {"config.json": CONFIG, "model.safetensors": SMALL})
    monkeypatch.setattr("tests.weights.hub_stand_in.etag", lambda data: "none")
    with pytest.raises(WeightsError, match=r"lists no hash of \S+, by which it could be checked"):
        weights.fetch(source(), Run())


# ── size ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_bytes_in_another_type_leave_whole_numbers_as_they_are(tmp_path: Path) -> None:
    lay(tmp_path, {"model.safetensors": tensors(a=("F16", [10, 10]), ids=("I64", [5]), mask=("U8", [3]))})
    checkpoint = found(local(tmp_path))
    assert checkpoint.bytes == 200 + 40 + 3
    assert checkpoint.bytes_as("float32") == 400 + 43
    assert checkpoint.bytes_as("float16") == checkpoint.bytes
    assert checkpoint.dtype == "float16"


def test_eight_bit_floats_stay_only_in_a_quantized_model(tmp_path: Path) -> None:
    lay(tmp_path, {"config.json": b"{}", "model.safetensors": tensors(a=("F8_E4M3", [10, 10]))})
    assert found(local(tmp_path)).bytes_as("float16") == 200
    lay(tmp_path, {"config.json": b'{"quantization_config": {}}'})
    assert found(local(tmp_path)).bytes_as("float16") == 100


def test_the_estimate_counts_every_number_and_the_largest_tensor_twice_while_loading(tmp_path: Path) -> None:
    lay(tmp_path, {"model.safetensors": tensors(a=("F16", [64, 64]), b=("F32", [32, 64]))})
    assert weights.estimate(found(local(tmp_path)), "float32") == weights.Estimate(6 * 4096, 6 * 4096 + 2 * 4096)


def test_what_fits_is_let_through() -> None:
    weights.check_fits(100, Memory(100, 200, "this machine's memory"), subject="a model")


def test_what_does_not_fit_is_refused_with_the_numbers_and_the_ways_out() -> None:
    memory = Memory(2_000_000_000, 8_000_000_000, "the container's memory limit (cgroup)")
    lighter = [
        ("precision: bfloat16", 3_000_000_000),
        ("quantization: int8", 1_800_000_000),
        ("quantization: nf4", 10**9),
    ]
    with pytest.raises(DoesNotFit) as raised:
        weights.check_fits(
            6 * 10**9, memory, [("sdxl", 4_500_000_000), ("tiny", 10**8)], subject="llama", lighter=lighter
        )
    assert str(raised.value).splitlines() == [
        "llama needs 6.0 GB; 2.0 GB free of 8.0 GB (the container's memory limit (cgroup)); "
        "loaded are sdxl (4.5 GB) and tiny (100 MB)",
        "    → `%compose unload sdxl` frees 4.5 GB, `quantization: int8` makes it 1.8 GB "
        "or `quantization: nf4` makes it 1.0 GB",
    ]


def test_nothing_is_suggested_that_would_not_help() -> None:
    memory = Memory(10, 20, "this machine's memory")
    with pytest.raises(DoesNotFit) as raised:
        weights.check_fits(10**9, memory, [("tiny", 5)], subject="llama", lighter=[("precision: bfloat16", 5 * 10**8)])
    assert "%compose unload" not in str(raised.value)
    assert "bfloat16" not in str(raised.value)


def test_several_are_unloaded_together_where_one_is_not_enough() -> None:
    with pytest.raises(DoesNotFit, match=r"unload b.*unload a") as raised:
        weights.check_fits(100, Memory(10, 200, "x"), [("a", 40), ("b", 60), ("c", 1)], subject="llama")
    assert "unload c" not in str(raised.value)


def test_finding_imports_neither_torch_nor_huggingface_hub(tmp_path: Path) -> None:
    lay(tmp_path, {"model.safetensors": SMALL})
    code = (
        "import sys; from mc_jupyter import weights; from mc_jupyter.language import fields\n"
        f"weights.find(fields.LocalSource(path={str(tmp_path)!r}))\n"
        "weights.find(fields.HubSource(repository='owner/nothing'))\n"
        "print(*{'torch', 'huggingface_hub', 'safetensors'} & set(sys.modules))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.strip() == ""
