"""Scalars read as YAML 1.1 reads them."""

from __future__ import annotations

import pytest

from mc_jupyter.values.scalars import yaml_type


@pytest.mark.parametrize("text", ["0b_", "0x_", "9" * 5000, "2024-01-01", "=", "<<", "1:99x"])
def test_odd_scalars_stay_text(text: str) -> None:
    assert yaml_type(text) == text
