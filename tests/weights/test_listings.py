"""What a hub, or whoever answers in its name, says that a repository holds: held against what files may be called."""

from __future__ import annotations

import json
import traceback
from pathlib import Path
from typing import Any

import pytest

from mc_jupyter import weights
from mc_jupyter.errors import ComposeError, NoSuchModel, WeightsError
from mc_jupyter.events import Run
from mc_jupyter.weights import answers, hub
from mc_jupyter.weights.reading import INDEX
from tests.weights.hub_stand_in import HubStandIn
from tests.weights.test_weights import CONFIG, SMALL, source, stand_in

__all__ = ["stand_in"]

NAMES = [
    "/tmp/x.json", "../x.json", "a/../../x.json", "a\\..\\x.json", "C:x.json", "a\0.json", "a//b.json", "nul.json",
    "x" * 300 + ".json", "",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_listing_that_leads_out_of_its_folder_is_refused_and_nothing_is_touched(
    stand_in: HubStandIn, tmp_path: Path, name: str
) -> None:
    kept = tmp_path / "cache" / "models--owner--model" / "x.json"
    kept.parent.mkdir(parents=True)
    kept.write_text("mine")
    stand_in.add("owner/model", {"config.json": CONFIG, "model.safetensors": SMALL, name: b"theirs"})
    with pytest.raises(WeightsError, match=r"lists a file [\s\S]*ask the hub itself"):
        weights.fetch(source(), Run())
    assert kept.read_text() == "mine"
    assert [file for file in kept.parent.rglob("*") if file.is_file()] == [kept]


@pytest.mark.parametrize("entry", [
    {"name": "../x.json", "size": 1, "sha256": None, "sha1": None}, {"name": "x.json"}, 5, {"name": 5, "size": 1},
    {"name": "x.json", "size": -1, "sha256": None, "sha1": None},
    {"name": "x.json", "size": 1, "sha256": None, "sha1": None, "more": 1},
    {"name": "x.json", "size": "1", "sha256": None, "sha1": None},
])  # fmt: skip
def test_a_kept_listing_that_we_did_not_write_so_is_asked_for_again(stand_in: HubStandIn, entry: Any) -> None:
    stand_in.add("owner/model", {"config.json": CONFIG, "model.safetensors": SMALL})
    commit = weights.fetch(source(), Run()).revision
    assert commit
    file = hub.cache_folder(source()) / "mc_jupyter" / f"{commit}.json"
    whole = json.loads(file.read_text())
    file.write_text(json.dumps({"files": [*whole["files"], entry]}))
    assert hub.listing_here(source(), commit) is None
    assert weights.fetch(source(), Run()).revision == commit
    assert json.loads(file.read_text()) == whole


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b'{"files": 5}', b'{"files": {}}', b"[" * 50_000, b"\xff"])
def test_a_damaged_kept_listing_counts_as_none(stand_in: HubStandIn, content: bytes) -> None:
    stand_in.add("owner/model", {"config.json": CONFIG, "model.safetensors": SMALL})
    commit = weights.fetch(source(), Run()).revision or ""
    (hub.cache_folder(source()) / "mc_jupyter" / f"{commit}.json").write_bytes(content)
    assert hub.listing_here(source(), commit) is None
    assert weights.find(source()) is not None


def test_a_hash_of_another_form_in_a_kept_listing_names_no_file(stand_in: HubStandIn) -> None:
    stand_in.add("owner/model", {"config.json": CONFIG, "model.safetensors": SMALL})
    commit = weights.fetch(source(), Run()).revision or ""
    file = hub.cache_folder(source()) / "mc_jupyter" / f"{commit}.json"
    kept = json.loads(file.read_text())
    for each in kept["files"]:
        each["sha256"] = "../../../x"
    file.write_text(json.dumps(kept))
    here = hub.listing_here(source(), commit)
    assert here is not None
    assert {each.sha256 for each in here.entries} == {None}


@pytest.mark.parametrize("answer", [
    [], {"siblings": 5}, {"sha": 5}, {"sha": "x" * 40}, {"sha": "a" * 40, "siblings": [{}]},
    {"sha": "a" * 40, "siblings": [{"rfilename": 5}]},
    {"sha": "a" * 40, "siblings": [{"rfilename": "a", "size": "x"}]},
    {"sha": "a" * 40, "siblings": [{"rfilename": "a", "size": -5}]},
    {"sha": "a" * 40, "siblings": [{"rfilename": "a", "size": 5, "blobId": 7}]},
    {"sha": "a" * 40, "siblings": [{"rfilename": "a", "size": 5, "lfs": {"sha256": [], "size": 1, "pointerSize": 1}}]},
    {"sha": "a" * 40, "siblings": "abc"}, b"[" * 100_000, b"<html>", b"\xff", b"",
])  # fmt: skip
def test_an_answer_of_any_shape_is_one_error(
    stand_in: HubStandIn, monkeypatch: pytest.MonkeyPatch, answer: Any
) -> None:
    repository = stand_in.add("owner/model", {"config.json": CONFIG})
    whole = {"id": "owner/model", "sha": repository.branches["main"], "siblings": [], "tags": []}
    stand_in.answers = {**whole, **answer} if isinstance(answer, dict) else answer
    with pytest.raises(ComposeError):
        weights.fetch(source(), Run())


def test_an_answer_larger_than_any_listing_is_not_taken(stand_in: HubStandIn) -> None:
    stand_in.add("owner/model", {"config.json": CONFIG})
    stand_in.answers = b'{"siblings": ["' + b"x" * INDEX
    with pytest.raises(WeightsError, match="answers with more than 64.0 MB"):
        weights.fetch(source(), Run())


def test_an_answer_that_does_not_end_is_left(stand_in: HubStandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "LONGEST", 0.0)
    stand_in.add("owner/model", {"config.json": CONFIG, "model.safetensors": SMALL})
    with pytest.raises(WeightsError, match="for longer than 0 s"):
        weights.fetch(source(), Run())


def test_the_token_is_in_no_frame_of_an_answer_that_does_not_end(
    stand_in: HubStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers, "LONGEST", 0.0)
    monkeypatch.setenv("HF_TOKEN", "hf_CANARY")
    stand_in.add("owner/model", {"config.json": CONFIG, "model.safetensors": SMALL})
    with pytest.raises(WeightsError, match="for longer than 0 s") as raised:
        weights.fetch(source(), Run())
    frames = [frame for frame, _ in traceback.walk_tb(raised.tb) if "mc_jupyter" in frame.f_code.co_filename]
    assert "_body" in [frame.f_code.co_name for frame in frames]
    assert not [frame for frame in frames if "CANARY" in repr(frame.f_locals)]


@pytest.mark.parametrize("revision", ["../../../x", "/etc/x", "a\\b", "..", "a//b", "x" * 300])
def test_a_revision_is_no_path(stand_in: HubStandIn, tmp_path: Path, revision: str) -> None:
    repository = stand_in.add("owner/model", {"config.json": CONFIG, "model.safetensors": SMALL})
    repository.branches[revision] = repository.branches["main"]
    asked = source().model_copy(update={"revision": revision})
    for ask in (lambda: weights.find(asked), lambda: weights.fetch(asked, Run())):
        with pytest.raises(NoSuchModel, match="revision"):
            ask()
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("name", ["model.engine", "model.gguf", "model.onnx"])
def test_a_file_of_the_hub_in_another_format_is_told_before_it_is_fetched(stand_in: HubStandIn, name: str) -> None:
    stand_in.add("owner/model", {"config.json": CONFIG, name: b"PK" + bytes(3000)})
    with pytest.raises(WeightsError, match=rf"{name} is an? .*, which .* runs"):
        weights.fetch(source(filename=name), Run(), formats=("safetensors", "pytorch"))
    assert stand_in.gets(name) == []


def test_a_pickle_that_is_called_gguf_is_told_when_it_has_come(stand_in: HubStandIn) -> None:
    stand_in.add("owner/model", {"config.json": CONFIG, "model.gguf": b"PK" + bytes(3000)})
    with pytest.raises(WeightsError, match=r"model.gguf is no gguf file but a pickle"):
        weights.fetch(source(filename="model.gguf"), Run())


@pytest.mark.parametrize(
    ("gives", "says"), [(b"", "gives 0 bytes"), (CONFIG[:5], "gives 5 bytes"), (b"x" * 5000, "gives more")]
)
@pytest.mark.parametrize("ranges", [True, False])
def test_a_file_that_is_given_shorter_or_longer_than_listed_ends(
    stand_in: HubStandIn, gives: bytes, says: str, ranges: bool
) -> None:
    stand_in.add("owner/model", {"config.json": CONFIG, "model.safetensors": SMALL})
    stand_in.gives["config.json"], stand_in.ranges = gives, ranges
    with pytest.raises(WeightsError, match=rf"lists config.json with {len(CONFIG)} bytes, and {says}"):
        weights.fetch(source(), Run())
    assert weights.find(source()) is None
