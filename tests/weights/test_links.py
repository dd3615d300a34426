"""A link in a model's folder brings no file from outside into an answer or an error; what people make of links is read."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import mc_jupyter as mc
from mc_jupyter import weights
from mc_jupyter.errors import PlanError
from mc_jupyter.language.fields import HubSource
from tests import pipelines
from tests.conftest import cell
from tests.weights.test_foreign import find, folder, say

__all__ = ["folder"]

_COMMIT = "a" * 40


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    file = tmp_path / "secret.pem"
    file.write_text('{"CANARY": "{%CANARY"}')
    return file


@pytest.mark.parametrize(
    "name", ["chat_template.jinja", "config.json", "tokenizer.json", "vocab.txt", "spiece.model", "generation_config.json",
             "model.safetensors.index.json", "vocab.bpe", "emoji.words", "1_Pooling/config.json",
             "additional_chat_templates/tool.jinja"]
)  # fmt: skip
@pytest.mark.parametrize("how", ["absolute", "relative", "in two steps"])
def test_a_link_that_leads_out_is_refused_before_it_is_read(folder: Path, secret: Path, name: str, how: str) -> None:
    link = folder / name
    link.parent.mkdir(exist_ok=True)
    link.unlink(missing_ok=True)
    if how == "absolute":
        link.symlink_to(secret)
    elif how == "relative":
        link.symlink_to(Path(*[".."] * (1 + name.count("/")), "secret.pem"))
    else:
        (folder / ".blobs").symlink_to(secret.parent)
        link.symlink_to(folder / ".blobs" / "secret.pem")
    with pytest.raises(PlanError, match=rf"{name} leads to a file that is not the model's, .*secret.pem") as raised:
        find(folder)
    assert "CANARY" not in str(raised.value)
    assert f"put a copy in the place of {name}" in str(raised.value)


@pytest.mark.parametrize("name", ["chat_template.jinja", "model.bin"])
@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="only Linux shows the environment as a file")
def test_the_environment_is_no_file_of_a_models(folder: Path, name: str) -> None:
    (folder / name).symlink_to("/proc/self/environ")
    with pytest.raises(PlanError, match=rf"{name} leads to a file that is not the model's, /proc/"):
        find(folder)


def test_a_folder_of_a_part_that_lies_elsewhere_is_refused(tmp_path: Path) -> None:
    pipeline = tmp_path / "pipeline"
    elsewhere = tmp_path / "elsewhere"
    for place in (pipeline, elsewhere):
        place.mkdir()
    say(elsewhere, "config.json", {})
    say(pipeline, "model_index.json", {"_class_name": "FluxPipeline", "unet": ["diffusers", "X"]})
    (pipeline / "model.safetensors").write_bytes(b"")
    (pipeline / "unet").symlink_to(elsewhere)
    shutil.copy(pipeline / "model.safetensors", elsewhere / "diffusion_pytorch_model.safetensors")
    with pytest.raises(PlanError, match="unet/config.json leads to a file"):
        find(pipeline)


def test_weights_may_lie_on_another_disk(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "large").mkdir()
    (folder / "model.safetensors").rename(tmp_path / "large" / "blob")
    (folder / "model.safetensors").symlink_to(tmp_path / "large" / "blob")
    (folder / "README.md").symlink_to(tmp_path / "large" / "blob")
    assert find(folder) is not None


def test_the_folder_itself_may_be_a_link(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(folder)
    assert find(tmp_path / "link") is not None


def cached(folder: Path, cache: Path) -> Path:
    """The model as huggingface_hub keeps it: blobs by their hashes, and links to them. Returns the snapshot."""
    repository = cache / "models--owner--model"
    snapshot = repository / "snapshots" / _COMMIT
    for place in (repository / "blobs", repository / "refs", snapshot):
        place.mkdir(parents=True)
    (repository / "refs" / "main").write_text(_COMMIT)
    for number, file in enumerate(sorted(folder.iterdir())):
        shutil.copy(file, repository / "blobs" / f"{number:040}")
        (snapshot / file.name).symlink_to(f"../../blobs/{number:040}")
    return snapshot


@pytest.mark.parametrize("linked", [False, True])
def test_a_cache_of_links_is_read_by_its_name_and_by_its_path(folder: Path, tmp_path: Path, linked: bool) -> None:
    snapshot = cached(folder, tmp_path / "cache")
    cache = tmp_path / "cache"
    if linked:  # a cache that was moved to another disk
        cache.rename(tmp_path / "disk")
        cache.symlink_to(tmp_path / "disk")
    assert find(snapshot) is not None
    assert weights.find(HubSource(repository="owner/model", cache_dir=str(cache))) is not None


@pytest.mark.parametrize("what", ["blob", "blobs", "of another model"])
def test_a_cache_that_leads_out_is_refused_too(folder: Path, tmp_path: Path, secret: Path, what: str) -> None:
    snapshot = cached(folder, tmp_path / "cache")
    blobs = tmp_path / "cache" / "models--owner--model" / "blobs"
    if what == "blob":
        blob = next(blobs.iterdir())
        blob.unlink()
        blob.symlink_to(secret)
    elif what == "blobs":
        blobs.rename(tmp_path / "elsewhere")
        blobs.symlink_to(tmp_path / "elsewhere")
    else:
        (tmp_path / "cache" / "models--private" / "blobs").mkdir(parents=True)
        shutil.copy(secret, tmp_path / "cache" / "models--private" / "blobs" / "x")
        (snapshot / "vocab.txt").symlink_to("../../../models--private/blobs/x")
    with pytest.raises(PlanError, match="leads to a file that is not the model's"):
        find(snapshot)


# --- between a plan and a load ----------------------------------------------------------------------------------------


def test_a_link_that_came_after_the_plan_is_refused_before_the_load(
    llama: Path, tmp_path: Path, secret: Path, session: mc.Session
) -> None:
    place = shutil.copytree(llama, tmp_path / "model")
    planned = session.load(cell("chat-completion", place, "messages: [{role: user, content: hi}]"))
    session.unload()
    (place / "chat_template.jinja").unlink(missing_ok=True)
    (place / "chat_template.jinja").symlink_to(secret)
    with pytest.raises(PlanError, match="chat_template.jinja leads to a file") as raised:
        planned()
    assert "CANARY" not in str(raised.value)


@pytest.mark.parametrize("name", ["unet/diffusers.py", "scheduler/sched.PY", "unet/modular_model_index.json"])
def test_a_file_that_came_after_the_plan_never_runs(tmp_path: Path, session: mc.Session, name: str) -> None:
    place = pipelines.sdxl(tmp_path / "pipeline", width=8)
    mark = tmp_path / "it ran"
    made = session.load(
        cell("image-generation", place, "architecture: sdxl", "prompt: a", "params: {num_inference_steps: 1}")
    )
    session.unload()
    (place / name).write_text(f"open({str(mark)!r}, 'w').close()\nclass UNet2DConditionModel: pass\n")
    with pytest.raises(PlanError, match=r"brings (Python code of its own|a pipeline within a part)"):
        made()
    assert not mark.exists()
