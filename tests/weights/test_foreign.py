"""What a model's files would have a library run, fetch or read elsewhere is refused before any library sees them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from mc_jupyter import weights
from mc_jupyter.errors import ComposeError, PlanError, UnsafeWeights, WeightsError
from mc_jupyter.language.fields import LocalSource
from mc_jupyter.weights.reading import NotWhole
from tests.weights.test_headers import entry, written


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model of one tensor."""
    place = tmp_path / "model"
    place.mkdir()
    written(place / "model.safetensors", {"a": entry()}, bytes(24))
    say(place, "config.json", {"model_type": "llama"})
    return place


def say(folder: Path, name: str, content: Any) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(json.dumps(content))


def find(folder: Path, **options: Any) -> weights.Checkpoint | None:
    return weights.find(LocalSource(path=str(folder)), **options)


_CODE = {"AutoModel": "evil.Model"}


@pytest.mark.parametrize(
    ("file", "content", "key"),
    [
        ("config.json", {"auto_map": _CODE}, "auto_map"),
        ("config.json", {"text_config": {"auto_map": _CODE}}, "auto_map"),
        ("config.json", {"encoder": {"sub": [{"auto_map": _CODE}]}}, "auto_map"),
        ("tokenizer_config.json", {"auto_map": {"AutoTokenizer": [None, "evil.T"]}}, "auto_map"),
        ("processor_config.json", {"image_processor": {"auto_map": _CODE}}, "auto_map"),
        ("preprocessor_config.json", {"auto_map": _CODE}, "auto_map"),
        ("generation_config.json", {"custom_generate": "evil/repo"}, "custom_generate"),
        ("generation_config.json", {"dola_layers": "high"}, "dola_layers"),
        ("generation_config.json", {"penalty_alpha": 0.6, "top_k": 4}, "penalty_alpha"),
        ("generation_config.json", {"num_beam_groups": 2, "num_beams": 4}, "num_beam_groups"),
        ("config.json", {"decoder": {"force_words_ids": [[5]]}}, "force_words_ids"),
        ("config.json", {"custom_pipelines": {"x": {"impl": "evil.P"}}}, "custom_pipelines"),
        ("config.json", {"trust_remote_code": True}, "trust_remote_code"),
        ("config.json", {"_attn_implementation": "evil/kernel"}, "_attn_implementation"),
        ("config.json", {"attn_implementation": {"text_config": "kernels-community/x@v1:f"}}, "attn_implementation"),
        ("config.json", {"text_config": {"experts_implementation": "paged|evil/kernel"}}, "experts_implementation"),
        ("config.json", {"transformers_weights": "adapter_model.bin"}, "transformers_weights"),
        ("config.json", {"configuration_files": ["config.4.0.0.json"]}, "configuration_files"),
        ("config.json", {"backbone": "evil/repo", "use_timm_backbone": False}, "backbone"),
        ("config.json", {"model_type": "timm_wrapper", "architecture": "x"}, "model_type"),
        ("config.json", {"vision_config": {"architecture": "hf-hub:evil/x"}}, "architecture"),
        ("config.json", {"fusion_config": {"x": True}}, "fusion_config"),
        ("tokenizer_config.json", {"fast_tokenizer_files": ["tokenizer.4.json"]}, "fast_tokenizer_files"),
        ("tokenizer_config.json", {"gguf_file": "../x.gguf"}, "gguf_file"),
        ("tokenizer_config.json", {"init_inputs": ["/etc/passwd"]}, "init_inputs"),
        ("1_Dense/config.json", {"auto_map": _CODE}, "auto_map"),
    ],
)  # fmt: skip
def test_a_key_that_runs_or_fetches_something_is_refused_with_its_file(
    folder: Path, file: str, content: dict[str, Any], key: str
) -> None:
    say(folder, file, content)
    with pytest.raises(PlanError, match=rf"`{key}` in {file}\).*never runs a repository's code"):
        find(folder)


@pytest.mark.parametrize(
    "content",
    [{"_attn_implementation": "flash_attention_2"}, {"quantization_config": {"quant_method": "mxfp4"}},
     {"text_config": {"_experts_implementation": "sonicmoe"}}, {"model_type": "rwkv"}],
)  # fmt: skip
def test_where_kernels_is_installed_no_word_has_compiled_code_fetched(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: dict[str, Any]
) -> None:
    say(folder, "config.json", {"_attn_implementation": "sdpa", **content})
    assert find(folder) is not None
    (tmp_path / "kernels").mkdir()
    (tmp_path / "kernels" / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(PlanError, match="compiled code to be fetched from the hub"):
        find(folder)


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("config.json", {"auto_map": None, "backbone": None, "_attn_implementation": "sdpa", "architectures": ["A"]}),
        ("config.json", {"attn_implementation": {"": "eager", "text_config": "sdpa"}, "_name_or_path": "/home/x/y"}),
        ("tokenizer_config.json", {"special_tokens_map_file": "/root/.cache/huggingface/not/here.json"}),
        ("tokenizer_config.json", {"tokenizer_file": None, "vocab_file": "", "init_inputs": [], "fast_tokenizer_files": []}),
        ("config.json", {"num_beam_groups": 1, "penalty_alpha": None, "diversity_penalty": 0.0, "top_k": 50}),
        ("data.json", {"auto_map": _CODE}),  # no library reads it
        ("checkpoint-5/config.json", {"auto_map": _CODE}),
    ],
)  # fmt: skip
def test_what_real_models_say_passes(folder: Path, file: str, content: dict[str, Any]) -> None:
    say(folder, file, content)
    assert find(folder) is not None


@pytest.mark.parametrize("file", ["tokenizer_config.json", "special_tokens_map.json"])
@pytest.mark.parametrize("how", ["absolute", "up", "where you work"])
def test_a_tokenizer_reads_no_file_outside_its_folder(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, how: str
) -> None:
    (tmp_path / "secret.txt").write_text("x")
    monkeypatch.chdir(tmp_path)
    name = {"absolute": str(tmp_path / "secret.txt"), "up": "model/../secret.txt", "where you work": "secret.txt"}[how]
    say(folder, file, {"vocab_file": name})
    with pytest.raises(PlanError, match=rf"not its own: {file} says vocab_file: "):
        find(folder)


def test_a_file_of_the_folder_may_be_named_and_may_be_a_link_within_it(folder: Path) -> None:
    (folder / "words").mkdir()
    (folder / "words" / "blob").write_text("x")
    (folder / "vocab.txt").symlink_to("words/blob")
    say(folder, "tokenizer_config.json", {"vocab_file": str(folder / "vocab.txt")})
    assert find(folder) is not None


def test_a_tokenizer_reads_no_file_of_weights_that_leads_outside(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("x")
    (folder / "words.bin").symlink_to(tmp_path / "secret.txt")
    say(folder, "tokenizer_config.json", {"vocab_file": str(folder / "words.bin")})
    with pytest.raises(PlanError, match=r"not its own: tokenizer_config.json says vocab_file: "):
        find(folder)


@pytest.mark.parametrize(
    "name", ["../evil.safetensors", "/etc/x.safetensors", "sub/a.safetensors", "a.bin", "a\\b.safetensors", 5, None]
)
@pytest.mark.parametrize("index", ["model.safetensors.index.json", "other.safetensors.index.json"])
def test_an_index_names_files_beside_it_of_its_kind_alone(folder: Path, index: str, name: Any) -> None:
    say(folder, index, {"weight_map": {"a": name}})
    with pytest.raises(NotWhole, match=index):
        find(folder)


def test_an_adapter_beside_a_models_weights_is_not_laid_on_unasked(folder: Path) -> None:
    say(folder, "adapter_config.json", {"base_model_name_or_path": "/elsewhere", "peft_type": "LORA"})
    with pytest.raises(PlanError, match=r"holds an adapter beside its own files \(adapter_config.json\)"):
        find(folder)
    assert find(folder, kind="adapter") is not None


def test_what_came_since_a_model_was_found_is_refused_when_it_is_looked_at_again(folder: Path) -> None:
    found = find(folder)
    assert found is not None
    weights.check_again(found, "it")
    (folder / "custom_generate").mkdir()
    with pytest.raises(PlanError, match="it brings Python code of its own"):
        weights.check_again(found, "it")


@pytest.mark.parametrize(
    "stray", ["adapter_config.json", "config.json", "tokenizer_config.json", "x.jinja", "link.json"]
)
def test_beside_one_file_that_is_read_alone_anything_may_lie(folder: Path, tmp_path: Path, stray: str) -> None:
    match stray:
        case "x.jinja":
            (folder / stray).mkdir()
        case "link.json":
            (tmp_path / "other.json").write_text("[]")
            (folder / stray).symlink_to(tmp_path / "other.json")
        case _:
            say(folder, stray, {"auto_map": _CODE} if stray == "tokenizer_config.json" else [])
    file = LocalSource(path=str(folder / "model.safetensors"))
    found = weights.find(file, one_file=True)
    assert found is not None
    assert found.alone
    weights.check_again(found, "it")
    if stray != "x.jinja":  # a folder of that name is no library's
        with pytest.raises(ComposeError):
            weights.find(file)


# --- pipelines --------------------------------------------------------------------------------------------------------


@pytest.fixture
def pipeline(tmp_path: Path) -> Path:
    place = tmp_path / "pipeline"
    (place / "unet").mkdir(parents=True)
    written(place / "unet" / "diffusion_pytorch_model.safetensors", {"a": entry()}, bytes(24))
    say(place, "unet/config.json", {})
    say(place, "model_index.json", {"_class_name": "FluxPipeline", "unet": ["diffusers", "X"], "vae": [None, None]})
    return place


@pytest.mark.parametrize(
    ("file", "says"),
    [("diffusers.py", "Python code"), ("x.PY", "Python code"), ("model_index.json", "a pipeline within a part"),
     ("modular_model_index.json", "a pipeline within a part"), ("adapter_config.json", "holds an adapter")],
)  # fmt: skip
def test_a_part_holds_no_code_no_pipeline_and_no_adapter(pipeline: Path, file: str, says: str) -> None:
    assert find(pipeline) is not None
    (pipeline / "unet" / file).write_text("{}")
    with pytest.raises(PlanError, match=rf"{says}[\s\S]*unet/{file}"):
        find(pipeline)


def test_an_index_in_a_part_leads_nowhere(pipeline: Path) -> None:
    # diffusers reads an index before the file of weights that is there as well.
    say(pipeline, "unet/diffusion_pytorch_model.safetensors.index.json", {"weight_map": {"a": "../../evil.bin"}})
    with pytest.raises(NotWhole, match=r"names ../../evil.bin, which leads out of the folder"):
        find(pipeline)


@pytest.mark.parametrize("name", ["../x", "/etc", "a/b", "..", "C:x", "a\0"])
def test_a_part_is_a_folder_of_the_pipeline(pipeline: Path, name: str) -> None:
    say(pipeline, "model_index.json", {"_class_name": "FluxPipeline", name: ["diffusers", "X"]})
    with pytest.raises(NotWhole, match="names a part"):
        find(pipeline)


# --- files that are none ----------------------------------------------------------------------------------------------


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
@pytest.mark.parametrize(
    "name", ["config.json", "tokenizer.json", "vocab.txt", "tokenizer.model", "chat_template.jinja", "generation_config.json"]
)  # fmt: skip
@pytest.mark.parametrize("what", ["pipe", "device"])
def test_what_never_ends_is_found_before_a_library_opens_it(folder: Path, name: str, what: str) -> None:
    (folder / name).unlink(missing_ok=True)
    os.mkfifo(folder / name) if what == "pipe" else (folder / name).symlink_to("/dev/zero")
    with pytest.raises(NotWhole, match=f"{name} is no regular file"):
        find(folder)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
def test_a_model_that_is_a_pipe_is_told(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "model")
    with pytest.raises(NotWhole, match="a pipe or a device"):
        find(tmp_path / "model")


def test_a_vocabulary_larger_than_any_is_not_read(folder: Path) -> None:
    with (folder / "tokenizer.json").open("wb") as file:
        file.truncate(10_000_000_000)
    with pytest.raises(NotWhole, match=r"tokenizer.json has 10.0 GB, and no such file of a model has more than 512 MB"):
        find(folder)


def test_a_folder_that_is_called_like_a_file_is_told(folder: Path) -> None:
    (folder / "config.json").unlink()
    (folder / "config.json").mkdir()
    with pytest.raises(NotWhole, match="config.json is no regular file"):
        find(folder)


@pytest.mark.parametrize(
    "path", ["/x/" + "a" * 300, "./" + "b/" * 3000, "/x\0y", "/x\ny", "~nobody-of-that-name/x", "/\ud800"]
)
def test_a_path_that_no_file_can_have_is_one_error(path: str) -> None:
    with pytest.raises(WeightsError) as raised:
        weights.find(LocalSource.model_construct(path=path, format=None))
    assert "\n" in str(raised.value)
    assert len(str(raised.value)) < 1000


# --- pickles in disguise ----------------------------------------------------------------------------------------------


class Malice:
    """Unpickled, it makes a file."""

    def __init__(self, mark: Path):
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return open, (str(self.mark), "w")


def pickled(file: Path, mark: Path, form: str) -> None:
    """A pickle that would make `mark`: in torch's zip format, in its older one, in a tar, or plain."""
    import io
    import pickle
    import tarfile

    import torch

    if form in ("zip", "legacy"):
        torch.save({"a": Malice(mark)}, file, _use_new_zipfile_serialization=form == "zip")
        return
    data = pickle.dumps(Malice(mark), protocol=0 if form == "text" else 4)
    if form != "tar":
        file.write_bytes(data)
        return
    with tarfile.open(file, "w") as archive:
        for name in ("pickle", "storages", "tensors", "sys_info"):
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))


@pytest.mark.parametrize("form", ["zip", "legacy", "tar", "plain", "text"])
@pytest.mark.parametrize(
    "name", ["model.engine", "model.gguf", "model.onnx", "model.plan", "model.trt", "model.safetensors", "MODEL.SAFETENSORS"]
)  # fmt: skip
def test_a_pickle_under_another_formats_name_is_told_whoever_asks(tmp_path: Path, name: str, form: str) -> None:
    pickled(tmp_path / name, tmp_path / "mark", form)
    for allow in (False, True):
        with pytest.raises(WeightsError) as raised:
            weights.find(LocalSource(path=str(tmp_path / name)), allow_pickle=allow)
        assert name in str(raised.value)
    assert not (tmp_path / "mark").exists()


@pytest.mark.parametrize("name", ["model.engine", "model.gguf", "model.onnx", "model.plan", "model.trt"])
def test_another_format_than_the_driver_loads_is_told_with_what_loads_it(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"GGUF")
    with pytest.raises(WeightsError, match=rf"{name} is an? \w+ \w+, which [\w.' ]+ runs"):
        weights.find(LocalSource(path=str(tmp_path / name)), formats=("safetensors", "pytorch"))


def test_a_format_that_the_driver_does_not_load_cannot_be_asked_for(tmp_path: Path) -> None:
    (tmp_path / "model.gguf").write_bytes(b"GGUF")
    with pytest.raises(WeightsError, match="`format: gguf` is gguf, which llama.cpp loads"):
        weights.find(LocalSource(path=str(tmp_path), format="gguf"), formats=("safetensors", "pytorch"))


def test_an_archive_that_grows_when_it_is_read_is_refused(tmp_path: Path) -> None:
    import zipfile

    from mc_jupyter.weights.unsafe import contents

    with zipfile.ZipFile(tmp_path / "model.pt", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("model/data.pkl", bytes(50_000_000))
        archive.writestr("model/version", "3")
    with pytest.raises(UnsafeWeights, match="model.pt is packed, as torch packs no weights"):
        contents(tmp_path / "model.pt")


def test_every_refusal_is_said_in_one_way(folder: Path) -> None:
    say(folder, "config.json", {"auto_map": {"x": "\n" * 50 + "y" * 10_000}})
    with pytest.raises(ComposeError) as raised:
        find(folder)
    assert len(str(raised.value)) < 600
