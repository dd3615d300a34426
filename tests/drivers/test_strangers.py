"""Models that bring code: none of it runs, and nothing of it is imported, whatever the installed library would do."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import mc_jupyter as mc
from mc_jupyter.errors import ComposeError, PlanError, WeightsError
from tests import models, pipelines, upscalers
from tests.conftest import cell
from tests.weights.test_foreign import pickled


@pytest.fixture
def mark(tmp_path: Path) -> Path:
    """The file that a stranger's code would make."""
    return tmp_path / "it ran"


@pytest.fixture
def code(mark: Path) -> str:
    return f"open({str(mark)!r}, 'w').close()\nclass UNet2DConditionModel: pass\nclass Evil: pass\n"


@pytest.fixture(scope="module")
def sdxl(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pipelines.sdxl(tmp_path_factory.mktemp("sdxl"), width=8)


@pytest.fixture
def pipeline(sdxl: Path, tmp_path: Path) -> Path:
    return shutil.copytree(sdxl, tmp_path / "pipeline")


@pytest.fixture
def where_one_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The notebook's folder, from which Python imports."""
    folder = tmp_path / "notebook"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(str(folder))
    yield folder
    for name in ("stranger", "hunyuandit_evil"):
        sys.modules.pop(name, None)


def index(folder: Path, **parts: Any) -> None:
    file = folder / "model_index.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **parts}))


def refused(session: mc.Session, text: str, mark: Path) -> str:
    """What planning and loading say; neither runs anything."""
    planned = [str(problem) for problem in session.plan(text).problems]
    with pytest.raises(ComposeError) as raised:
        session.load(text)("a", seed=1)
    assert planned
    assert not mark.exists()
    return str(raised.value)


def test_python_in_a_part_of_a_pipeline_never_runs(pipeline: Path, code: str, mark: Path, session: mc.Session) -> None:
    (pipeline / "unet" / "diffusers.py").write_text(code)
    assert "unet/diffusers.py" in refused(session, cell("image-generation", pipeline), mark)


def test_a_module_of_the_notebooks_folder_is_not_imported(
    pipeline: Path, code: str, mark: Path, session: mc.Session, where_one_works: Path
) -> None:
    (where_one_works / "stranger.py").write_text(code)
    index(pipeline, unet=["stranger", "UNet2DConditionModel"])
    assert "never runs a repository's code" in refused(session, cell("image-generation", pipeline), mark)


def test_an_index_within_a_part_is_not_followed(
    pipeline: Path, code: str, mark: Path, session: mc.Session, where_one_works: Path
) -> None:
    (where_one_works / "stranger.py").write_text(code)
    inner = {"_class_name": "StableDiffusionXLPipeline", "unet": ["stranger", "Evil"]}
    (pipeline / "unet" / "model_index.json").write_text(json.dumps(inner))
    index(pipeline, unet=["diffusers", "DiffusionPipeline"])
    assert "unet" in refused(session, cell("image-generation", pipeline), mark)


@pytest.mark.parametrize(
    ("part", "made_as"),
    [("unet", ["diffusers", "StableDiffusionXLPipeline"]), ("unet", ["diffusers", "AutoModel"]),
     ("vae", ["diffusers", "OnnxRuntimeModel"]), ("text_encoder", ["transformers", "AutoModel"]),
     ("text_encoder", ["transformers", "LlamaForCausalLM"]), ("tokenizer", ["transformers", "AutoTokenizer"]),
     ("scheduler", ["diffusers", "UNet2DConditionModel"]), ("unet", ["stable_diffusion", "x"]),
     ("controlnet", ["diffusers", "ControlNetModel"]), ("unet", ["diffusers", "FlashPackUNet2DConditionModel"])],
)  # fmt: skip
def test_a_part_is_of_the_few_classes_that_it_can_be(
    pipeline: Path, session: mc.Session, part: str, made_as: list[str]
) -> None:
    (pipeline / part).mkdir(exist_ok=True)
    index(pipeline, **{part: made_as})
    with pytest.raises(PlanError, match=f"line 4: {part} of this model is {made_as[1]} of {made_as[0]}"):
        session.load(cell("image-generation", pipeline))


@pytest.mark.parametrize("name", ["../x", "/tmp/x", "..", "a/b"])
def test_a_part_that_is_a_path_is_one_error(pipeline: Path, session: mc.Session, name: str) -> None:
    index(pipeline, **{name: ["diffusers", "AutoencoderKL"]})
    assert session.plan(cell("image-generation", pipeline)).problems
    with pytest.raises(WeightsError, match="names a part"):
        session.load(cell("image-generation", pipeline))


def test_an_upscaling_pipeline_is_held_to_its_classes_too(
    tmp_path: Path, code: str, mark: Path, session: mc.Session, where_one_works: Path
) -> None:
    folder = upscalers.ldsr(tmp_path / "ldsr")
    (where_one_works / "stranger.py").write_text(code)
    index(folder, vqvae=["stranger", "Evil"])
    text = cell("image-upscale", folder, "architecture: ldsr")
    assert session.plan(text).problems
    with pytest.raises(PlanError, match="vqvae of this model is Evil of stranger"):
        session.load(text)
    assert not mark.exists()


def test_the_installed_diffusers_imports_no_module_that_an_index_names(
    pipeline: Path, code: str, mark: Path, where_one_works: Path
) -> None:
    """Held against the library itself: what pyproject.toml asks for is a version that refuses as well."""
    from diffusers import StableDiffusionXLPipeline

    (where_one_works / "stranger.py").write_text(code)
    index(pipeline, unet=["stranger", "UNet2DConditionModel"])
    with pytest.raises((ValueError, OSError, AttributeError)):
        StableDiffusionXLPipeline.from_pretrained(pipeline, local_files_only=True)
    assert not mark.exists()


# --- pickles ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["zip", "legacy", "plain", "text"])
@pytest.mark.parametrize(
    "name", ["model.engine", "model.gguf", "model.onnx", "model.plan", "model.trt", "UP.SAFETENSORS"]
)
@pytest.mark.parametrize("task", ["text-generation", "image-upscale"])
def test_a_pickle_under_another_name_never_runs(
    llama: Path, tmp_path: Path, mark: Path, session: mc.Session, task: str, name: str, form: str
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(llama, folder, ignore=shutil.ignore_patterns("*.safetensors"))
    pickled(folder / name, mark, form)
    driver = "custom" if task == "image-upscale" else None
    for more in ((), ("allow_pickle: true",)):
        assert name in refused(session, cell(task, folder / name, *more, driver=driver), mark)


@pytest.mark.parametrize("form", ["zip", "legacy", "plain", "tar"])
def test_a_pickle_that_is_allowed_still_runs_nothing(
    llama: Path, tmp_path: Path, mark: Path, session: mc.Session, form: str
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(llama, folder, ignore=shutil.ignore_patterns("*.safetensors"))
    pickled(folder / "pytorch_model.bin", mark, form)
    with pytest.raises(WeightsError, match="pytorch_model.bin"):
        session.load(cell("text-generation", folder, "allow_pickle: true"))
    assert not mark.exists()


def test_shards_that_an_index_names_are_no_way_around_the_gate(
    llama: Path, tmp_path: Path, mark: Path, session: mc.Session
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(llama, folder)
    (folder / "model.safetensors").rename(folder / "model-00001-of-00001.safetensors")
    pickled(folder / "evil.bin", mark, "zip")
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": "evil.bin"}}))
    assert "names evil.bin" in refused(session, cell("text-generation", folder), mark)


def test_an_adapter_beside_a_model_leads_to_no_other_model(tmp_path: Path, mark: Path, session: mc.Session) -> None:
    other = models.llama(tmp_path / "other")
    folder = models.llama(tmp_path / "model")
    (folder / "config.json").unlink()
    (folder / "adapter_config.json").write_text(
        json.dumps({"base_model_name_or_path": str(other), "peft_type": "LORA"})
    )
    assert "holds an adapter" in refused(session, cell("text-generation", folder), mark)
