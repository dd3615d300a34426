"""How results look: one HTML form that reads in light and dark themes and on GitHub, and one plain-text form.

Everything a model, a file or a user wrote is escaped; there is no script and nothing is fetched. Styles are inline and
use the theme's own text colour, so a viewer that strips them (GitHub) still shows headings, tables and `<pre>`.
"""

from __future__ import annotations

import math
import pprint
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mc_jupyter.comparison import Comparison
    from mc_jupyter.notebook.showing import Showing
    from mc_jupyter.plan import Plan
    from mc_jupyter.session import Handle, MemoryReport
    from mc_jupyter.values import Batch, Embedding, Faces, Label, Text
    from mc_jupyter.values.streams import Stream

Bundle = dict[str, Any]

ROWS = 20  # of a batch, before "… 980 more"
WIDTH = 160  # characters of a text in a table's cell

_ACCENT = "#4c8dff"
_LINE = "rgba(128,128,128,.28)"
FONT = (
    "font-family:var(--jp-ui-font-family,system-ui,-apple-system,'Segoe UI',sans-serif);font-size:13px;line-height:1.5"
)
_MONO = "font-family:var(--jp-code-font-family,ui-monospace,Menlo,Consolas,monospace);font-size:12px"
_BOX = "border-radius:8px;padding:12px 16px;margin:2px 0;max-width:760px;box-sizing:border-box"
_FRAME = f"{FONT};border:1px solid {_LINE};{_BOX}"
MUTED = "opacity:.62"
_TABLE = f"{FONT};border-collapse:collapse;border:none;margin:0;width:auto;text-align:left"
_ROW = "background:transparent"
_CELL = "text-align:left;vertical-align:top;padding:4px 20px 4px 0;border:none"
# JupyterLab breaks words of a <pre> anywhere, unless told not to.
_PRE = (
    "white-space:pre-wrap;word-break:normal;overflow-wrap:anywhere;"
    "margin:0;padding:0;background:transparent;border:none;color:inherit"
)
_SANS = FONT.replace("font-size:13px", "font-size:14px")


def muted(text: str) -> str:
    """A line of figures under a result."""
    return f'<div style="{FONT};font-size:12px;{MUTED};margin-top:6px"><small>{escape(text)}</small></div>'


def pre(text: str, *, mono: bool = True) -> str:
    """Text exactly as it is: white-space kept, nothing interpreted."""
    return f'<pre style="{_PRE};{_MONO if mono else _SANS}">{escape(text)}</pre>'


def code(text: str) -> str:
    return f'<code style="{_MONO};background:transparent;color:inherit;padding:0;border:none">{escape(text)}</code>'


def frame(inner: str) -> str:
    return f'<div style="{_FRAME}">{inner}</div>'


def bar(share: float, *, width: int = 120) -> str:
    """A small horizontal bar, filled from the left."""
    filled = round(100 * min(1.0, max(0.0, share)), 1)
    return (
        f'<span style="display:inline-block;vertical-align:middle;width:{width}px;height:6px;border-radius:3px;'
        f'background:rgba(128,128,128,.22)"><span style="display:block;width:{filled}%;height:6px;border-radius:3px;'
        f'background:{_ACCENT}"></span></span>'
    )


def number(value: float) -> str:
    """Four digits of a fraction, all of a whole number: `0.3333`, `16384`."""
    return f"{value:.0f}" if 1e4 <= abs(value) < 1e15 and value == int(value) else f"{value:.4g}"


def cut(text: str, width: int = WIDTH) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def pairs(rows: Sequence[tuple[str, str]]) -> str:
    """Rows of a name and what it is."""
    cells = "".join(
        f'<tr style="{_ROW}"><td style="text-align:left;vertical-align:top;padding:2px 20px 2px 0;border:none;'
        f'white-space:nowrap;{MUTED}">{escape(name)}</td><td style="text-align:left;vertical-align:top;padding:2px 0;'
        f'border:none;overflow-wrap:anywhere">{escape(text)}</td></tr>'
        for name, text in rows
    )
    return f'<table style="{_TABLE}">{cells}</table>'


def heading(title: str) -> str:
    return f'<div style="{FONT};font-weight:600;margin-bottom:4px"><b>{escape(title)}</b></div>' if title else ""


def aligned(rows: Sequence[tuple[str, str]], indent: str = "  ") -> str:
    """The same rows in plain text."""
    width = max((len(name) for name, _ in rows), default=0)
    return "\n".join(f"{indent}{name:<{width}}  {text}" for name, text in rows)


@dataclass(frozen=True)
class Table:
    """Rows under headings, with a title above and a remark below. `coded` sets the first column as code."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    title: str = ""
    remark: str = ""
    coded: bool = False

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        return self.plain()

    def plain(self) -> str:
        headed = self.rows and any(self.columns)
        table = [self.columns, *self.rows] if headed else list(self.rows)
        widths = [max((len(row[i]) for row in table), default=0) for i in range(len(self.columns))]
        lines = ["  ".join(f"{text:<{w}}" for text, w in zip(row, widths, strict=True)).rstrip() for row in table]
        if headed:
            lines.insert(1, "  ".join("─" * w for w in widths).rstrip())
        return "\n".join(part for part in (self.title, *lines, self.remark) if part)

    def html(self) -> str:
        body = "".join(self._html_row(row) for row in self.rows)
        table = f'<table style="{_TABLE}">{self._html_head()}{body}</table>' if self.rows else ""
        return f"{heading(self.title)}{table}{muted(self.remark) if self.remark else ''}"

    def _html_head(self) -> str:
        if not any(self.columns):
            return ""
        heads = "".join(f'<th style="{_CELL};font-weight:600;{MUTED}">{escape(c)}</th>' for c in self.columns)
        return f'<tr style="{_ROW};border-bottom:1px solid {_LINE}">{heads}</tr>'

    def _html_row(self, row: tuple[str, ...]) -> str:
        cells = [code(text) if self.coded and not i else escape(text) for i, text in enumerate(row)]
        return (
            f'<tr style="{_ROW}">'
            + "".join(f'<td style="{_CELL};overflow-wrap:anywhere">{c}</td>' for c in cells)
            + "</tr>"
        )

    def _repr_mimebundle_(self, **asked: Any) -> Bundle:
        return {"text/plain": self.plain(), "text/html": self.html()}


@dataclass(frozen=True)
class Page:
    """A few lines of text under a heading: what `help`, `show` and `check` answer."""

    title: str
    text: str

    def __repr__(self) -> str:
        return f"{self.title}\n\n{self.text}" if self.title else self.text

    def _repr_mimebundle_(self, **asked: Any) -> Bundle:
        return {"text/plain": repr(self), "text/html": heading(self.title) + pre(self.text)}


# --- results ----------------------------------------------------------------------------------------------------------


def text_figures(value: Text, seconds: float | None = None) -> str:
    """`61 tokens · stopped by itself · 38 tokens/s · seed 7`."""
    ends = {"stop": "ended by itself", "length": "cut at the longest length allowed", "interrupted": "interrupted"}
    parts = [
        f"{value.tokens:,} token{'s' if value.tokens != 1 else ''}" if value.tokens is not None else None,
        ends.get(value.finish_reason, value.finish_reason) if value.finish_reason else None,
        f"{value.tokens / seconds:.3g} tokens/s" if value.tokens and seconds and seconds > 0.01 else None,
        f"seed {value.seed}" if value.seed is not None else None,
    ]
    return " · ".join(part for part in parts if part)


def text_bundle(text: str, figures: str = "") -> Bundle:
    """Text as it was written, and under it, in grey, how it came about."""
    plain = f"{text}\n\n[{figures}]" if figures else text
    return {"text/plain": plain, "text/html": pre(text, mono=False) + (muted(figures) if figures else "")}


def noted(shown: Bundle, notes: Sequence[str]) -> Bundle:
    """The bundle with lines under it that a reader should see, each once."""
    if not notes:
        return shown
    lines = list(dict.fromkeys(notes))
    told = {**shown, "text/plain": "\n".join([*filter(None, [shown.get("text/plain")]), *lines])}
    if "text/html" in shown:
        told["text/html"] = shown["text/html"] + "".join(map(muted, lines))
    return told


def _text(value: Text) -> Bundle:
    return text_bundle(str(value), text_figures(value))


def _label(value: Label) -> Bundle:
    scores = value.scores or {str(value.get("label")): float(value.get("score", 0.0))}
    ranked = sorted(scores.items(), key=lambda pair: -pair[1])
    best = str(value.get("label"))
    rows = [(name, share) for name, share in ranked[:10]]
    plain = "\n".join(
        f"{'▸' if name == best else ' '} {name:<{max(len(n) for n, _ in rows)}}  {share:.4f}" for name, share in rows
    )
    more = f"… {len(ranked) - 10:,} more labels" if len(ranked) > 10 else ""
    cell = "text-align:left;padding:2px 14px 2px 0;border:none;vertical-align:middle"
    body = "".join(
        f'<tr style="{_ROW};{"" if name == best else MUTED}"><td style="{cell}">'
        f"{'<b>' if name == best else ''}{escape(name)}{'</b>' if name == best else ''}</td>"
        f'<td style="{cell}">{bar(share)}</td>'
        f'<td style="{cell};font-variant-numeric:tabular-nums">{share:.4f}</td></tr>'
        for name, share in rows
    )
    html = f'<table style="{_TABLE}">{body}</table>{muted(more) if more else ""}'
    return {"text/plain": f"{plain}\n{more}".rstrip(), "text/html": html}


def sparkline(values: Sequence[float], *, width: int = 180, height: int = 28, points: int = 96) -> str:
    """A vector as one line, drawn in the text's own colour. Long vectors are averaged into `points` steps."""
    finite = [v if math.isfinite(v) else 0.0 for v in values]
    step = max(1, math.ceil(len(finite) / points))
    means = [sum(finite[i : i + step]) / len(finite[i : i + step]) for i in range(0, len(finite), step)]
    low, high = min(means), max(means)
    span = (high - low) or 1.0
    x = width / max(1, len(means) - 1)
    path = " ".join(f"{i * x:.1f},{height - 2 - (v - low) / span * (height - 4):.1f}" for i, v in enumerate(means))
    return (
        f'<svg width="{width}" height="{height}" viewBox="0 0 {width} {height}" style="vertical-align:middle" '
        f'role="img" aria-label="the vector as a line"><polyline points="{path}" fill="none" stroke="{_ACCENT}" '
        f'stroke-width="1.2" stroke-linejoin="round"/></svg>'
    )


def _embedding(value: Embedding) -> Bundle:
    norm = math.sqrt(sum(v * v for v in value))
    shown = ", ".join(f"{v:.4f}" for v in value[:6]) + (", …" if len(value) > 6 else "")
    facts = f"{len(value):,} numbers · norm {norm:.4f}"
    numbers = code(f"[{shown}]")
    drawn = sparkline(value) if value else ""
    head = f'<b>embedding</b> <span style="{MUTED}">{facts}</span>'
    return {
        "text/plain": f"embedding of {facts}\n[{shown}]",
        "text/html": f'<div style="{FONT}">{head}<div>{drawn}</div>{numbers}</div>',
    }


def _faces(value: Faces) -> Bundle:
    from mc_jupyter.notebook import faces

    return faces.bundle(value)


def _more(count: int) -> str:
    return f"… {count - ROWS:,} more" if count > ROWS else ""


def _batch(value: Batch) -> Bundle:
    from mc_jupyter.values import Faces

    if any(isinstance(item, Faces) for item in value):
        from mc_jupyter.notebook import faces

        return faces.row(value)
    from mc_jupyter.notebook import pictures

    if pictures.are_pictures(value):
        return pictures.formatted(value)[0]
    first = next((item for item in value if item is not None), None)
    columns: tuple[str, ...] = ("",)
    if isinstance(first, Mapping):
        names = tuple(str(key) for key in list(first)[:6])
        columns = ("", *names)
        rows = tuple(
            (str(i), *(brief_text(item.get(n)) if isinstance(item, Mapping) else "" for n in names))
            for i, item in enumerate(value[:ROWS])
        )
    else:
        columns = ("", "result")
        rows = tuple((str(i), brief_text(item)) for i, item in enumerate(value[:ROWS]))
    noun = "result" if len(value) == 1 else "results"
    return Table(columns, rows, f"{len(value):,} {noun}", _more(len(value)))._repr_mimebundle_()


def _stream(value: Stream) -> Bundle:
    line = "a stream: read it once, with a for loop"
    return {"text/plain": line, "text/html": muted(line)}


# --- images: how they look is in `pictures` ---------------------------------------------------------------------------


def _is_image(value: Any) -> bool:
    from mc_jupyter.values import is_image

    return is_image(value)


def _image(value: Any) -> Bundle:
    from mc_jupyter.notebook import pictures

    return pictures.formatted(value)[0]


def mapping_bundle(value: Mapping[Any, Any], showing: Showing) -> Bundle:
    """A mapping as text, and above it the pictures in it, each with its name."""
    from mc_jupyter.notebook import pictures

    text = pprint.pformat(brief(value), width=100, sort_dicts=False)
    named = {str(name): one for name, one in value.items() if pictures.are_pictures(one)}
    parts = [pictures.grid(_listed(one), showing, [name] * len(_listed(one))) for name, one in named.items()]
    return {"text/plain": text, "text/html": "".join([*parts, pre(text)])}


def _listed(value: Any) -> list[Any]:
    return [value] if _is_image(value) else list(value)


# --- anything else ----------------------------------------------------------------------------------------------------


class _Said:
    """Text that stands for a value in a pretty-printed whole."""

    def __init__(self, text: str):
        self.text = text

    def __repr__(self) -> str:
        return self.text


def brief(value: Any, depth: int = 0) -> Any:
    """The value with what is too long for a page said in words: images, bytes, vectors, the far end of lists."""
    if _is_image(value):
        return _Said(f"‹image {value.width}×{value.height}›")
    if isinstance(value, bytes | bytearray | memoryview):
        return _Said(f"‹{len(value):,} bytes›")
    if isinstance(value, Mapping):
        return _Said("{…}") if depth > 6 else {brief(k): brief(v, depth + 1) for k, v in list(value.items())[:200]}
    if isinstance(value, list | tuple):
        if len(value) > 8 and all(isinstance(v, float) for v in value):
            return _Said(f"[{', '.join(f'{v:.4f}' for v in value[:4])}, … {len(value):,} numbers]")
        kept = [_Said("…")] if depth > 6 else [brief(v, depth + 1) for v in value[:ROWS]]
        return kept + ([_Said(_more(len(value)))] if len(value) > ROWS else [])
    # A subclass of str with fields of its own prints as the text it is.
    return str(value) if isinstance(value, str) else value


def brief_text(value: Any) -> str:
    """A value in one short line, for a table's cell."""
    if isinstance(value, str):
        return cut(" ".join(value.split()))
    if isinstance(value, float):
        return number(value)
    return "" if value is None else cut(" ".join(repr(brief(value)).split()))


def _plain_value(value: Any) -> Bundle | None:
    """Text, numbers, lists and mappings; None for anything else: IPython knows better what to do with it."""
    if isinstance(value, str):
        return text_bundle(value)
    from mc_jupyter.notebook import pictures

    if pictures.are_pictures(value):
        return pictures.formatted(value)[0]
    if value is None or isinstance(value, bool | int | float | Mapping | list | tuple):
        if isinstance(value, Mapping):
            return mapping_bundle(value, pictures.here())
        text = pprint.pformat(brief(value), width=100, sort_dicts=False)
        return {"text/plain": text, "text/html": pre(text)}
    return None


# --- what describes ---------------------------------------------------------------------------------------------------


def _handle(handle: Handle) -> Bundle:
    rows = list(handle.card())
    told = dict(rows)
    kind, call = told.get("task", ""), told.get("call it", f"{handle.name}()")
    rows = [row for row in rows if row[0] not in ("task", "call it")]
    loaded = handle.facts() is not None
    dot = f'<span style="color:{_ACCENT if loaded else "inherit"}">{"●" if loaded else "○"}</span>'
    head = (
        f'<div style="margin-bottom:8px">{dot} <b style="font-size:15px">{escape(handle.name)}</b>'
        f'<span style="{MUTED};margin-left:10px"> {escape(kind)}</span></div>'
    )
    foot = (
        f'<div style="margin-top:10px;padding-top:8px;border-top:1px solid {_LINE}">'
        f'<span style="{MUTED}">call it </span>{code(call)}</div>'
    )
    plain = f"{handle.name}  {kind}".rstrip() + f"\n{aligned([*rows, ('call it', call)])}"
    return {"text/plain": plain, "text/html": frame(head + pairs(rows) + foot)}


def _plan(plan: Plan) -> Bundle:
    text = "\n".join(plan.lines())
    return {"text/plain": text, "text/html": frame(pre(text))}


def _memory(report: MemoryReport) -> Bundle:
    """How full each device is, then the models and what each holds, the largest first."""
    from mc_jupyter.words import format_bytes

    held = sorted(report.residents, key=lambda row: -row.bytes)
    free = Table(
        ("device", "free", "of", "limited by"),
        tuple((name, format_bytes(m.free), format_bytes(m.total), m.limit_by) for name, m in report.devices.items()),
        "memory",
        f"this kernel holds {format_bytes(report.process)} in all"
        + "".join(f"; models on {name} may take {format_bytes(limit)}" for name, limit in report.limits.items()),
    )
    models = Table(
        ("model", "for", "memory", "precision", "device", "adapters", ""),
        tuple(
            (
                r.subject,
                ", ".join(r.names),
                format_bytes(r.bytes),
                r.number_type,
                r.device,
                ", ".join(r.adapters),
                _state(r),
            )
            for r in held
        ),
        "loaded models" if held else "no model is loaded",
    )
    gauges = "".join(
        _gauge(name, 1 - m.free / m.total if m.total else 0.0, str(m)) for name, m in report.devices.items()
    )
    remark = muted(free.remark)
    html = f'<div style="{FONT}">{gauges}</div>{remark}<div style="height:10px"></div>{models.html()}'
    return {"text/plain": f"{free.plain()}\n\n{models.plain()}", "text/html": html}


def _gauge(name: str, used: float, words: str) -> str:
    return f'<div><b>{escape(name)}</b> {bar(used, width=200)} <span style="{MUTED}">{escape(words)}</span></div>'


def _state(row: Any) -> str:
    return ", ".join(word for word, so in (("pinned", row.pinned), ("running", row.running)) if so)


def _comparison(value: Comparison) -> Bundle:
    from mc_jupyter.notebook import comparing

    return comparing.bundle(value)


# --- formatters -------------------------------------------------------------------------------------------------------

RENDERERS: dict[tuple[str, str], Callable[[Any], Bundle]] = {
    ("mc_jupyter.values", "Text"): _text,
    ("mc_jupyter.values", "Label"): _label,
    ("mc_jupyter.values", "Embedding"): _embedding,
    ("mc_jupyter.values", "Batch"): _batch,
    ("mc_jupyter.values.faces", "Faces"): _faces,
    ("mc_jupyter.values.streams", "Stream"): _stream,
    ("mc_jupyter.session", "Handle"): _handle,
    ("mc_jupyter.session", "MemoryReport"): _memory,
    ("mc_jupyter.plan", "Plan"): _plan,
    ("mc_jupyter.comparison.table", "Comparison"): _comparison,
    ("PIL.Image", "Image"): _image,
}
"""By the name of the type, so that nothing is imported before it is used."""


def bundle(value: Any) -> Bundle | None:
    """What a value looks like; None where that is IPython's affair."""
    for cls in type(value).__mro__:
        if renderer := RENDERERS.get((cls.__module__, cls.__qualname__)):
            return renderer(value)
    if hasattr(value, "_repr_mimebundle_"):
        found: Bundle = value._repr_mimebundle_()
        return found
    return _plain_value(value)


def register(formatter: Any) -> None:
    """Teach IPython's display formatter our types."""
    for (module, name), renderer in RENDERERS.items():
        formatter.mimebundle_formatter.for_type_by_name(module, name, _described(renderer))
        # IPython prefers its own plain text of str, list and dict to a bundle's, for their subclasses too.
        formatter.formatters["text/plain"].for_type_by_name(module, name, _printer(renderer))
    # Beside a bundle IPython asks PIL's own methods for what it has not: the same picture once more, as JPEG.
    for kind in _PICTURES:
        formatter.formatters[kind].for_type_by_name("PIL.Image", "Image", _nothing)


def unregister(formatter: Any) -> None:
    for module, name in RENDERERS:
        formatter.mimebundle_formatter.pop(f"{module}.{name}", None)
        formatter.formatters["text/plain"].pop(f"{module}.{name}", None)
    for kind in _PICTURES:
        formatter.formatters[kind].pop("PIL.Image.Image", None)


_PICTURES = ("image/png", "image/jpeg")


def _nothing(value: Any) -> None:
    """What a picture looks like in a format that it shall not be stored in."""


def _described(renderer: Callable[[Any], Bundle]) -> Callable[[Any], Bundle | tuple[Bundle, dict[str, Any]]]:
    """A renderer as IPython calls it: pictures come with what the output's metadata remembers of them."""

    def rendered(value: Any) -> Bundle | tuple[Bundle, dict[str, Any]]:
        from mc_jupyter.notebook import pictures

        return pictures.formatted(value) if pictures.are_pictures(value) else renderer(value)

    return rendered


def _printer(renderer: Callable[[Any], Bundle]) -> Callable[[Any, Any, bool], None]:
    """A renderer as IPython's pretty-printer calls it."""

    def printed(value: Any, printer: Any, cycle: bool) -> None:
        from mc_jupyter.notebook import pictures

        if len(printer.stack) < 2:
            # Of a picture only the words: encoding it is the other formatter's affair.
            printer.text(pictures.plain(value) if pictures.are_pictures(value) else renderer(value)["text/plain"])
            return
        # Inside another value it is the plain value that it is.
        from IPython.lib.pretty import _type_pprinters

        for base in type(value).__mro__:
            if base in _type_pprinters:
                _type_pprinters[base](value, printer, cycle)
                return
        printer.text(repr(value))

    return printed
