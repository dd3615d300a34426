"""A JupyterLab server of its own, and its page as a user has it: cells run, widgets moved, outputs read."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator

ROOT = Path(__file__).parents[2]
PICTURES = ROOT / "out" / "browser"

MAGICS = "get_ipython().magics_manager.registry['ComposeMagics'].notebook"
"""What the kernel's notebook holds, for `Lab.ask`: `lab.ask(f"{MAGICS}.session.loads")`."""

_SECONDS = 60  # for anything that a page or a kernel does: two shared cores may be slow, a test that fails may wait

_SETTINGS = {
    # No news and no dialogs over the page, no request to another host, and every cell in the page, seen or not.
    "@jupyterlab/apputils-extension/notification": {
        "fetchNews": "false",
        "checkForUpdates": False,
        "doNotDisturbMode": True,
    },
    "@jupyterlab/notebook-extension/tracker": {"windowingMode": "none"},
    # A test saves when it says so: a notebook saved in between differs from the one that the test wrote.
    "@jupyterlab/docmanager-extension/plugin": {"autosave": False},
}

# jupysql is here for a benchmark: its buttons, and the errors on its console, are no part of ours.
_DISABLED = {"jupysql-plugin": True}


class Server:
    """`jupyter lab` of this Python in a folder of its own, with a token, and nothing of the user's settings."""

    def __init__(self, folder: Path):
        self.notebooks = folder / "notebooks"
        self._runtime = folder / "home" / "runtime"
        self._log = folder / "lab.log"
        self.drivers = folder / "drivers"
        self.notebooks.mkdir(parents=True)
        self.drivers.mkdir()
        shutil.copy(ROOT / "notebooks" / "01-quickstart.ipynb", self.notebooks)
        for name, values in _SETTINGS.items():
            file = folder / "home" / "settings" / f"{name}.jupyterlab-settings"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(values))
        config = folder / "home" / "config" / "labconfig" / "page_config.json"
        config.parent.mkdir(parents=True)
        config.write_text(json.dumps({"disabledExtensions": _DISABLED}))
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "jupyterlab", *self._options(folder / "home")],
                env=self._environment(folder / "home"),
                cwd=self.notebooks,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            found = self._started()
        except BaseException:
            self.close()
            raise
        self.url, self.token = found["url"], found["token"]

    def _options(self, home: Path) -> list[str]:
        return [
            "--no-browser",
            "--allow-root",
            "--ip=127.0.0.1",
            "--port=0",  # a free one: the server writes which into its runtime folder
            f"--ServerApp.root_dir={self.notebooks}",
            "--LabApp.expose_app_in_browser=True",
            "--LabApp.news_url=",
            "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
            "--LabApp.extension_manager=readonly",
            f"--LabApp.user_settings_dir={home / 'settings'}",
            f"--LabApp.workspaces_dir={home / 'workspaces'}",
        ]

    def _environment(self, home: Path) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("JUPYTER", "IPYTHON"))}
        own = {
            "HOME": home,
            "JUPYTER_CONFIG_DIR": home / "config",
            "JUPYTER_RUNTIME_DIR": self._runtime,
            "JUPYTER_DATA_DIR": home / "data",
            "IPYTHONDIR": home / "ipython",
        }
        return kept | {k: str(v) for k, v in own.items()} | {"JUPYTER_PREFER_ENV_PATH": "1", "HF_HUB_OFFLINE": "1"}

    def _started(self) -> dict[str, Any]:
        """What the server says of itself once it listens."""
        end = time.monotonic() + _SECONDS
        while self._process.poll() is None and time.monotonic() < end:
            for file in self._runtime.glob("jpserver-*.json"):
                try:
                    found: dict[str, Any] = json.loads(file.read_text())
                except ValueError:  # half written
                    break
                return found
            time.sleep(0.05)
        raise RuntimeError(f"jupyter lab did not start:\n{self._log.read_text()[-3000:]}")

    def write(self, name: str, *sources: str) -> str:
        """A notebook of these code cells, in the server's folder. Gives its name back."""
        made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
        made.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
        nbformat.write(made, self.notebooks / name)
        return name

    def close(self) -> None:
        """End the server; it ends its kernels first."""
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class Widgets:
    """The widgets inside one part of the page, found by what a user reads on them."""

    def __init__(self, lab: Lab, where: Locator):
        self.lab = lab
        self.where = where

    def field(self, label: str) -> Locator:
        """The text area, text field, number, checkbox or dropdown with this description."""
        return self.where.get_by_label(label, exact=True)

    def type(self, label: str, text: str) -> None:
        """Replace what a field says."""
        self.field(label).fill(text)

    def choose(self, label: str, option: str) -> None:
        """Take one option of a Dropdown."""
        self.field(label).select_option(label=option)

    def button(self, text: str) -> Locator:
        """The Button with this text, or the ToggleButton, of a group or by itself."""
        # Not by role and name: an icon before the text is a letter of that name.
        return self.where.locator("button").filter(has_text=re.compile(rf"^\s*{re.escape(text)}\s*$"))

    def press(self, text: str) -> None:
        """Click a button: it must be visible and enabled, and is waited for."""
        self.button(text).click()

    def is_on(self, text: str) -> bool:
        """Whether the ToggleButton with this text is pressed in."""
        return "mod-active" in (self.button(text).get_attribute("class") or "").split()

    def slider(self, label: str) -> Locator:
        """The whole slider with this description: name, handle and readout."""
        return self.where.locator(f".widget-slider:has(.widget-label:text-is({json.dumps(label)}))")

    def slide(self, label: str, steps: int) -> None:
        """Move a slider by so many of its steps, with the arrow keys.

        Wait with `Lab.until` for what the kernel should have of it before pressing a button: the page holds a change
        back while an earlier one is on its way, and a click overtakes it.
        """
        handle = self.slider(label).locator(".noUi-handle")
        handle.focus()
        for _ in range(abs(steps)):
            handle.press("ArrowRight" if steps > 0 else "ArrowLeft")

    def slide_to(self, label: str, value: str) -> None:
        """Give a slider a value by typing it into its readout: one change, however far it is."""
        readout = self.slider(label).locator(".widget-readout")
        readout.fill(value)
        readout.press("Enter")

    def readout(self, label: str) -> str:
        """The number beside a slider."""
        return self.slider(label).locator(".widget-readout").inner_text().strip()

    def html(self) -> list[str]:
        """The text of every HTML widget, in order."""
        return [text.strip() for text in self.where.locator(".widget-html-content").all_inner_texts()]

    def text(self) -> str:
        """All that can be read there now."""
        return self.where.inner_text()

    def shows(self, text: str, seconds: float = _SECONDS) -> Locator:
        """Wait until this text can be read there, in whatever elements."""
        found = self.where.filter(has_text=text)
        found.wait_for(timeout=seconds * 1000)
        return found

    def shows_no(self, text: str, seconds: float = _SECONDS) -> None:
        """Wait until this text cannot be read there any more."""
        self.where.filter(has_text=text).wait_for(state="detached", timeout=seconds * 1000)


class Cell(Widgets):
    """One cell of the notebook; its widgets are those of its outputs."""

    def __init__(self, lab: Lab, index: int):
        self.index = index
        self.whole = lab.page.locator(".jp-Notebook .jp-Cell").nth(index)
        super().__init__(lab, self.whole.locator(".jp-Cell-outputWrapper"))

    def run(self, *, wait: bool = True) -> Cell:
        """Run the cell; by default until it has ended and the kernel is idle again."""
        self.lab.page.evaluate(_RUN, self.index)
        return self.ended() if wait else self

    def ended(self, seconds: float = _SECONDS) -> Cell:
        """Wait until the last run of the cell has ended, well or with an error."""
        self.lab.page.wait_for_function(
            f"i => {_NOTEBOOK}.widgets[i].composeRan", arg=self.index, timeout=seconds * 1000
        )
        return self

    def outputs(self) -> list[str]:
        """The text of each output, in order; a widget is one output."""
        # An Output widget inside an output has outputs of its own: those are its text.
        own = self.where.locator(".jp-OutputArea-output:not(.jp-OutputArea-output .jp-OutputArea-output)")
        return [text.strip() for text in own.all_inner_texts()]


class Lab:
    """One browser tab on one notebook, and its kernel."""

    def __init__(self, server: Server, context: BrowserContext):
        self.server = server
        self.page = context.new_page()
        self.page.set_default_timeout(_SECONDS * 1000)
        self.errors: list[str] = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", self._hear)

    def _hear(self, message: ConsoleMessage) -> None:
        # A kernel that ends closes its comms when the page has forgotten them.
        if message.type == "error" and not message.text.startswith("Comm not found for comm id"):
            self.errors.append(message.text)

    def open(self, name: str) -> Lab:
        """Show a notebook of the server's folder, with a kernel that is ready."""
        self.page.goto(f"{self.server.url}lab/tree/{name}?reset&token={self.server.token}")
        self._ready()
        return self

    def reload(self) -> None:
        """F5: the page as it was last saved, on the kernel that still runs."""
        self.page.reload()
        self._ready()

    def _ready(self) -> None:
        self.page.wait_for_function("() => window.jupyterapp && !document.querySelector('#jupyterlab-splash')")
        self.page.evaluate("() => window.jupyterapp.restored.then(() => null)")
        self.page.locator(".jp-Notebook .jp-Cell").first.wait_for()
        self.idle()
        self.page.evaluate(_LISTEN)

    def faults(self) -> list[str]:
        """What went wrong in the page and in widget callbacks of the kernel (their tracebacks are in no cell)."""
        return [*self.errors, *self.page.evaluate("() => window.composeFaults ?? []")]

    def forget_faults(self) -> None:
        self.errors.clear()
        self.page.evaluate("() => window.composeFaults?.splice(0)")

    def idle(self, seconds: float = _SECONDS) -> None:
        """Wait until there is a kernel and it does nothing. (The toolbar's circle says "idle" before there is one.)"""
        self.page.wait_for_function(_IDLE, timeout=seconds * 1000)

    def run(self, source: str, *, wait: bool = True) -> Cell:
        """Add a cell at the end of the notebook and run it."""
        return Cell(self, self.page.evaluate(_ADD, source)).run(wait=wait)

    def run_all(self, seconds: float = 2 * _SECONDS) -> None:
        """Run > Run All Cells, to the end."""
        self.page.evaluate("() => { window.composeRanAll = false }")
        self.page.evaluate(
            "() => { window.jupyterapp.commands.execute('notebook:run-all-cells').finally(() => { window.composeRanAll = true }) }"
        )
        self.page.wait_for_function("() => window.composeRanAll", timeout=seconds * 1000)

    def cell(self, index: int) -> Cell:
        return Cell(self, index)

    def active(self) -> Cell:
        """The cell that was run last, or that the user has chosen."""
        return Cell(self, self.page.evaluate(f"() => {_NOTEBOOK}.activeCellIndex"))

    def cells(self) -> Iterator[Cell]:
        for index in range(self.page.evaluate(f"() => {_NOTEBOOK}.widgets.length")):
            yield Cell(self, index)

    def ask(self, expression: str, *, after: str = "", seconds: float = _SECONDS) -> Any:
        """What an expression is in the kernel now, as JSON has it (else its repr). `after` is code to run before it.

        It leaves no trace in the notebook or in the kernel's history. A busy kernel answers when it is done.
        """
        written = f"__import__('json').dumps(({expression}), default=repr)"
        return json.loads(ast.literal_eval(self.page.evaluate(_ASK, [after, written, seconds * 1000])))

    def until(self, expression: str, value: Any, seconds: float = _SECONDS) -> None:
        """Wait until an expression has this value in the kernel: what was clicked takes a moment to arrive."""
        end = time.monotonic() + seconds
        while (found := self.ask(expression)) != value:
            assert time.monotonic() < end, f"{expression} is {found!r}, not {value!r}"
            self.page.wait_for_timeout(30)

    def interrupt(self) -> None:
        """The square in the notebook's toolbar."""
        self.page.locator("jp-button[data-command='notebook:interrupt-kernel']").click()

    def save(self) -> Path:
        """Ctrl+S, until it is on disk. Gives the notebook's file."""
        self.page.locator(".jp-Notebook").focus()
        self.page.keyboard.press("Control+s")
        self.page.wait_for_function(f"() => !{_PANEL}.context.model.dirty")
        return self.server.notebooks / str(self.page.evaluate(f"() => {_PANEL}.context.path"))

    def theme(self, name: str) -> None:
        """Settings > Theme: `JupyterLab Light` or `JupyterLab Dark`."""
        self.page.evaluate(
            "theme => window.jupyterapp.commands.execute('apputils:change-theme', {theme}).then(() => null)", name
        )
        self.page.wait_for_function("theme => document.body.dataset.jpThemeName === theme", arg=name)

    def screenshot(self, name: str, of: Widgets | None = None) -> Path:
        """A picture for humans, of the page scrolled to the end of these widgets (else: of the active cell)."""
        of = of or self.active()
        of.where.evaluate("part => part.scrollIntoView({block: part.offsetHeight > 600 ? 'end' : 'nearest'})")
        PICTURES.mkdir(parents=True, exist_ok=True)
        path = PICTURES / f"{name}.png"
        self.page.screenshot(path=path)
        return path


@contextmanager
def tab(server: Server, browser: Browser, name: str) -> Iterator[Lab]:
    """A tab on a notebook, as of somebody who has just come: no state of other tabs. Closing it ends the kernel."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, service_workers="block")
    lab = Lab(server, context)
    try:
        yield lab.open(name)
    finally:
        lab.page.evaluate("() => window.jupyterapp.shell.currentWidget?.sessionContext.shutdown().then(() => null)")
        context.close()


_PANEL = "window.jupyterapp.shell.currentWidget"
_NOTEBOOK = f"{_PANEL}.content"

_IDLE = f"""() => {{
  const session = {_PANEL}?.sessionContext;
  const kernel = session?.isReady && session.session?.kernel;
  return kernel && kernel.connectionStatus === 'connected' && kernel.status === 'idle';
}}"""

# What the kernel writes to stderr, or raises, while it handles a widget's message goes to a log that nobody opens.
_LISTEN = f"""() => {{
  window.composeFaults = [];
  {_PANEL}.sessionContext.iopubMessage.connect((_, {{header, parent_header, content}}) => {{
    if (parent_header.msg_type !== 'comm_msg') return;
    if (header.msg_type === 'error') window.composeFaults.push(content.traceback.join('\\n'));
    if (header.msg_type === 'stream') window.composeFaults.push(content.text);
  }});
}}"""

_ADD = f"""async source => {{
  const notebook = {_NOTEBOOK};
  notebook.activeCellIndex = notebook.widgets.length - 1;
  await window.jupyterapp.commands.execute('notebook:insert-cell-below');
  notebook.activeCell.model.sharedModel.setSource(source);
  return notebook.activeCellIndex;
}}"""

# The command of Ctrl+Enter. Its promise is kept when the kernel has answered and is idle.
_RUN = f"""index => {{
  const notebook = {_NOTEBOOK};
  notebook.deselectAll();
  notebook.activeCellIndex = index;
  const cell = notebook.activeCell;
  cell.composeRan = false;
  window.jupyterapp.commands.execute('notebook:run-cell').finally(() => {{ cell.composeRan = true }});
}}"""

_ASK = f"""async ([code, expression, limit]) => {{
  const future = {_PANEL}.sessionContext.session.kernel.requestExecute(
    {{code, silent: true, store_history: false, stop_on_error: false, allow_stdin: false,
      user_expressions: {{found: expression}}}}
  );
  const late = new Promise((_, no) => setTimeout(() => no(new Error('the kernel was busy all the time')), limit));
  const {{content}} = await Promise.race([future.done, late]);
  const answer = content.status === 'ok' ? content.user_expressions.found : content;
  if (answer.status !== 'ok') throw new Error(answer.ename + ': ' + answer.evalue);
  return answer.data['text/plain'];
}}"""
