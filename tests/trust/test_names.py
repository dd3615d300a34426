"""Names of files that come from others: below their folder, or refused."""

from __future__ import annotations

import pytest

import mc_jupyter as mc
from mc_jupyter.errors import ComposeError
from mc_jupyter.trust import names
from tests.conftest import cell


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


@pytest.mark.parametrize("task", ["text-generation", "image-upscale", "face-embedding", "image-generation"])
@pytest.mark.parametrize("model", [
    "/x/" + "a" * 300, "./" + "a/" * 3000, "a" * 300, "owner/" + "b" * 300, '"/x\\0y"', '"\\ud800/x"',
    "{repository: o/n, filename: " + "c" * 300 + "}", "{repository: o/n, revision: ../../x}",
    "{repository: o/n, revision: /x}", "{repository: o/n, cache_dir: /x/" + "c" * 300 + "}",
])  # fmt: skip
def test_a_cells_name_that_no_file_can_have_is_one_error_at_its_line(
    session: mc.Session, task: str, model: str
) -> None:
    with pytest.raises(ComposeError, match="line 4: "):
        session.load(cell(task, model, driver=None if task == "text-generation" else "custom"))
