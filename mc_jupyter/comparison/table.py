"""A comparison's rows: plain records in Python, and the words that each stands for in a table."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, overload

from mc_jupyter import words
from mc_jupyter.errors import MissingPackage, UnknownName
from mc_jupyter.values import is_image
from mc_jupyter.words import format_bytes, hinted, listing

Record = dict[str, Any]
Better = Literal["less", "more"]

_LINE = 48  # characters of an answer in the plain table


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the table: its heading, the field of a record that it shows, and which end of it is better."""

    heading: str
    key: str
    words: Callable[[Record], str]
    better: Better | None = None


def _figure(key: str, written: Callable[[Any], str]) -> Callable[[Record], str]:
    return lambda record: "" if record[key] is None else written(record[key])


def _load(record: Record) -> str:
    if record["load_seconds"] is None:
        return ""
    return words.seconds(record["load_seconds"]) if record["loaded"] else "shared"


def _agreement(record: Record) -> str:
    share, same, between = record["agreement"], record["same"], record["score_difference"]
    if record["reference"]:
        return "reference"
    if share is None:
        return ""
    apart = f", score ±{between:.2g}" if between else ""
    return f"{'same' if same else _share(share)}{apart}"


def _share(share: float) -> str:
    """A number that is not 1 never reads as 1."""
    return next((text for digits in (4, 6, 9) if float(text := f"{share:.{digits}f}") != 1), "nearly 1")


def _is(record: Record) -> str:
    """What was really loaded: `bfloat16 on cpu`, `int8, the rest float32, on cuda:0`."""
    if record["dtype"] is None:
        return ""
    bits = str(record["quantization"]).partition(" ")[0]
    return f"{record['dtype']} on {record['device']}" if bits == "none" else (
        f"{bits}, the rest {record['dtype']}, on {record['device']}"
    )  # fmt: skip


def _output(record: Record) -> str:
    return in_a_line(record["output"]) if record["error"] is None else in_a_line(f"✗ {record['error']}")


OUTPUT = Column("output", "output", _output)
_LOADED = Column("loaded as", "dtype", _is)
_FIGURES = (
    Column("load", "load_seconds", _load, "less"),
    Column("per item", "seconds_per_item", _figure("seconds_per_item", words.seconds), "less"),
    Column("tokens/s", "tokens_per_second", _figure("tokens_per_second", lambda n: f"{n:.3g}"), "more"),
    Column("model", "model_bytes", _figure("model_bytes", format_bytes), "less"),
    Column("peak memory", "peak_bytes", _figure("peak_bytes", format_bytes), "less"),
    Column("agreement", "agreement", _agreement, "more"),
)


@dataclass(frozen=True, repr=False, eq=False)
class Comparison(Sequence[Record]):
    """The variants of one component, one record each, in the order of the grid. Records hold plain values only.

    | key                               | what it holds                                                      |
    |-----------------------------------|--------------------------------------------------------------------|
    | settings                          | the fields that this variant sets                                  |
    | output                            | its answer, as the component's `output` shapes it                  |
    | loaded                            | whether a model was loaded for it; else it used one that was there |
    | load_seconds                      | how long that took; 0 where none was loaded, None where none is    |
    | seconds_per_item                  | the fastest of `calls` calls / the number of items                 |
    | tokens_per_second                 | tokens written / seconds of that call; None where none are written |
    | model_bytes                       | the model's tensors, its adapters' with them                       |
    | peak_bytes                        | the same, and the most that loading or a call took besides         |
    | peak_includes_loading             | whether loading is part of it: not where the model was there       |
    | device, dtype, quantization       | read back from the loaded model                                    |
    | agreement, same, score_difference | with the first row that succeeded: see `comparison.agreement`      |
    | reference                         | whether it is that row                                             |
    | error                             | why it failed; None where it did not                               |

    It is a sequence of these `records`. `name` is the component's, `fields` are those of the grid, `notes` what a
    reader should know of all rows, `seed` what every variant drew with (None where nothing was drawn); `interrupted`
    says that not all variants ran.
    """

    name: str
    fields: tuple[str, ...]
    records: list[Record]
    notes: tuple[str, ...] = ()
    seed: int | None = None
    interrupted: bool = field(default=False)

    def __len__(self) -> int:
        return len(self.records)

    def __iter__(self) -> Iterator[Record]:
        return iter(self.records)

    @overload
    def __getitem__(self, index: int) -> Record: ...
    @overload
    def __getitem__(self, index: slice) -> list[Record]: ...
    def __getitem__(self, index: int | slice) -> Record | list[Record]:
        return self.records[index]

    def __repr__(self) -> str:
        return self.plain()

    @property
    def title(self) -> str:
        """The component's name and how many variants there are: `story: 4 variants, 1 failed`."""
        failed = sum(record["error"] is not None for record in self)
        noun = "variant" if len(self) == 1 else "variants"
        return f"{self.name}: {len(self)} {noun}" + (f", {failed} failed" if failed else "")

    # --- columns ------------------------------------------------------------------------------------------------------

    @property
    def columns(self) -> tuple[Column, ...]:
        """The fields of the grid, then what was found; without those that no row has anything in."""
        asked = tuple(Column(name, name, _setting(name)) for name in self.fields)
        found = (_LOADED, OUTPUT, *_FIGURES)
        return (*asked, *(c for c in found if c is OUTPUT or any(c.words(record) for record in self)))

    def value(self, record: Record, key: str) -> Any:
        """What a record says of a field of the grid, or of a key of its own."""
        return record["settings"].get(key) if key in self.fields else record[key]

    def best(self, column: Column) -> float | None:
        """The best value of a column of numbers; None where there is nothing to choose between."""
        rows = [r for r in self if column.better and r[column.key] is not None]
        if column.key == "agreement":
            rows = [r for r in rows if not r["reference"]]
        elif column.key == "load_seconds":
            rows = [r for r in rows if r["loaded"]]
        elif column.key == "peak_bytes" and len({r["peak_includes_loading"] for r in rows}) > 1:
            return None
        if len({column.words(r) for r in rows}) < 2:
            return None
        best: float = (min if column.better == "less" else max)(r[column.key] for r in rows)
        return best

    def is_best(self, record: Record, column: Column) -> bool:
        """Whether a record has the best value of a column, and there is something to choose between."""
        best = self.best(column)
        if best is None or (column.key == "agreement" and record["reference"]):
            return False
        return bool(record[column.key] == best)

    # --- reading ------------------------------------------------------------------------------------------------------

    def sorted(self, by: str, *, reverse: bool = False) -> Comparison:
        """The same with its rows in another order: the best of a figure first, other values as they sort.

        `by` is a field of the grid or a key of the records (UnknownName for another); with `reverse` the order is
        turned round. Rows that have no such value come last in any case.
        """
        known = dict.fromkeys((*self.fields, *(self.records[0] if self.records else ())))
        if by not in known:
            raise UnknownName(hinted(f"no column {by!r}", by, known), fix=f"there are: {listing(list(known), 'and')}")
        more = by not in self.fields and any(c.key == by and c.better == "more" for c in _FIGURES)
        having = [r for r in self if self.value(r, by) is not None]
        lacking = [r for r in self if self.value(r, by) is None]
        having.sort(key=lambda record: _rank(self.value(record, by)), reverse=more != reverse)
        return replace(self, records=having + lacking)

    def reversed(self) -> Comparison:
        """The same with its rows in the opposite order."""
        return replace(self, records=self.records[::-1])

    def plain(self) -> str:
        """The table in letters of equal width."""
        columns = self.columns
        rows = [[c.heading for c in columns], *([c.words(record) for c in columns] for record in self)]
        widths = [max(len(row[i]) for row in rows) for i in range(len(columns))]
        lines = ["  ".join(f"{text:<{w}}" for text, w in zip(row, widths, strict=True)).rstrip() for row in rows]
        lines.insert(1, "  ".join("─" * w for w in widths))
        cut = (r["error"] for r in self if r["error"] is not None and in_a_line(r["error"]) != r["error"])
        reasons = [f"✗ {' '.join(reason.split())}" for reason in dict.fromkeys(cut)]
        return "\n".join([self.title, *lines, *reasons, *self.notes])

    def to_dataframe(self) -> Any:
        """The records as a DataFrame of pandas; settings are `settings.NAME`. MissingPackage without pandas."""
        try:
            pandas = importlib.import_module("pandas")
        except ImportError:
            raise NoPandas("a data frame needs pandas, which is not installed", fix="%pip install pandas") from None
        rows = [
            {f"settings.{name}": record["settings"].get(name) for name in self.fields}
            | {key: value for key, value in record.items() if key != "settings"}
            for record in self
        ]
        return pandas.DataFrame(rows)


class NoPandas(MissingPackage, ImportError):
    """pandas is not installed; the fix is the line to paste."""


def _setting(name: str) -> Callable[[Record], str]:
    def words(record: Record) -> str:
        value = record["settings"].get(name)
        return "default" if value is None else str(value).lower() if isinstance(value, bool) else in_a_line(value)

    return words


def _rank(value: Any) -> tuple[int, Any]:
    """Numbers before everything else, which sorts as text."""
    return (0, value) if isinstance(value, int | float) else (1, str(value))


def in_a_line(value: Any, width: int = _LINE) -> str:
    """A value in one short line: text as it is, a list by its first items, an image by its size."""
    if isinstance(value, str):
        text = " ".join(value.split())
    elif is_image(value):
        text = f"image of {value.width}×{value.height} pixels"
    elif isinstance(value, dict) and "label" in value and "score" in value:
        text = f"{value['label']} {value['score']:.3f}"
    elif isinstance(value, float):
        text = f"{value:.4g}"
    elif isinstance(value, list) and value and not isinstance(value[0], float):
        shown = [in_a_line(item, max(12, width // min(len(value), 3) - 2)) for item in value[:3]]
        text = " | ".join(shown) + (f" … {len(value):,} in all" if len(value) > 3 else "")
    elif isinstance(value, list) and len(value) > 3:
        text = f"[{', '.join(f'{number:.3f}' for number in value[:3])}, … {len(value):,} numbers]"
    else:
        text = "" if value is None else " ".join(repr(value).split())
    return text if len(text) <= width else text[: width - 1] + "…"
