"""Edits change only what they say."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from mc_jupyter.errors import SpecError
from mc_jupyter.language.cell import edits, read
from mc_jupyter.language.cell.edits import splice
from mc_jupyter.language.cell.spans import to_plain
from tests.language.cell.texts import CELL

examples = settings(max_examples=200, deadline=None)


def value_of(text: str) -> Any:
    return to_plain(read(text).value)


def lines_changed(before: str, after: str) -> tuple[list[str], list[str]]:
    old, new = before.splitlines(), after.splitlines()
    return [line for line in old if line not in new], [line for line in new if line not in old]


@pytest.mark.parametrize(
    ("path", "value", "gone", "come"),
    [
        (("component", "type"), "x: y", ["  type: model   # kept"], ['  type: "x: y"   # kept']),
        (("component", "type"), "12", ["  type: model   # kept"], ['  type: "12"   # kept']),
        (("component", "type"), "${a | b: c}", ["  type: model   # kept"], ["  type: ${a | b: c}   # kept"]),
        (("component", "type"), {"a": [1]}, ["  type: model   # kept"], ["  type:   # kept", "    a:", "      - 1"]),
        (("component", "empty"), 1e20, ["  empty:"], ["  empty: 1.0e+20"]),
        (("component", "list", 1, "c"), "y", ['      c: "x"'], ['      c: "y"']),
        (("component", "block"), "one\ntwo\n", ["    hello", "    there"], ["    one", "    two"]),
        (("component", "list"), None, ["  list:", "    - a", "    - b: 1", '      c: "x"'], ["  list: null"]),
        (("other",), False, ["other: yes"], ["other: false"]),
    ],
)
def test_replacing_changes_one_value(path: Any, value: Any, gone: list[str], come: list[str]) -> None:
    assert lines_changed(CELL, edits.replace(read(CELL), path, value)) == (gone, come)


@pytest.mark.parametrize(
    ("path", "key", "value", "come"),
    [
        ((), "new", {"a": 1}, ["new:", "  a: 1"]),
        (("component",), "k", [1, "no"], ["  k:", "    - 1", '    - "no"']),
        (("component", "list"), 2, {"z": 1, "y": 2}, ["    - z: 1", "      y: 2"]),
        (("component", "list"), 0, "v", ["    - v"]),
        (("component", "list", 1), "zz", True, ["      zz: true"]),
        (("component", "empty"), "zz", "a", ["    zz: a"]),
    ],
)
def test_inserting_adds_lines_and_changes_none(path: Any, key: Any, value: Any, come: list[str]) -> None:
    assert lines_changed(CELL, edits.insert(read(CELL), path, key, value)) == ([], come)


@pytest.mark.parametrize(
    ("text", "path", "left"),
    [
        ("a: 1\nb: 2 # c\nc: 3\n", ("b",), "a: 1\nc: 3\n"),
        ("a: {x: 1, y: 2}", ("a", "x"), "a: {y: 2}"),
        ("a: {x: 1, y: 2}", ("a", "y"), "a: {x: 1}"),
        ("- a: 1\n  b: 2\n", (0, "a"), "- b: 2\n"),
        ("- a\n- b", (1,), "- a\n"),
        ("a:\n  b: 1\nc: 2\n", ("a", "b"), "a: {}\nc: 2\n"),
        ("a: |\n  x\n  y\nb: 1\n", ("a",), "b: 1\n"),
    ],
)
def test_removing_takes_one_entry(text: str, path: Any, left: str) -> None:
    assert edits.remove(read(text), path) == left


def test_an_edit_through_an_alias_is_refused() -> None:
    document = read("a: &a {x: 1}\nb: *a\n")
    with pytest.raises(SpecError, match="cannot be edited in place"):
        edits.replace(document, ("b", "x"), 2)
    assert edits.replace(document, ("b",), 2) == "a: &a {x: 1}\nb: 2\n"
    assert value_of(edits.replace(document, ("b",), 2)) == {"a": {"x": 1}, "b": 2}


def test_a_key_that_is_there_cannot_be_inserted() -> None:
    with pytest.raises(SpecError, match="there is a 'other' already"):
        edits.insert(read(CELL), (), "other", 1)


def test_splicing_replaces_several_spans() -> None:
    value = read("a: 1\nb: 2\n").value
    assert splice("a: 1\nb: 2\n", [(value.value_span("a"), "10"), (value.value_span("b"), "20")]) == "a: 10\nb: 20\n"


def paths_in(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(deeper for key, item in items for deeper in paths_in(item, (*path, key)))]


def with_change(tree: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    changed = copy.copy(tree)
    changed[path[0]] = with_change(tree[path[0]], path[1:], value)
    return changed


def anchorless(tree: Any, flow: bool | None) -> str:
    class Dumper(yaml.SafeDumper):
        def ignore_aliases(self, data: Any) -> bool:
            return True

    return yaml.dump(tree, Dumper=Dumper, default_flow_style=flow, allow_unicode=True, sort_keys=False)


words = st.text(alphabet=st.sampled_from("ab1:#-{}[],'\" \n&*!|>%@$~."), max_size=12)

small = st.recursive(
    st.none() | st.booleans() | st.integers(-99, 99) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3), max_leaves=8,
)  # fmt: skip


@examples
@given(st.dictionaries(words, small, min_size=1, max_size=4), small, st.sampled_from([None, False, True]), st.data())
def test_a_replaced_value_is_the_only_change(
    tree: dict[str, Any], value: Any, flow: bool | None, data: st.DataObject
) -> None:
    text = "# top\n" + anchorless(tree, flow) + "# end\n"
    if "${" in text:
        return
    path = data.draw(st.sampled_from(paths_in(tree)[1:]))
    after = edits.replace(read(text), path, value)
    assert value_of(after) == with_change(tree, path, value)
    span = read(text).value
    for step in path[:-1]:
        span = span[step]
    place = span.value_span(path[-1])
    # Blanks around the value may go; everything else before and after stays.
    assert after.startswith(text[: place.start].rstrip())
    assert after.rstrip().endswith(text[place.end :].strip()[-10:])


@examples
@given(st.dictionaries(words, small, min_size=1, max_size=4), st.sampled_from([None, False, True]), st.data())
def test_an_entry_can_be_removed_from_anywhere(tree: dict[str, Any], flow: bool | None, data: st.DataObject) -> None:
    text = anchorless(tree, flow)
    if "${" in text:
        return
    path = data.draw(st.sampled_from(paths_in(tree)[1:]))
    expected = copy.deepcopy(tree)
    holder: Any = expected
    for step in path[:-1]:
        holder = holder[step]
    del holder[path[-1]]
    assert value_of(edits.remove(read(text), path)) == expected


@examples
@given(st.dictionaries(words, small, min_size=1, max_size=4), small, st.sampled_from([None, False, True]), st.data())
def test_an_entry_can_be_inserted_anywhere(
    tree: dict[str, Any], value: Any, flow: bool | None, data: st.DataObject
) -> None:
    text = anchorless(tree, flow)
    if "${" in text:
        return
    holders = [path for path in paths_in(tree) if isinstance(_at(tree, path), dict | list)]
    path = data.draw(st.sampled_from(holders))
    expected = copy.deepcopy(tree)
    holder = _at(expected, path)
    if isinstance(holder, list):
        key: Any = data.draw(st.integers(0, len(holder)))
        holder.insert(key, value)
    else:
        key = "brandnew"
        holder[key] = value
    assert value_of(edits.insert(read(text), path, key, value)) == expected


def _at(value: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        value = value[step]
    return value
