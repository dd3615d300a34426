"""A component as its panel shows it: what can be set and what each field says, described once for each definition."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from mc_jupyter.document.edits import ADAPTER
from mc_jupyter.notebook.input_fields import inputs_of
from mc_jupyter.notebook.panel.settings import Setting, State, settings_of, states_of

if TYPE_CHECKING:
    from mc_jupyter.engine.definition import Definition
    from mc_jupyter.language.inputs import Input


class Described:
    """What one definition says. It is frozen, and so is this: another one takes its place when a field has been set."""

    def __init__(self, definition: Definition):
        self.definition = definition
        self.planned = definition.planned
        self.settings: tuple[Setting, ...] = settings_of(self.planned.component)
        self.states: Mapping[str, State] = states_of(definition, self.settings)

    @cached_property
    def inputs(self) -> Mapping[str, tuple[Input, ...]]:
        """The inputs of each action."""
        return inputs_of(self.planned)

    @cached_property
    def shape(self) -> tuple[Any, ...]:
        """What decides which widgets there are."""
        fixed = frozenset(name for name, state in self.states.items() if state.expression)
        return self.planned.component.shape, fixed, tuple(a.name for a in self.planned.adapters), self.inputs

    @cached_property
    def own(self) -> tuple[Any, ...]:
        """The component's own fields, as far as they decide what else it can have. Adapters have no part in it."""
        settings, flags = self.planned.settings, {k: v for k, v in self.definition.beside.items() if "." not in k}
        named = ((n, repr(getattr(settings, n))) for n in type(settings).model_fields if n != "peft_adapters")
        return (*named, repr(flags), self.planned.key)

    def says(self, name: str, value: Any) -> bool:
        """Whether the text says just this of a field already; None is its default."""
        if name.startswith(ADAPTER):
            weights = {one.name: one.weight for one in self.planned.adapters}
            return not isinstance(value, str) and weights.get(name.removeprefix(ADAPTER)) == value
        state = self.states[name]
        if value is None:
            return not state.written
        setting = next(s for s in self.settings if s.name == name)
        now = setting.default if state.value is None and not state.written else state.value
        return bool(now == value and isinstance(now, bool) == isinstance(value, bool))
