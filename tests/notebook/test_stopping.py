"""Every run ends at the kernel's Interrupt and at its own Stop: thirty rounds of each, in one real kernel.

The kernel counts tokens, steps and tiles into a file that is mapped here, so that the test knows when to interrupt, and
how many came after the word to stop was heard.
"""

from __future__ import annotations

import ast
import functools
import mmap
import random
import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests import models
from tests.notebook.conftest import Kernel

pytestmark = [pytest.mark.slow, pytest.mark.kernel]

T = TypeVar("T")

ROUNDS = 30
_COUNTS = struct.Struct("=qq")  # how far the run is, and how far it was when it heard that it should stop

CELL = """%%compose {name}
component:
  type: model
  task: {task}
  model: {model}
"""
STORY = """  text: ${{input.text as text}}
  params: {{max_output_length: {length}, min_output_length: {length}, do_sample: false}}
"""

COUNTING = f"""
import mmap, struct, time
from mc_jupyter.events import Advance, Run

file = open("counts", "r+b")
counts = mmap.mmap(file.fileno(), {_COUNTS.size})
pack = struct.Struct("{_COUNTS.format}")
emit, stop = Run.emit, Run.stop

def counted(run, event):
    if isinstance(event, Advance) and event.unit in ("tokens", "steps", "tiles"):
        pack.pack_into(counts, 0, event.done, pack.unpack_from(counts)[1])
    emit(run, event)

def heard(run):
    done, before = pack.unpack_from(counts)
    if before < 0:
        pack.pack_into(counts, 0, done, done)
    stop(run)

Run.emit, Run.stop = counted, heard
opened = get_ipython().magics_manager.registry["ComposeMagics"].notebook.opened

def ended(one, button, output):
    one.wait(20)
    assert not button.disabled
    return "".join(o.get("evalue") or o["data"]["text/plain"] for o in output.outputs)

def of_form(name):
    return ended(opened[name], opened[name].button, opened[name].answer)

def of_panel(panel):
    return ended(panel, panel.run_button, panel.calling.answer)
"""


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.0005)


class Watched:
    """A kernel whose runs are counted, and its widgets clicked as JupyterLab does: on a subshell."""

    def __init__(self, folder: Path, long: Path):
        (folder / "counts").write_bytes(bytes(_COUNTS.size))
        with (folder / "counts").open("r+b") as file:
            self._counts = mmap.mmap(file.fileno(), _COUNTS.size)
        self._folder, self._draw = folder, random.Random(5)
        self.kernel = Kernel(folder)
        self.run("%load_ext mc_jupyter")
        self.run(COUNTING)
        self.run("%config ComposeMagics.forms = 'always'")
        for name, length in (("story", 3900), ("short", 20)):  # of one model
            cell = CELL.format(name=name, task="text-generation", model=long) + STORY.format(length=length)
            self.run(cell)
        self.run("panel = story.panel()")
        self.run("opened['story'].fields['text'].value = panel.calling.fields['text'].value = 'the fox'")
        self.fresh = self.run("short('the fox').token_ids")
        self._subshell = self._control("create_subshell_request")["subshell_id"]

    def run(self, source: str, **how: Any) -> Any:
        """Run a cell to its end; the value that it shows. An error of it fails the test."""
        ran = self.kernel.run(source, **how)
        for error in ran.of("error"):
            raise AssertionError("\n".join(error["traceback"]))
        shown = ran.of("execute_result")
        return ast.literal_eval(shown[0]["data"]["text/plain"]) if shown else None

    def begin(self, source: str) -> str:
        """Begin a cell, and wait for nothing."""
        found: str = self.kernel.client.execute(source, stop_on_error=False)
        return found

    def busy(self, source: str) -> str:
        """Begin a cell that works until it is told otherwise, and wait until it does."""
        asked = self.begin(f"import asyncio, pathlib, time; pathlib.Path('busy').touch()\n{source}")
        until((self._folder / "busy").exists)
        (self._folder / "busy").unlink()
        return asked

    def over(self, asked: str) -> str:
        """Wait for the cell's reply; what it ended with: an error's name, or `ok`."""
        while True:
            reply = self.kernel.client.get_shell_msg(timeout=30)
            if reply["parent_header"].get("msg_id") == asked:
                return str(reply["content"].get("ename") or reply["content"]["status"])

    def click(self, button: str) -> None:
        """Press a button, named by a Python expression."""
        client, model = self.kernel.client, self._model(button)
        data = {"method": "custom", "content": {"event": "click"}}
        message = client.session.msg("comm_msg", {"comm_id": model, "data": data})
        message["header"]["subshell_id"] = self._subshell
        client.shell_channel.send(message)

    @functools.cache  # noqa: B019  # one for the module
    def _model(self, widget: str) -> str:
        return str(self.run(f"{widget}.model_id"))

    def interrupt(self) -> None:
        self.kernel.manager.interrupt_kernel()

    def interrupt_by_message(self) -> None:
        """As front-ends do that have no signals."""
        self._control("interrupt_request")

    def _control(self, kind: str) -> dict[str, Any]:
        client = self.kernel.client
        client.control_channel.send(client.session.msg(kind, {}))
        found: dict[str, Any] = client.get_control_msg(timeout=20)["content"]
        return found

    # --- counting -----------------------------------------------------------------------------------------------------

    def round(self, start: Callable[[], T], stop: Callable[[], None]) -> T:
        """Start a run, and stop it at an odd moment."""
        _COUNTS.pack_into(self._counts, 0, 0, -1)
        begun = start()
        wanted = self._draw.randrange(1, 20)
        until(lambda: _COUNTS.unpack_from(self._counts)[0] >= wanted)
        stop()
        return begun

    def after(self) -> int:
        """How many tokens, steps or tiles came after the run heard that it should stop."""
        done, heard = _COUNTS.unpack_from(self._counts)
        assert heard >= 0, f"it never heard, and came to {done}"
        return int(done - heard)


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    long = models.llama(tmp_path_factory.mktemp("long"), window=4096)
    made = Watched(tmp_path_factory.mktemp("stopping"), long)
    yield made
    made.kernel.close()


@pytest.fixture(autouse=True)
def the_next_answer_is_as_ever(watched: Watched) -> Iterator[None]:
    yield
    assert watched.run("short('the fox').token_ids") == watched.fresh


# --- cells, in the kernel's main thread -------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["interrupt", "interrupt_by_message"])
def test_a_cell_ends_at_the_kernels_interrupt(watched: Watched, way: str) -> None:
    for _ in range(ROUNDS):
        asked = watched.round(lambda: watched.begin("%compose run story text='the fox' -o kept"), getattr(watched, way))
        assert watched.over(asked) == "Interrupted"
        assert watched.after() <= 1
        assert watched.run("kept.finish_reason") == "interrupted"


def test_a_stream_that_a_cell_reads_ends_at_the_kernels_interrupt_and_keeps_what_there_is(watched: Watched) -> None:
    cell = "stream = story.stream('the fox')\nfor piece in stream: pass"
    for _ in range(ROUNDS):
        asked = watched.round(lambda: watched.begin(cell), watched.interrupt)
        assert watched.over(asked) == "KeyboardInterrupt"
        assert watched.after() <= 1
        assert watched.run("stream.result.finish_reason") == "interrupted"
    watched.run("story.unload()")


def test_a_stream_that_an_async_cell_reads_ends_at_the_kernels_interrupt(watched: Watched) -> None:
    cell = "stream = story.stream('the fox')\nasync for piece in stream: pass"
    for _ in range(ROUNDS):
        asked = watched.round(lambda: watched.begin(cell), watched.interrupt)
        assert watched.over(asked) == "CancelledError"
        assert watched.after() <= 1
        assert watched.run("stream.result.finish_reason") == "interrupted"


# --- forms and panels, in threads of their own ------------------------------------------------------------------------


FORM, PANEL = ("opened['story'].button", "of_form('story')"), ("panel.run_button", "of_panel(panel)")
STOPS = {FORM: "opened['story'].stop_button", PANEL: "panel.stop_button"}


@pytest.mark.parametrize("way", ["interrupt", "interrupt_by_message", "stop"])
@pytest.mark.parametrize("what", [FORM, PANEL], ids=["form", "panel"])
def test_a_run_of_a_button_ends_while_the_kernel_is_idle(watched: Watched, what: tuple[str, str], way: str) -> None:
    run, ended = what
    stop = (lambda: watched.click(STOPS[what])) if way == "stop" else getattr(watched, way)
    for _ in range(ROUNDS):
        watched.round(lambda: watched.click(run), stop)
        assert "interrupted after" in watched.run(ended)
        assert watched.after() <= 1


@pytest.mark.parametrize(
    ("cell", "error"),
    [
        ("while True: time.sleep(0.001)", "KeyboardInterrupt"),
        ("while True: await asyncio.sleep(0.001)", "CancelledError"),
    ],
    ids=["cell", "async cell"],
)
def test_an_interrupt_of_a_cell_of_ones_own_ends_it_and_what_runs_beside_it(
    watched: Watched, cell: str, error: str
) -> None:
    for _ in range(ROUNDS):
        watched.round(lambda: watched.click(PANEL[0]), lambda: None)
        asked = watched.busy(cell)
        watched.interrupt()
        assert watched.over(asked) == error
        assert "interrupted after" in watched.run(PANEL[1])
        assert watched.after() <= 1


def test_stop_is_heard_while_a_cell_works(watched: Watched) -> None:
    for _ in range(ROUNDS):
        watched.round(lambda: watched.click(PANEL[0]), lambda: None)
        asked = watched.busy("while pack.unpack_from(counts)[1] < 0: pass")
        watched.click(STOPS[PANEL])
        assert watched.over(asked) == "ok"
        assert "interrupted after" in watched.run(PANEL[1])
        assert watched.after() <= 1


# --- steps and tiles --------------------------------------------------------------------------------------------------


def test_a_picture_ends_at_its_next_step(watched: Watched) -> None:
    cell = CELL.format(name="draw", task="image-generation", model="starter:shapes")
    watched.run(f"{cell}  prompt: ${{input.prompt as text}}\n  num_inference_steps: 400")
    watched.run("opened['draw'].fields['prompt'].value = 'a red circle'")
    for way in (watched.interrupt, lambda: watched.click("opened['draw'].stop_button")) * 5:
        watched.round(lambda: watched.click("opened['draw'].button"), way)
        assert "interrupted at step" in watched.run("of_form('draw')")
        assert watched.after() <= 1


def test_an_enlargement_ends_at_its_next_tile(watched: Watched) -> None:
    cell = CELL.format(name="up", task="image-upscale", model="starter:upscale")
    watched.run(f"{cell}  image: ${{input.image as image}}\n  tile_size: 32")
    watched.run("from PIL import Image; large = Image.effect_noise((800, 800), 90)")
    for _ in range(10):
        asked = watched.round(lambda: watched.begin("%compose run up image:=large"), watched.interrupt)
        assert watched.over(asked) == "Interrupted"
        assert watched.after() <= 1


# --- the end ----------------------------------------------------------------------------------------------------------


def test_a_kernel_that_is_shut_down_while_something_runs_ends_cleanly(tmp_path: Path) -> None:
    kernel = Kernel(tmp_path)
    cell = CELL.format(name="story", task="text-generation", model="starter:stories") + STORY.format(length=190)
    kernel.run("%load_ext mc_jupyter")
    kernel.run(cell)
    kernel.run("panel = story.panel(); panel.calling.fields['text'].value = 'Once'; panel.run()")
    kernel.run("stream = story.stream('Once')\nfor piece in stream: break")
    kernel.run("panel.run()")
    process = kernel.manager.provisioner.process
    kernel.client.shutdown()
    assert process.wait(30) == 0
    kernel.close()
