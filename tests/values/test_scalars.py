"""Scalars read as YAML 1.1 reads them."""

from __future__ import annotations

import pytest

from mc_jupyter.values.scalars import typed_value, yaml_type


@pytest.mark.parametrize("text", ["0b_", "0x_", "9" * 5000, "2024-01-01", "=", "<<", "1:99x"])
def test_odd_scalars_stay_text(text: str) -> None:
    assert yaml_type(text) == text


def test_a_typed_character_that_json_writes_as_two_is_one() -> None:
    assert typed_value(r'["\ud83e\udd8a"]') == ["🦊"]
