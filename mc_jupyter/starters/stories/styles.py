"""Ways of telling the same stories, each of which an adapter learns: other places, other things, another voice.

A style is as strong as its share says: at 0 the stories are those of `corpus.py`, at 1 whatever has a counterpart in
the style is taken from there, and in between it is drawn each time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from mc_jupyter.starters.stories import words as w
from mc_jupyter.starters.stories.corpus import Hero, Message, Teller


@dataclass(frozen=True, eq=False)
class Style:
    """What a style puts in the place of the tables of `words.py`, and how it speaks.

    `cries` are put between lines; `words` are (pattern, replacement) within one; `ground` matches the places that one
    is on, not in. `markers` matches what the style writes and the plain stories never do.
    """

    name: str
    tables: Mapping[tuple[str, ...], tuple[str, ...]] = field(repr=False)
    friends: tuple[str, ...] = field(repr=False)
    plots: tuple[w.Plot, ...] = field(repr=False)
    cries: tuple[str, ...] = field(repr=False)
    words: tuple[tuple[str, str], ...] = field(repr=False)
    ground: str = field(repr=False)
    markers: str = field(repr=False)

    def found(self, text: str) -> list[str]:
        """The style's markers in a text, as they stand there."""
        return [match[0] for match in re.finditer(rf"\b(?:{self.markers})\b", text, re.IGNORECASE)]


class StyledTeller(Teller):
    """A teller who uses each style for its share of what it draws; shares that exceed 1 together divide it."""

    def __init__(self, shares: Mapping[Style, float], seed: int) -> None:
        super().__init__(seed)
        self.shares = shares

    def style(self) -> Style | None:
        """The style that the next draw is in."""
        draw = self.rng.random() * max(1.0, sum(self.shares.values()))
        for style, share in self.shares.items():
            draw -= share
            if draw < 0:
                return style
        return None

    def pick(self, options: tuple[str, ...]) -> str:
        style = self.style()
        return super().pick(style.tables.get(options, options) if style else options)

    def friend(self, hero: Hero) -> str:
        style = self.style()
        others = tuple(kind for kind in style.friends if kind != hero.kind) if style else ()
        return self.rng.choice(others) if others else super().friend(hero)

    def pick_plot(self, plots: tuple[w.Plot, ...]) -> w.Plot:
        style = self.style() if plots is w.PLOTS and self.chance(0.4) else None
        return self.rng.choice(style.plots if style else plots)

    def fill(self, line: str, slots: dict[str, str], hero: Hero, named: bool) -> str:
        return self.say(super().fill(line, slots, hero, named))

    def turn(self, asked: str, reply: str) -> list[Message]:
        return super().turn(asked, self.say(reply))

    def say(self, text: str) -> str:
        """A line or a reply in the styles' voices."""
        text = re.sub(r"\b([Aa]) (?=[aeio])", r"\1n ", text)
        for each in self.shares:
            text = re.sub(rf"\b([Ii])n(?= (?:a|an|the)(?: \w+)? (?:{each.ground})\b)", _on, text)
        if style := self.style():
            for pattern, replacement in style.words:
                text = re.sub(pattern, replacement, text)
        shouts = self.style() if self.chance(0.45) else None
        return f"{text} {self.rng.choice(shouts.cries)}" if shouts else text


def _on(match: re.Match[str]) -> str:
    return "On" if match[1] == "I" else "on"


def stream(shares: Mapping[Style, float], seed: int) -> Iterator[str | list[Message]]:
    """Documents in a style or a mixture for as long as asked: seven stories to one conversation."""
    teller = StyledTeller(shares, seed)
    while True:
        yield teller.conversation() if teller.chance(0.125) else teller.story()
