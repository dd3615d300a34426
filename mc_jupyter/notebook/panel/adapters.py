"""The adapters of a component: a switch, a weight and what each is; and a line to add one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from mc_jupyter.document.edits import ADAPTER
from mc_jupyter.notebook.html import described, number
from mc_jupyter.notebook.panel.looks import Hint, Looks, small
from mc_jupyter.notebook.panel.status import what_is_laid

if TYPE_CHECKING:
    from mc_jupyter.drivers import AdapterFacts
    from mc_jupyter.notebook.panel.controls import Chosen

_LOW, _HIGH, _STEP = -1.0, 2.0, 0.05


class Row:
    """One adapter: on or off, how much of it, what its layers say, and a button that takes it off."""

    def __init__(self, looks: Looks, name: str, weight: float, chosen: Chosen):
        import ipywidgets as widgets

        self.name, self._chosen = name, chosen
        self._before = weight or 1.0  # what the switch turns on again
        self.switch = looks.make(
            widgets.Checkbox, "check", value=weight != 0, indent=False, tooltip=f"{name} on or off", **described(name)
        )
        self.slider = looks.make(
            widgets.FloatSlider, "field", min=min(_LOW, weight), max=max(_HIGH, weight), step=_STEP, value=weight,
            continuous_update=False, tooltip=f"how much of {name}: 0 none, 1 as trained",
        )  # fmt: skip
        self.remove = looks.button("", self._removed, icon="trash", tooltip=f"take {name} off", layout="icon")
        self.facts, self.error = Hint(looks), Hint(looks)
        line = looks.make(widgets.HBox, "line", children=(self.switch, self.slider, self.remove))
        self.widget = looks.make(widgets.VBox, "column", children=(line, self.facts.widget, self.error.widget))
        self.switch.observe(lambda change: self._switched(change["new"]), "value")
        self.slider.observe(lambda change: self._chosen(self.key, change["new"]), "value")

    @property
    def key(self) -> str:
        """What a change calls it."""
        return ADAPTER + self.name

    @property
    def value(self) -> float:
        return float(self.slider.value)

    def _switched(self, on: bool) -> None:
        self._chosen(self.key, self._before if on else 0)

    def _removed(self) -> None:
        self._chosen(self.key, None)

    def show(self, weight: float) -> None:
        self._before = weight or self._before
        self.switch.value = weight != 0
        self.slider.min, self.slider.max = min(_LOW, weight), max(_HIGH, weight)
        self.slider.value = weight

    def tell(self, subject: str, facts: AdapterFacts | None) -> None:
        self.facts.say(small(escape(" · ".join([subject, *_told(facts)]))))


class Adapters:
    """The section: a row for each adapter of the text, and a line to add one."""

    def __init__(self, looks: Looks, planned: Sequence[Any], chosen: Chosen, add: Callable[[str, str], None]):
        import ipywidgets as widgets

        self.rows = [Row(looks, one.name, one.weight, chosen) for one in planned]
        self.name = looks.make(widgets.Text, "name", placeholder="name", tooltip="what you call it")
        self.model = looks.make(
            widgets.Text, "field", placeholder="hub name or path of a LoRA", tooltip="where its files come from"
        )
        self.add = looks.button("Add", self._added, tooltip="lay this adapter over the model, at Apply")
        self.error = Hint(looks)
        self._add = add
        line = looks.make(widgets.HBox, "line", children=(self.name, self.model, self.add))
        rows = (row.widget for row in self.rows)
        self.widget = looks.make(widgets.VBox, "column", children=(*rows, line, self.error.widget))

    def _added(self) -> None:
        self._add(self.name.value.strip(), self.model.value.strip())

    def show(self, planned: Sequence[Any], loaded: Sequence[Any], pending: Mapping[str, Any]) -> None:
        """Weights as the text says them, or as chosen and not applied yet; and what the layers say of each adapter."""
        laid = {key.name: facts for key, _, facts in loaded}
        for row, one in zip(self.rows, planned, strict=True):
            waiting = pending.get(row.key)
            row.show(waiting if isinstance(waiting, int | float) else one.weight)
            row.tell(str(one.settings.model), laid.get(one.name))

    def clear(self) -> None:
        self.name.value = self.model.value = ""
        self.error.say("")


def _told(facts: AdapterFacts | None) -> list[str]:
    if facts is None:
        return []
    low, high = facts.scales
    scale = number(low) if low == high else f"{number(low)} to {number(high)}"
    return [*what_is_laid(facts), f"scale now {scale}"]
