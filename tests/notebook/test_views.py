"""A new kind of result is one file: how it looks alone, in a batch, within others, in a run and when it is stopped."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

from mc_jupyter import catalog
from mc_jupyter.notebook import views
from mc_jupyter.notebook.html import letters
from mc_jupyter.notebook.showing import Showing
from mc_jupyter.values import Batch, Label, Text

Run = Callable[[str], Any]

SOUND = '''
"""A sound."""

from html import escape

from mc_jupyter.notebook.views import Shown, View


class Sound(View):
    """A sound as its length."""

    types = ("test_made_sounds.Sound",)

    def plain(self):
        return f"{self.value.seconds:.1f} s of {self.value.title}"

    def html(self):
        return f"<audio>{escape(self.plain())}</audio>"

    def line(self):
        return f"‹{self.plain()}›"

    def facts(self):
        return {"rate": 16000}

    def in_run(self, seconds=None):
        return Shown(self.bundle(), beside=({"text/plain": "a player"},))
'''

SOUNDS = """
class Sound:
    def __init__(self, seconds, title="<b>rain</b>"):
        self.seconds, self.title = seconds, title

    def alias(self, key):
        raise KeyError(key)
"""

SINGER = '''
"""Sings."""

from mc_jupyter.drivers import Driver, Facts


class Singer(Driver):
    """Sings."""

    words = ("singer",)
    needs_weights = False

    @classmethod
    def recipe(cls, task):
        return "perform"

    @classmethod
    def load(cls, plan, checkpoint, run):
        return cls()

    def perform(self, task, call):
        from test_made_sounds import Sound

        return [Sound(len(str(item))) for item in call.items]

    def facts(self):
        return Facts(device="cpu", dtype="none", bytes=0)
'''

CELL = """%%compose song
component: {type: model, task: text-generation, driver: singer, text: "${input.text}"}
"""


@pytest.fixture
def sound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A new type, a driver that makes it, and one file that says how it looks."""
    import mc_jupyter.drivers

    for package, name, source in ((views, "sound", SOUND), (mc_jupyter.drivers, "singer", SINGER)):
        folder = tmp_path / package.__name__.rpartition(".")[2]
        folder.mkdir()
        (folder / f"test_made_{name}.py").write_text(source)
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(folder)])
    (tmp_path / "test_made_sounds.py").write_text(textwrap.dedent(SOUNDS))
    monkeypatch.syspath_prepend(str(tmp_path))
    catalog.forget()
    yield
    for module in [m for m in sys.modules if "test_made_" in m]:
        del sys.modules[module]
    catalog.forget()


@pytest.mark.usefixtures("sound")
class TestANewKindOfResult:
    def test_a_python_cell_that_ends_with_it_shows_it(self, run: Run, shell: InteractiveShell) -> None:
        value = run("from test_made_sounds import Sound\nSound(3)")
        assert shell.display_formatter.format(value)[0] == {
            "text/plain": "3.0 s of <b>rain</b>",
            "text/html": letters("<audio>3.0 s of &lt;b&gt;rain&lt;/b&gt;</audio>"),
        }

    def test_a_batch_of_it_is_a_table_of_its_lines(self, run: Run, shell: InteractiveShell) -> None:
        run(CELL)
        found = run("song(['a', 'bcd'])")
        assert isinstance(found, Batch)
        data, _ = shell.display_formatter.format(found)
        assert data["text/plain"].splitlines()[0] == "2 results"
        assert "1  ‹3.0 s of <b>rain</b>›" in data["text/plain"]
        assert "‹3.0 s of &lt;b&gt;rain&lt;/b&gt;›" in data["text/html"]

    def test_the_output_of_a_run_holds_what_its_view_says(
        self, run: Run, shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sent: list[tuple[Any, Any]] = []
        monkeypatch.setattr(shell, "kernel", object(), raising=False)  # a front-end whose outputs can be changed
        monkeypatch.setattr(
            shell.display_pub, "publish", lambda data, metadata=None, **_: sent.append((data, metadata))
        )
        run(CELL)
        run("%compose run song text=hello")
        (shown, metadata), (beside, _) = sent[-2:]
        assert shown["text/html"] == letters("<audio>5.0 s of &lt;b&gt;rain&lt;/b&gt;</audio>")
        assert metadata["mc_jupyter"]["rate"] == 16000
        assert beside == {"text/plain": "a player"}

    def test_it_goes_with_the_extension(self, run: Run, shell: InteractiveShell) -> None:
        value = run("from test_made_sounds import Sound\nSound(3)")
        shell.display_formatter.format(value)
        shell.run_line_magic("unload_ext", "mc_jupyter")
        assert "Sound at 0x" in shell.display_formatter.format(value)[0]["text/plain"]
        shell.run_line_magic("load_ext", "mc_jupyter")


def test_no_view_is_imported_before_a_value_is_shown() -> None:
    import subprocess

    code = """
    import sys
    from IPython.core.interactiveshell import InteractiveShell
    shell = InteractiveShell.instance()
    shell.run_line_magic("load_ext", "mc_jupyter")
    shell.run_cell("x = 1")
    found = lambda: [name for name in sys.modules if name.startswith("mc_jupyter.notebook.views.")]
    print(found(), end="")
    shell.run_cell("x")
    print(bool(found()), not {"PIL", "torch", "ipywidgets", "pydantic", "yaml"} & set(sys.modules))
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True)
    first, _, last = done.stdout.partition("Out")
    assert first == "[]"
    assert last.splitlines()[-1] == "True True"


def test_a_value_that_shows_itself_is_still_asked_once_views_are_looked_for(shell: InteractiveShell) -> None:
    class Widget:
        shown = 0

        def _ipython_display_(self) -> None:
            Widget.shown += 1

    for count in (1, 2):
        assert shell.display_formatter.format(Widget()) == ({}, {})
        assert Widget.shown == count


def test_a_list_of_one_kind_goes_to_its_view_whole_and_a_mixed_one_is_a_table() -> None:
    from PIL import Image

    picture = Image.new("L", (2, 3))
    for value in (Batch([picture, None]), [picture], Batch([Batch([picture]), [picture]])):
        view = views.of(value, Showing())
        assert view is not None
        assert (view.name, view.listed) == ("picture", True)
    for value, name in ((Batch([picture, Text("a")]), "batch"), (Batch([None]), "batch"), ([], "plain")):
        view = views.of(value, Showing())
        assert view is not None
        assert (view.name, view.listed) == (name, False)


def test_a_class_that_says_itself_how_it_looks_is_left_alone(shell: InteractiveShell) -> None:
    class Own(Label):
        def _repr_mimebundle_(self, **asked: Any) -> dict[str, Any]:
            return {"text/html": "<i>own</i>"}

    own = Own(label="a", score=1.0)
    assert views.of(own, Showing()) is None
    assert shell.display_formatter.format(own)[0]["text/html"] == "<i>own</i>"


def test_every_view_says_in_a_line_what_it_is_for() -> None:
    assert all(view.summary() and view.types for view in views.View.all())
