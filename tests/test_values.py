"""Results are plain values with names; streams are read either way; `as` converts or says why not."""

from __future__ import annotations

import asyncio
import base64
import copy
import io
import pickle
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from mc_jupyter.errors import ExpressionError
from mc_jupyter.values import Batch, Embedding, Faces, Label, Stream, Text, convert, look_up

ANSWER = Text("Hi there", finish_reason="stop", prompt_tokens=3, tokens=2, token_ids=[5, 6], seed=1)


async def counted(stop: int) -> AsyncIterator[int]:
    for number in range(stop):
        await asyncio.sleep(0)
        yield number


class Closing:
    """An iterator that remembers whether it was closed."""

    def __init__(self) -> None:
        self.closed = False

    def __iter__(self) -> Iterator[int]:
        return self

    def __next__(self) -> int:
        return 1

    def close(self) -> None:
        self.closed = True


def test_a_text_is_its_plain_text_and_slices_to_plain_text() -> None:
    assert ANSWER == "Hi there"
    assert type(str(ANSWER)) is str
    assert type(ANSWER[:2]) is str


@pytest.mark.parametrize("key", ["text", "generated_text", "content", "caption"])
def test_a_text_answers_its_other_names(key: str) -> None:
    assert look_up(ANSWER, key) == "Hi there"


def test_a_text_answers_as_a_chat_completion() -> None:
    choice = look_up(ANSWER, "choices")[0]
    assert choice["message"]["content"] == choice["content"][0]["text"] == choice["text"] == "Hi there"
    assert choice["finish_reason"] == "stop"


@pytest.mark.parametrize("remake", [copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))])
def test_a_copied_text_keeps_how_it_was_made(remake: Any) -> None:
    made = remake(ANSWER)
    assert (made, made.tokens, made.token_ids, made.finish_reason) == ("Hi there", 2, (5, 6), "stop")


@pytest.mark.parametrize("remake", [copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))])
def test_a_copied_label_keeps_its_scores(remake: Any) -> None:
    made = remake(Label(label="good", score=0.9, label_id=1, scores={"good": 0.9}))
    assert made == {"label": "good", "score": 0.9, "label_id": 1}
    assert look_up(made, "scores") == {"good": 0.9}


def test_a_batch_is_asked_element_by_element() -> None:
    assert look_up(Batch([Label(label="a"), Label(label="b")]), "label") == ["a", "b"]
    assert look_up(Batch([Embedding([1.0]), Embedding([2.0])]), "embedding") == [[1.0], [2.0]]
    with pytest.raises(KeyError):
        look_up(Batch([Label(label="a")]), "nope")


def test_an_entry_comes_before_an_alias() -> None:
    assert look_up(Faces(embedding="entry", faces=[]), "embedding") == "entry"


def test_faces_answer_the_first_face_or_nothing() -> None:
    assert look_up(Faces(faces=[{"embedding": [1.0]}]), "embedding") == [1.0]
    assert look_up(Faces(faces=[]), "embedding") is None


def test_an_image_answers_image_and_images() -> None:
    image = Image.new("RGB", (2, 2))
    assert look_up(image, "image") is image
    assert look_up(image, "images") == [image]


@pytest.mark.parametrize("key", ["__class__", "upper", "__init__", "alias", "finish"])
def test_no_attribute_of_a_value_can_be_reached(key: str) -> None:
    for value in (ANSWER, "text", Label(), Image.new("L", (1, 1)), Embedding()):
        with pytest.raises(KeyError):
            look_up(value, key)


# streams


def test_an_async_source_is_read_with_for() -> None:
    assert list(Stream(counted(3))) == [0, 1, 2]


def test_an_async_source_is_read_with_for_while_a_loop_runs() -> None:
    async def reading() -> list[int]:
        return list(Stream(counted(3)))

    assert asyncio.run(reading()) == [0, 1, 2]


def test_a_sync_source_is_read_with_async_for() -> None:
    async def reading() -> list[int]:
        return [item async for item in Stream(iter([1, 2])).map(lambda item: item * 2)]

    assert asyncio.run(reading()) == [2, 4]


def test_an_async_source_is_read_on_the_loop_it_belongs_to() -> None:
    threads = set()

    async def source() -> AsyncIterator[int]:
        threads.add(threading.current_thread())
        yield 1

    async def reading() -> list[int]:
        return [item async for item in Stream(source()).map(lambda item: item).filter(bool)]

    assert asyncio.run(reading()) == [1]
    assert threads == {threading.current_thread()}


def test_map_and_filter_wait_until_they_are_read() -> None:
    seen: list[int] = []
    stream = Stream([1, 2, 3]).map(lambda item: seen.append(item) or item).filter(lambda item: item != 2)
    assert seen == []
    assert next(stream) == 1
    assert seen == [1]
    assert list(stream) == [3]


def test_split_streams_each_give_everything_in_any_order_of_reading() -> None:
    left, right = Stream(counted(3)).split(2)
    assert next(left) == 0
    assert list(right) == [0, 1, 2]
    assert list(left) == [1, 2]


def test_closing_closes_the_source_through_what_was_made_of_it() -> None:
    source = Closing()
    stream = Stream(source).map(str)
    next(stream)
    stream.close()
    assert source.closed
    assert list(stream) == []


def test_closing_an_async_source_runs_its_end() -> None:
    ended = []

    async def source() -> AsyncIterator[int]:
        try:
            yield 1
            yield 2
        finally:
            ended.append(True)

    with Stream(source()) as stream:
        assert next(stream) == 1
    assert ended == [True]


def test_a_fault_of_the_source_comes_out_as_it_is() -> None:
    async def source() -> AsyncIterator[int]:
        yield 1
        raise ZeroDivisionError

    stream = Stream(source()).map(str)
    assert next(stream) == "1"
    with pytest.raises(ZeroDivisionError):
        next(stream)


def test_no_thread_stays_behind_a_read_stream() -> None:
    list(Stream(counted(2)))
    assert not [thread for thread in threading.enumerate() if thread.name == "mc_jupyter-stream"]


# conversion


@pytest.mark.parametrize(
    ("value", "type", "result"),
    [
        ("0.5", "number", 0.5),
        ("7", "integer", 7),
        (2.9, "integer", 2),
        ("True", "boolean", True),
        ("yes", "boolean", False),
        (b"1", "boolean", True),
        (b"\xc3\xa9", "text", "é"),
        ({"k": "é"}, "text", '{"k": "é"}'),
        ([1, None], "string", "[1, null]"),
        (True, "text", "True"),
        ('{"a": 1}', "object", {"a": 1}),
        ((1, 2), "list", [1, 2]),
        (5, "json", 5),
        (["1", None], "number[]", [1.0, None]),
        ([{"a": 1}], "text[]", ['{"a": 1}']),
        (b"\x00", "base64", "AA=="),
        ("x", "never-heard-of", "x"),
        (3, "slider", 3),
        (b"ab", "file", b"ab"),
        ("data:text/plain,a%20b", "file", b"a b"),
    ],
)
def test_conversions(value: Any, type: str, result: Any) -> None:
    converted = convert(value, type)
    assert converted == result
    assert isinstance(converted, result.__class__)


@pytest.mark.parametrize("type", ["number", "integer[]", "text", "object[]", "image", "file", "base64", "select"])
def test_none_is_never_converted(type: str) -> None:
    assert convert(None, type) is None


@pytest.mark.parametrize(
    ("value", "type"),
    [
        ("x", "number"), ("1.5", "integer"), (float("inf"), "integer"), ("{", "json"), ("[1]", "object"),
        ("{}", "list"), ("x", "text[]"), (b"\xff", "text"), ([1], "image"), ("no base64!", "image"),
        (b"no image", "image"), ("text", "file"), ({1, 2}, "list"), ([[object()]], "text"),
    ],
)  # fmt: skip
def test_what_cannot_be_converted_is_an_error(value: Any, type: str) -> None:
    with pytest.raises(ExpressionError):
        convert(value, type)


def test_objects_are_projected_by_the_last_key_of_each_path() -> None:
    values = [{"id": 1, "meta": {"k": "m"}}, {"id": 2}]
    assert convert(values, "object[]", "id,meta.k") == [{"id": 1, "k": "m"}, {"id": 2, "k": None}]


def test_elementwise_text_keeps_a_list_a_list() -> None:
    assert convert(["a", 1], "text", elementwise=True) == ["a", "1"]
    assert convert(["a", 1], "text") == '["a", 1]'


def test_a_list_conversion_of_a_stream_is_lazy() -> None:
    stream = convert(Stream(["1", "2"]), "integer[]")
    assert isinstance(stream, Stream)
    assert list(stream) == [1, 2]


def png(width: int, height: int, mode: str = "RGB") -> bytes:
    buffer = io.BytesIO()
    Image.new(mode, (width, height)).save(buffer, "PNG")
    return buffer.getvalue()


def test_an_image_comes_from_bytes_base64_and_a_data_uri() -> None:
    text = base64.b64encode(png(3, 2)).decode()
    for value in (png(3, 2), text, f"data:image/png;base64,{text}"):
        assert convert(value, "image").size == (3, 2)
    assert convert(text, "image", format="base64").size == (3, 2)


def test_an_image_with_transparency_can_be_a_jpeg() -> None:
    assert convert(png(2, 2, "RGBA"), "image", "jpeg", {"quality": "50"}).format == "JPEG"


def test_an_image_of_too_many_pixels_is_refused_before_it_is_decoded() -> None:
    with pytest.raises(ExpressionError, match="50 million"):
        convert(png(10_000, 5_001, "1"), "image")


def test_postscript_is_never_decoded() -> None:
    with pytest.raises(ExpressionError):
        convert(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\n", "image")


def test_a_path_below_the_working_directory_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dot.png").write_bytes(png(1, 1))
    assert convert("dot.png", "image", format="path").size == (1, 1)


@pytest.mark.parametrize("path", ["/etc/hostname", "../x", "link", "a\0b"])
def test_a_path_outside_is_refused(path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link").symlink_to("/etc/hostname")
    with pytest.raises(ExpressionError):
        convert(path, "file", format="path")


@pytest.mark.parametrize(("type", "format"), [("image", "url"), ("text", "url"), ("file", "url"), ("image", None)])
def test_nothing_is_fetched(type: str, format: str | None) -> None:
    with pytest.raises(ExpressionError, match="fetches nothing"):
        convert("http://127.0.0.1:9/x.png", type, format=format)
