"""The sections that a component's text decides: made anew when it has other fields, adapters or inputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mc_jupyter.notebook.panel import settings as fields
from mc_jupyter.notebook.panel.adapters import Adapters
from mc_jupyter.notebook.panel.calling import Calling
from mc_jupyter.notebook.panel.controls import Chosen, Control, control_for
from mc_jupyter.notebook.panel.looks import Looks, section
from mc_jupyter.notebook.panel.settings import Setting, State

if TYPE_CHECKING:
    from collections.abc import Callable

    from mc_jupyter.notebook.panel.described import Described
    from mc_jupyter.trust.permissions import Permissions


class Sections:
    """Controls of the model, its adapters, the parameters and the inputs. What is folded is made when it is opened.

    They go on where those `before` them stood: what was typed, the answer, the open fold, values that could not be.
    """

    def __init__(
        self,
        within: Looks,
        described: Described,
        permissions: Permissions,
        before: Sections | None,
        chosen: Chosen,
        add: Callable[[str, str], None],
        opened: Callable[[], None],
    ):
        self.looks = Looks(within=within)
        self.made_for = described.shape
        self.controls: dict[str, Control] = {}
        self._chosen, self._opened = chosen, opened
        planned, settings, states = described.planned, described.settings, described.states
        self._loads = planned.loads
        self._of = f" of {planned.component.first_action.id}" if len(described.inputs) > 1 else ""
        self.model = [self._control(s, states) for s in settings if self._in_sight(s, states)]
        self.adapters = Adapters(self.looks, planned.adapters, chosen, add) if planned.lays_adapters else None
        self.calls = [self._control(s, states) for s in fields.in_sight(settings, states)]
        self.fold = self._folded(settings)
        asked_before = before.calling if before is not None else None
        self.calling: Calling = Calling(self.looks, described.inputs, asked_before, permissions)
        if before is not None:
            self._take_over(before, described)

    def _in_sight(self, setting: Setting, states: Mapping[str, State]) -> bool:
        """Of the component's own fields. A driver that loads no model has no use for most of them."""
        usual = self._loads and setting.name in fields.FIRST
        return not setting.of_call and (usual or (states[setting.name].written and setting.kind == "choice"))

    def _control(self, setting: Setting, states: Mapping[str, State]) -> Any:
        made = control_for(self.looks, setting, states[setting.name], self._chosen)
        self.controls[setting.name] = made
        return made.widget

    def _folded(self, settings: tuple[Setting, ...]) -> Any:
        """What is asked for rarely, under a heading that opens."""
        import ipywidgets as widgets

        left = [s for s in settings if s.name not in self.controls and (s.of_call or self._loads)]
        groups = {
            title: [s for s in left if s.of_call is of_call]
            for title, of_call in (("more parameters", True), ("more of the model", False))
        }
        groups = {title: group for title, group in groups.items() if group}
        if not groups:
            return None
        grids = tuple(self.looks.make(widgets.GridBox, "grid") for _ in groups)
        made = self.looks.make(widgets.Accordion, "fold", children=grids, titles=tuple(groups), selected_index=None)
        self._unopened = dict(enumerate(zip(grids, groups.values(), strict=True)))
        made.observe(lambda _: self._opened(), "selected_index")
        return made

    def unfold(self, described: Described) -> None:
        """Make the controls of what has been opened for the first time."""
        if self.fold is None or self.fold.selected_index not in self._unopened:
            return
        grid, group = self._unopened.pop(self.fold.selected_index)
        grid.children = tuple(self._control(s, described.states) for s in group)

    def upper(self, waiting: Any) -> tuple[Any, ...]:
        """The sections above the inputs, and among them the place for what waits."""
        import ipywidgets as widgets

        html, looks = self.looks.html, self.looks
        found: list[Any] = [html(section("model")), *self.model] if self.model else []
        if self.adapters is not None:
            found += [html(section("adapters")), self.adapters.widget]
        found.append(waiting)
        if self.calls:
            grid = looks.make(widgets.GridBox, "grid", children=tuple(self.calls))
            found += [html(section(f"parameters{self._of}")), grid]
        return (*found, self.fold) if self.fold is not None else tuple(found)

    def lower(self) -> tuple[Any, ...]:
        asks = any(self.calling.inputs.by_action.values()) or self._of
        return (self.looks.html(section("inputs" if asks else "run")), self.calling.inputs.widget)

    def _take_over(self, old: Sections, described: Described) -> None:
        if self.fold is not None and old.fold is not None and len(self.fold.children) == len(old.fold.children):
            self.fold.selected_index = old.fold.selected_index
            self.unfold(described)
        for name, control in self.controls.items():
            before = old.controls.get(name)
            if before is not None and before.error.text and type(before) is type(control):
                control.resume(before)

    def close(self) -> None:
        self.calling.close()
        self.looks.close()
