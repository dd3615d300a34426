r"""In JupyterLab strangers' text is read letter by letter: no `$x^2$` is typeset, no `\href` becomes a link."""

from __future__ import annotations

import pytest

from tests.browser.lab import Lab

pytestmark = pytest.mark.browser

TEX = r"$x^2$ and \(\href{https://evil.example/x}{\text{Click here}}\)"
LOAD = f"""import mc_jupyter as mc
from IPython.display import display
from PIL import Image
TEX = {TEX!r}
session = mc.Session()
echo = session.load("component: {{type: model, task: text-generation, driver: echo, text: '${{input.text as text}}'}}", "e1")"""

SHOWN = {
    "a batch": "echo.map([TEX])",
    "a label": "from mc_jupyter.values import Label; Label({'label': TEX, 'score': 1.0})",
    "a picture's caption": "from mc_jupyter.notebook import display as d; display(d.bundle({TEX: [Image.new('RGB', (16, 16))]}), raw=True)",
    "a card": "session.load('component: {type: model, task: text-generation, driver: echo}', TEX)",
    "what a cell asks for": "from mc_jupyter.notebook.word import wishes; from mc_jupyter.trust.consent import Wish; wishes([Wish('A', 'model', TEX, TEX)])",
    "a widget": "from mc_jupyter.notebook.letters import Letters; field = Letters('<b>x</b>'); field.value = TEX; field",
    "a name beside a field": "import ipywidgets as w; from mc_jupyter.notebook.html import described; w.HBox([w.Checkbox(**described(TEX)), w.Text(**described(TEX))])",
}


@pytest.fixture(scope="module")
def loaded(lab: Lab) -> Lab:
    lab.run(LOAD)
    # MathJax is fetched when first needed; from here on it is there, and typesets at once.
    lab.run("from IPython.display import HTML; HTML('<p>$y^2$</p>')").where.locator("mjx-container").first.wait_for()
    return lab


@pytest.mark.parametrize("kind", SHOWN)
def test_it_is_read_letter_by_letter(loaded: Lab, kind: str) -> None:
    cell = loaded.run(SHOWN[kind])
    cell.shows(TEX)
    loaded.page.wait_for_timeout(200)  # typesetting comes after showing
    assert cell.where.locator("mjx-container, .MathJax, a[href*='evil']").count() == 0
    assert TEX in cell.text()


def test_a_panel_and_a_form_are_too(loaded: Lab) -> None:
    source = rf"""%%compose ask
component:
  type: model
  task: text-generation
  driver: echo
  params: {{stop_sequences: ['{TEX}']}}
  text: ${{input.text as text | '{TEX}' @(description {TEX})}}
"""
    loaded.run(source)
    for shown in ("%compose form ask", "ask.panel()"):
        cell = loaded.run(shown)
        cell.button("Run").wait_for()
        cell.press("Run")
        loaded.page.wait_for_timeout(800)
        assert cell.where.locator("mjx-container, .MathJax, a[href*='evil']").count() == 0
        assert TEX in cell.text()
