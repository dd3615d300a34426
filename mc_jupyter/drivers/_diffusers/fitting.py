"""Where each tensor of an adapter goes in a pipeline: by names and shapes alone, so that headers are enough to say no.

What cannot be placed is an error that counts it and names the first; nothing is left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

from mc_jupyter.drivers._diffusers.spellings import Shape, Spellings, Target
from mc_jupyter.drivers._lora.card import Card
from mc_jupyter.drivers._lora.entries import Change, Entries, Role
from mc_jupyter.errors import PlanError, WeightsError
from mc_jupyter.weights.reading import shown
from mc_jupyter.words import listing


@dataclass(frozen=True, slots=True)
class Layer:
    """The matrices of one name in a file: their keys by role, and what they change. `turned`: an embedding's, A and B
    being the other's place, each turned."""

    name: str
    roles: Mapping[Role, str]
    target: Target
    turned: bool = False


@dataclass(frozen=True, slots=True)
class Parameter:
    """A weight, bias or norm that a file gives, and the layers whose `attribute` it is."""

    change: Change
    attribute: str
    target: Target


@dataclass(frozen=True, slots=True)
class Fitted:
    layers: tuple[Layer, ...]
    parameters: tuple[Parameter, ...]


class Fitting:
    """An adapter held against a pipeline.

    `shapes` are those of the file's tensors, by key. `whole` says that all layers of the pipeline are known, so that
    what is not among them is nowhere. `within` is the part that the adapter says it is for.
    """

    def __init__(self, card: Card, shapes: Mapping[str, Shape], names: Spellings, *, whole: bool, within: str | None):
        self.card = card
        self.shapes = shapes
        self.names = names
        self.whole = whole
        self.within = within
        self.original: bool | None = None

    def fitted(self, held: Entries) -> Fitted:
        """PlanError or WeightsError unless every tensor has its one place."""
        self.original = self.names.original([*held.layers, *(_split(name)[0] for name in held.changes)])
        lost = [each for each in (*held.layers, *held.changes) if not self._targets(each, each in held.changes)]
        if lost and self.whole:
            raise self.card.no_place(lost, held.count, self.names.kind.word)
        layers = [
            Layer(name, roles, self._of_layer(name, roles, name in held.tables), name in held.tables)
            for name, roles in held.layers.items()
            if name not in lost
        ]
        parameters = [self._of_parameter(name, each) for name, each in held.changes.items() if name not in lost]
        self._refuse_twice([path for each in layers for path in each.target.paths])
        self._refuse_twice([f"{path}.{each.attribute}" for each in parameters for path in each.target.paths])
        return Fitted(tuple(layers), tuple(parameters))

    def _refuse_twice(self, paths: list[str]) -> None:
        if twice := [path for path, times in Counter(paths).items() if times > 1]:
            raise PlanError(
                f"adapter {self.card.name} changes {shown(twice[0])} twice, under two names",
                fix="it holds several adapters: save each in its own file",
            )

    # --- names --------------------------------------------------------------------------------------------------------

    def _targets(self, name: str, parameter: bool = False) -> list[Target]:
        """What a name may mean; of a parameter, layers that have it."""
        layer, attribute = _split(name) if parameter else (name, "weight")
        if self.original is None and self.names.is_swapped(layer):
            raise PlanError(
                f"adapter {self.card.name} changes {shown(name)}, and does not say whose name that is: diffusers and "
                "the original HunyuanDiT call norm2 what is norm3 for the other",
                fix="save it with the layers that were trained along, or without norm2 and norm3",
            )
        found = self.names.find(layer, self.within, original=bool(self.original))
        if not parameter:
            return found
        return [each for each in found if all(self.names.shape(path, attribute) is not None for path in each.paths)]

    def _of_layer(self, name: str, roles: Mapping[Role, str], turned: bool) -> Target:
        rank, rows, columns = self._size(name, roles, turned)
        targets = self._targets(name)
        fits = [each for each in targets if self._wants(each) in ((), (rows, columns))]
        if not fits:
            raise self.card.other_size(name, (rows, columns), self._wants(targets[0]))
        bias = self.shapes[roles["bias"]] if "bias" in roles else (rows,)
        alpha = self.shapes[roles["alpha"]] if "alpha" in roles else ()
        if rank < 1 or bias != (rows,) or prod(alpha) != 1:
            raise self._broken(name)
        return self._only(name, fits)

    def _of_parameter(self, name: str, change: Change) -> Parameter:
        attribute = _split(name)[1]
        found, targets = self.shapes[change.key], self._targets(name, parameter=True)
        fits = [each for each in targets if self._wanted_of(each, attribute) in ((), found)]
        if not fits:
            raise self.card.other_size(name, found, self._wanted_of(targets[0], attribute))
        return Parameter(change, attribute, self._only(name, fits))

    def _only(self, name: str, targets: list[Target]) -> Target:
        if len(targets) == 1:
            return targets[0]
        parts = [each.paths[0].partition(".")[0] for each in targets]
        raise PlanError(
            f"adapter {self.card.name} does not say whether {shown(name)} is of {listing(parts, 'or')}",
            fix=f"name its tensors {parts[0]}.{shown(name)}… or {parts[1]}.{shown(name)}…",
        )

    # --- shapes -------------------------------------------------------------------------------------------------------

    def _size(self, name: str, roles: Mapping[Role, str], turned: bool) -> tuple[int, int, int]:
        """The rank, and the rows and columns of the weight that the product belongs to."""
        down, up = self.shapes[roles["down"]], self.shapes[roles["up"]]
        if turned:
            down, up = up[::-1], down[::-1]
        mid = self.shapes[roles["mid"]] if "mid" in roles else ()
        if len(down) < 2 or len(up) < 2 or up[1] != down[0] or prod(up[2:]) != 1:
            raise self._broken(name)
        if mid and (mid[:2] != (down[0], down[0]) or prod(down[2:]) != 1):
            raise self._broken(name)
        return down[0], up[0], prod(down[1:]) * prod(mid[2:])

    def _wants(self, target: Target) -> Shape:
        """Rows and columns of a layer's weight, or of several one under the other; () of those not known."""
        shapes = [self.names.shape(path) or () for path in target.paths]
        if not all(shapes):
            return ()
        columns = {prod(shape[1:]) for shape in shapes}
        return sum(shape[0] for shape in shapes), max(columns)

    def _wanted_of(self, target: Target, attribute: str) -> Shape:
        shapes = [self.names.shape(path, attribute) or () for path in target.paths]
        return (sum(shape[0] for shape in shapes), *shapes[0][1:]) if all(shapes) else ()

    def _broken(self, name: str) -> WeightsError:
        return WeightsError(
            f"adapter {self.card.name}: the matrices of {shown(name)} do not belong together", fix="fetch it again"
        )


def _split(parameter: str) -> tuple[str, str]:
    """A parameter's layer, and which of the layer's it is."""
    layer, _, attribute = parameter.rpartition(".")
    return layer, "weight" if attribute == "scale" else attribute
