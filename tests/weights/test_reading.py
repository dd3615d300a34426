"""Small files are read from regular files only, up to a size, and every value is of the type that is asked for."""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path
from typing import Any

import pytest

from mc_jupyter.weights import reading
from mc_jupyter.weights.reading import Config, NotWhole


def config(tmp_path: Path, content: Any) -> Config:
    (tmp_path / "config.json").write_text(content if isinstance(content, str) else json.dumps(content))
    return reading.read_config(tmp_path / "config.json")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
def test_a_pipe_a_device_and_a_folder_are_told_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.json")
    (tmp_path / "zero.json").symlink_to("/dev/zero")
    (tmp_path / "folder.json").mkdir()
    for name in ("pipe", "zero", "folder"):
        with pytest.raises(NotWhole, match=f"{name}.json is no regular file"):
            reading.read_config(tmp_path / f"{name}.json")


def test_a_link_to_a_file_is_one(tmp_path: Path) -> None:
    (tmp_path / "blob").write_text('{"a": 1}')
    (tmp_path / "config.json").symlink_to(tmp_path / "blob")
    assert reading.read_config(tmp_path / "config.json").number("a") == 1


def test_more_than_a_configuration_can_have_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "config.json").open("wb") as file:
        file.truncate(10_000_000_000)  # takes no room on the disk
    with pytest.raises(NotWhole, match=r"has 10.0 GB, and no such file of a model has more than 16.0 MB"):
        reading.read_config(tmp_path / "config.json")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is not JSON"), ("{", "is not JSON"), ("[]", "holds a list"), ("5", "holds a single value"),
        ("[" * 100_000, "nested too deeply"), ('{"a":' * 70 + "1" + "}" * 70, "nested more than 60 deep"),
        ('{"a": "\\ud800"}', "half of a character"), ('{"a": ' + "1" * 5000 + "}", "is not JSON"),
    ],
)  # fmt: skip
def test_what_is_no_mapping_in_json_is_one_error(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(NotWhole, match=f"config.json [\\s\\S]*{says}"):
        config(tmp_path, text)


def test_bytes_that_are_no_text_are_told(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_bytes(b"\xff\xfe{}")
    with pytest.raises(NotWhole, match="is not text"):
        reading.read_config(tmp_path / "config.json")


def test_values_come_in_their_types_and_what_is_not_there_is_nothing(tmp_path: Path) -> None:
    said = config(tmp_path, {"t": "x", "n": 5, "f": True, "l": ["a"], "m": {"inner": "y"}, "s": [1, 2], "none": None})
    assert (said.text("t"), said.number("n"), said.flag("f"), said.texts("l"), said.numbers("s")) == (
        "x", 5, True, ("a",), (1, 2),
    )  # fmt: skip
    assert said.inside("m").text("inner") == "y"
    assert said.numbers("n") == (5,)
    for key in ("none", "absent"):
        assert (said.text(key), said.number(key), said.flag(key), said.texts(key)) == (None, None, False, ())
        assert not said.inside(key)
        assert said.numbers(key) == ()
        assert said.each_in(key) == ()


@pytest.mark.parametrize(
    ("ask", "value"),
    [("text", 5), ("text", ["a"]), ("number", "x"), ("number", -1), ("number", 1.5), ("number", True), ("number", 10**30),
     ("flag", "yes"), ("flag", 1), ("texts", "a"), ("texts", [1]), ("inside", []), ("numbers", ["a"]), ("numbers", {}),
     ("each_in", [5]), ("each_in", {})],
)  # fmt: skip
def test_another_type_is_told_with_its_key_and_file(tmp_path: Path, ask: str, value: Any) -> None:
    said = config(tmp_path, {"m": {"key": value}}).inside("m")
    with pytest.raises(NotWhole, match=r"config.json: m\.key should be .*, and is "):
        getattr(said, ask)("key")


def test_what_a_file_says_is_shown_on_one_short_line() -> None:
    assert reading.shown("a\nb\x1b[31m") == "a�b�[31m"
    assert len(reading.shown("x" * 10_000)) < 70


def test_a_configuration_is_data_that_goes_to_other_processes(tmp_path: Path) -> None:
    assert pickle.loads(pickle.dumps(config(tmp_path, {"a": [1]}))) == {"a": [1]}
