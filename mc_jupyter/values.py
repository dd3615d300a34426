"""What flows through a document: text, labels, embeddings, images and streams; and `as`, which converts them.

A result is a plain value with names: `Text` is a `str`, `Label` a `dict`, `Embedding` a `list`. What a plain value
lacks it may answer by `alias(key)`, which an expression asks only when the ordinary look-up finds nothing, so that
both `${result}` and `${result.embedding}` mean what a reader expects.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import io
import json
import sys
import threading
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Callable, Coroutine, Generator, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import unquote_to_bytes

from mc_jupyter.errors import ExpressionError, listing

if TYPE_CHECKING:
    from PIL.Image import Image

T = TypeVar("T")

MAX_PIXELS = 50_000_000
MAX_FILE_BYTES = 256 * 1024 * 1024

# --- results -----------------------------------------------------------------------------------------------------


class Text(str):
    """Generated text, and how its generation went. `tokens` counts the completion, `prompt_tokens` the prompt.

    >>> answer = Text("Hi!", finish_reason="stop", tokens=2)
    >>> answer.alias("choices")[0]["message"]["content"]
    'Hi!'
    """

    finish_reason: str | None
    prompt_tokens: int | None
    tokens: int | None
    token_ids: tuple[int, ...] | None
    window: int | None
    seed: int | None

    def __new__(
        cls,
        text: str = "",
        *,
        finish_reason: str | None = None,
        prompt_tokens: int | None = None,
        tokens: int | None = None,
        token_ids: Iterable[int] | None = None,
        window: int | None = None,
        seed: int | None = None,
    ) -> Text:
        self = super().__new__(cls, text)
        self.finish_reason, self.prompt_tokens, self.tokens = finish_reason, prompt_tokens, tokens
        self.token_ids = None if token_ids is None else tuple(token_ids)
        self.window, self.seed = window, seed
        return self

    def alias(self, key: str) -> Any:
        if key in ("text", "generated_text", "content", "caption"):
            return str(self)
        if key == "message":
            return {"role": "assistant", "content": str(self)}
        if key == "choices":
            return [self._choice()]
        if key in ("finish_reason", "prompt_tokens", "tokens", "token_ids", "window", "seed"):
            return getattr(self, key)
        raise KeyError(key)

    def _choice(self) -> dict[str, Any]:
        text = str(self)
        return {
            "index": 0,
            "message": {"role": "assistant", "content": text},
            "content": [{"type": "text", "text": text}],
            "text": text,
            "finish_reason": self.finish_reason,
        }


class Label(dict[str, Any]):
    """A classification: `label`, `score`, `label_id`, and `probabilities` where they were asked for.

    `scores` says the probability of every label, by its name.
    """

    scores: dict[str, float]

    def __init__(self, *entries: Any, scores: Mapping[str, float] | None = None, **named: Any):
        super().__init__(*entries, **named)
        self.scores = dict(scores or {})

    def alias(self, key: str) -> Any:
        if key == "scores":
            return self.scores
        raise KeyError(key)


class Embedding(list[float]):
    """One vector."""

    def alias(self, key: str) -> Any:
        if key in ("embedding", "vector"):
            return self
        raise KeyError(key)


class Batch(list[Any]):
    """The results of a list of inputs, in their order. A name it is asked for is asked of every one of them."""

    def alias(self, key: str) -> Any:
        found = [_look_up_or(item, key, _END) for item in self]
        if all(item is _END for item in found):
            raise KeyError(key)
        return [None if item is _END else item for item in found]


class Faces(dict[str, Any]):
    """The faces in one image: `{faces: [{embedding, bounding_box, score, …}], width, height}`."""

    def alias(self, key: str) -> Any:
        if key == "embedding":
            faces = self.get("faces") or []
            return faces[0]["embedding"] if faces else None
        raise KeyError(key)


def look_up(value: object, key: str) -> Any:
    """What `value` answers to a name: an entry, a field of a model, or an alias. Raises KeyError.

    Nothing else is reachable: no attributes, no calls.
    """
    if isinstance(value, Mapping) and key in value:
        return value[key]
    fields = getattr(type(value), "model_fields", None)
    if isinstance(fields, Mapping) and key in fields:
        return getattr(value, key)
    alias = getattr(type(value), "alias", None)
    if alias is not None and not isinstance(value, type):
        return alias(value, key)
    if key in ("image", "images") and is_image(value):
        return value if key == "image" else [value]
    raise KeyError(key)


def _look_up_or(value: object, key: str, otherwise: Any) -> Any:
    try:
        return look_up(value, key)
    except KeyError:
        return otherwise


def is_image(value: object) -> bool:
    """Whether this is a PIL image. Never imports PIL: where it is not loaded, nothing is one."""
    module = sys.modules.get("PIL.Image")
    return module is not None and isinstance(value, module.Image)


# --- streams -----------------------------------------------------------------------------------------------------

_END: Any = object()


class _Emit:
    """What a stage hands on; anything else that it yields is the stream it wants the next item of."""

    __slots__ = ("value",)

    def __init__(self, value: Any):
        self.value = value


# A stage is written once and driven both ways: `next` answers its requests in `__next__`, `anext` in `__anext__`.
_Stage = Generator["_Emit | Stream", Any, None]


class Stream:
    """Values that arrive one at a time, once; over a sync or an async iterator, readable either way.

    Read with `for`, an async source is driven by an event loop of its own in a thread of its own, so this works
    in a notebook, whose loop is already running. Read with `async for`, a sync source waits in a thread.
    `close()` closes the source; so does the end of a `with` block.
    """

    def __init__(self, source: Iterable[Any] | AsyncIterable[Any]):
        self._stage: _Stage | None = None
        self._parents: tuple[Stream, ...] = ()
        self._sync: Iterator[Any] | None = None
        self._async: AsyncIterator[Any] | None = None
        self._loop: _PrivateLoop | None = None
        self._seen_loop: asyncio.AbstractEventLoop | None = None
        self._closed = False
        if isinstance(source, AsyncIterable):
            self._async = source.__aiter__()
        else:
            self._sync = iter(source)

    @classmethod
    def _of(cls, stage: _Stage, parents: Iterable[Stream]) -> Stream:
        stream = cls(())
        stream._sync, stream._stage, stream._parents = None, stage, tuple(parents)
        return stream

    # reading

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        if self._closed:
            raise StopIteration
        try:
            item = self._next_of_stage() if self._stage else self._next_of_source()
        except BaseException:
            self.close()
            raise
        if item is _END:
            self.close()
            raise StopIteration
        return item

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        if self._closed:
            raise StopAsyncIteration
        try:
            item = await (self._anext_of_stage() if self._stage else self._anext_of_source())
        except BaseException:
            await self.aclose()
            raise
        if item is _END:
            await self.aclose()
            raise StopAsyncIteration
        return item

    def _next_of_stage(self) -> Any:
        assert self._stage is not None
        try:
            request = next(self._stage)
            while not isinstance(request, _Emit):
                request = self._stage.send(next(request, _END))
        except StopIteration:
            return _END
        return request.value

    async def _anext_of_stage(self) -> Any:
        assert self._stage is not None
        try:
            request = next(self._stage)
            while not isinstance(request, _Emit):
                request = self._stage.send(await anext(request, _END))
        except StopIteration:
            return _END
        return request.value

    def _next_of_source(self) -> Any:
        if self._async is None:
            return next(self._sync or iter(()), _END)
        if self._loop is None:
            self._loop = _PrivateLoop()
        return self._loop.run(_anext_or_end(self._async))

    async def _anext_of_source(self) -> Any:
        if self._async is None:
            return await asyncio.to_thread(next, self._sync or iter(()), _END)
        if self._loop is not None:
            return await asyncio.to_thread(self._loop.run, _anext_or_end(self._async))
        self._seen_loop = asyncio.get_running_loop()
        return await _anext_or_end(self._async)

    def collect(self) -> list[Any]:
        """All that is still to come."""
        return list(self)

    # making others

    def map(self, function: Callable[[Any], Any]) -> Stream:
        """A stream of `function(item)`, computed as it is read."""
        return self.expand(lambda item: (function(item),))

    def filter(self, keep: Callable[[Any], bool]) -> Stream:
        """A stream of the items that `keep` says True of."""
        return self.expand(lambda item: (item,) if keep(item) else ())

    def expand(self, function: Callable[[Any], Iterable[Any]]) -> Stream:
        """A stream of everything in `function(item)`, item after item."""

        def stage() -> _Stage:
            while (item := (yield self)) is not _END:
                for out in function(item):
                    yield _Emit(out)

        return Stream._of(stage(), [self])

    def split(self, count: int) -> list[Stream]:
        """`count` streams, each of all the items. What one has read and another has not is kept in memory."""
        waiting: list[deque[Any]] = [deque() for _ in range(count)]
        shared = _Shared(self, count)

        def stage(mine: deque[Any]) -> _Stage:
            while True:
                while mine:
                    yield _Emit(mine.popleft())
                item = yield shared
                if item is _END:
                    return
                for queue in waiting:
                    queue.append(item)

        return [Stream._of(stage(mine), [shared]) for mine in waiting]

    @staticmethod
    def chain(parts: Iterable[Any]) -> Stream:
        """All items of the first part, then of the second …; a part is a stream, a list, or one item."""
        parts = list(parts)

        def stage() -> _Stage:
            for part in parts:
                if isinstance(part, Stream):
                    while (item := (yield part)) is not _END:
                        yield _Emit(item)
                else:
                    for item in part if isinstance(part, list) else [part]:
                        yield _Emit(item)

        return Stream._of(stage(), [part for part in parts if isinstance(part, Stream)])

    @staticmethod
    def rows(columns: list[Any]) -> Stream:
        """Lists of one item of each column, until the shortest column ends."""
        streams = [column if isinstance(column, Stream) else Stream(column) for column in columns]

        def stage() -> _Stage:
            while streams:
                row = []
                for stream in streams:
                    item = yield stream
                    if item is _END:
                        return
                    row.append(item)
                yield _Emit(row)

        return Stream._of(stage(), streams)

    # ending

    def close(self) -> None:
        """Close the source. What was not read is lost; closing twice is fine."""
        if self._closed:
            return
        self._closed = True
        if self._stage:
            self._stage.close()
        for parent in self._parents:
            parent.close()
        if self._async is not None:
            self._close_async_source()
        elif self._sync is not None:
            _close_sync(self._sync)

    async def aclose(self) -> None:
        """`close()` from a running event loop."""
        if self._closed or self._async is None or self._loop is not None:
            if self._stage and not self._closed:
                self._closed = True
                self._stage.close()
                for parent in self._parents:
                    await parent.aclose()
            else:
                self.close()
            return
        self._closed = True
        aclose = getattr(self._async, "aclose", None)
        if aclose is not None:
            await aclose()

    def _close_async_source(self) -> None:
        aclose = getattr(self._async, "aclose", None)
        if aclose is not None:
            if self._seen_loop is not None and self._seen_loop.is_running():
                # It began on that loop and must end there; waiting for it here could wait for ourselves.
                asyncio.run_coroutine_threadsafe(_awaited(aclose), self._seen_loop)
            else:
                self._loop = self._loop or _PrivateLoop()
                self._loop.run(_awaited(aclose))
        if self._loop is not None:
            self._loop.stop()

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        loop = getattr(self, "_loop", None)
        if loop is not None:
            loop.stop()

    def __repr__(self) -> str:
        return f"<Stream {'closed' if self._closed else 'open'}>"


class _Shared(Stream):
    """The source of several split streams: closed when the last of them is."""

    def __init__(self, source: Stream, readers: int):
        super().__init__(())
        self._readers = readers

        def stage() -> _Stage:
            while (item := (yield source)) is not _END:
                yield _Emit(item)

        self._sync, self._stage, self._parents = None, stage(), (source,)

    def close(self) -> None:
        self._readers -= 1
        if self._readers <= 0:
            super().close()

    async def aclose(self) -> None:
        self._readers -= 1
        if self._readers <= 0:
            await super().aclose()


class _PrivateLoop:
    """An event loop in a daemon thread."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="mc_jupyter-stream", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def stop(self) -> None:
        if self._loop.is_running():
            self._loop.call_soon_threadsafe(self._loop.stop)
            if threading.current_thread() is not self._thread:
                self._thread.join(timeout=1)
        if not self._loop.is_running() and not self._loop.is_closed():
            self._loop.close()


async def _anext_or_end(source: AsyncIterator[Any]) -> Any:
    return await anext(source, _END)


async def _awaited(function: Callable[[], Any]) -> None:
    await function()


def _close_sync(source: Iterator[Any]) -> None:
    close = getattr(source, "close", None)
    if close is not None:
        close()


# --- conversion --------------------------------------------------------------------------------------------------

_TEXT = ("string", "text", "markdown")
_DATA = (*_TEXT, "integer", "number", "boolean", "list", "object", "json", "base64")
_MEDIA = ("image", "audio", "video", "file")
_FORMATS = ("base64", "path", "url", "data-uri")
_IMAGE_FORMATS = {
    "png": "PNG", "jpeg": "JPEG", "jpg": "JPEG", "webp": "WEBP", "gif": "GIF", "bmp": "BMP", "tiff": "TIFF",
    "tif": "TIFF",
}  # fmt: skip
# What may be decoded. PIL knows more, among them EPS, whose decoding starts Ghostscript.
_DECODED = ("PNG", "JPEG", "MPO", "WEBP", "GIF", "BMP", "TIFF", "PPM", "ICO", "AVIF", "TGA")


def convert(
    value: Any,
    type: str,
    subtype: str | None = None,
    attributes: Mapping[str, Any] | None = None,
    format: str | None = None,
    *,
    elementwise: bool = False,
) -> Any:
    """`value as type/subtype[attributes];format`. None stays None; a type nobody knows leaves the value as it is.

    `T[]` converts every element of a list, or of a stream as it is read. With `elementwise`, which a model's
    inputs use, `as text` and `as image` on a list do so too; otherwise a list as text is JSON.
    Raises ExpressionError where the value cannot be of that type.
    """
    if value is None:
        return None

    def one(item: Any) -> Any:
        return convert(item, type.removesuffix("[]"), subtype, attributes, format)

    if type.endswith("[]"):
        return _each(value, one, f"`{type}`")
    if elementwise and type in (*_TEXT, *_MEDIA) and isinstance(value, list | tuple):
        return [one(item) for item in value]
    if type in ("stream", "event-stream"):
        return _as_stream(value, subtype)
    if isinstance(value, Stream):
        return value.map(one) if type in _DATA else value
    if type in _DATA:
        return _as_data(value, type, subtype, format)
    if type == "image":
        return _as_image(value, subtype, attributes or {}, format)
    if type in _MEDIA:
        return _as_bytes(value, type, format)
    return value


def _each(value: Any, one: Callable[[Any], Any], what: str) -> Any:
    if isinstance(value, Stream):
        return value.map(one)
    if not isinstance(value, list | tuple):
        raise ExpressionError(f"{what} needs a list, not {describe(value)}")
    return [one(item) for item in value]


def _as_stream(value: Any, subtype: str | None) -> Stream:
    stream = value if isinstance(value, Stream) else Stream([value])
    return stream.map(as_text) if subtype in (None, "text") else stream


def _as_data(value: Any, type: str, subtype: str | None, format: str | None) -> Any:
    if format in _FORMATS and isinstance(value, str):
        value = _load(value, format)
    if type in _TEXT:
        return as_text(value)
    if type in ("json", "list", "object"):
        return _as_json(value, type, subtype)
    if type == "base64":
        return base64.b64encode(_encoded(value)).decode("ascii")
    if type == "boolean":
        text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
        return text.lower() in ("true", "1")
    return _as_number(value, type)


def _as_number(value: Any, type: str) -> float | int:
    try:
        return float(value) if type == "number" else int(value)
    except (TypeError, ValueError, OverflowError):
        article = "an integer" if type == "integer" else "a number"
        raise ExpressionError(f"{describe(value)} is not {article}") from None


def as_text(value: Any) -> str:
    """The value as text: lists and mappings as JSON with every letter kept, bytes as UTF-8."""
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError as error:
            raise ExpressionError(f"these {len(value)} bytes are not UTF-8 text ({error.reason})") from None
    if isinstance(value, Mapping | list | tuple):
        return _json(value)
    if is_image(value):
        raise ExpressionError("an image cannot be text", fix="`as base64` gives it as text")
    if isinstance(value, Stream):
        return "".join("" if piece is None else as_text(piece) for piece in value)
    return str(value)


def _json(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise ExpressionError(f"{describe(value)} cannot be written as JSON: {error}") from None


def _as_json(value: Any, type: str, subtype: str | None) -> Any:
    if isinstance(value, str | bytes):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError) as error:
            raise ExpressionError(f"{describe(value)} is not JSON: {error}") from None
    if type == "list":
        if not isinstance(value, list | tuple):
            raise ExpressionError(f"`list` needs a list, not {describe(value)}")
        return value if isinstance(value, list) else list(value)
    if type == "object":
        if not isinstance(value, Mapping):
            raise ExpressionError(f"`object` needs a mapping, not {describe(value)}")
        return _project(value, subtype) if subtype else value
    return value


def _project(value: Mapping[str, Any], paths: str) -> dict[str, Any]:
    """`a,b.c` of a mapping: `{a: …, c: …}`, null where there is nothing."""
    result = {}
    for path in paths.split(","):
        found: Any = value
        keys = path.split(".")
        for key in keys:
            found = _look_up_or(found, key, None)
        result[keys[-1]] = found
    return result


def _encoded(value: Any) -> bytes:
    """The bytes that `as base64` and `as file` stand for: an image's are PNG."""
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)
    if is_image(value):
        return _encode_image(value, "PNG", {})
    try:
        return as_text(value).encode("utf-8")
    except UnicodeEncodeError:
        raise ExpressionError(f"{describe(value)} holds half of a character, which has no UTF-8 form") from None


def _as_bytes(value: Any, type: str, format: str | None) -> Any:
    if isinstance(value, str):
        if format in _FORMATS:
            return _load(value, format)
        if value.startswith("data:"):
            return _load(value, "data-uri")
        raise ExpressionError(
            f"`{type}` needs bytes, not {describe(value)}",
            fix=f"`as {type};path` reads a file, `as {type};base64` decodes text",
        )
    if isinstance(value, Path):
        return _load(str(value), "path")
    if type in ("audio", "video"):
        # Decoded sound and frames (arrays, {array, sampling_rate}) are what engines take.
        return value
    if isinstance(value, bytes | bytearray | memoryview) or is_image(value):
        return _encoded(value)
    raise ExpressionError(f"`file` needs bytes, not {describe(value)}")


def _load(text: str, format: str) -> bytes:
    if format == "base64":
        return _decode_base64(text)
    if format == "data-uri":
        return _decode_data_uri(text)
    if format == "path":
        return _read_file(text)
    raise ExpressionError(
        f"{describe(text)} is a URL, and an expression fetches nothing",
        fix="load it with an http-client component, or give the file's path with `;path`",
    )


def _decode_base64(text: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ExpressionError(f"{describe(text)} is not base64: {error}") from None


def _decode_data_uri(text: str) -> bytes:
    head, comma, data = text.partition(",")
    if not head.startswith("data:") or not comma:
        raise ExpressionError(f"{describe(text)} is not a data URI", fix="one begins `data:image/png;base64,`")
    return _decode_base64(data) if head.endswith(";base64") else unquote_to_bytes(data)


def _read_file(text: str) -> bytes:
    """A file below the working directory: inputs come from data, and data may not read the rest of the disk."""
    try:
        path = Path(text).resolve()
        if not path.is_relative_to(Path.cwd().resolve()):
            raise ExpressionError(
                f"{text!r} lies outside the working directory", fix="copy the file next to the notebook"
            )
        if path.stat().st_size > MAX_FILE_BYTES:
            raise ExpressionError(f"{text!r} is larger than {MAX_FILE_BYTES // 1024**2} MiB")
        return path.read_bytes()
    except (OSError, ValueError, RuntimeError) as error:
        why = getattr(error, "strerror", None) or error
        raise ExpressionError(f"cannot read the file {text!r}: {why}") from None


def _as_image(value: Any, subtype: str | None, attributes: Mapping[str, Any], format: str | None) -> Image:
    image: Image = value if is_image(value) else _decode_image(_image_bytes(value, format))
    if subtype is None:
        return image
    name = _IMAGE_FORMATS.get(subtype.lower())
    if name is None:
        raise ExpressionError(f"no image format {subtype!r}", fix=f"use {listing(list(_IMAGE_FORMATS))}")
    return _decode_image(_encode_image(image, name, attributes))


def _image_bytes(value: Any, format: str | None) -> bytes:
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)
    if isinstance(value, Path):
        return _read_file(str(value))
    if not isinstance(value, str):
        raise ExpressionError(f"`image` needs an image, not {describe(value)}")
    if format in _FORMATS:
        return _load(value, format)
    if value.startswith("data:"):
        return _decode_data_uri(value)
    if value.startswith(("http://", "https://")):
        return _load(value, "url")
    try:
        return _decode_base64(value)
    except ExpressionError:
        raise ExpressionError(
            f"{describe(value)} is neither base64 nor a data URI", fix="`as image;path` reads an image file"
        ) from None


def _decode_image(data: bytes) -> Image:
    import struct

    from PIL import Image as pil
    from PIL import UnidentifiedImageError

    pil.init()
    try:
        image = pil.open(io.BytesIO(data), formats=[name for name in _DECODED if name in pil.OPEN])
        width, height = image.size
        if width * height > MAX_PIXELS:
            raise ExpressionError(
                f"an image of {width}×{height} is over the limit of {MAX_PIXELS // 10**6} million pixels"
            )
        image.load()
    except pil.DecompressionBombError as error:
        raise ExpressionError(f"the image is too large: {error}") from None
    except UnidentifiedImageError:
        raise ExpressionError(f"these {len(data)} bytes are no image of a known format") from None
    except (OSError, ValueError, SyntaxError, EOFError, IndexError, struct.error) as error:
        raise ExpressionError(f"the image is damaged: {error}") from None
    return image


def _encode_image(image: Image, name: str, attributes: Mapping[str, Any]) -> bytes:
    if name in ("JPEG", "BMP") and image.mode not in ("L", "RGB", "CMYK"):
        image = image.convert("RGB")
    options = {}
    if "quality" in attributes:
        options["quality"] = int(_as_number(attributes["quality"], "integer"))
    buffer = io.BytesIO()
    try:
        image.save(buffer, name, **options)
    except (OSError, ValueError, KeyError) as error:
        raise ExpressionError(f"cannot write the image as {name}: {error}") from None
    return buffer.getvalue()


def describe(value: Any) -> str:
    """A value in a few words, for messages: `the text 'abc…'`, `a list of 3`, `an image of 4×5`."""
    if isinstance(value, str):
        return f"the text {value if len(value) <= 40 else value[:39] + '…'!r}"
    if isinstance(value, bytes | bytearray | memoryview):
        return f"{len(value)} bytes"
    if isinstance(value, Mapping):
        return f"a mapping of {len(value)}"
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}"
    if is_image(value):
        return f"an image of {value.width}×{value.height}"
    if isinstance(value, Stream):
        return "a stream"
    if value is None or isinstance(value, bool | int | float):
        return "null" if value is None else str(value).lower() if isinstance(value, bool) else repr(value)
    return f"a {type(value).__name__}"
