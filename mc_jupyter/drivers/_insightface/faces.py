"""Faces in pixels: found by a pack's detector, the largest first, and what its other networks say of each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from mc_jupyter.values import Embedding, Faces

if TYPE_CHECKING:
    import numpy as np

    Pixels = np.ndarray[Any, np.dtype[np.uint8]]

KEPT = 640  # pixels of the longest side of the picture that a result keeps, to be shown
_SIZE = (640, 640)
_NOTICED = 0.005  # of a picture's width: boxes further off than this are put right
_SEXES = ("female", "male")  # what insightface calls 0 and 1


def pixels_of(picture: Any) -> Pixels:
    """An RGB picture as OpenCV has it: height × width × 3 bytes, blue first."""
    import numpy as np

    return np.ascontiguousarray(np.asarray(picture)[:, :, ::-1])


def size_asked(fixed: tuple[int, int] | None, asked: tuple[int, int] | None) -> tuple[int, int]:
    """Width and height that a detector works in. ValueError where its file fixes others than those asked for."""
    if fixed is not None and asked not in (None, tuple(fixed)):
        raise ValueError(f"this pack's detector works on {fixed[0]}×{fixed[1]} pixels only")
    return fixed or asked or _SIZE


def find(detector: Any, pixels: Pixels, threshold: float, size: tuple[int, int], least: float) -> list[Any]:
    """insightface's `Face` objects of at least that width and height, the largest first."""
    from insightface.app.common import Face

    height, width = pixels.shape[:2]
    if min(_fitted(width, height, size)) < 1:
        return []  # a line of pixels, of which nothing is left
    boxes, points = detector.detect(pixels, input_size=size, det_thresh=threshold)
    stretch = _stretch(width, height, size)
    boxes[:, [0, 2]] *= stretch
    points[:, :, 0] *= stretch
    sides = boxes[:, 2:4] - boxes[:, 0:2]
    large = [i for i in range(len(boxes)) if min(sides[i]) >= least]
    large.sort(key=lambda i: (-float(sides[i][0] * sides[i][1]), -float(boxes[i][4])))
    return [Face(bbox=boxes[i, :4], kps=points[i], det_score=boxes[i, 4]) for i in large]


def _fitted(width: int, height: int, size: tuple[int, int]) -> tuple[int, int]:
    """The size in which insightface lays a picture into the detector's input (`SCRFD._detect_candidates`)."""
    if height / width > size[1] / size[0]:
        return int(size[1] / (height / width)), size[1]
    return size[0], int(size[0] * (height / width))


def _stretch(width: int, height: int, size: tuple[int, int]) -> float:
    """What the library's abscissas must be multiplied by.

    It rounds the fitted size down and goes by the height alone. Of usual pictures that is less than a pixel, and they
    are left exactly as the library has them; of a panorama it can be a face's width.
    """
    fitted = _fitted(width, height, size)
    stretch = (fitted[1] / height) / (fitted[0] / width)
    return stretch if abs(stretch - 1) > _NOTICED else 1.0


def entry(models: Mapping[str, Any], pixels: Pixels, face: Any, action: Any) -> dict[str, Any]:
    """What the networks that a call asks for say of one face, as plain values. Lengths are in pixels."""
    models["recognition"].get(pixels, face)
    vector = face.embedding
    if action.normalize:
        vector = vector / (face.embedding_norm or 1.0)
    found = {
        "embedding": Embedding(vector.tolist()),
        "bounding_box": _rounded(face.bbox),
        "score": float(face.det_score),
    }
    if action.return_landmarks:
        found["landmarks"] = _rounded(face.kps)
        found.update(_more_landmarks(models, pixels, face))
    if action.return_gender_age:
        models["genderage"].get(pixels, face)
        found.update(gender=_SEXES[int(face.gender)], age=int(face.age))
    return found


def _more_landmarks(models: Mapping[str, Any], pixels: Pixels, face: Any) -> Iterator[tuple[str, Any]]:
    """`landmarks_106` and `landmarks_68` where the pack has such networks; with the latter the head's turn, degrees."""
    for task, name in (("landmark_2d_106", "landmarks_106"), ("landmark_3d_68", "landmarks_68")):
        if task in models:
            models[task].get(pixels, face)
            yield name, _rounded(face[task])
    if face.pose is not None:
        yield "pose", dict(zip(("pitch", "yaw", "roll"), _rounded(face.pose), strict=True))


def _rounded(numbers: Any) -> Any:
    """Numbers of an array as lists, to a hundredth."""
    return numbers.astype("float64").round(2).tolist()


def small(picture: Any) -> Any:
    """The picture for showing: a copy of at most `KEPT` pixels a side, so that many results take little memory."""
    copy = picture.copy()
    copy.thumbnail((KEPT, KEPT))
    return copy


def said(results: list[Faces | None], totals: list[int], action: Any) -> Iterator[str]:
    """What a reader should hear of pictures with no face, or with more than were asked for."""
    empty = [i for i, found in enumerate(results) if found is not None and len(found) == 0]
    if empty:
        where = "the picture" if len(results) == 1 else f"{len(empty)} of {len(results)} pictures"
        yield (
            f"no face in {where} with certainty {action.detection_threshold:g} or more: a lower detection_threshold "
            "finds less certain ones, detection_size: 320 those that fill the picture, 1280 small ones"
        )
    more = [total for total in totals if total > action.max_num_faces]
    if more:
        where = f"{more[0]} faces" if len(totals) == 1 else f"up to {max(more)} faces in {len(more)} pictures"
        kept = "the largest is" if action.max_num_faces == 1 else f"the {action.max_num_faces} largest are"
        yield f"{where}: {kept} given; max_num_faces: {max(more)} gives all"
