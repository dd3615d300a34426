"""The page object itself, on plain widgets: what it moves arrives in the kernel, what the kernel sets it reads."""

from __future__ import annotations

import pytest

from tests.browser.lab import Cell, Lab

pytestmark = pytest.mark.browser

WIDGETS = """import ipywidgets as w
from IPython.display import display
precision = w.ToggleButtons(options=["float32", "bfloat16", "float16"], description="precision")
pinned = w.ToggleButton(description="Pin")
weight = w.FloatSlider(0.5, min=0, max=2, step=0.05, description="story-space", continuous_update=False)
other = w.FloatSlider(1, min=0, max=2, step=0.05, description="story", continuous_update=False)
device = w.Dropdown(options=["auto", "cpu", "cuda"], description="device")
told = w.HTML("<b>7.3 MB</b> in memory")
apply, seen = w.Button(description="Apply", icon="check"), []
weight.observe(lambda change: seen.append(change.new), "value")
apply.on_click(lambda _: setattr(told, "value", f"{precision.value} on <i>{device.value}</i>"))
display(w.VBox([precision, pinned, weight, other, device, apply, told]))
print("beside them")"""


@pytest.fixture(scope="module")
def panel(lab: Lab) -> Cell:
    cell = lab.run(WIDGETS)
    cell.button("Apply").wait_for()
    return cell


def test_a_slider_moves_by_steps_and_to_a_value(lab: Lab, panel: Cell) -> None:
    panel.slide("story-space", 3)
    lab.until("weight.value", 0.65)
    assert panel.readout("story-space") == "0.65"
    panel.slide("story-space", -1)
    lab.until("weight.value", 0.6)
    lab.run("seen.clear()")
    panel.slide_to("story-space", "1.35")
    lab.until("weight.value", 1.35)
    assert lab.ask("seen") == [1.35]
    assert lab.ask("other.value") == 1


def test_toggles_and_dropdowns_are_set_by_what_is_written_on_them(lab: Lab, panel: Cell) -> None:
    panel.press("bfloat16")
    panel.press("Pin")
    panel.choose("device", "cuda")
    lab.until("[precision.value, pinned.value, device.value]", ["bfloat16", True, "cuda"])
    assert [panel.is_on(text) for text in ("float32", "bfloat16", "Pin")] == [False, True, True]


def test_a_button_runs_its_callback_and_html_is_read(lab: Lab, panel: Cell) -> None:
    lab.ask("None", after="precision.value, device.value = 'float16', 'cpu'")
    panel.press("Apply")
    panel.shows("float16 on cpu")
    assert panel.html() == ["float16 on cpu"]
    assert panel.outputs()[1] == "beside them"
    lab.screenshot("widgets", panel)


def test_what_a_callback_raises_is_found(lab: Lab) -> None:
    cell = lab.run("b = w.Button(description='Break'); b.on_click(lambda _: 1 / 0); b")
    cell.press("Break")
    lab.ask("None")
    assert any("ZeroDivisionError" in fault for fault in lab.faults())
    lab.forget_faults()


def test_the_kernel_is_asked_without_a_trace(lab: Lab) -> None:
    count = lab.ask("get_ipython().execution_count")
    assert lab.ask("[made, {'of': made}]", after="made = 3") == [3, {"of": 3}]
    assert lab.ask("get_ipython().execution_count") == count
    with pytest.raises(Exception, match="ZeroDivisionError"):
        lab.ask("1 / 0")
