"""Shells and kernels that tests run real cells in."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from jupyter_client.manager import KernelManager, start_new_kernel

import mc_jupyter as mc
from mc_jupyter import catalog
from mc_jupyter.notebook import panel as panels

LABEL = """%%compose sentiment
component:
  type: model
  task: text-classification
  driver: echo
  text: ${input.text as text}
"""

# A driver that writes its input's words slowly, for tests that interrupt: found by catalog once it is on the path.
SLOW_DRIVER = '''
"""Writes words slowly."""
import time

from mc_jupyter.drivers import Driver, Facts
from mc_jupyter.events import Phase, Piece, Advance
from mc_jupyter.values import Text


class Slow(Driver):
    """Writes words slowly."""

    words = ("slow",)
    needs_weights = False

    @classmethod
    def recipe(cls, task):
        return "perform"

    @classmethod
    def load(cls, plan, checkpoint, run):
        for done in range(8):
            run.emit(Advance(done * 10_000_000, 80_000_000, "bytes"))
            time.sleep(0.1)
        return cls()

    def perform(self, task, call):
        answers = []
        for i, item in enumerate(call.items):
            written = []
            for word in str(item).split(" "):
                if call.run.stopped:
                    return [*answers, Text(" ".join(written), finish_reason="interrupted", tokens=len(written))]
                written.append(word)
                call.run.emit(Piece(word + " ", i))
                time.sleep(0.02)
            answers.append(Text(" ".join(written), finish_reason="stop", tokens=len(written), seed=7))
        return answers

    def facts(self):
        return Facts(device="cpu", dtype="float32", bytes=1000, parameters=250, window=512)
'''

# A driver that draws slowly, step by step, and shows what it has.
PAINTER_DRIVER = '''
"""Draws slowly."""
import time

from PIL import Image

from mc_jupyter.drivers import Driver, Facts
from mc_jupyter.events import Preview, Advance
from mc_jupyter.values.pictures import marked


class Painter(Driver):
    """Draws slowly."""

    words = ("painter",)
    needs_weights = False

    @classmethod
    def recipe(cls, task):
        return "perform"

    @classmethod
    def load(cls, plan, checkpoint, run):
        return cls()

    def perform(self, task, call):
        steps, image = call.action.num_inference_steps, None
        for step in range(1, steps + 1):
            if call.run.stopped:
                return [None]
            image = Image.new("RGB", (400, 300), (step * 255 // steps, 0, 99))
            call.run.emit(Advance(step, steps, "steps"))
            call.run.emit(Preview(image))
            time.sleep(0.03)
        return [marked(image, prompt=call.items[0], seed=5, num_inference_steps=steps)]

    def facts(self):
        return Facts(device="cpu", dtype="float32", bytes=1000, parameters=250)
'''


@pytest.fixture
def run(shell: InteractiveShell) -> Callable[[str], Any]:
    """Run a cell; its value, or the exception it ended with."""

    def run_cell(source: str) -> Any:
        found = shell.run_cell(source)
        return found.error_in_exec or found.error_before_exec or found.result

    return run_cell


@dataclass
class Ran:
    """What a cell sent, message by message, and what a front-end would have kept of it."""

    messages: list[tuple[float, dict[str, Any]]] = field(default_factory=list)

    def of(self, *kinds: str) -> list[dict[str, Any]]:
        return [m["content"] for _, m in self.messages if m["msg_type"] in kinds]

    def outputs(self) -> list[dict[str, Any]]:
        """The outputs after every update and clearing, as a notebook stores them."""
        kept: list[dict[str, Any]] = []
        for _, message in self.messages:
            kind, content = message["msg_type"], message["content"]
            display_id = content.get("transient", {}).get("display_id")
            if kind == "update_display_data":
                for one in kept:
                    if one.get("display_id") == display_id:
                        one.update(data=content["data"], metadata=content["metadata"])
            elif kind == "clear_output":
                kept.clear()
            elif kind in ("display_data", "execute_result", "error", "stream"):
                kept.append({"output_type": kind, "display_id": display_id, **content})
        return kept


class Kernel:
    """A real ipykernel in a process of its own."""

    def __init__(self, folder: Path):
        self.manager: KernelManager
        self.manager, self.client = start_new_kernel(
            cwd=str(folder), extra_arguments=["--HistoryManager.enabled=False"]
        )

    def run(
        self, source: str, *, interrupt_after: int | None = None, allow_stdin: bool = False, timeout: float = 60
    ) -> Ran:
        """Run a cell to its end. With `interrupt_after`, interrupt the kernel once that many messages came."""
        asked = self.client.execute(source, allow_stdin=allow_stdin)
        ran = Ran()
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            message = self.client.get_iopub_msg(timeout=timeout)
            if message["parent_header"].get("msg_id") != asked:
                continue
            if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
                return ran
            ran.messages.append((time.monotonic(), message))
            if interrupt_after is not None and len(ran.of("display_data", "update_display_data")) >= interrupt_after:
                self.manager.interrupt_kernel()
                interrupt_after = None
        raise TimeoutError(source)

    def close(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


@pytest.fixture
def slow(session: mc.Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[mc.Handle]:
    """A component that writes its input word by word."""
    import mc_jupyter.drivers

    (tmp_path / "slow_for_widgets.py").write_text(SLOW_DRIVER.replace("range(8)", "range(0)"))
    monkeypatch.setattr(mc_jupyter.drivers, "__path__", [*mc_jupyter.drivers.__path__, str(tmp_path)])
    catalog.forget()
    text = "component: {type: model, task: text-generation, driver: slow, text: '${input.text}'}"
    yield session.load(text, "slow")
    panels.close(session)
    sys.modules.pop("mc_jupyter.drivers.slow_for_widgets", None)
    catalog.forget()


def until(condition: Any, seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.fixture(scope="package")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """One kernel for all tests of this folder, with the extension and a slow driver."""
    folder = tmp_path_factory.mktemp("kernel")
    (folder / "slow").mkdir()
    (folder / "slow" / "slow.py").write_text(SLOW_DRIVER)
    (folder / "slow" / "painter.py").write_text(PAINTER_DRIVER)
    made = Kernel(folder)
    made.run("%load_ext mc_jupyter")
    made.run("import mc_jupyter.drivers; mc_jupyter.drivers.__path__.append('slow')")
    yield made
    made.close()
