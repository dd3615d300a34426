"""Faces end to end: insightface's own code and onnxruntime over synthetic packs, whose answers are known beforehand."""

from __future__ import annotations

import gc
import shutil
import socket
import subprocess
import sys
import textwrap
import weakref
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mc_jupyter as mc
from mc_jupyter.drivers import Asked, Refusal
from mc_jupyter.drivers._insightface import onnx as headers
from mc_jupyter.drivers._insightface import packs
from mc_jupyter.drivers.insightface import InsightFace
from mc_jupyter.errors import InputError, Interrupted, MissingPackage, NoSuchModel, PlanError, SpecError, WeightsError
from mc_jupyter.events import Advance, Note, Run
from mc_jupyter.tasks.face_embedding import FaceEmbedding
from mc_jupyter.values import Batch, Faces, look_up
from tests import faces
from tests.conftest import cell

# insightface 2.1 calls what scikit-image 0.26 is about to rename.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:.*estimate. is deprecated:FutureWarning")]

BLOCK = (Path(__file__).parents[1] / "language" / "blocks" / "21.yml").read_text()
ONE = ((40, 30, 120, 130), 1, 0.9)
TWO = ((180, 100, 240, 170), 2, 0.8)


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A synthetic detector and embedder."""
    return faces.pack(tmp_path_factory.mktemp("packs") / "small")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, with synthetic landmarks, gender and age."""
    return faces.pack(tmp_path_factory.mktemp("packs") / "whole", attributes=True)


@pytest.fixture(scope="module")
def loaded() -> Iterator[mc.Session]:
    """A session whose packs stay loaded from one test to the next."""
    with mc.Session() as session:
        yield session


@pytest.fixture
def at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home, where no pack is yet; and no way out of this machine."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))

    def refuse(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    return tmp_path


def look(session: mc.Session, pack: Path | str, images: Any, *lines: str, run: Run | None = None) -> Any:
    return session.load(cell("face-embedding", pack, *lines), "faces")(images, run=run)


def notes(session: mc.Session, pack: Path, images: Any, *lines: str) -> list[str]:
    heard: list[str] = []
    look(session, pack, images, *lines, run=Run(lambda e: heard.append(e.text) if isinstance(e, Note) else None))
    return heard


def directly(folder: Path, picture: Any) -> list[Any]:
    """What insightface says when it is called by itself, the largest face first."""
    from insightface.app import FaceAnalysis

    app = FaceAnalysis(name=str(folder), providers=["CPUExecutionProvider"])
    app.prepare(ctx_id=0, det_thresh=0.6, det_size=(640, 640))
    found = app.get(np.ascontiguousarray(np.asarray(picture)[:, :, ::-1]))
    return sorted(found, key=lambda face: -np.prod(face.bbox[2:] - face.bbox[:2]))


# --- results ----------------------------------------------------------------------------------------------------------


def test_a_picture_without_faces_has_none(loaded: mc.Session, pack: Path) -> None:
    found = look(loaded, pack, faces.picture((320, 240)))
    assert found == {"faces": [], "width": 320, "height": 240}
    assert found.embedding is None
    assert look_up(found, "embedding") is None


def test_one_face_has_its_box_its_score_and_a_vector_of_length_one(loaded: mc.Session, pack: Path) -> None:
    found = look(loaded, pack, faces.picture((320, 240), ONE))
    assert isinstance(found, Faces)
    (face,) = found["faces"]
    assert set(face) == {"embedding", "bounding_box", "score"}
    assert face["bounding_box"] == [40, 30, 120, 130]
    assert face["score"] == pytest.approx(0.9, abs=0.01)
    assert len(face["embedding"]) == 512
    assert np.linalg.norm(face["embedding"]) == pytest.approx(1, abs=1e-6)
    assert found.embedding is face["embedding"]


def test_the_largest_of_several_faces_comes_first(loaded: mc.Session, pack: Path) -> None:
    picture = faces.picture((320, 240), ((180, 100, 240, 170), 2, 0.95), (ONE[0], 1, 0.7))
    found = look(loaded, pack, picture, "max_num_faces: 5")
    assert [face["bounding_box"] for face in found["faces"]] == [[40, 30, 120, 130], [180, 100, 240, 170]]
    assert len(found) == 2
    assert look(loaded, pack, picture)["faces"] == found["faces"][:1]


def test_everything_equals_insightface_called_directly(loaded: mc.Session, whole: Path) -> None:
    picture = faces.picture((640, 480), ((100, 60, 330, 300), 3, 0.95), ((400, 200, 560, 380), 4, 0.8))
    found = look(
        loaded, whole, picture, "max_num_faces: 9", "return_landmarks: true", "return_gender_age: true"
    )["faces"]  # fmt: skip
    wanted = directly(whole, picture)
    assert len(found) == len(wanted) == 2
    for ours, theirs in zip(found, wanted, strict=True):
        assert np.allclose(ours["embedding"], theirs.normed_embedding, atol=1e-6)
        assert np.allclose(ours["bounding_box"], theirs.bbox, atol=0.01)
        assert np.allclose(ours["landmarks"], theirs.kps, atol=0.01)
        assert np.allclose(ours["landmarks_106"], theirs.landmark_2d_106, atol=0.01)
        assert np.allclose(ours["landmarks_68"], theirs.landmark_3d_68, atol=0.01)
        assert np.allclose(list(ours["pose"].values()), theirs.pose, atol=0.01)
        assert ours["score"] == pytest.approx(float(theirs.det_score))
        assert ours["gender"] == {"F": "female", "M": "male"}[theirs.sex]
        assert ours["age"] == theirs.age


def test_vectors_are_the_networks_own_where_they_are_not_normalized(loaded: mc.Session, pack: Path) -> None:
    picture = faces.picture((320, 240), ONE)
    raw = look(loaded, pack, picture, "normalize: false").embedding
    assert np.allclose(raw, directly(pack, picture)[0].embedding, rtol=1e-5)
    assert np.linalg.norm(raw) > 2


def test_similarity_is_one_for_the_same_look_and_small_for_another(loaded: mc.Session, pack: Path) -> None:
    handle = loaded.load(cell("face-embedding", pack), "faces")
    here = handle(faces.picture((320, 240), ((40, 30, 140, 130), 1, 0.9)))
    there = handle(faces.picture((320, 240), ((160, 60, 310, 210), 1, 0.9)))
    other = handle(faces.picture((320, 240), ((40, 30, 140, 130), 2, 0.9)))
    assert here.similarity(handle(faces.picture((320, 240), ((40, 30, 140, 130), 1, 0.9)))) == 1
    assert here.similarity(there) > 0.98
    assert abs(here.similarity(other)) < 0.6 < here.similarity(there)
    nobody = handle(faces.picture((320, 240)))
    with pytest.raises(InputError, match=r"no face in the picture of 320×240 pixels[\s\S]*detection_threshold"):
        here.similarity(nobody)


def test_expressions_reach_into_faces(loaded: mc.Session, pack: Path) -> None:
    text = cell("face-embedding", pack, "output: {box: '${result.faces[0].bounding_box}', v: '${result.embedding}'}")
    given = loaded.load(text, "faces")(faces.picture((320, 240), ONE))
    assert given["box"] == [40, 30, 120, 130]
    assert len(given["v"]) == 512


# --- fields -----------------------------------------------------------------------------------------------------------


def test_detection_threshold_decides_who_counts(loaded: mc.Session, pack: Path) -> None:
    picture = faces.picture((320, 240), ONE, ((180, 100, 240, 170), 2, 0.4))
    assert len(look(loaded, pack, picture, "max_num_faces: 5")) == 1
    assert len(look(loaded, pack, picture, "max_num_faces: 5", "detection_threshold: 0.3")) == 2


def test_min_face_size_leaves_small_faces_out(loaded: mc.Session, pack: Path) -> None:
    picture = faces.picture((320, 240), ONE, TWO)
    for least, count in ((60, 2), (61, 1), (81, 0)):
        assert len(look(loaded, pack, picture, "max_num_faces: 5", f"min_face_size: {least}")) == count


def test_detection_size_decides_how_small_a_face_is_found(loaded: mc.Session, pack: Path) -> None:
    picture = faces.picture((640, 480), ((203, 153, 213, 163), 1, 0.9))
    assert len(look(loaded, pack, picture, "detection_size: 160")) == 0
    assert len(look(loaded, pack, picture)) == 1


@pytest.mark.parametrize("size", ["320", "[320, 320]", "320x320", "'320'", "${input.size}"])
def test_detection_size_is_written_in_several_ways(loaded: mc.Session, pack: Path, size: str) -> None:
    handle = loaded.load(cell("face-embedding", pack, f"detection_size: {size}"), "faces")
    given = {"image": faces.picture((320, 240), ONE), **({"size": "320x320"} if "$" in size else {})}
    assert handle(given)["faces"][0]["bounding_box"] == [40, 30, 120, 130]


@pytest.mark.parametrize(
    ("size", "message"),
    [
        ("600", "is wrong: 600×600, where sides are multiples of 32 up to 4096; the nearest is 608×608"),
        ("[640, 9000]", "the nearest is 640×4096"),
        ("large", r"a size in pixels is written 640, \[640, 480\] or 640x480"),
        ("[1, 2, 3]", "a size in pixels is written"),
        ("true", "should be a number"),
    ],
)
def test_a_size_that_detectors_cannot_do_is_refused_at_its_place(size: str, message: str) -> None:
    with pytest.raises(SpecError, match=rf"line \d+: detection_size[\s\S]*{message}"):
        mc.read(cell("face-embedding", "buffalo_l", f"detection_size: {size}"))


def test_a_detector_of_one_size_says_so(session: mc.Session, tmp_path: Path) -> None:
    faces.detector(tmp_path / "det.onnx", fixed=320)
    faces.embedder(tmp_path / "rec.onnx")
    picture = faces.picture((320, 240), ONE)
    assert look(session, tmp_path, picture)["faces"][0]["bounding_box"] == [40, 30, 120, 130]
    assert len(look(session, tmp_path, picture, "detection_size: 320")) == 1
    with pytest.raises(PlanError, match="line 5: .*works on 320×320 pixels only"):
        session.load(cell("face-embedding", tmp_path, "detection_size: 640"))


def test_landmarks_are_the_five_points_where_the_pack_has_no_more(loaded: mc.Session, pack: Path) -> None:
    (face,) = look(loaded, pack, faces.picture((320, 240), ONE), "return_landmarks: true")["faces"]
    assert set(face) == {"embedding", "bounding_box", "score", "landmarks"}
    assert np.allclose(face["landmarks"], faces.POINTS * [80, 100] + [40, 30], atol=0.02)


def test_gender_and_age_of_a_pack_without_them_is_an_error_at_its_line(session: mc.Session, pack: Path) -> None:
    with pytest.raises(PlanError, match=r"line 5: .*no network that guesses gender and age[\s\S]*buffalo_l"):
        session.load(cell("face-embedding", pack, "return_gender_age: true"))
    assert session.loads == 0


def test_what_an_expression_asks_of_a_pack_is_refused_at_the_call(loaded: mc.Session, pack: Path) -> None:
    handle = loaded.load(cell("face-embedding", pack, "return_gender_age: ${input.ages as boolean | false}"))
    assert len(handle(faces.picture((320, 240), ONE))) == 1
    with pytest.raises(PlanError, match="no network that guesses gender and age"):
        handle(faces.picture((320, 240), ONE), ages=True)


def test_batch_size_would_change_nothing_and_is_refused_at_its_line(session: mc.Session, pack: Path) -> None:
    with pytest.raises(SpecError, match="line 5: .*batch_size has no effect"):
        session.load(cell("face-embedding", pack, "batch_size: 4"))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("precision: bfloat16", "not in bfloat16"),
        ("quantization: int8", "quantization cannot be applied"),
        ("device_mode: auto", "device_mode: auto spreads no pack"),
        ("peft_adapters: [{model: ./x}]", "lays no adapters"),
        ("architecture: facenet", "insightface"),
    ],
)
def test_what_a_pack_cannot_do_is_refused_before_loading(
    session: mc.Session, pack: Path, line: str, message: str
) -> None:
    with pytest.raises(mc.ComposeError, match=message):
        session.load(cell("face-embedding", pack, line))


def test_both_editions_places_of_the_fields_are_read(loaded: mc.Session, pack: Path) -> None:
    picture = faces.picture((320, 240), ONE, TWO)
    for lines in (["params: {max_num_faces: 2}"], ["action: {max_num_faces: 2, image: '${input.image as image}'}"]):
        assert len(look(loaded, pack, picture, "family: insightface", *lines)) == 2


# --- pictures ---------------------------------------------------------------------------------------------------------


def test_boxes_are_those_of_the_upright_picture(loaded: mc.Session, pack: Path) -> None:
    from PIL import Image

    upright = faces.picture((320, 240), ONE)
    lying = upright.transpose(Image.Transpose.ROTATE_90)
    lying.getexif()[0x0112] = 6  # "turn me clockwise"
    found = look(loaded, pack, lying)
    assert (found["width"], found["height"]) == (320, 240)
    assert found == look(loaded, pack, upright)


@pytest.mark.parametrize("mode", ["RGBA", "P", "RGBX"])
def test_a_picture_of_any_mode_gives_the_same(loaded: mc.Session, pack: Path, mode: str) -> None:
    picture = faces.picture((320, 240), ONE)
    assert look(loaded, pack, picture.convert(mode))["faces"][0]["bounding_box"] == [40, 30, 120, 130]


@pytest.mark.parametrize("size", [(40, 30), (64, 64), (33, 57), (1333, 1000)])
def test_boxes_are_right_in_pictures_of_any_size(loaded: mc.Session, pack: Path, size: tuple[int, int]) -> None:
    box = (size[0] // 4, size[1] // 4, size[0] // 4 * 3, size[1] // 4 * 3)
    (face,) = look(loaded, pack, faces.picture(size, (box, 1, 0.9)))["faces"]
    assert np.allclose(face["bounding_box"], box, atol=max(size) / 640 + 0.5)


def test_boxes_at_the_end_of_a_panorama_are_right(loaded: mc.Session, pack: Path) -> None:
    # insightface fits 5000 × 420 pixels into 640 × 53 and divides by 53 / 420: 1.4 % off, 70 pixels at the right end.
    box = (4600, 100, 4900, 400)
    (face,) = look(loaded, pack, faces.picture((5000, 420), (box, 1, 0.9)))["faces"]
    assert np.allclose(face["bounding_box"], box, atol=10)


@pytest.mark.parametrize("size", [(1000, 1), (1, 1000), (1, 1)])
def test_a_line_of_pixels_has_no_face(loaded: mc.Session, pack: Path, size: tuple[int, int]) -> None:
    assert look(loaded, pack, faces.picture(size))["faces"] == []


def test_what_is_no_image_is_one_error(loaded: mc.Session, pack: Path) -> None:
    handle = loaded.load(cell("face-embedding", pack, "image: ${input.image}"), "faces")
    for wrong in (5, {"a": 1}, [faces.picture((64, 64)), 5]):
        with pytest.raises(mc.ComposeError, match=r"image") as caught:
            handle({"image": wrong})
        assert len(caught.value.problems) == 1


# --- lists, progress, stopping ----------------------------------------------------------------------------------------


def test_a_list_gives_a_list_in_order_with_progress(loaded: mc.Session, pack: Path) -> None:
    pictures = [faces.picture((320, 240), ONE), faces.picture((320, 240)), faces.picture((320, 240), TWO)]
    steps: list[Advance] = []
    run = Run(lambda e: steps.append(e) if isinstance(e, Advance) and e.unit == "items" else None)
    found = look(loaded, pack, pictures, run=run)
    assert isinstance(found, Batch)
    assert list(found) == [look(loaded, pack, picture) for picture in pictures]
    assert [(step.done, step.total) for step in steps] == [(1, 3), (2, 3), (3, 3)]
    assert [vector is None for vector in look_up(found, "embedding")] == [False, True, False]


def test_an_interrupt_keeps_the_pictures_that_were_done(loaded: mc.Session, pack: Path) -> None:
    run = Run()
    run.listener = lambda e: run.stop() if isinstance(e, Advance) and e.unit == "items" else None
    with pytest.raises(Interrupted, match="after 1 of 3") as caught:
        look(loaded, pack, [faces.picture((320, 240), ONE)] * 3, run=run)
    assert isinstance(caught.value.partial, Batch)
    first, *rest = caught.value.partial
    assert first["faces"][0]["bounding_box"] == [40, 30, 120, 130]
    assert rest == [None, None]
    assert len(look(loaded, pack, faces.picture((320, 240), ONE))) == 1


@pytest.mark.parametrize(("network", "kept"), [("recognition", [[40, 30, 120, 130]]), ("detection", None)])
def test_an_interrupt_within_a_picture_keeps_the_faces_that_were_done(
    loaded: mc.Session, pack: Path, network: str, kept: list[Any] | None
) -> None:
    handle = loaded.load(cell("face-embedding", pack, "max_num_faces: 5"), "faces")
    resident: Any = loaded.resident_of(handle) or pytest.fail("not loaded")
    models, run = resident.thing.driver.models, Run()

    class Stopping:
        """The network itself, during whose work somebody interrupts."""

        def __init__(self, real: Any):
            self.real = real

        def __getattr__(self, name: str) -> Any:
            if name in ("get", "detect"):
                run.stop()
            return getattr(self.real, name)

    models[network] = Stopping(models[network])
    try:
        with pytest.raises(Interrupted) as caught:
            handle(faces.picture((320, 240), ONE, TWO), run=run)
    finally:
        models[network] = models[network].real
    partial = caught.value.partial
    assert (partial and [face["bounding_box"] for face in partial["faces"]]) == kept


def test_a_reader_hears_of_no_faces_and_of_more_than_were_asked_for(loaded: mc.Session, pack: Path) -> None:
    two, none = faces.picture((320, 240), ONE, TWO), faces.picture((320, 240))
    assert notes(loaded, pack, two) == ["2 faces: the largest is given; max_num_faces: 2 gives all"]
    (line,) = notes(loaded, pack, none)
    assert line.startswith("no face in the picture with certainty 0.6 or more")
    assert len(notes(loaded, pack, [two, none])) == 2
    assert notes(loaded, pack, two, "max_num_faces: 2") == []


# --- packs ------------------------------------------------------------------------------------------------------------


def test_the_chapters_example_runs_as_it_is_written(session: mc.Session, at_home: Path) -> None:
    faces.pack(at_home / ".insightface" / "models" / "buffalo_l", attributes=True)
    handle = session.load(BLOCK, "faces")
    assert handle(faces.picture((320, 240), ONE))["faces"][0]["bounding_box"] == [40, 30, 120, 130]
    assert handle.planned.subject == "buffalo_l"


def test_a_pack_one_folder_too_deep_is_found(session: mc.Session, at_home: Path) -> None:
    folder = at_home / ".insightface" / "models" / "antelopev2" / "antelopev2"
    faces.pack(folder)
    (folder.parent / "__MACOSX").mkdir()
    (folder.parent / "__MACOSX" / "._det.onnx").write_bytes(b"left by an archive")
    by_name = look(session, "antelopev2", faces.picture((320, 240), ONE))
    assert by_name == look(session, folder.parent, faces.picture((320, 240), ONE))
    assert len(by_name) == 1
    assert session.plan(cell("face-embedding", "antelopev2")).component.checkpoint.folder == folder


def test_a_missing_pack_is_one_error_with_address_and_tree_and_nothing_is_made(
    session: mc.Session, at_home: Path
) -> None:
    with pytest.raises(NoSuchModel) as caught:
        session.load(BLOCK)
    text = str(caught.value)
    folder = at_home / ".insightface" / "models" / "buffalo_l"
    assert "line 4: the pack buffalo_l is not on this disk" in text
    assert "https://github.com/deepinsight/insightface/releases/download/model-zoo/buffalo_l.zip" in text
    assert f"{folder}/" in text
    assert all(f"{name}.onnx" in text for name in ("det_10g", "w600k_r50", "1k3d68", "2d106det", "genderage"))
    assert "non-commercial" in text
    assert list(at_home.iterdir()) == []


def test_the_commands_that_the_error_gives_unpack_a_pack(session: mc.Session, at_home: Path) -> None:
    made = faces.pack(at_home / "made" / "buffalo_sc")
    with pytest.raises(NoSuchModel) as caught:
        session.load(cell("face-embedding", "buffalo_sc"))
    command = next(line for line in str(caught.value).splitlines() if "zipfile -e" in line).strip().lstrip("!")
    with zipfile.ZipFile(at_home / "buffalo_sc.zip", "w") as archive:
        for file in made.iterdir():
            archive.write(file, file.name)
    subprocess.run(command, shell=True, check=True, cwd=at_home)
    assert len(look(session, "buffalo_sc", faces.picture((320, 240), ONE))) == 1


def test_an_empty_folder_is_no_pack(session: mc.Session, at_home: Path) -> None:
    (at_home / ".insightface" / "models" / "buffalo_l").mkdir(parents=True)
    with pytest.raises(NoSuchModel, match=r"buffalo_l holds no \.onnx file \(it is empty\)[\s\S]*buffalo_l\.zip"):
        session.load(BLOCK)


def test_an_archive_that_is_not_unpacked_is_seen(session: mc.Session, at_home: Path) -> None:
    models = at_home / ".insightface" / "models"
    (models / "buffalo_l").mkdir(parents=True)
    (models / "buffalo_l.zip").write_bytes(b"PK")
    with pytest.raises(NoSuchModel, match=r"is not unpacked: .*buffalo_l\.zip[\s\S]*zipfile -e"):
        session.load(BLOCK)
    with pytest.raises(NoSuchModel, match=r"is packed[\s\S]*zipfile -e"):
        session.load(cell("face-embedding", models / "buffalo_l.zip"))


def test_other_names_are_refused_with_the_nearest(session: mc.Session, at_home: Path) -> None:
    with pytest.raises(NoSuchModel, match=r"no pack `bufalo_l`[\s\S]*did you mean 'buffalo_l'"):
        session.load(cell("face-embedding", "bufalo_l"))
    with pytest.raises(PlanError, match=r"revision would have no effect"):
        session.load(cell("face-embedding", "{repository: buffalo_l, revision: v2}"))


def test_a_pack_of_ones_own_is_found_by_its_name_at_home(session: mc.Session, at_home: Path) -> None:
    faces.pack(at_home / ".insightface" / "models" / "mine")
    assert len(look(session, "mine", faces.picture((320, 240), ONE))) == 1


def test_a_folder_of_packs_is_not_one(session: mc.Session, tmp_path: Path) -> None:
    for name in ("buffalo_l", "buffalo_s"):
        faces.pack(tmp_path / name)
    with pytest.raises(NoSuchModel, match=r"holds several packs: buffalo_l and buffalo_s[\s\S]*model: .*buffalo_l"):
        session.load(cell("face-embedding", tmp_path))


def test_a_folder_of_something_else_says_what_it_has(session: mc.Session, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(NoSuchModel, match=r"holds no \.onnx file \(it has config\.json\)"):
        session.load(cell("face-embedding", tmp_path))
    with pytest.raises(NoSuchModel, match=r"there is no .*nowhere"):
        session.load(cell("face-embedding", tmp_path / "nowhere"))


def test_half_a_pack_says_which_half_is_missing(session: mc.Session, pack: Path, tmp_path: Path) -> None:
    for name, lacks in (("det_synthetic", "makes vectors"), ("rec_synthetic", "finds faces")):
        folder = tmp_path / name
        folder.mkdir()
        shutil.copy(pack / f"{name}.onnx", folder)
        with pytest.raises(WeightsError, match=rf"no network that {lacks}[\s\S]*: there is {name}\.onnx"):
            session.load(cell("face-embedding", folder))
    with pytest.raises(NoSuchModel, match=r"is one network; a pack is a folder"):
        session.load(cell("face-embedding", pack / "det_synthetic.onnx"))


def test_a_detector_without_key_points_will_not_do(session: mc.Session, tmp_path: Path) -> None:
    faces.detector(tmp_path / "det.onnx", points=False)
    faces.embedder(tmp_path / "rec.onnx")
    with pytest.raises(WeightsError, match=r"det\.onnx finds faces but not the eyes"):
        session.load(cell("face-embedding", tmp_path))


@pytest.mark.parametrize(
    "damage",
    [
        lambda b: b[: len(b) // 2],
        lambda b: b[:-3],
        lambda b: b"",
        lambda b: b"\x08\x08",
        lambda b: b"<html>not found</html>",
    ],
    ids=["half", "nearly whole", "empty", "no graph", "a page"],
)
def test_a_damaged_file_is_found_out_before_loading(
    session: mc.Session, pack: Path, tmp_path: Path, damage: Any
) -> None:
    folder = Path(shutil.copytree(pack, tmp_path / "pack"))
    file = folder / "rec_synthetic.onnx"
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(WeightsError, match=r"rec_synthetic\.onnx is not a whole ONNX file"):
        session.load(cell("face-embedding", folder))


def test_a_network_that_onnxruntime_cannot_run_is_one_error(session: mc.Session, pack: Path, tmp_path: Path) -> None:
    import onnx

    folder = Path(shutil.copytree(pack, tmp_path / "pack"))
    model = onnx.load(folder / "rec_synthetic.onnx")
    model.graph.node[0].op_type = "NoSuchOperator"
    onnx.save(model, folder / "rec_synthetic.onnx")
    with pytest.raises(WeightsError, match=r"onnxruntime does not run the pack[\s\S]*NoSuchOperator"):
        session.load(cell("face-embedding", folder))


@pytest.mark.parametrize("where", ["weights", "an attribute", "a branch"])
@pytest.mark.parametrize("place", ["../secret.bin", "/etc/hostname", "sub/../../secret.bin", "not_there.bin"])
def test_a_network_keeps_no_numbers_outside_its_folder(
    session: mc.Session, pack: Path, tmp_path: Path, where: str, place: str
) -> None:
    import onnx

    folder = Path(shutil.copytree(pack, tmp_path / "pack"))
    (tmp_path / "secret.bin").write_bytes(bytes(16))
    model = onnx.load(folder / "rec_synthetic.onnx")
    elsewhere = onnx.TensorProto(name="w", data_type=1, dims=[4], data_location=onnx.TensorProto.EXTERNAL)
    elsewhere.external_data.add(key="location", value=place)
    constant = onnx.helper.make_node("Constant", [], ["w"], value=elsewhere)
    if where == "weights":
        model.graph.initializer.append(elsewhere)
    elif where == "an attribute":
        model.graph.node.insert(0, constant)
    else:
        inner = onnx.helper.make_graph([constant], "inner", [], [])
        model.graph.node.insert(0, onnx.helper.make_node("If", ["c"], [], then_branch=inner, else_branch=inner))
    (folder / "rec_synthetic.onnx").write_bytes(model.SerializeToString())
    text = cell("face-embedding", folder)
    assert session.plan(text).problems
    with pytest.raises(WeightsError, match=r"rec_synthetic\.onnx keeps numbers in \S+, which"):
        session.load(text)


def test_numbers_beside_a_network_are_its_own(pack: Path, tmp_path: Path) -> None:
    import onnx

    model = onnx.load(pack / "rec_synthetic.onnx")
    onnx.save(model, tmp_path / "a.onnx", save_as_external_data=True, location="a.onnx.data", size_threshold=0)
    assert headers.read_network(tmp_path / "a.onnx").outputs


def test_a_manifest_names_no_other_networks_than_those_looked_at(
    session: mc.Session, pack: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(pack, tmp_path / "pack"))
    (folder / "manifest.json").write_text(
        '{"manifest_version": 2, "tasks": {"recognition": {"file": "sub/evil.onnx"}}}'
    )
    with pytest.raises(WeightsError, match=r"manifest\.json names sub/evil\.onnx for recognition"):
        session.load(cell("face-embedding", folder))


def test_the_licence_of_the_makers_packs_is_said_once(session: mc.Session, pack: Path, tmp_path: Path) -> None:
    known = Path(shutil.copytree(pack, tmp_path / "buffalo_sc"))
    heard: list[str] = []
    run = Run(lambda e: heard.append(e.text) if isinstance(e, Note) else None)
    handle = session.load(cell("face-embedding", known), "faces", run=run)
    handle(faces.picture((320, 240), ONE), run=run)
    assert [line for line in heard if "non-commercial" in line] == [handle.facts().notes[0]]
    assert session.load(cell("face-embedding", pack), "own").facts().notes == ()


# --- the machine ------------------------------------------------------------------------------------------------------


def test_facts_are_read_from_the_files_and_the_sessions(session: mc.Session, whole: Path) -> None:
    import onnx

    facts = session.load(cell("face-embedding", whole), "faces").facts()
    tensors = [t for file in whole.glob("*.onnx") for t in onnx.load(file).graph.initializer]
    assert facts.device == "cpu"
    assert facts.dtype == "float32"
    assert facts.parameters == sum(int(np.prod(t.dims)) for t in tensors)
    assert facts.bytes == sum(onnx.numpy_helper.to_array(t).nbytes for t in tensors)


def test_files_are_read_as_onnx_reads_them(whole: Path) -> None:
    import onnx

    for file in whole.glob("*.onnx"):
        graph = onnx.load(file).graph
        network = headers.read_network(file)
        for ours, theirs in ((network.inputs, graph.input), (network.outputs, graph.output)):
            wanted = [tuple(d.dim_value or d.dim_param for d in v.type.tensor_type.shape.dim) for v in theirs]
            assert list(ours) == wanted


def test_weights_that_are_declared_as_inputs_too_are_no_inputs(pack: Path, tmp_path: Path) -> None:
    import onnx
    from onnx import helper

    model = onnx.load(pack / "rec_synthetic.onnx")
    for tensor in model.graph.initializer:
        model.graph.input.append(helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims))
    onnx.save(model, tmp_path / "old.onnx")
    assert headers.read_network(tmp_path / "old.onnx").inputs == (("batch", 3, 112, 112),)


def test_networks_are_known_by_their_shapes(whole: Path) -> None:
    found = {kind: network.file.stem for kind, network in packs.networks(whole.iterdir()).items()}
    assert found == {
        "detection": "det_synthetic", "recognition": "rec_synthetic", "genderage": "genderage",
        "landmark_2d_106": "2d106det", "landmark_3d_68": "1k3d68",
    }  # fmt: skip


def test_unloading_closes_every_session(session: mc.Session, whole: Path) -> None:
    handle = session.load(cell("face-embedding", whole), "faces")
    handle(faces.picture((320, 240), ONE))
    resident: Any = session.resident_of(handle)
    assert resident is not None
    gone = [
        weakref.ref(resident.thing.driver),
        *(weakref.ref(m.session) for m in resident.thing.driver.models.values()),
    ]
    assert len(gone) == 6
    del resident
    session.unload("faces")
    gc.collect()
    assert [one() for one in gone] == [None] * 6
    assert len(handle(faces.picture((320, 240), ONE))) == 1


def test_closing_lets_the_sessions_go_whoever_still_has_the_driver(session: mc.Session, pack: Path) -> None:
    resident: Any = session.resident_of(session.load(cell("face-embedding", pack), "faces"))
    assert resident is not None
    driver = resident.thing.driver
    gone = [weakref.ref(model.session) for model in driver.models.values()]
    del resident
    session.unload("faces")
    gc.collect()
    assert [one() for one in gone] == [None, None]


def test_sessions_have_the_threads_that_may_be_used(
    session: mc.Session, pack: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    resident: Any = session.resident_of(session.load(cell("face-embedding", pack), "faces"))
    assert resident is not None
    options = [model.session.get_session_options() for model in resident.thing.driver.models.values()]
    assert [one.intra_op_num_threads for one in options] == [3, 3]


def test_another_size_of_detection_opens_no_session_of_its_own(session: mc.Session, pack: Path) -> None:
    handle = session.load(cell("face-embedding", pack, "detection_size: ${input.size}"), "faces")
    for size in (320, 480, 640):
        handle({"image": faces.picture((320, 240), ONE), "size": size})
    resident: Any = session.resident_of(handle)
    assert resident is not None
    detector = resident.thing.driver.models["detection"]
    assert {id(each) for each in detector.resolution_sessions.values()} == {id(detector.session)}


def test_threads_are_those_that_may_be_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert headers.threads() == 3
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert 1 <= headers.threads() <= (len(__import__("os").sched_getaffinity(0)) if sys.platform == "linux" else 999)
    for text, cores in (("150000 100000", 2), ("max 100000", None), ("nonsense", None)):
        (tmp_path / "cpu.max").write_text(text)
        assert headers._quota(tmp_path / "cpu.max") == cores


@pytest.fixture
def without_cuda() -> None:
    import onnxruntime

    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("onnxruntime has CUDA here")


def test_an_onnxruntime_without_cuda_is_named_with_what_to_install(without_cuda: None) -> None:
    def refused(device: str) -> list[Refusal]:
        return list(InsightFace.refuses(Asked(FaceEmbedding, device=device)))

    assert refused("cpu") == []
    (found,) = refused("cuda:0")
    assert found.field == "device"
    assert "has no CUDA" in str(found.error)
    assert "%pip install onnxruntime-gpu" in str(found.error)
    assert "not on mps" in str(refused("mps")[0].error)


def test_with_a_gpu_that_onnxruntime_cannot_use_auto_takes_the_cpu_and_cuda_is_an_error(
    without_cuda: None, session: mc.Session, pack: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mc_jupyter import devices

    monkeypatch.setattr(devices, "choose", lambda asked: devices.Choice("cuda:0", "a card is here"))
    plan: Any = session.plan(cell("face-embedding", pack)).component
    assert plan is not None
    assert plan.device == "cpu"
    assert "onnxruntime" in plan.device_why
    with pytest.raises(PlanError, match=r"line \d+: onnxruntime .* has no CUDA[\s\S]*onnxruntime-gpu"):
        session.load(cell("face-embedding", pack, "device: cuda"))


@pytest.mark.gpu
def test_on_cuda_every_network_runs_there(session: mc.Session, whole: Path) -> None:
    import onnxruntime

    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        pytest.skip("this onnxruntime has no CUDA")
    picture = faces.picture((320, 240), ONE)
    handle = session.load(cell("face-embedding", whole, "device: cuda"), "faces")
    assert handle.facts().device == "cuda:0"
    assert np.allclose(handle(picture).embedding, directly(whole, picture)[0].normed_embedding, atol=1e-3)


def test_a_missing_library_is_named_with_the_line_to_paste(
    session: mc.Session, pack: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import importlib.util

    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "insightface" else real(name))
    with pytest.raises(MissingPackage, match=r'needs insightface[\s\S]*%pip install "mc-jupyter\[face\]"'):
        session.load(cell("face-embedding", pack))


@pytest.mark.parametrize(
    ("reason", "fix"),
    [
        ("libGL.so.1: cannot open shared object file: No such file or directory", "opencv-python-headless"),
        ("No module named 'onnxruntime'", "mc-jupyter[face]"),
    ],
)
def test_a_library_that_cannot_be_imported_is_one_error(
    session: mc.Session, pack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reason: str, fix: str
) -> None:
    (tmp_path / "insightface").mkdir()
    (tmp_path / "insightface" / "__init__.py").write_text(f"raise ImportError({reason!r})")
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in [name for name in sys.modules if name.partition(".")[0] == "insightface"]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(MissingPackage) as caught:
        session.load(cell("face-embedding", pack))
    assert reason in str(caught.value)
    assert fix in str(caught.value)


def test_loading_and_looking_print_nothing(whole: Path) -> None:
    code = f"""
        import mc_jupyter as mc
        from tests import faces
        session = mc.Session()
        handle = session.load({cell("face-embedding", whole, "return_landmarks: true")!r})
        assert len(handle(faces.picture((320, 240), {ONE!r}))) == 1
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=Path(__file__).parents[2],
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
