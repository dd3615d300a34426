"""Synthetic face packs and pictures: hand-made ONNX networks in the shapes of insightface's, which find painted patches.

Nothing here was trained, and no picture shows anyone. A "face" is a rectangle whose red says how certain it is; its
green and blue are its look. The detector finds the rectangle exactly, at the resolution that it works in; the embedder
multiplies the look, seen as 8 × 8 tiles, by a random matrix. All else (fitting the picture in, anchors, overlapping
boxes, cutting out, upright turning) is insightface's own code at work.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

# Where the five points lie in a box, as shares of its sides: insightface's own template of a 112 × 112 crop.
POINTS = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]], np.float32
) / 112  # fmt: skip
STRIDES = (8, 16, 32)

# --- pictures ---------------------------------------------------------------------------------------------------------


def picture(size: tuple[int, int], *faces: tuple[tuple[int, int, int, int], int, float]) -> Any:
    """An RGB picture of dark blue with faces painted on it: (box, look, certainty from 0 to 1) each."""
    from PIL import Image

    made = Image.new("RGB", size, (10, 20, 60))
    for (left, top, right, bottom), look, certainty in faces:
        patch = Image.fromarray(_look(look, certainty)).resize((right - left, bottom - top), Image.Resampling.NEAREST)
        made.paste(patch, (left, top))
    return made


def _look(number: int, certainty: float) -> Any:
    """4 × 4 tiles of random green and blue; red as it is certain: 128 is not at all, 255 entirely."""
    tiles = np.random.default_rng(number).integers(0, 256, (4, 4, 3), np.uint8)
    tiles[:, :, 0] = round(128 + 127 * certainty)
    return tiles


# --- packs ------------------------------------------------------------------------------------------------------------


def pack(folder: Path, *, attributes: bool = False, names: Sequence[str] = ("det_synthetic", "rec_synthetic")) -> Path:
    """A folder with a synthetic detector and embedder, and with `attributes` the three other networks of a pack."""
    folder.mkdir(parents=True, exist_ok=True)
    detector(folder / f"{names[0]}.onnx")
    embedder(folder / f"{names[1]}.onnx")
    if attributes:
        gender_age(folder / "genderage.onnx")
        landmarks(folder / "2d106det.onnx", 212)
        landmarks(folder / "1k3d68.onnx", 3309)
    return folder


class _Graph:
    """A graph put together a node at a time: `graph.Relu(x)` adds a node and gives its output's name."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, value: Any, dtype: Any = np.float32) -> str:
        from onnx import numpy_helper

        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value, dtype), name))
        return name

    def ints(self, *values: int) -> str:
        return self.constant(values, np.int64)

    def __getattr__(self, kind: str) -> Any:
        from onnx import helper

        def add(*inputs: str, outputs: int = 1, **attributes: Any) -> Any:
            names = [f"n{len(self.nodes)}_{i}" for i in range(outputs)]
            # A node called Sub… or Mul… among the first would switch insightface's own scaling off.
            self.nodes.append(helper.make_node(kind, inputs, names, name=f"node{len(self.nodes)}", **attributes))
            return names if outputs > 1 else names[0]

        return add

    def save(self, file: Path, shape: Sequence[Any], outputs: Sequence[tuple[str, Sequence[Any]]]) -> None:
        import onnx
        from onnx import TensorProto, helper

        graph = helper.make_graph(
            self.nodes,
            "synthetic",
            [helper.make_tensor_value_info("input", TensorProto.FLOAT, shape)],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, lengths) for name, lengths in outputs],
            self.constants,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
        model.ir_version = 8
        onnx.save(model, str(file))


def detector(file: Path, *, fixed: int | None = None, points: bool = True) -> None:
    """A detector of the shape of SCRFD: for each anchor that lies in a face, the distances to the sides of its box.

    Anchors stand 8 pixels apart, two in each place; those 16 and 32 apart find nothing. Outputs: scores, boxes and
    (unless `points` is false) key points, for the three strides each.
    """
    g = _Graph()
    pixels = g.Add(g.Mul("input", g.constant(128.0)), g.constant(127.5))  # 1, 3, H, W
    red = g.Squeeze(g.Slice(pixels, g.ints(0), g.ints(1), g.ints(1)), g.ints(0, 1))  # H, W
    face = g.Cast(g.GreaterOrEqual(red, g.constant(127.5)), to=1)
    left, right = _runs(g, face)
    turned = g.Transpose(face, perm=[1, 0])
    top, bottom = (g.Transpose(side, perm=[1, 0]) for side in _runs(g, turned))
    at_x, at_y = _anchors(g, right, axis=1), _anchors(g, right, axis=0)
    box = [g.Sub(at_x, left), g.Sub(at_y, top), g.Sub(right, at_x), g.Sub(bottom, at_y)]
    certain = g.Div(g.Sub(_every(g, _every(g, red, 8, 0), 8, 1), g.constant(128.0)), g.constant(127.0))
    width, height = g.Sub(right, left), g.Sub(bottom, top)
    places = []
    for x, y in POINTS.tolist():
        places.append(g.Sub(g.Add(left, g.Mul(width, g.constant(x))), at_x))
        places.append(g.Sub(g.Add(top, g.Mul(height, g.constant(y))), at_y))
    first = [_twice(g, [certain], 1.0), _twice(g, box, 8.0), _twice(g, places, 8.0)]
    outputs = []
    for kind, columns in zip(first if points else first[:2], (1, 4, 10), strict=False):
        outputs.append((kind, ("n8", columns)))
        outputs += [(_nothing(g, face, stride, columns), (f"n{stride}", columns)) for stride in (16, 32)]
    g.save(file, [1, 3, fixed or "height", fixed or "width"], outputs)


def _every(g: _Graph, name: str, step: int, axis: int) -> str:
    return g.Slice(name, g.ints(0), g.ints(1 << 30), g.ints(axis), g.ints(step))


def _runs(g: _Graph, face: str) -> tuple[str, str]:
    """For each anchor, where the stretch of face that it lies in begins and ends in its row (H/8 × W/8 each)."""
    rows = _every(g, face, 8, 0)  # H/8, W
    outside = g.CumSum(g.Sub(g.constant(1.0), rows), g.constant(1, np.int64))  # the same within one stretch
    same = g.Equal(g.Unsqueeze(_every(g, outside, 8, 1), g.ints(2)), g.Unsqueeze(outside, g.ints(1)))
    member = g.And(same, g.Cast(g.Unsqueeze(rows, g.ints(1)), to=9))  # H/8, W/8, W
    length = g.Gather(g.Shape(rows), g.constant(1, np.int64))
    positions = g.Cast(g.Range(g.constant(0, np.int64), length, g.constant(1, np.int64)), to=1)
    begin = g.ReduceMin(g.Where(member, positions, g.constant(1e6)), axes=[2], keepdims=0)
    end = g.ReduceMax(g.Where(member, positions, g.constant(-1e6)), axes=[2], keepdims=0)
    return begin, g.Add(end, g.constant(1.0))


def _anchors(g: _Graph, like: str, axis: int) -> str:
    """Each anchor's own position along an axis, in the shape of `like`, or one that spreads to it."""
    length = g.Gather(g.Shape(like), g.constant(axis, np.int64))
    steps = g.Cast(g.Range(g.constant(0, np.int64), length, g.constant(1, np.int64)), to=1)
    return g.Unsqueeze(g.Mul(steps, g.constant(8.0)), g.ints(1 - axis))


def _twice(g: _Graph, columns: Sequence[str], unit: float) -> str:
    """Columns of anchors as the rows that SCRFD gives: every place twice, in units of the stride."""
    flat = [g.Reshape(column, g.ints(-1, 1)) for column in columns]
    both = g.Concat(*flat, *flat, axis=1)
    return g.Div(g.Reshape(both, g.ints(-1, len(columns))), g.constant(unit))


def _nothing(g: _Graph, face: str, stride: int, columns: int) -> str:
    places = g.Size(_every(g, _every(g, face, stride, 0), stride, 1))
    shape = g.Concat(g.Reshape(g.Mul(places, g.ints(2)), g.ints(1)), g.ints(columns), axis=0)
    return g.Expand(g.constant([[0.0]]), shape)


def embedder(file: Path, *, width: int = 512) -> None:
    """An embedder of the shape of ArcFace: green and blue of 8 × 8 tiles, times a random matrix."""
    g = _Graph()
    tiles = g.AveragePool("input", kernel_shape=[14, 14], strides=[14, 14])
    look = g.Flatten(g.Slice(tiles, g.ints(1), g.ints(3), g.ints(1)))
    matrix = np.random.default_rng(5).standard_normal((128, width))
    g.save(file, ["batch", 3, 112, 112], [(g.MatMul(look, g.constant(matrix)), ["batch", width])])


def gender_age(file: Path) -> None:
    """More green than blue is female; the age is 30, and more by how red it is."""
    g = _Graph()
    means = g.Flatten(g.GlobalAveragePool("input"))
    matrix = [[0, 0, 0.1], [1, 0, 0], [0, 1, 0]]
    scores = g.Add(g.MatMul(means, g.constant(matrix)), g.constant([[0, 0, 0.3]]))
    g.save(file, ["batch", 3, 96, 96], [(scores, ["batch", 3])])


def landmarks(file: Path, numbers: int) -> None:
    """The same points for every face: 106 in the plane (212 numbers) or 1103 in space (3309), within ±0.5."""
    g = _Graph()
    points = np.random.default_rng(numbers).uniform(-0.5, 0.5, (1, numbers))
    nothing = g.Mul(g.ReduceMean("input", axes=[1, 2, 3], keepdims=0), g.constant(0.0))
    spread = g.Add(g.Unsqueeze(nothing, g.ints(1)), g.constant(points))
    g.save(file, ["batch", 3, 192, 192], [(spread, ["batch", numbers])])
