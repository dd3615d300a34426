"""The references of nested values, less what a loop gives."""

from __future__ import annotations

from mc_jupyter.language.expressions.references import references


def test_references_are_found_in_containers_defaults_and_attributes() -> None:
    found = {one.source: path for path, one in references({"a": ["${b.c | ${d}}", {"x": "${e as image/png[q=${f}]}"}]})}
    assert found == {"b": ("a", 0), "d": ("a", 0), "e": ("a", 1, "x"), "f": ("a", 1, "x")}


def test_item_is_free_only_outside_its_loop() -> None:
    looped = {"*": {"input": "${xs}", "where": {"input": "${item}", "value": 1}}, "v": "${item} ${index} ${y}"}
    assert {one.source for _, one in references(looped)} == {"xs", "y"}
    assert [one.source for _, one in references({"*": "${item.xs}", "v": 1})] == ["item"]
