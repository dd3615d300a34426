"""The panel itself: it hands what the user chose to `Choices`, works in a thread, and shows what is read back.

It never touches a model. Comms may come in threads of their own (ipykernel 7): one action at a time.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from mc_jupyter.errors import ComposeError, forget_frames
from mc_jupyter.notebook.answer import problem_of
from mc_jupyter.notebook.html import Bundle, widget_bundle
from mc_jupyter.notebook.panel import settings as fields
from mc_jupyter.notebook.panel import status as statuses
from mc_jupyter.notebook.panel import twin
from mc_jupyter.notebook.panel.adapters import Adapters
from mc_jupyter.notebook.panel.calling import Calling
from mc_jupyter.notebook.panel.choices import Choices
from mc_jupyter.notebook.panel.controls import Control, Words
from mc_jupyter.notebook.panel.looks import CLASS, Hint, Looks, document, sheet, wrong
from mc_jupyter.notebook.panel.reasons import Reasons
from mc_jupyter.notebook.panel.sections import Sections
from mc_jupyter.notebook.panel.waiting import Waiting
from mc_jupyter.notebook.progress import Output
from mc_jupyter.notebook.work import Work

if TYPE_CHECKING:
    from mc_jupyter.notebook.panel.described import Described
    from mc_jupyter.session import Handle


class Panel:
    """Controls for one component. Shown by IPython as any value is; `close()` frees its widgets."""

    def __init__(self, handle: Handle):
        self.name = handle.name
        self.choices = Choices(handle)
        self.speed = ""
        self._work = Work(f"mc_jupyter panel {handle.name}")
        self._lock = threading.RLock()
        self._quiet = self._acts = self._closed = False
        self._reasons = Reasons()
        self._remark = ""
        self._looks = Looks()
        self._sections: Sections | None = None
        with self._lock, self._silently():
            self._build()
            self._fill(handle, self.choices.described)
            self._show(handle, self.choices.described)

    # --- what it is made of -------------------------------------------------------------------------------------------

    def _build(self) -> None:
        """What is there whatever the component is."""
        import ipywidgets as widgets

        looks = self._looks
        self.status, self.trouble, self.yaml = looks.html(), Hint(looks, "html"), Hint(looks, "html")
        self.waiting = Waiting(looks, self.apply, self.discard)
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

    def _fill(self, handle: Handle, described: Described) -> None:
        """The sections that the component's text decides."""
        old = self._sections
        made = Sections(self._looks, described, handle.permissions, old, self.choose, self.add_adapter, self.refresh)
        self._sections = made
        self._upper.children = made.upper(self.waiting.widget)
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
        """One action at a time, shown at its end. An error that belongs under no control has a line of its own."""
        with self._lock:
            self.trouble.say("")
            self._acts = True
            try:
                yield
            except ComposeError as error:
                forget_frames(error)
                self.trouble.say(wrong(error))
            finally:
                self._acts = False
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
            wanted = dict(self.pending)
            if wanted and not self._work.on:
                self.waiting.error.say("")
                self._work.start(lambda: self._applied(wanted), self._ended)

    def _applied(self, wanted: dict[str, Any]) -> None:
        try:
            with Output(self, "live") as progress:
                self._work.listen(progress.run)
                self.choices.apply(wanted, progress.run)
        except Exception as error:
            forget_frames(error, keep_traceback=not isinstance(error, ComposeError))
            self.waiting.error.say(wrong(problem_of(error)))
            if not isinstance(error, ComposeError):
                raise
        else:
            with self._lock:
                self._remark = " · ".join(dict.fromkeys(progress.account.notes))

    def publish(self, bundle: Bundle, metadata: dict[str, Any] | None = None, **how: Any) -> None:
        """What loading shows on its way: in the place of what was asked for."""
        if told := bundle.get("text/html"):
            self.waiting.words.value = told

    def discard(self) -> None:
        """Let go of all that waits; the controls say again what is."""
        with self._acting():
            if not self._work.on:
                self.choices.pending.clear()
                self.waiting.error.say("")

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
        """Show how things are now. What the user chose and is not applied stays chosen.

        What a definition says is described once; what is loaded is read back each time. An action shows at its end.
        """
        with self._lock:
            if self._quiet or self._acts or self._closed:
                return
            with self._silently():
                try:
                    handle, described = self.choices.handle, self.choices.described
                except ComposeError as error:
                    self._orphaned(error)
                    return
                if described.shape != self.sections.made_for:
                    self._fill(handle, described)
                self.sections.unfold(described)
                self._show(handle, described)

    def _show(self, handle: Handle, described: Described) -> None:
        for name, control in self.controls.items():
            state = described.states[name]
            if name in self.pending:
                control.put(self.pending[name])
            elif not control.error.text:
                control.show(state)
            if fields.is_choice(control.setting) and not state.expression:
                options, beside = tuple(getattr(control, "buttons", ())), self.choices.beside(name)
                env = handle.session.engine.environment
                control.forbid(self._reasons.of(described, control.setting, options, beside, env))
        if self.adapters is not None:
            self.adapters.show(described.planned.adapters, handle.adapters(), self.pending)
        self.waiting.show(self.choices, self._work.on)
        self._show_buttons(handle)
        status = statuses.status_of(handle, self.choices.session)
        self.status.value = statuses.html(handle, status, self.speed, self._remark)
        self.yaml.say(document(*self.choices.cell()) if self.yaml_button.value else "")

    def _show_buttons(self, handle: Handle) -> None:
        there = handle.facts() is not None
        self.run_button.disabled = self._work.on
        self.stop_button.disabled = not self._work.on
        self.unload_button.disabled = self._work.on or not there
        self.unload_button.layout = self._looks.layout("button" if there or handle.planned.loads else "none")

    def _orphaned(self, error: ComposeError) -> None:
        """One line, and nothing more to press."""
        self.trouble.say(wrong(error))
        waiting = (self.waiting.apply, self.waiting.discard)
        for button in (self.run_button, self.stop_button, self.unload_button, *waiting):
            button.disabled = True

    def _repr_mimebundle_(self, **asked: Any) -> Bundle:
        """The controls where there are widgets; elsewhere, and in the saved notebook, tables of the same."""
        with self._lock:
            handle = self.choices.handle
            status = statuses.status_of(handle, self.choices.session)
            still = twin.bundle(handle, status, self.choices.described, self.speed)
        return {**still, **widget_bundle(self.box)}

    def __repr__(self) -> str:
        return f"<panel of {self.name}>"

    def close(self) -> None:
        """Stop what runs, and free every widget: ipywidgets keeps each one until then."""
        self.stop()
        with self._lock:
            self._closed = True
            self.sections.close()
            self._looks.close()
