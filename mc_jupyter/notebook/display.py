"""How results look, and how IPython learns of it."""

from __future__ import annotations

import math
import pprint
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from mc_jupyter.notebook.html import (
    ACCENT,
    FONT,
    LINE,
    MUTED,
    ROW,
    ROWS,
    TABLE,
    Bundle,
    Table,
    aligned,
    bar,
    code,
    cut,
    frame,
    muted,
    number,
    pairs,
    pre,
    text_bundle,
)  # fmt: skip

if TYPE_CHECKING:
    from mc_jupyter.comparison import Comparison
    from mc_jupyter.notebook.showing import Showing
    from mc_jupyter.plan import Plan
    from mc_jupyter.session import Handle, MemoryReport
    from mc_jupyter.values import Batch, Embedding, Faces, Label, Text
    from mc_jupyter.values.streams import Stream

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
        f'<tr style="{ROW};{"" if name == best else MUTED}"><td style="{cell}">'
        f"{'<b>' if name == best else ''}{escape(name)}{'</b>' if name == best else ''}</td>"
        f'<td style="{cell}">{bar(share)}</td>'
        f'<td style="{cell};font-variant-numeric:tabular-nums">{share:.4f}</td></tr>'
        for name, share in rows
    )
    html = f'<table style="{TABLE}">{body}</table>{muted(more) if more else ""}'
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
        f'role="img" aria-label="the vector as a line"><polyline points="{path}" fill="none" stroke="{ACCENT}" '
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
    dot = f'<span style="color:{ACCENT if loaded else "inherit"}">{"●" if loaded else "○"}</span>'
    head = (
        f'<div style="margin-bottom:8px">{dot} <b style="font-size:15px">{escape(handle.name)}</b>'
        f'<span style="{MUTED};margin-left:10px"> {escape(kind)}</span></div>'
    )
    foot = (
        f'<div style="margin-top:10px;padding-top:8px;border-top:1px solid {LINE}">'
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
