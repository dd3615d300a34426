"""The panel in JupyterLab: what is moved and pressed there is what the kernel's model is, and the picture says so."""

from __future__ import annotations

import pytest

from tests.browser.lab import MAGICS, Cell, Lab, Widgets

pytestmark = pytest.mark.browser

STORY = """%%compose story
component:
  type: model
  task: text-generation
  model: starter:stories   # 3.6 MB
  peft_adapters:
    - {name: pirate, model: "starter:stories-pirate", weight: 1.0}
  params: {max_output_length: 30, temperature: 0}
"""
SLOW = """%%compose slow --panel
component:
  type: model
  task: text-generation
  driver: slow
  text: ${input.text as text}
"""
SCALES = "[list(laid.scales) for _, _, laid in story.adapters()]"


@pytest.fixture(scope="module")
def panel(lab: Lab) -> Cell:
    lab.run(STORY)
    cell = lab.run("story.panel()")
    cell.button("Run").wait_for()
    return cell


def adapter(panel: Cell, name: str) -> Widgets:
    """The line of one adapter: its switch, its slider and its bin."""
    line = panel.where.locator(f".widget-hbox:has(.widget-checkbox:has-text({name!r})):has(.widget-slider)").last
    return Widgets(panel.lab, line)


def test_it_shows_what_is_loaded_and_what_this_machine_cannot_do(lab: Lab, panel: Cell) -> None:
    facts = lab.ask("[story.facts().device, story.facts().dtype]")
    assert all(fact in panel.text() for fact in facts)
    assert panel.button("mps").is_disabled()
    assert "mps" in panel.text()
    lab.screenshot("panel-open", panel)


def test_a_slider_moved_is_a_scale_in_the_layers_and_a_weight_in_the_text(lab: Lab, panel: Cell) -> None:
    before = lab.ask("story('Once upon a time').token_ids")
    readout = adapter(panel, "pirate").where.locator(".widget-readout")
    readout.fill("0.5")
    readout.press("Enter")
    lab.until(SCALES, [[1.0, 1.0]])
    assert "weight: 0.5}" in lab.ask("story.text")
    assert "# 3.6 MB" in lab.ask("story.text")
    panel.shows("scale now 1")
    assert lab.ask("story('Once upon a time').token_ids") != before
    assert lab.ask(f"{MAGICS}.session.loads") == 1


def test_the_switch_takes_the_adapter_out_and_the_answer_is_the_bases(lab: Lab, panel: Cell) -> None:
    adapter(panel, "pirate").where.locator("input[type=checkbox]").uncheck()
    lab.until(SCALES, [[0.0, 0.0]])
    panel.shows("scale now 0")
    adapter(panel, "pirate").where.locator("input[type=checkbox]").check()
    lab.until(SCALES, [[1.0, 1.0]])


def test_a_precision_waits_for_apply_and_is_then_what_the_tensors_are(lab: Lab, panel: Cell) -> None:
    panel.press("bfloat16")
    panel.shows("cast in place")
    assert lab.ask("story.facts().dtype") == "float32"
    lab.screenshot("panel-pending", panel)
    panel.press("Apply")
    lab.until("story.facts().dtype", "bfloat16")
    panel.shows_no("cast in place")
    assert lab.ask(f"{MAGICS}.session.loads") == 1
    assert "precision: bfloat16" in lab.ask("story.text")
    assert panel.is_on("bfloat16")


def test_what_a_line_sets_the_panel_shows(lab: Lab, panel: Cell) -> None:
    lab.run("%compose set story precision=float32 adapters.pirate=1")
    panel.shows("scale now 2")
    panel.button("float32").and_(panel.where.locator(".mod-active")).wait_for()
    assert lab.ask("story.facts().dtype") == "float32"


def test_run_gives_the_answer_that_the_component_gives(lab: Lab, panel: Cell) -> None:
    panel.type("prompt", "Once upon a time")
    panel.press("Run")
    panel.shows("30 tokens")
    answer = lab.ask("story('Once upon a time')")
    assert " ".join(answer.split()) in " ".join(panel.text().split())
    lab.screenshot("panel-answered", panel)


def test_stop_ends_a_run_with_what_was_written_and_the_next_one_goes(lab: Lab) -> None:
    cell = lab.run(SLOW)
    cell.button("Run").wait_for()
    cell.type("text", " ".join(f"w{i}" for i in range(3000)))
    cell.press("Run")
    cell.shows("w20 w21")
    cell.press("Stop")
    cell.shows("interrupted after")
    assert "w0 w1" in cell.text()
    lab.screenshot("panel-stopped", cell)
    cell.type("text", "one two three")
    cell.press("Run")
    cell.shows("3 tokens")
    cell.shows_no("interrupted")


def test_unload_gives_the_memory_back_and_says_so(lab: Lab, panel: Cell) -> None:
    panel.press("Unload")
    panel.shows("not loaded")
    assert lab.ask("story.facts()") is None
