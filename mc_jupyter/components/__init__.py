"""What a component can be: one file per `type:`.

A component type says which fields it takes and which sources its `output` may name. To add one, write
`components/my_type.py` with one class:

    class MyType(ComponentType):
        '''One line that help shows.'''

        class Settings(Envelope):        # what the component says once
            …

        class Action(Closed):            # what each of its actions says
            output: Any = Field(None, description="…")

        sources = ("result",)            # `output` may name ${result}

The file's name is the word of `type:` (`my_type.py` is `type: my-type`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from pydantic import Field

from mc_jupyter.catalog import Part
from mc_jupyter.errors import Problem
from mc_jupyter.fields import Bound, Closed


class Envelope(Closed):
    """What every component may say about itself."""

    default: bool = Field(False, description="The component that runs when none is named.")
    runtime: Any = Field("native", description="Where it runs elsewhere; in a notebook it runs in the kernel.")
    max_concurrent_count: Bound[int] = Field(
        0, description="Most calls at once elsewhere; in a kernel calls of a component follow one another."
    )


@dataclass(frozen=True, slots=True)
class Shape:
    """Which fields one written component takes, and what else its type chose for it by what it says.

    `defaults` are action fields that get an expression when the cell leaves them out; `remarks` are what a reader
    should know about choices made here. A type that chooses more has a subclass for it: the choice is made once, when
    the document is read, and everybody else finds it in `Component.shape`.
    """

    settings: type[Closed]
    action: type[Closed]
    defaults: Mapping[str, Any] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()


class ComponentType(Part, room="components", noun="component type"):
    """One kind of component."""

    sources: ClassVar[tuple[str, ...]] = ("result",)
    """What expressions of its output may name, besides input, env and context."""

    nested: ClassVar[tuple[str, ...]] = ("params",)
    """Mappings of an action whose keys are the action's own fields, one level down."""

    runs: ClassVar[bool] = False
    """Whether this version runs it. One that does not is read and planned, and says so when it is run."""

    Settings: ClassVar[type[Envelope]] = Envelope
    """The component's fields."""

    Action: ClassVar[type[Closed]] = Closed
    """The fields of one action."""

    @classmethod
    def shape(cls, written: Mapping[str, Any]) -> Shape:
        """The fields that this written component takes; raises UnknownName when it names something that there is not.

        `written` is the component's mapping as it stands in the text, not checked yet.
        """
        return Shape(cls.Settings, cls.Action)

    @classmethod
    def shapes(cls) -> Iterator[tuple[dict[str, str], Shape]]:
        """Every shape that a component of this type can have, and the fields with their words that make it so.

        The schema has an alternative for each, and `%compose schema` knows each by its last word.
        """
        yield {"type": cls.name}, cls.shape({})

    @classmethod
    def check(cls, shape: Any, own: Mapping[str, Any], action: Mapping[str, Any]) -> Iterator[tuple[str, Problem]]:
        """What is wrong with an action's written fields together: pairs of the field to point at and the problem.

        `shape` is what `shape` gave for the component, `own` are its own fields and `action` all those of the action,
        each as written and under its field's own name.
        """
        return iter(())
