"""Named values that the tests of expressions evaluate against."""

from __future__ import annotations

from typing import Any

S: dict[str, Any] = {
    "input": {"s": "hello", "n": 3, "none": None, "list": [1, 2, 3], "objs": [{"id": 1}, {"id": 2}], "k h": "odd",
              "user": {"name": "Ann"}, "matrix": [[1, 2], [3, 4]], "num": "42"},
    "result": [[1, 2], [3, 4]],
    "env": {"X": "1"},
}  # fmt: skip
