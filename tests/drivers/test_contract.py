"""The suite that every driver passes, on drivers whose inputs or results are pictures. Those that write inherit the
suite of text in their own files.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests import captioners, faces, pipelines, upscalers
from tests.conftest import cell
from tests.drivers.contract import Contract


class Drawing(Contract):
    """Results are pictures, compared byte for byte."""

    def held(self, result: Any) -> Any:
        return result.size, result.mode, result.tobytes()


class Seeded(Drawing):
    """Item k of a list is drawn by seed + k."""

    given = {"seed": 7}  # noqa: RUF012

    def alone(self, handle: Any, inputs: Sequence[Any]) -> list[Any]:
        return [self.held(handle(each, seed=7 + k)) for k, each in enumerate(inputs)]


def pictures() -> list[Any]:
    return [upscalers.picture(width, 12, seed=width) for width in (10, 14, 18)]


class TestDiffusers(Seeded):
    misspelt = ("num_inference_step: 2", "num_inference_steps")

    @pytest.fixture(scope="class")
    def folder(self, tmp_path_factory: pytest.TempPathFactory) -> Path:
        return pipelines.sdxl(tmp_path_factory.mktemp("contract") / "sdxl")

    @pytest.fixture
    def document(self, folder: Path) -> str:
        return cell("image-generation", folder, "device: cpu", "width: 32", "height: 32", "inference_steps: 2")

    @pytest.fixture
    def inputs(self) -> list[Any]:
        return ["a red fox", "a blue ball", "a cat"]


class TestLdsr(Seeded):
    misspelt = ("num_inference_step: 2", "num_inference_steps")

    @pytest.fixture(scope="class")
    def folder(self, tmp_path_factory: pytest.TempPathFactory) -> Path:
        return upscalers.ldsr(tmp_path_factory.mktemp("contract"))

    @pytest.fixture
    def document(self, folder: Path) -> str:
        return cell("image-upscale", folder, "device: cpu", "architecture: ldsr", "steps: 2")

    @pytest.fixture
    def inputs(self) -> list[Any]:
        return pictures()


class TestSpandrel(Drawing):
    misspelt = ("tile_siz: 8", "tile_size")

    @pytest.fixture(scope="class")
    def file(self, tmp_path_factory: pytest.TempPathFactory) -> Path:
        return upscalers.compact(tmp_path_factory.mktemp("contract") / "compact.safetensors")

    @pytest.fixture
    def document(self, file: Path) -> str:
        return cell("image-upscale", file, "device: cpu")

    @pytest.fixture
    def inputs(self) -> list[Any]:
        return pictures()


class TestInsightFace(Contract):
    misspelt = ("max_num_face: 2", "max_num_faces")

    @pytest.fixture(scope="class")
    def folder(self, tmp_path_factory: pytest.TempPathFactory) -> Path:
        return faces.pack(tmp_path_factory.mktemp("contract") / "pack")

    @pytest.fixture
    def document(self, folder: Path) -> str:
        return cell("face-embedding", folder, "device: cpu")

    @pytest.fixture
    def inputs(self) -> list[Any]:
        boxes = [((40, 30, 120, 130), 1, 0.9), ((180, 100, 240, 170), 2, 0.8), ((60, 60, 140, 150), 3, 0.85)]
        return [faces.picture((320, 240), box) for box in boxes]

    def held(self, result: Any) -> Any:
        return [(face["bounding_box"], tuple(face["embedding"])) for face in result["faces"]]


class TestCaptioning(Contract):
    """Texts about pictures: the suite of text, with a prompt as its input, is inherited in test_captioning."""

    misspelt = ("max_output_lenght: 5", "max_output_length")

    @pytest.fixture(scope="class")
    def folder(self, tmp_path_factory: pytest.TempPathFactory) -> Path:
        return captioners.git(tmp_path_factory.mktemp("contract"))

    @pytest.fixture
    def document(self, folder: Path) -> str:
        return cell("image-to-text", folder, "device: cpu", "max_output_length: 8", "do_sample: false")

    @pytest.fixture
    def inputs(self) -> list[Any]:
        return list(captioners.pictures(3))
