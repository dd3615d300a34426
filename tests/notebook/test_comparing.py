"""Comparisons as tables: still ones, and those with controls."""

from __future__ import annotations

import gc
import re
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

from mc_jupyter import comparison
from mc_jupyter.comparison import Comparison
from mc_jupyter.errors import InputError
from mc_jupyter.notebook import display
from mc_jupyter.notebook.grid import grid_of
from mc_jupyter.notebook.html import letters
from mc_jupyter.notebook.showing import Showing
from mc_jupyter.notebook.views.comparison import Sortable, html
from mc_jupyter.words import visible
from tests.conftest import cell
from tests.notebook.conftest import Kernel

WIDGET = "application/vnd.jupyter.widget-view+json"


def bundle_of(value: Any, showing: Showing | None = None) -> dict[str, Any]:
    """What our own view of a value looks like."""
    found = display.bundle(value, showing)
    assert found is not None
    return found


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer calls of each variant than a reader would want."""
    monkeypatch.setattr(comparison, "REPEAT_FOR", 0.0)


@pytest.fixture
def found(shell: InteractiveShell, llama: Path) -> Comparison:
    text = cell("text-generation", llama, "params: {max_output_length: 6, temperature: 0}")
    shell.run_cell(f"%%compose story\n{text}")
    made: Comparison = shell.user_ns["story"].compare({"precision": ["float32", "bfloat16", "float33"]}, "the fox")
    return made


@pytest.fixture
def live(shell: InteractiveShell, found: Comparison) -> Iterator[Sortable]:
    shell.run_cell("%config ComposeMagics.forms = 'always'")
    bundle_of(found)
    made: Sortable = _magics(shell).opened["compare story"]
    yield made
    made.close()


def _magics(shell: InteractiveShell) -> Any:
    return shell.magics_manager.registry["ComposeMagics"].notebook


def made_up(*outputs: Any, **more: Any) -> Comparison:
    """A comparison of these outputs that nothing was run for."""
    from mc_jupyter.comparison import _blank

    rows = [{**_blank({"top_k": i}), "output": output, "loaded": False, **more} for i, output in enumerate(outputs)]
    return Comparison("a", ("top_k",), rows)


class TestWords:
    def test_fields_and_their_values_are_the_grid(self) -> None:
        words = ["precision=float32,bfloat16", "quantization=none,int8", "adapters.a=0,0.5,1", "do_sample=true,null"]
        assert grid_of(words) == (
            {
                "precision": ["float32", "bfloat16"],
                "quantization": ["none", "int8"],
                "adapters.a": [0, 0.5, 1],
                "do_sample": [True, None],
            },
            [],
        )

    @pytest.mark.parametrize(
        ("word", "values"),
        [
            ("model=starter:stories,./here/it is", ["starter:stories", "./here/it is"]),
            ("device=cuda:0,cpu", ["cuda:0", "cpu"]),
            ("text='a, b',c", ["a, b", "c"]),
            ('stop_sequences=[".", ","],["!"]', [[".", ","], ["!"]]),
            ("quantization={type: nf4, double_quant: false},none", [{"type": "nf4", "double_quant": False}, "none"]),
        ],
    )
    def test_a_comma_inside_quotes_or_brackets_parts_nothing(self, word: str, values: list[Any]) -> None:
        assert list(grid_of([word])[0].values()) == [values]

    def test_inputs_stand_after_their_flag(self) -> None:
        words = ["-i", "text=a, b", "top_k=1,2", "--input=n=3", "-iname"]
        assert grid_of(words) == ({"top_k": [1, 2]}, ["text=a, b", "n=3", "name"])

    @pytest.mark.parametrize(
        ("words", "message"),
        [
            ([], "nothing to compare"),
            (["-i", "text=a"], "nothing to compare"),
            (["precision"], "'precision' names no values"),
            (["precision="], "precision has no values"),
            (["precision=a,[b"], "precision has no values that can be read"),
            (["top_k=1", "top_k=2"], "top_k is given twice"),
            (["top_k=1", "-i"], "-i names no input"),
        ],
    )
    def test_what_cannot_be_read_is_said(self, words: list[str], message: str) -> None:
        with pytest.raises(InputError, match=re.escape(message)):
            grid_of(words)


class TestStill:
    def test_where_nobody_can_sort_it_is_a_plain_table(self, found: Comparison) -> None:
        bundle = bundle_of(found)
        assert set(bundle) == {"text/plain", "text/html"}
        for words in ("story: 3 variants, 1 failed", "loaded as", "bfloat16 on cpu", "reference", "float33"):
            assert words in bundle["text/plain"]
            assert words in bundle["text/html"]

    def test_ipython_shows_it(self, shell: InteractiveShell, found: Comparison) -> None:
        data, _ = shell.display_formatter.format(found)
        assert data["text/html"] == letters(html(found, Showing()))
        assert data["text/plain"] == visible(found.plain())

    def test_the_best_of_each_figure_is_bold(self, found: Comparison) -> None:
        shown = html(found, Showing())
        small = found[1]["model_bytes"]
        assert f"<b>{small / 1000:.0f} kB</b>" in shown
        bold = re.findall(r"<td[^>]*><b>([^<]*)</b>", shown)
        assert "511 kB" not in bold
        assert "reference" not in bold
        assert "shared" not in bold

    def test_nothing_is_bold_where_all_is_equal(self) -> None:
        assert not re.search(r"<td[^>]*><b>", html(made_up("a", "b", model_bytes=5), Showing()))

    def test_everything_is_escaped_and_cut(self) -> None:
        text = "<script>alert(1)</script>\n" * 40
        shown = html(made_up(text, [text, text], {"k": text}), Showing())
        assert "<script>" not in shown
        assert shown.count("&lt;script&gt;") < 30
        assert "<br>" in shown
        assert len(shown) < 6000

    def test_a_reason_is_escaped_too(self) -> None:
        shown = html(made_up(None, error="<b>no</b> → yes"), Showing())
        assert "✗ &lt;b&gt;no&lt;/b&gt; → yes" in shown

    def test_images_are_thumbnails(self) -> None:
        from PIL import Image

        picture = Image.new("RGB", (600, 300), "red")
        shown = html(made_up(picture, [picture] * 6), Showing())
        assert shown.count("<img") == 1 + 4
        assert "… 2 more" in shown
        assert len(shown) < 12_000
        assert picture.size == (600, 300)
        assert "image of 600×300 pixels" in made_up(picture).plain()


class TestLive:
    def test_it_stands_beside_the_still_table(self, found: Comparison, live: Sortable) -> None:
        bundle = bundle_of(found)
        assert bundle[WIDGET]["model_id"] == live.box.model_id
        assert bundle["text/html"] == letters(html(found, Showing()))

    def test_it_is_sorted_by_any_column(self, found: Comparison, live: Sortable) -> None:
        headings = [heading for heading, _ in live.by.options]
        assert headings[:4] == ["as given", "precision", "loaded as", "output"]
        live.by.value = "model_bytes"
        assert live.rows.value == letters(html(found.sorted("model_bytes"), Showing()))
        assert live.rows.value.index("bfloat16") < live.rows.value.index("float32 on")
        live.reverse.value = True
        assert live.rows.value == letters(html(found.sorted("model_bytes", reverse=True), Showing()))
        live.by.value = ""
        assert [r["dtype"] for r in live.sorted()] == [None, "bfloat16", "float32"]

    def test_showing_it_again_makes_no_more_widgets(
        self, shell: InteractiveShell, found: Comparison, live: Sortable
    ) -> None:
        shell.display_formatter.format(found)
        assert _magics(shell).opened["compare story"] is live
        assert live.box.comm is not None

    def test_another_comparison_closes_the_one_before(
        self, shell: InteractiveShell, live: Sortable, found: Comparison
    ) -> None:
        bundle_of(found.reversed())
        assert _magics(shell).opened["compare story"] is not live
        assert all(w.comm is None for w in (live.box, live.by, live.reverse, live.rows, *live.box.children))

    def test_unloading_closes_it(self, shell: InteractiveShell, live: Sortable) -> None:
        shell.run_line_magic("unload_ext", "mc_jupyter")
        assert live.box.comm is None
        shell.run_line_magic("load_ext", "mc_jupyter")

    def test_it_keeps_no_model_and_no_component_alive(self, shell: InteractiveShell, live: Sortable) -> None:
        session = _magics(shell).session
        handle = weakref.ref(shell.user_ns["story"])
        resident = session.resident_of(shell.user_ns["story"])
        model = weakref.ref(resident.thing.driver.model)
        del resident
        session.close()
        shell.user_ns.pop("story")
        shell.user_ns.pop("_", None)
        gc.collect()
        assert (handle(), model()) == (None, None)
        live.by.value = "precision"
        assert "float33" in live.rows.value


def test_a_call_in_python_shows_the_table(run: Callable[[str], Any], shell: InteractiveShell, llama: Path) -> None:
    text = cell("text-generation", llama, "params: {max_output_length: 6, temperature: 0}")
    run(f"%%compose story\n{text}")
    found = run("story.compare({'top_k': [1, 5]}, 'the fox')")
    assert isinstance(found, Comparison)
    assert bundle_of(found) == bundle_of(found, Showing())


class TestInAKernel:
    CELL = "%%compose slowly\ncomponent: {type: model, task: text-generation, driver: slow, text: '${input.text}'}"

    def test_where_somebody_sits_the_table_has_controls(self, kernel: Kernel) -> None:
        kernel.run(self.CELL)
        ran = kernel.run("slowly.compare({'temperature': [0, 1]}, 'a b c')", allow_stdin=True)
        (shown,) = [out for out in ran.outputs() if out["output_type"] == "execute_result"]
        assert WIDGET in shown["data"]
        assert "slowly: 2 variants" in shown["data"]["text/html"]

    def test_the_stop_button_leaves_the_rows_there_are(self, kernel: Kernel) -> None:
        kernel.run(self.CELL)
        text = "' '.join(map(str, range(200)))"
        ran = kernel.run(f"slowly.compare({{'temperature': [0, 1, 2]}}, {text})", interrupt_after=1)
        assert [out for out in ran.outputs() if out["output_type"] == "error"] == []
        (shown,) = [out for out in ran.outputs() if out["output_type"] == "execute_result"]
        assert re.search(r"interrupted: [012] of 3 variants ran", shown["data"]["text/plain"])
        again = kernel.run("slowly('a b')")
        assert "a b" in str(again.outputs())
