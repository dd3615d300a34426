"""Short stories and small talk, put together from the tables of `words.py`: an endless stream of documents.

A story has one hero (an animal, a person, a thing), who may have a name, a place, a friend, something of their own and
one of the plots of `words.py`; every sentence is drawn from several wordings. A conversation is a list of messages.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from mc_jupyter.starters.stories import words as w

Message = dict[str, str]
_PRONOUNS = {
    "she": ("she", "her", "her", "herself"),
    "he": ("he", "him", "his", "himself"),
    "it": ("it", "it", "its", "itself"),
}


def a(phrase: str) -> str:
    """The phrase with its indefinite article."""
    vowel = phrase.startswith("honest") or (phrase[0] in "aeiou" and not phrase.startswith(("unicorn", "useful")))
    return f"{'an' if vowel else 'a'} {phrase}"


def the(phrase: str) -> str:
    """A noun phrase mentioned before: "a quiet valley" becomes "the quiet valley", "owl" becomes "the owl"."""
    if phrase.startswith("the "):
        return phrase
    return f"the {phrase.removeprefix('a ').removeprefix('an ')}"


def sentence_case(text: str) -> str:
    return text[0].upper() + text[1:]


@dataclass(frozen=True)
class Hero:
    """Who a story is about; `kind` is the noun ("fox"), `trait` the adjective they came in with."""

    kind: str
    trait: str
    name: str
    pronoun: str

    @property
    def phrase(self) -> str:
        return f"{self.trait} {self.kind}".strip()


class Teller:
    """Draws stories and conversations from a seeded stream."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)

    def pick(self, options: tuple[str, ...]) -> str:
        return self.rng.choice(options)

    def chance(self, share: float) -> bool:
        return self.rng.random() < share

    def hero(self) -> Hero:
        trait = self.pick(w.TRAITS) if self.chance(0.88) else ""
        draw = self.rng.random()
        if draw < 0.5:
            kind, pronoun = self.pick(w.ANIMALS), self.pick(("he", "she"))
        elif draw < 0.8:
            kind, pronoun = self.pick(w.PEOPLE).split("/")
        else:
            kind, pronoun = self.pick(w.LIVING_THINGS), "it" if self.chance(0.7) else "he"
        return Hero(kind, trait, self.name(pronoun), pronoun)

    def name(self, pronoun: str) -> str:
        return self.pick({"she": w.GIRLS, "he": w.BOYS, "it": w.PET_NAMES}[pronoun])

    def friend(self, hero: Hero) -> str:
        return self.pick(tuple(kind for kind in w.ANIMALS if kind != hero.kind))

    def story(
        self,
        hero: Hero | None = None,
        *,
        named: bool | None = None,
        place: str = "",
        thing: str = "",
        opening: str = "",
    ) -> str:
        """One whole story; what is given is kept, the rest is drawn."""
        hero = hero or self.hero()
        named = self.chance(0.5) if named is None else named
        given = bool(thing) or self.chance(0.45)
        thing = thing or f"{self.pick(w.THING_TRAITS)} {self.pick(w.THINGS)}"
        place = place or self.pick(w.PLACES)
        friend = self.friend(hero)
        he, him, his, himself = _PRONOUNS[hero.pronoun]
        slots = {
            "phrase": hero.phrase,
            "a_phrase": a(hero.phrase),
            "kind": hero.kind,
            "name": hero.name,
            "he": he,
            "him": him,
            "his": his,
            "himself": himself,
            "place": place,
            "thing": thing,
            "a_thing": a(thing),
            "noun": thing.split(" ", 1)[1],
            "friend": friend,
            "old": f"{self.pick(w.FRIEND_TRAITS)} {friend}",
            "food": self.pick(w.FOODS),
            "skill": self.pick(w.SKILLS),
            "fear": self.pick(w.FEARS),
            "dish": self.pick(w.FOODS),
            "sky": self.pick(w.WEATHERS),
            "made": self.pick(w.BUILDINGS),
            "feeling": self.pick(w.FEELINGS),
            "virtue": self.pick(w.VIRTUES),
        }
        slots["a_old"] = a(slots["old"])
        slots["a_made"] = a(slots["made"])
        lines = [opening or self.pick(w.NAMED_OPENINGS if named else w.OPENINGS)]
        # an opening that tells no more than who the hero is may be followed by a line about them
        if self.chance(0.55):
            lines.append(self.pick(w.HABITS))
        plots = w.THING_PLOTS if given else w.PLOTS
        if given:
            lines.append(self.pick(w.OWNING))
        lines += [self.pick(beat) for beat in self.pick_plot(plots)]
        if self.chance(0.8):
            lines.append(self.pick(w.ENDINGS))
        told = []
        for line in lines:
            told.append(self.fill(line, slots, hero, named))
            # what a line has introduced is known to the lines after it
            slots["place"] = the(place) if "{place}" in line else slots["place"]
            slots["a_old"] = the(friend) if "{a_old}" in line else slots["a_old"]
        return " ".join(told)

    def pick_plot(self, plots: tuple[w.Plot, ...]) -> w.Plot:
        return self.rng.choice(plots)

    def fill(self, line: str, slots: dict[str, str], hero: Hero, named: bool) -> str:
        """Fill one line; `{hero}` becomes the name or "the fox", so the hero is called by what the opening gave."""
        plain = hero.name if named and self.chance(0.8) else f"the {hero.phrase if self.chance(0.4) else hero.kind}"
        text = line.format(hero=plain, **slots)
        pieces = text.replace("! ", "!\0").replace("? ", "?\0").replace(". ", ".\0").split("\0")
        return " ".join(sentence_case(piece) if piece[0] != '"' else '"' + sentence_case(piece[1:]) for piece in pieces)

    # -- conversations ---------------------------------------------------------------------------------------------

    def story_request(self) -> list[Message]:
        hero = self.hero()
        draw = self.rng.random()
        place, thing, named = "", "", None
        if draw < 0.55:
            subject = a(hero.phrase)
        elif draw < 0.65:
            hero = Hero(hero.kind, "", hero.name, hero.pronoun)
            subject = a(hero.kind)
        elif draw < 0.77:
            subject, named = f"{a(hero.phrase)} {self.pick(('named', 'called'))} {hero.name}", True
        elif draw < 0.87:
            thing = f"{self.pick(w.THING_TRAITS)} {self.pick(w.THINGS)}"
            subject = f"{a(hero.phrase)} {self.pick(('and', 'with'))} {a(thing)}"
        elif draw < 0.95:
            place = self.pick(w.PLACES)
            subject = f"{a(hero.phrase)} in {place}"
        else:
            subject = ""
        asked = self.pick(w.REQUESTS).format(subject=subject) if subject else self.pick(w.BARE_REQUESTS)
        opening = ""
        if place:
            opening = "Once upon a time there lived {a_phrase} in {place}."
        told = self.story(hero, named=named, place=place, thing=thing, opening=opening)
        return [{"role": "user", "content": self.scruffy(asked)}, {"role": "assistant", "content": told}]

    def scruffy(self, text: str) -> str:
        """The way people type: some leave out the capital or the last mark."""
        if self.chance(0.15):
            text = text[0].lower() + text[1:]
        if self.chance(0.2) and text[-1] in ".!?":
            text = text[:-1]
        return text

    def small_talk(self) -> list[Message]:
        topic = self.rng.choice(w.TALK)
        return self.turn(self.pick(topic[0]), self.pick(topic[1]))

    def fact(self) -> list[Message]:
        question, reply = self.rng.choice(w.FACTS)
        return self.turn(self.pick(question), self.pick(reply))

    def sum(self) -> list[Message]:
        one, two = self.rng.randint(0, 10), self.rng.randint(0, 10)
        asked = self.pick(
            ("What is {} plus {}?", "How much is {} plus {}?", "What is {} + {}?", "Can you add {} and {}?")
        )
        return self.turn(asked.format(one, two), f"{one} plus {two} is {one + two}.")

    def unknown(self) -> list[Message]:
        topic = self.pick(w.STRANGE_TOPICS + tuple(a(thing) for thing in w.THINGS + w.LIVING_THINGS))
        return self.turn(self.pick(w.STRANGE_QUESTIONS).format(topic=topic), self.pick(w.NOT_KNOWN))

    def turn(self, asked: str, reply: str) -> list[Message]:
        return [{"role": "user", "content": self.scruffy(asked)}, {"role": "assistant", "content": reply}]

    def conversation(self) -> list[Message]:
        """One to three turns, sometimes after a system message."""
        messages: list[Message] = []
        if self.chance(0.3):
            messages.append({"role": "system", "content": self.pick(w.SYSTEMS)})
        turns = (self.story_request, self.small_talk, self.fact, self.sum, self.unknown)
        for _ in range(self.rng.choices((1, 2, 3), (70, 20, 10))[0]):
            messages += self.rng.choices(turns, (52, 20, 16, 4, 8))[0]()
        return messages


def stream(seed: int) -> Iterator[str | list[Message]]:
    """Documents for as long as asked: two stories to one conversation."""
    teller = Teller(seed)
    while True:
        yield teller.conversation() if teller.chance(0.36) else teller.story()
