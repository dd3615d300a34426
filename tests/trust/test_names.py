"""Names of files that come from others: below their folder, or refused."""

from __future__ import annotations

import pytest

from mc_jupyter.trust import names


@pytest.mark.parametrize("name", ["a", "unet/config.json", "a b.txt", "..a", "a..b/c", "ä.json", "x" * 255, "nul_.txt"])
def test_names_below_the_folder_pass(name: str) -> None:
    assert names.fault(name) is None


@pytest.mark.parametrize(
    "name",
    [
        "", "/etc/passwd", "..", "../a", "a/../b", "a//b", "./a", "a/", "a\\b", "..\\a", "C:a", "c:/a", "a\0b", "a\nb",
        "nul", "x/CON.json", "com1.txt", "aux", "a/.. /b", "...", "x" * 256, "ä" * 128, "a/" * 2500 + "b", "\ud800",
        None, 5, ["a"],
    ],
)  # fmt: skip
def test_what_leads_elsewhere_or_is_no_name_is_told(name: object) -> None:
    assert names.fault(name)


def test_a_path_may_lead_anywhere_but_be_one() -> None:
    assert names.path_fault("/home/somebody/../x") is None
    assert names.path_fault("C:\\models\\x") is None
    assert "300 letters" in (names.path_fault("/home/" + "a" * 300) or "")
    assert names.path_fault("a\0")
    assert names.path_fault("/x" * 4000)
