"""The panel itself: it hands what the user chose to `Choices`, works in a thread, and shows what is read back.

It never touches a model. Comms may come in threads of their own (ipykernel 7.1 to 7.3): one action at a time.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from html import escape
from typing import TYPE_CHECKING, Any

from mc_jupyter.document.edits import ADAPTER
from mc_jupyter.errors import ComposeError, forget_frames
from mc_jupyter.notebook.answer import problem_of
from mc_jupyter.notebook.html import FONT, Bundle
from mc_jupyter.notebook.panel import settings as fields
from mc_jupyter.notebook.panel import status as statuses
from mc_jupyter.notebook.panel import twin
from mc_jupyter.notebook.panel.adapters import Adapters
from mc_jupyter.notebook.panel.calling import Calling
from mc_jupyter.notebook.panel.choices import Choices
from mc_jupyter.notebook.panel.controls import Control, Words
from mc_jupyter.notebook.panel.looks import CLASS, Hint, Looks, document, sheet, wrong
from mc_jupyter.notebook.panel.sections import Sections, shape, states_of
from mc_jupyter.notebook.panel.work import Work
from mc_jupyter.notebook.progress import Output

if TYPE_CHECKING:
    from mc_jupyter.session import Handle


class Panel:
    """Controls for one component. Shown by IPython as any value is; `close()` frees its widgets."""

    def __init__(self, handle: Handle):
        self.name = handle.name
        self.choices = Choices(handle)
        self.speed = ""
        self._work = Work(f"mc_jupyter panel {handle.name}")
        self._lock = threading.RLock()
        self._quiet = self._closed = False
        self._reasons: dict[Any, dict[Any, str]] = {}
        self._remark = ""
        self._looks = Looks()
        self._sections: Sections | None = None
        with self._lock, self._silently():
            self._build()
            self._fill(handle)
            self._show(handle)

    # --- what it is made of -------------------------------------------------------------------------------------------

    def _build(self) -> None:
        """What is there whatever the component is."""
        import ipywidgets as widgets

        looks = self._looks
        self.status, self.trouble, self.yaml = looks.html(), Hint(looks, "html"), Hint(looks, "html")
        self.pending_words, self.pending_error = looks.html(), Hint(looks, "html")
        self.apply_button = looks.button("Apply", self.apply, kind="primary", tooltip="do what stands above")
        self.discard_button = looks.button("Discard", self.discard, tooltip="leave everything as it is")
        buttons = looks.make(widgets.HBox, "row", children=(self.apply_button, self.discard_button))
        waiting = (self.pending_words, self.pending_error.widget, buttons)
        self._waiting = looks.make(widgets.VBox, "none", children=waiting)
        self.run_button = looks.button("Run", self.run, icon="play", kind="primary")
        self.stop_button = looks.button("Stop", self.stop, icon="stop", tooltip="ends at the next token or step")
        self.unload_button = looks.button("Unload", self.unload, tooltip="give the memory back; Run loads it again")
        self.yaml_button = looks.make(
            widgets.ToggleButton, "button", description="Copy as YAML", tooltip="the cell as this panel has it"
        )
        self.yaml_button.observe(lambda _: self.refresh(), "value")
        buttons = (self.run_button, self.stop_button, self.unload_button, self.yaml_button)
        self._buttons = looks.make(widgets.HBox, "row", children=buttons)
        self._upper, self._lower = looks.make(widgets.VBox, "column"), looks.make(widgets.VBox, "column")
        self.box = looks.make(
            widgets.VBox, "frame", children=(looks.html(sheet(), "none"), self.status, self._upper, self._lower)
        )
        self.box.add_class(CLASS)

    def _fill(self, handle: Handle) -> None:
        """The sections that the component's text decides."""
        old = self._sections
        typed = old.typed(handle) if old else {}
        made = Sections(self._looks, handle, typed, self.choose, self.add_adapter, self.refresh)
        if old is not None:
            made.take_over(old, handle)
        self._sections = made
        self._upper.children = made.upper(self._waiting)
        self._lower.children = (
            *made.lower(), self._buttons, self.trouble.widget, self.yaml.widget, made.calling.answer,
        )  # fmt: skip
        if old is not None:
            old.close()

    @property
    def sections(self) -> Sections:
        assert self._sections is not None
        return self._sections

    @property
    def controls(self) -> Mapping[str, Control]:
        """The controls by their field's name; those under a fold once it has been opened."""
        return self.sections.controls

    @property
    def adapters(self) -> Adapters | None:
        return self.sections.adapters

    @property
    def calling(self) -> Calling:
        return self.sections.calling

    @contextmanager
    def _silently(self) -> Iterator[None]:
        """Widgets set in this block are not taken for the user's choice."""
        before, self._quiet = self._quiet, True
        try:
            yield
        finally:
            self._quiet = before

    @contextmanager
    def _acting(self) -> Iterator[None]:
        """One action at a time; an error that belongs under no control has a line of its own; then all is shown."""
        with self._lock:
            self.trouble.say("")
            try:
                yield
            except ComposeError as error:
                forget_frames(error)
                self.trouble.say(wrong(error))
            self.refresh()

    # --- choosing -----------------------------------------------------------------------------------------------------

    def choose(self, name: str, value: Any) -> None:
        """The user chose a value for a field; None is its default, and takes an adapter off."""
        with self._lock:
            if self._quiet or self._closed:
                return
            with self._acting():
                self._remark = ""
                if isinstance(control := self.controls.get(name), Words):
                    with self._silently():
                        control.put(value)  # one word at a time, even while it cannot be
                self._take(name, value, self._hint(name))
                for other, control in self.controls.items():
                    if control.error.text and other != name:  # it may be possible now: the control still says it
                        self._take(other, control.value, control.error)

    def _take(self, name: str, value: Any, hint: Hint) -> None:
        _ = self.choices.handle  # where it is gone, that is no fault of this control
        try:
            self.choices.take(name, value, wait=self._work.on)
            hint.say("")
        except ComposeError as error:
            forget_frames(error)
            hint.say(wrong(error))

    def _hint(self, name: str) -> Hint:
        if name in self.controls:
            return self.controls[name].error
        rows = self.adapters.rows if self.adapters else []
        return next((row.error for row in rows if row.key == name), self.trouble)

    def add_adapter(self, name: str, model: str) -> None:
        """Lay one more adapter over the model, at Apply."""
        with self._acting():
            assert self.adapters is not None
            _ = self.choices.handle
            try:
                self.choices.add_adapter(name, model, wait=self._work.on)
                self.adapters.clear()
            except ComposeError as error:
                forget_frames(error)
                self.adapters.error.say(wrong(error))

    # --- doing --------------------------------------------------------------------------------------------------------

    @property
    def pending(self) -> Mapping[str, Any]:
        """What was chosen and is not applied yet."""
        return self.choices.pending

    def wait(self, seconds: float | None = None) -> None:
        """Until what was begun has ended."""
        self._work.wait(seconds)

    def apply(self) -> None:
        """Do all that waits, in a thread."""
        with self._acting():
            handle, wanted = self.choices.handle, dict(self.pending)
            if wanted and not self._work.on:
                self.pending_error.say("")
                self._work.start(lambda: self._applied(handle, wanted), self._ended)

    def _applied(self, handle: Handle, wanted: dict[str, Any]) -> None:
        try:
            with Output(self, "live") as progress:
                self._work.listen(progress.run)
                handle.set(wanted, run=progress.run)
        except Exception as error:
            forget_frames(error, keep_traceback=not isinstance(error, ComposeError))
            self.pending_error.say(wrong(problem_of(error)))
            if not isinstance(error, ComposeError):
                raise
        else:
            with self._lock:
                self.choices.applied(wanted)
                self._remark = " · ".join(dict.fromkeys(progress.account.notes))

    def publish(self, bundle: Bundle, metadata: dict[str, Any] | None = None, **how: Any) -> None:
        """What loading shows on its way: in the place of what was asked for."""
        if told := bundle.get("text/html"):
            self.pending_words.value = told

    def discard(self) -> None:
        """Let go of all that waits; the controls say again what is."""
        with self._acting():
            if not self._work.on:
                self.choices.pending.clear()
                self.pending_error.say("")

    def run(self) -> None:
        """Call the component with what the inputs say, in a thread. While it works, this does nothing."""
        with self._acting():
            if self._work.on:
                return
            handle, calling = self.choices.handle, self.calling
            self._remark = ""
            self._work.start(lambda: self._ran(handle, calling), self._ended)

    def _ran(self, handle: Handle, calling: Calling) -> None:
        self.speed = calling.run(handle, self._work.listen) or self.speed

    def _ended(self) -> None:
        if self._closed:
            return
        with self._acting():
            self.choices.settle()

    def stop(self) -> None:
        """End the run at its next token, step or batch; what there is by then stays."""
        self._work.stop()

    def unload(self) -> None:
        """Give the model's memory back."""
        with self._acting():
            told = self.choices.session.unload(self.choices.handle.name)
            self._remark = "; ".join(line.removeprefix(f"{self.name}: ") for line in told)
            self.speed = ""
            self.choices.settle()

    # --- showing ------------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Read everything from the component again. What the user chose and is not applied stays chosen."""
        with self._lock:
            if self._quiet or self._closed:
                return
            with self._silently():
                try:
                    handle = self.choices.handle
                except ComposeError as error:
                    self._orphaned(error)
                    return
                if shape(handle) != self.sections.made_for:
                    self._fill(handle)
                self.sections.unfold(handle)
                self._show(handle)

    def _show(self, handle: Handle) -> None:
        states = states_of(handle)
        for name, control in self.controls.items():
            if name in self.pending:
                control.put(self.pending[name])
            elif not control.error.text:
                control.show(states[name])
            if fields.is_choice(control.setting) and not states[name].expression:
                self._forbid(handle, control)
        if self.adapters is not None:
            self.adapters.show(handle, self.pending)
        self._show_pending(handle)
        self._show_buttons(handle)
        status = statuses.status_of(handle, self.choices.session)
        self.status.value = statuses.html(handle, status, self.speed, self._remark)
        self.yaml.say(self._document(handle) if self.yaml_button.value else "")

    def _forbid(self, handle: Handle, control: Control) -> None:
        """Disable what cannot be had here; looked up once for each way that the component's own fields stand."""
        setting, beside = control.setting, self.choices.beside(control.setting.name)
        options = tuple(getattr(control, "buttons", ()))
        key = (setting.name, fields.own_fields(handle), repr(beside), "torch" in sys.modules)
        if key not in self._reasons:
            self._reasons[key] = fields.impossible(handle, setting, options, beside)
        control.forbid(self._reasons[key])

    def _show_pending(self, handle: Handle) -> None:
        self._waiting.layout = self._looks.layout("pending" if self.pending else "none")
        if not self.pending:
            self.pending_words.value = ""
            self.pending_error.say("")
            return
        possible = True
        try:
            words = escape(str(handle.change(self.pending)))
            words += " · waits until the run has ended" if self._work.on else ""
        except ComposeError as error:
            possible, words = False, "not possible together:"
            self.pending_error.say(wrong(error))
        self.pending_words.value = f'<div style="{FONT};line-height:1.4">{words}</div>'
        self.apply_button.disabled = self._work.on or not possible
        self.discard_button.disabled = self._work.on

    def _show_buttons(self, handle: Handle) -> None:
        self.run_button.disabled = self._work.on
        self.stop_button.disabled = not self._work.on
        self.unload_button.disabled = self._work.on or handle.facts() is None

    def _orphaned(self, error: ComposeError) -> None:
        """One line, and nothing more to press."""
        self.trouble.say(wrong(error))
        for button in (self.run_button, self.stop_button, self.unload_button, self.apply_button, self.discard_button):
            button.disabled = True

    def _document(self, handle: Handle) -> str:
        """The cell to paste: the text with what waits in it, under the flags that it has."""
        text, remark = self.choices.text()
        head = " ".join(["%%compose", self.name, *_flags(handle, self.pending)])
        return document(f"{head}\n{text.strip(chr(10))}", remark)

    def _repr_mimebundle_(self, **asked: Any) -> Bundle:
        """The controls where there are widgets; elsewhere, and in the saved notebook, tables of the same."""
        with self._lock:
            handle = self.choices.handle
            status = statuses.status_of(handle, self.choices.session)
            still = twin.bundle(handle, status, self.sections.settings, states_of(handle), self.speed)
        live = {"version_major": 2, "version_minor": 0, "model_id": self.box.model_id}
        return {**still, "application/vnd.jupyter.widget-view+json": live}

    def __repr__(self) -> str:
        return f"<panel of {self.name}>"

    def close(self) -> None:
        """Stop what runs, and free every widget: ipywidgets keeps each one until then."""
        self.stop()
        with self._lock:
            self._closed = True
            self.sections.close()
            self._looks.close()


def _flags(handle: Handle, pending: Mapping[str, Any]) -> list[str]:
    """The flags of the cell that still count: they are part of what the panel shows."""
    import shlex

    words: list[str] = []
    for name, value in handle.overrides.items():
        if name.startswith(ADAPTER) and name not in pending:
            words += ["--adapter", f"{name.removeprefix(ADAPTER)}={value}"]
        elif name not in pending:
            words += [f"--{name}", str(value)]
    return [shlex.quote(word) for word in words]
