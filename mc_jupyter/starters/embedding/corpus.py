"""Pairs of sentences that say the same thing in other words, each with a sentence that only looks alike.

A scene is drawn first (a frame of `words.py` with its concepts, or who did what to which thing, or cause and effect),
then told twice; the hard negative is the scene with one concept exchanged.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from mc_jupyter.starters.embedding import words as w

Scene = dict[str, w.Concept]
_VERBS = tuple((tuple(forms.split("/")), tuple(kinds.split())) for forms, kinds in w.VERBS)
_SUBJECTS = {"he", "she", "they", "we", "i"}
_OBJECT_FORM = {"he": "him", "she": "her", "they": "them", "we": "us", "i": "me"}
_BE_PLURAL = {"they", "we", "the children", "the kids", "my friends", "the students", "all of us"}


@dataclass(frozen=True)
class Pair:
    """A sentence, one that means the same, and one that shares words with it but means something else."""

    sentence: str
    paraphrase: str
    lookalike: str


class Teller:
    """Draws pairs from a seeded stream."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.slot_kinds = {
            **w.THINGS,
            "who": w.PEOPLE,
            "when": w.TIMES,
            "who2": w.PEOPLE,
            "software2": w.THINGS["software"],
        }

    def chance(self, share: float) -> bool:
        return self.rng.random() < share

    def concept(self, kind: str) -> w.Concept:
        """A concept of a kind; now and then a made-up word, so that unknown words are matched by their spelling."""
        if kind in w.THINGS and self.chance(0.06):
            return ("".join(part[0] for part in self.rng.choices(w.SYLLABLES, k=self.rng.randint(2, 3))),)
        return self.rng.choice(self.slot_kinds[kind])

    def word(self, concept: w.Concept) -> str:
        return self.rng.choice(concept)

    # -- three ways to make a telling: each returns a function that words the scene anew at every call ---------------

    def framed(self) -> tuple[Callable[[], str], Callable[[], str]]:
        index = self.rng.randrange(len(w.FRAMES))
        frame = w.FRAMES[index]
        kinds = sorted({kind for wording in frame for kind in re.findall(r"{(\w+)}", wording)})
        scene: Scene = {kind: self.concept(kind) for kind in kinds}
        left = list(frame)

        def tell() -> str:
            # two tellings of one scene never use the same wording
            wording = left.pop(self.rng.randrange(len(left)))
            return wording.format(**{kind: self.word(concept) for kind, concept in scene.items()})

        def other() -> str:
            if kinds and self.chance(0.6):
                changed = {**scene, (kind := self.rng.choice(kinds)): self.concept(kind)}
                if changed != scene:
                    return self.rng.choice(frame).format(
                        **{key: self.word(concept) for key, concept in changed.items()}
                    )
            near = w.FRAMES[(index + self.rng.choice((-2, -1, 1, 2))) % len(w.FRAMES)]
            needed = {kind for wording in near for kind in re.findall(r"{(\w+)}", wording)}
            filled = {kind: self.word(scene.get(kind) or self.concept(kind)) for kind in needed}
            return self.rng.choice(near).format(**filled)

        return tell, other

    def action(self) -> tuple[Callable[[], str], Callable[[], str]]:
        """Somebody did something to a thing, in the active, the passive, or as a question."""
        verb, kinds = self.rng.choice(_VERBS)
        kind = self.rng.choice(kinds)
        who, thing, when = self.concept("who"), self.concept(kind), self.concept("when")
        adjective = self.rng.choice(w.ADJECTIVES) if self.chance(0.3) else None
        timed, asked = self.chance(0.5), self.chance(0.2)

        def make(verb: tuple[str, ...], who: w.Concept, thing: w.Concept) -> str:
            return self.say(
                self.word(verb),
                self.word(who),
                self.word(thing),
                self.word(adjective) if adjective else "",
                self.word(when) if timed else "",
                asked,
            )

        def other() -> str:
            draw = self.rng.random()
            if draw < 0.45:
                return make(verb, who, self.concept(kind))
            if draw < 0.6:
                return make(verb, self.concept("who"), self.concept(self.rng.choice(kinds)))
            others = [forms for forms, theirs in _VERBS if kind in theirs and forms != verb]
            return make(self.rng.choice(others) if others else verb, who, thing if others else self.concept(kind))

        return lambda: make(verb, who, thing), other

    def say(self, verb: str, who: str, thing: str, adjective: str, when: str, asked: bool) -> str:
        base, past, participle, gerund = verb.split(", ")
        thing = f"{self.rng.choice(('the', 'the', 'a', 'this'))} {adjective + ' ' if adjective else ''}{thing}"
        if asked:
            return self.rng.choice(
                (
                    f"how do i {base} {thing}?",
                    f"what is the best way to {base} {thing}?",
                    f"how can i {base} {thing}?",
                    f"i would like to {base} {thing}.",
                    f"can you help me {base} {thing}?",
                    f"i want to {base} {thing}.",
                    f"tips for {gerund} {thing}",
                    f"is it possible to {base} {thing}?",
                    f"where can i {base} {thing}?",
                )
            )
        be = "are" if who in _BE_PLURAL else "am" if who == "i" else "is"
        was = "were" if who in _BE_PLURAL else "was"
        text = self.rng.choice(
            (
                f"{who} {past} {thing}",
                f"{who} {past} {thing}",
                f"{thing} was {participle} by {_OBJECT_FORM.get(who, who)}",
                f"{thing} {self.rng.choice(('has been', 'got'))} {participle} by {_OBJECT_FORM.get(who, who)}",
                f"{who} {be} {gerund} {thing}",
                f"{who} {was} {gerund} {thing}",
                f"it was {_OBJECT_FORM.get(who, who)} who {past} {thing}",
                f"{who} decided to {base} {thing}",
            )
        )
        if when:
            text = self.rng.choice((f"{text} {when}", f"{when} {text}", f"{when}, {text}"))
        return text + "."

    def because(self) -> tuple[Callable[[], str], Callable[[], str]]:
        """A cause and its effect, in either order."""
        cause, effect = self.rng.choice(w.CAUSES)
        who = self.concept("who")
        causes, effects = tuple(cause.split("/")), tuple(effect.split("/"))

        def make(causes: tuple[str, ...], who: w.Concept, effects: tuple[str, ...]) -> str:
            one, two, name = self.word(causes), self.word(effects), self.word(who)
            pronoun = name if name in _SUBJECTS else self.rng.choice(("he", "she", "they"))
            return self.rng.choice(
                (
                    f"{name} {two} because {pronoun} {one}.",
                    f"{name} {one}, so {pronoun} {two}.",
                    f"because {name} {one}, {pronoun} {two}.",
                    f"{name} {one} and therefore {two}.",
                    f"since {name} {one}, {pronoun} {two}.",
                    f"{name} {two}. the reason: {pronoun} {one}.",
                )
            )

        def other() -> str:
            strange_cause, strange_effect = self.rng.choice(w.CAUSES)
            if self.chance(0.5):
                return (
                    make(causes, who, tuple(strange_effect.split("/")))
                    if strange_effect != effect
                    else make(causes, w.PEOPLE[0], effects)
                )
            return make(tuple(strange_cause.split("/")), who, tuple(strange_effect.split("/")))

        return lambda: make(causes, who, effects), other

    def described(self) -> tuple[Callable[[], str], Callable[[], str]]:
        """A thing and what it is like."""
        kind = self.rng.choice(("goods", "food", "building", "place", "animal", "software", "event", "art"))
        thing, adjective = self.concept(kind), self.rng.choice(w.ADJECTIVES)

        def make(thing: w.Concept, adjective: w.Concept) -> str:
            noun, word = self.word(thing), self.word(adjective)
            return self.rng.choice(
                (
                    f"the {noun} is {word}.",
                    f"what a {word} {noun}!",
                    f"this is a {word} {noun}.",
                    f"i think the {noun} is {word}.",
                    f"that {noun} looks {word}.",
                    f"the {noun} was really {word}.",
                    f"a {word} {noun}",
                    f"it is a very {word} {noun}.",
                )
            )

        return (
            lambda: make(thing, adjective),
            lambda: (
                make(self.concept(kind), adjective) if self.chance(0.6) else make(thing, self.rng.choice(w.ADJECTIVES))
            ),
        )

    # -- whole pairs -----------------------------------------------------------------------------------------------

    def finish(self, text: str) -> str:
        if self.chance(0.1):
            text = f"{self.word(self.rng.choice(w.FILLERS))}, {text}"
        if self.chance(0.2):
            text = text.rstrip(".?!")
        return text.replace(" a a", " a").replace("the the ", "the ").replace("the my ", "my ")

    def pair(self) -> Pair:
        makers = (self.framed, self.action, self.because, self.described)
        tell, other = self.rng.choices(makers, (58, 27, 5, 10))[0]()
        return Pair(self.finish(tell()), self.finish(tell()), self.finish(other()))


def stream(seed: int) -> Iterator[Pair]:
    """Pairs for as long as asked."""
    teller = Teller(seed)
    while True:
        yield teller.pair()
