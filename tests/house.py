"""The house as data: the floors that ARCHITECTURE.md draws, and the arrows that the imports are."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

PACKAGE = "mc_jupyter"
DOOR = "__init__"  # the package's own `__init__.py` stands over all floors and hands names on; no room looks at it
BESIDE = frozenset({"starters"})  # stands beside the house and on no floor

Height = tuple[int, int]
"""How high a room stands: its floor, and its step within the floor."""


def floors(text: str) -> dict[str, Height]:
    """The rooms of the table of floors in a Markdown text, each with its height.

    The table's header begins with `floor` and `room`. A row's first cell begins with the floor's number, which alone says
    how high it is: rows may stand in any order, several may share a number. The second cell names the rooms, between
    commas or dots (`a, b` or `a · b`); what stands in brackets is for readers. `a → b` puts b one step over a.
    """
    found: dict[str, Height] = {}
    for number, rooms in _rows(text):
        for step, beside in enumerate(re.sub(r"\([^)]*\)", "", rooms).split("→")):
            for word in re.split(r"[,·]", beside):
                name = word.strip().strip("`").removesuffix("/").removesuffix(".py")
                if not name.isidentifier():
                    raise ValueError(f"floor {number}: {word.strip()!r} is not a room's name")
                if name in found:
                    raise ValueError(f"floor {number}: {name} stands on the table twice")
                found[name] = (number, step)
    return found


def _rows(text: str) -> Iterator[tuple[int, str]]:
    """The numbered rows of the table, as (floor, what its second cell says)."""
    lines = iter(text.splitlines())
    if not any(re.match(r"\|\s*floor\s*\|\s*rooms?\s*\|", line) for line in lines):
        raise ValueError("there is no table whose header says: floor, rooms")
    next(lines)  # the rule under the header
    for line in lines:
        if not line.startswith("|"):
            return
        first, second = (cell.strip() for cell in line.strip().strip("|").split("|")[:2])
        number = re.match(r"\d+", first)
        if not number:
            raise ValueError(f"a floor begins with its number: {line}")
        yield int(number.group()), second


@dataclass(frozen=True, order=True, slots=True)
class Arrow:
    """An import of one file by another, both as paths below the package without `.py`.

    `when` is how it happens: as the file is read (`top`), when a function runs (`lazy`), or for types alone (`types`).
    """

    source: str
    target: str
    when: str = "top"
    line: int = 0

    def __str__(self) -> str:
        return f"{self.source}.py:{self.line} imports {self.target} ({self.when})"


def files(root: Path) -> dict[str, Path]:
    """Every file of the house by its path below the package: `errors`, `cell/edits`, `cell/__init__`."""
    named = {file.relative_to(root).with_suffix("").as_posix(): file for file in sorted(root.rglob("*.py"))}
    return {name: file for name, file in named.items() if room(name) not in BESIDE}


def room(file: str) -> str:
    """The room a file stands in: the top-level file or folder of the package."""
    return file.partition("/")[0]


def arrows(root: Path) -> list[Arrow]:
    """Every import of one file by another, wherever it stands: at the top, inside a function, or for types only."""
    inside = files(root)
    found = (arrow for name, file in inside.items() for arrow in _arrows_of(name, ast.parse(file.read_text()), inside))
    return sorted(set(found))


def _arrows_of(name: str, tree: ast.Module, inside: Collection[str]) -> Iterator[Arrow]:
    for node, when in _imports(tree, "top"):
        for module in _modules(node, name):
            target = _file(module, inside)
            if target not in (None, name):
                yield Arrow(name, target, when, node.lineno)


def _imports(node: ast.AST, when: str) -> Iterator[tuple[ast.Import | ast.ImportFrom, str]]:
    """The imports below a node, each with how it happens."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child, when
        elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from _imports(child, "lazy" if when == "top" else when)
        elif isinstance(child, ast.If) and ast.unparse(child.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            yield from _imports(ast.Module(child.body, []), "types")
            yield from _imports(ast.Module(child.orelse, []), when)
        else:
            yield from _imports(child, when)


def _modules(node: ast.Import | ast.ImportFrom, name: str) -> list[str]:
    """What an import may mean, in full: `from a import b` is a.b where that is a file, else a."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    base = node.module or ""
    if node.level:  # one dot is the folder that the file stands in
        folder = [PACKAGE, *name.split("/")[:-1]]
        base = ".".join([*folder[: len(folder) - node.level + 1], *filter(None, [node.module])])
    return [f"{base}.{alias.name}" for alias in node.names]


def _file(module: str, inside: Collection[str]) -> str | None:
    """The file of the house that holds a module, or the name in it; None for what is not ours."""
    first, *parts = module.split(".")
    if first != PACKAGE or (parts and parts[0] in BESIDE):
        return None
    for end in (len(parts), len(parts) - 1):
        path = "/".join(parts[: max(end, 0)])
        for file in (path, f"{path}/{DOOR}" if path else DOOR):
            if file in inside:
                return file
    raise ValueError(f"{module} is not in the house")


def pairs(found: Iterable[Arrow]) -> set[tuple[str, str]]:
    """Who imports whom, however often and whenever."""
    return {(arrow.source, arrow.target) for arrow in found}


def climbs(found: Iterable[Arrow], table: dict[str, Height]) -> list[Arrow]:
    """The arrows that go up: to a higher floor, to a higher step of their own, or to the door."""
    high = {DOOR: (10**6, 0), **table}
    return [arrow for arrow in found if high[room(arrow.target)] > high[room(arrow.source)]]


def circles(found: Iterable[Arrow], place: Callable[[str], str] = str) -> set[frozenset[str]]:
    """The sets of places that lead to one another; a place is a file, or what `place` makes of one (its room)."""
    onward: dict[str, set[str]] = {}
    for arrow in found:
        source, target = place(arrow.source), place(arrow.target)
        if source != target:
            onward.setdefault(source, set()).add(target)
    reached = {start: _reached(start, onward) for start in onward}
    rings = {start: frozenset(p for p in onward if p in reached[start] and start in reached[p]) for start in onward}
    return {ring for ring in rings.values() if ring}


def _reached(start: str, onward: dict[str, set[str]]) -> set[str]:
    """Everything that arrows lead to from a place; the place itself only where they lead back."""
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        new = onward.get(waiting.pop(), set()) - seen
        seen |= new
        waiting += new
    return seen
