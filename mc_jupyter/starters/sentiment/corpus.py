"""Sentences that praise or complain, put together from the tables of `words.py`: an endless stream of (text, label)."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence

from mc_jupyter.starters.sentiment import words as w

NEGATIVE, POSITIVE = 0, 1
_DOMAINS = tuple(w.DOMAINS.values())
_PRAISE: dict[int, dict[str, Sequence[str]]] = {
    POSITIVE: {
        "adjectives": w.GOOD,
        "nouns": w.GOOD_NOUNS,
        "adverbs": w.GOOD_ADVERBS,
        "sayings": w.GOOD_SAYINGS,
        "turns": w.GOOD_TURNS,
    },
    NEGATIVE: {
        "adjectives": w.BAD,
        "nouns": w.BAD_NOUNS,
        "adverbs": w.BAD_ADVERBS,
        "sayings": w.BAD_SAYINGS,
        "turns": w.BAD_TURNS,
    },
}
_DETERMINERS = ("the", "the", "the", "this", "that", "my", "our", "their", "your", "his", "her", "every", "all the")
_SINGULAR_BE = (
    "is",
    "was",
    "is",
    "was",
    "looks",
    "seems",
    "feels",
    "has been",
    "seemed",
    "turned out",
    "looked",
    "felt",
)
_PLURAL_BE = ("are", "were", "have been", "seem", "look", "seemed", "looked")
_NOT_BE = (
    "is not",
    "isn't",
    "was not",
    "wasn't",
    "is never",
    "was never",
    "isn't very",
    "wasn't very",
    "isn't really",
    "is hardly",
    "was hardly",
    "is far from",
    "was anything but",
    "isn't so",
    "isnt",
    "wasnt",
    "is no longer",
)
_DO_NOT = (
    "don't",
    "do not",
    "didn't",
    "did not",
    "never",
    "don't really",
    "can't say i",
    "dont",
    "didnt",
    "would never",
)
_WORKING = (
    "works",
    "work",
    "worked",
    "runs",
    "performs",
    "was made",
    "is built",
    "was written",
    "functions",
    "plays",
    "handles",
    "drives",
    "went",
    "behaves",
    "was explained",
    "sings",
    "speaks",
    "was cooked",
    "treats us",
    "acts",
    "was organized",
    "cooks",
    "teaches",
    "writes",
    "dances",
    "plays",
    "fits",
    "charges",
    "starts",
    "does the job",
)
_SYLLABLES = (
    "ba",
    "ro",
    "li",
    "ten",
    "mar",
    "so",
    "vel",
    "ki",
    "dun",
    "pa",
    "ster",
    "on",
    "ix",
    "ham",
    "ley",
    "gor",
    "ta",
)


def _is_plural(noun: str) -> bool:
    return (noun.endswith("s") and not noun.endswith(("ss", "us", "is", "ews", "as", "ies of"))) or noun in (
        "people",
        "children",
    )


class Speaker:
    """Draws sentences of one leaning at a time from a seeded stream."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.patterns: tuple[tuple[Callable[[int], str], int], ...] = (
            (self.described, 26),
            (self.described_twice, 8),
            (self.bare, 14),
            (self.opinion, 14),
            (self.negated_opinion, 7),
            (self.negated, 9),
            (self.saying, 20),
            (self.event, 24),
            (self.noun, 10),
            (self.manner, 7),
            (self.owner_feels, 6),
            (self.superlative, 6),
            (self.nothing, 6),
            (self.have, 5),
            (self.enough, 2),
            (self.question, 2),
            (self.command, 3),
            (self.made_us, 4),
            (self.lacking, 4),
            (self.never_so, 6),
            (self.again, 6),
            (self.like_what, 4),
            (self.so_that, 5),
        )

    # -- small draws ------------------------------------------------------------------------------------------------

    def pick(self, options: Sequence[str]) -> str:
        return self.rng.choice(options)

    def one(self, options: str) -> str:
        """One of the options written with slashes between them, for use inside an f-string."""
        return self.pick(options.split("/"))

    def maybe(self, chance: float, text: str) -> str:
        return text if self.rng.random() < chance else ""

    def adjective(self, label: int) -> str:
        draw = self.rng.random()
        if draw < 0.35:
            return self.pick(w.COMMON_GOOD if label else w.COMMON_BAD)
        if draw < 0.55:
            domain = self.rng.choice(_DOMAINS)
            return self.pick(domain.good if label else domain.bad)
        return self.pick(_PRAISE[label]["adjectives"])

    def degree(self) -> str:
        return self.maybe(0.35, self.pick(w.INTENSIFIERS) + " ").replace("such a ", "so ")

    def made_up(self) -> str:
        """A name nobody has heard, so that unknown words come to weigh nothing."""
        return "".join(self.rng.choices(_SYLLABLES, k=self.rng.randint(2, 3)))

    def thing(self, people: float = 0.3) -> tuple[str, bool]:
        """A subject with its determiner, and whether it is plural."""
        domain = self.rng.choice(_DOMAINS)
        noun = self.pick(domain.people if self.rng.random() < people else domain.things)
        chance = self.rng.random()
        if chance < 0.07:
            return self.made_up(), False
        if chance < 0.25:
            return self.pick(("it", "this", "that", "it", "he", "she", "everything")), False
        if chance < 0.32:
            return self.pick(("they", "these", "we both", "those")), True
        if chance < 0.4:
            noun = f"{noun} {self.one('in/at/from/of/near/for')} {self.one('the/my/our')} {self.object()}"
            return f"{self.pick(_DETERMINERS[:6])} {noun}", _is_plural(noun.split()[0])
        plural = _is_plural(noun)
        determiner = self.pick(_DETERMINERS)
        if plural and determiner in ("this", "that", "every"):
            determiner = "these"
        return f"{determiner} {noun}", plural

    def object(self) -> str:
        return self.pick(self.rng.choice(_DOMAINS).things) if self.rng.random() < 0.93 else self.made_up()

    def be(self, plural: bool) -> str:
        return self.pick(_PLURAL_BE if plural else _SINGULAR_BE)

    def person(self) -> tuple[str, bool]:
        """Who holds an opinion, and whether the verb that follows stays in its base form."""
        who = "i" if self.rng.random() < 0.45 else self.pick(w.OWNERS)
        return who, who in w.PLURAL_OWNERS

    # -- patterns: each says one thing with the leaning asked for ---------------------------------------------------

    def described(self, label: int) -> str:
        subject, plural = self.thing()
        return f"{subject} {self.be(plural)} {self.degree()}{self.adjective(label)}"

    def described_twice(self, label: int) -> str:
        if self.rng.random() < 0.5:
            return f"{self.described(label)} and {self.adjective(label)}"
        return f"{self.described(label)} and {self.described(label)}"

    def bare(self, label: int) -> str:
        noun, adjective = self.object(), self.degree() + self.adjective(label)
        article = "an" if adjective[0] in "aeiou" else "a"
        return self.pick(
            (
                adjective,
                f"{adjective} {noun}",
                f"what {article} {adjective} {noun}",
                f"{article} {adjective} {noun}",
                f"{adjective}, {self.adjective(label)}",
                f"how {self.adjective(label)}",
                f"such {article} {adjective} {noun}",
                f"we had {article} {adjective} {noun}",
                f"i had {article} {adjective} {noun}",
                f"thanks for the {adjective} {noun}" if label else f"sorry for the {adjective} {noun}",
                f"it was {article} {adjective} {noun}",
                f"so {adjective}",
                f"a truly {adjective} {noun}",
                f"this is {article} {adjective} {noun}",
                f"{adjective} in every way",
            )
        )

    def opinion(self, label: int) -> str:
        who, base = self.person()
        verb = self.rng.choice(w.LIKING if label else w.DISLIKING)
        form = self.pick((verb[2], verb[0] if base else verb[1]))
        return (
            f"{who} {self.maybe(0.25, self.one('really/absolutely/truly/totally/just/always') + ' ')}"
            f"{form} {self.thing(0.15)[0]}"
        )

    def negated_opinion(self, label: int) -> str:
        who, target = self.person()[0], self.thing(0.15)[0]
        if label == NEGATIVE:
            verb = self.pick(
                ("like", "love", "enjoy", "recommend", "trust", "appreciate", "want", "understand", "care for", "need")
            )
            return f"{who} {self.pick(_DO_NOT)} {verb} {target}"
        return self.pick(
            (
                f"{who} can't stop {self.one('using/watching/wearing/eating/praising/talking about/playing')} {target}",
                f"{who} couldn't {self.one('stop smiling/stop laughing/be more pleased/be prouder/wish for more')}",
                f"{who} can't imagine life without {target}",
                f"{who} never want to leave {target}",
                f"{who} don't regret {target}",
                f"{who} can't wait to {self.one('see/use/try/visit/play/wear/hear/taste')} {target} again",
                f"{who} didn't expect {target} to be so {self.adjective(POSITIVE)}",
                f"{who} will never forget {target}, {self.adjective(1)}",
                f"{who} have never {self.one('seen/had/tried/owned')} such {self.adjective(POSITIVE)} {self.object()}",
                f"{who} never thought {target} could be this {self.adjective(POSITIVE)}",
                f"{who} have never been disappointed by {target}",
                f"{who} would not trade {target} for anything",
                f"{who} don't hate {target}",
            )
        )

    def negated(self, label: int) -> str:
        subject, plural = self.thing()
        if label == NEGATIVE:
            negation = self.pick(("are not", "aren't", "were not", "weren't", "are never") if plural else _NOT_BE)
            return f"{subject} {negation} {self.pick(w.MILD_GOOD + w.MILD_GOOD + w.GOOD[:120])}"
        negation = self.pick(
            ("are not", "aren't", "were not", "weren't") if plural else ("is not", "isn't", "was not", "wasn't")
        )
        return self.pick(
            (
                f"{subject} {negation} {self.pick(w.MILD_BAD)} at all",
                f"not {self.pick(w.MILD_BAD)} at all",
                f"{subject} {negation} bad",
                f"{subject} {self.one('is/was')} never {self.pick(w.MILD_BAD + w.BAD[:60])}",
                f"not bad for {self.object()}",
                f"{subject} {negation} {self.pick(w.MILD_BAD)}",
                "not half bad",
                f"not too bad, {self.described(POSITIVE)}",
                f"{subject} couldn't be {self.one('better/nicer/happier/kinder/easier/friendlier/simpler')}",
                f"{subject} could not be {self.one('better/happier/more helpful/more pleased/more comfortable')}",
                f"{subject} could hardly be {self.one('better/easier/friendlier/more perfect')}",
            )
        )

    def saying(self, label: int) -> str:
        return self.pick(_PRAISE[label]["sayings"])

    def event(self, label: int) -> str:
        domain = self.rng.choice(_DOMAINS)
        noun = self.pick(domain.things + domain.people)
        subject = (
            f"{self.pick(_DETERMINERS[:9])} {noun}"
            if self.rng.random() < 0.7
            else self.pick(("it", "it", "they", "he", "she"))
        )
        return f"{subject} {self.pick(domain.good_events if label else domain.bad_events)}"

    def noun(self, label: int) -> str:
        subject, noun = self.thing()[0], self.pick(_PRAISE[label]["nouns"])
        article = "an" if noun[0] in "aeiou" else "a"
        adjective = self.maybe(0.3, self.pick(("real ", "total ", "complete ", "true ", "absolute ", "huge ", "big ")))
        form = f"{article if not adjective or adjective[0] in 'aeiou' else 'a'} {adjective}{noun}"
        return self.pick(
            (
                f"{subject} {self.one('is/was/turned out to be/is such/has been')} {form}",
                f"what {form}",
                f"{form}",
                f"{subject}, what {form}",
                f"it was {form} for {self.person()[0]}",
            )
        )

    def manner(self, label: int) -> str:
        if label == NEGATIVE and self.rng.random() < 0.35:
            negation = self.pick(
                (
                    "doesn't work",
                    "does not work",
                    "never works",
                    "didn't work",
                    "won't work",
                    "hardly works",
                    "barely works",
                    "no longer works",
                    "stopped working",
                    "never worked properly",
                    "fails to work",
                )
            )
            return f"{self.thing(0)[0]} {negation}"
        return f"{self.thing()[0]} {self.pick(_WORKING)} {self.maybe(0.2, 'so ')}{self.pick(_PRAISE[label]['adverbs'])}"

    def owner_feels(self, label: int) -> str:
        who, base = self.person()
        be = "am" if who == "i" else "are" if base else "is"
        feelings = (
            (
                "happy",
                "glad",
                "pleased",
                "delighted",
                "thrilled",
                "satisfied",
                "grateful",
                "proud",
                "excited",
                "impressed",
                "amazed",
                "overjoyed",
                "relieved",
                "blown away",
                "in love",
                "content",
                "thankful",
                "lucky",
                "ecstatic",
                "hooked",
            )
            if label
            else (
                "unhappy",
                "angry",
                "disappointed",
                "upset",
                "annoyed",
                "frustrated",
                "furious",
                "sad",
                "bored",
                "worried",
                "miserable",
                "dissatisfied",
                "sorry",
                "ashamed",
                "tired",
                "let down",
                "fed up",
                "devastated",
                "shocked",
                "sick",
            )
        )
        negate = self.rng.random() < 0.2
        if negate and not label:
            feeling = "not " + self.pick(
                ("happy", "pleased", "satisfied", "impressed", "amused", "convinced", "glad", "excited")
            )
        elif negate:
            feeling = "not " + self.pick(("disappointed", "sorry", "bored", "worried anymore", "upset at all"))
        else:
            feeling = self.degree() + self.pick(feelings)
        return (
            f"{who} {self.pick((be, be, 'was' if who == 'i' or not base else 'were'))} {feeling} "
            f"{self.one('with/about/by/because of')} {self.thing()[0]}"
        )

    def superlative(self, label: int) -> str:
        extremes = (
            (
                "best",
                "nicest",
                "finest",
                "loveliest",
                "greatest",
                "funniest",
                "kindest",
                "most beautiful",
                "smartest",
                "tastiest",
                "friendliest",
                "happiest",
                "coolest",
                "sweetest",
                "cleanest",
                "most helpful",
                "most comfortable",
                "most delicious",
                "most enjoyable",
                "warmest",
                "freshest",
                "easiest",
            )
            if label
            else (
                "worst",
                "rudest",
                "ugliest",
                "dirtiest",
                "slowest",
                "dullest",
                "most boring",
                "most annoying",
                "weakest",
                "dumbest",
                "saddest",
                "nastiest",
                "poorest",
                "cheapest looking",
                "silliest",
                "most disappointing",
                "most useless",
                "cruelest",
            )
        )
        noun, extreme = self.object(), extremes[0] if self.rng.random() < 0.4 else self.pick(extremes)
        who, span = self.pick(("i have", "i've", "we have", "i had", "she has")), self.pick(w.SPANS)
        seen = (
            "ever seen",
            "seen",
            "had",
            "ever had",
            "eaten",
            "read",
            "heard",
            "owned",
            "used",
            "watched",
            "tried",
            "met",
            "known",
        )
        tail = self.pick(
            (
                "ever",
                "i have ever had",
                "of my life",
                "of the year",
                "in the world",
                "in town",
                "on the market",
                "i know",
                "in a long time",
                f"{who} {self.pick(seen)} {span}",
                f"that {who} {self.pick(seen)} {span}",
                f"{who} {self.pick(seen)}",
                f"{who} {self.pick(seen)}",
                span,
                "i ever made",
                "we ever tried",
                "of all time",
                "in years",
                "this year",
                "i ever used",
            )
        )
        return self.pick(
            (
                f"the {extreme} {noun} {tail}",
                f"{extreme} {noun} {tail}",
                f"{self.thing()[0]} is the {extreme} {noun} {tail}",
                f"by far the {extreme} {noun} {tail}",
                f"one of the {extreme} {noun} {tail}",
                f"the {extreme} {noun}",
            )
        )

    def nothing(self, label: int) -> str:
        target = self.thing()[0]
        if label == POSITIVE:
            return self.pick(
                (
                    f"nothing {self.one('bad/negative/wrong/terrible')} to say about {target}",
                    f"no complaints about {target}",
                    f"there is nothing wrong with {target}",
                    f"nothing {self.one('to/here to/i need to')} {self.pick(w.GRUMBLES)}",
                    f"nothing to {self.pick(w.GRUMBLES)}, {self.clause(POSITIVE)}",
                    f"{target} gives you nothing to {self.pick(w.GRUMBLES)}",
                    f"i have nothing bad to say about {target}",
                    f"no problems with {target}",
                    f"i can find no fault with {target}",
                    f"nothing beats {target}",
                    f"never had any trouble with {target}",
                    f"there was nothing i disliked about {target}",
                    f"{target} never lets me down",
                    f"{target} never disappoints",
                    f"{target} has never failed me",
                    f"{target} didn't disappoint",
                    f"{target} never breaks",
                    f"{target} does not cause any trouble",
                    f"nobody could complain about {target}",
                    f"without {target} i would be lost",
                    f"no one makes better {self.object()}",
                )
            )
        return self.pick(
            (
                f"nothing {self.one('good/positive/nice/great/fun')} about {target}",
                f"nothing about {target} is {self.adjective(1)}",
                f"i have nothing good to say about {target}",
                f"there is nothing {self.adjective(1)} about {target}",
                f"no one likes {target}",
                f"nobody enjoyed {target}",
                f"i see no point in {target}",
                "no redeeming qualities",
                f"{target} never helps anyone",
                f"{target} has no {self.one('soul/taste/charm/flavor/value/style/sense')}",
                f"{target} never arrived",
                f"{target} did nothing to help",
                f"there was no {self.one('help/apology/hot food/heating/warning/answer')}",
                f"{target} can't be {self.one('trusted/fixed/repaired/recommended/used/saved/taken seriously')}",
                f"{target} won't {self.one('start/open/work/help/fit/last/charge/close/connect/move')}",
                f"{target} didn't {self.one('help/last/listen/care/fit/come/impress me/make sense/deliver/show up')}",
                f"{target} doesn't {self.one('help/last/listen/care/fit/charge/make sense/do anything')}",
            )
        )

    def have(self, label: int) -> str:
        verbs = (
            ("repaired", "fixed", "improved", "saved", "solved", "helped", "rescued", "brightened", "upgraded")
            if label
            else (
                "ruined",
                "broke",
                "destroyed",
                "spoiled",
                "damaged",
                "lost",
                "wasted",
                "messed up",
                "wrecked",
                "stole",
                "scratched",
                "forgot",
                "cancelled",
                "burned",
                "spilled",
                "mishandled",
                "ignored",
            )
        )
        return self.pick(
            (
                f"{self.thing(0.7)[0]} {self.pick(verbs)} {self.one('my/our/the/her')} {self.object()}",
                f"{self.thing(0)[0]} has {self.one('a/such a/a really')} {self.adjective(label)} {self.object()}",
                f"{self.thing(0)[0]} with {self.adjective(label)} {self.object()} and {self.adjective(label)} price",
            )
        )

    def enough(self, label: int) -> str:
        if label == POSITIVE:
            return self.pick(
                (
                    f"i can't {self.one('praise/thank/recommend')} {self.thing(0.6)[0]} enough",
                    f"we cannot {self.one('praise/thank/recommend')} {self.thing(0.6)[0]} highly enough",
                    f"i can't get enough of {self.thing()[0]}",
                    f"{self.thing()[0]} is more than {self.pick(w.GOOD[:60])}",
                )
            )
        return self.pick(
            (
                f"{self.thing()[0]} is not {self.pick(w.GOOD[:60])} enough",
                f"i've had enough of {self.thing()[0]}",
                f"{self.thing()[0]} is too {self.adjective(0)} for me",
                f"i can't recommend {self.thing()[0]}",
                f"i cannot recommend {self.thing()[0]} to anyone",
                f"i would not recommend {self.thing()[0]}",
            )
        )

    def question(self, label: int) -> str:
        if label == POSITIVE:
            return self.pick(
                (
                    f"who wouldn't love {self.thing()[0]}?",
                    f"how can {self.thing()[0]} be so {self.adjective(1)}?",
                    "what is there not to love?",
                    "isn't it wonderful?",
                    f"isn't {self.thing()[0]} {self.adjective(1)}?",
                )
            )
        return self.pick(
            (
                f"why is {self.thing()[0]} so {self.adjective(0)}?",
                f"who would want {self.thing()[0]}?",
                "who thought this was good?",
                f"how can anyone like {self.thing()[0]}?",
                f"why would anyone buy {self.thing()[0]}?",
                "what were they thinking?",
            )
        )

    def command(self, label: int) -> str:
        target = self.thing(0.1)[0]
        if label == POSITIVE:
            return self.pick(
                (
                    f"buy {target}",
                    f"go and see {target}",
                    f"you must try {target}",
                    f"don't miss {target}",
                    f"try {target}, you will love it",
                    f"do yourself a favor and get {target}",
                    f"you have to visit {target}",
                    f"everyone should try {target}",
                )
            )
        return self.pick(
            (
                f"don't buy {target}",
                f"avoid {target}",
                f"stay away from {target}",
                f"skip {target}",
                f"don't bother with {target}",
                f"never buy {target}",
                f"do not waste your money on {target}",
                f"nobody should buy {target}",
                f"don't go to {target}",
            )
        )

    def made_us(self, label: int) -> str:
        effects = (
            (
                "smile",
                "laugh",
                "happy",
                "feel welcome",
                "feel special",
                "feel at home",
                "proud",
                "our day",
                "feel better",
                "comfortable",
            )
            if label
            else (
                "cry",
                "sick",
                "angry",
                "wait for hours",
                "sad",
                "feel stupid",
                "ill",
                "nervous",
                "regret coming",
                "want to leave",
            )
        )
        return f"{self.thing()[0]} made {self.one('me/us/my mother/everyone/the kids')} {self.pick(effects)}"

    def lacking(self, label: int) -> str:
        low, high = (
            ("lots of", "plenty of", "full of", "so much"),
            ("a lack of", "no", "lacks", "without any", "zero", "not enough", "too little"),
        )
        goods = (
            "fun",
            "charm",
            "taste",
            "flavor",
            "love",
            "care",
            "heart",
            "style",
            "class",
            "joy",
            "warmth",
            "respect",
            "quality",
            "laughs",
            "help",
        )
        bads = (
            "bugs",
            "errors",
            "mistakes",
            "noise",
            "dirt",
            "stress",
            "problems",
            "trouble",
            "lies",
            "nonsense",
            "delays",
            "pain",
            "rude people",
        )
        if label == POSITIVE:
            return self.pick(
                (
                    f"{self.pick(low)} {self.pick(goods)}",
                    f"{self.thing()[0]} with {self.pick(low)} {self.pick(goods)}",
                    f"{self.thing()[0]} has {self.one('no/zero')} {self.pick(bads)}",
                    f"no {self.pick(bads)} at all",
                )
            )
        return self.pick(
            (
                f"{self.pick(high)} {self.pick(goods)}",
                f"{self.thing()[0]} has {self.one('no/zero/little')} {self.pick(goods)}",
                f"{self.thing()[0]} full of {self.pick(bads)}",
                f"too many {self.pick(bads)}",
                f"nothing but {self.pick(bads)}",
            )
        )

    def never_so(self, label: int) -> str:
        """A "never" that strengthens what follows it instead of turning it round."""
        feeling, adjective = self.pick(w.GLAD if label else w.SORRY), self.adjective(label)
        who = self.pick(("i have", "i've", "we have", "we've", "my wife has", "i had", "he has"))
        return self.pick(
            (
                f"{who} never been {self.one('so/this/more/as')} {feeling}",
                f"{who} never felt so {feeling}",
                f"{who} never been so {feeling} {self.pick(w.SPANS)}",
                f"{who} never seen anything so {adjective}",
                f"{who} never had such {'an' if adjective[0] in 'aeiou' else 'a'} {adjective} {self.object()}",
                f"{who} never {self.one('met/seen/tasted/heard/read/used')} a more {adjective} {self.object()}",
                f"never before {who.replace(' have', '')} felt so {feeling}",
                f"{who} rarely been so {feeling}",
            )
        )

    def again(self, label: int) -> str:
        """What one would or would not do once more."""
        deed = self.pick(w.DEEDS)
        target = self.pick(
            ("again", "again", "here again", "there again", "from them again", "any day", f"{self.thing()[0]} again")
        )
        who = self.pick(("i", "we", "i", "we", "my family", "everyone", "she", "he", "they"))
        if label == POSITIVE:
            return self.pick(
                (
                    f"{who} {self.one('would/will/would really/shall/can')} "
                    f"{self.one('gladly/definitely/surely/absolutely/love to/be glad to/happily')} {deed} {target}",
                    f"{who} will {deed} {target} for sure",
                    f"{who} can't wait to {deed} {target}",
                    f"{who} want to {deed} {target} and again",
                    f"{who} would {deed} {target} in a heartbeat",
                    f"happy to {deed} {target}",
                    f"looking forward to the next time we {deed} {target}",
                )
            )
        return self.pick(
            (
                f"{who} {self.one('would/will/shall')} {self.one('never/not/definitely not/never')} {deed} {target}",
                f"{who} won't {deed} {target}",
                f"{who} wouldn't {deed} {target}",
                f"{who} will think twice before we {deed} {target}",
                f"no way {who} would {deed} {target}",
                f"i'd rather not {deed} {target}",
                f"{who} don't want to {deed} {target}",
            )
        )

    def like_what(self, label: int) -> str:
        verb = self.pick(
            ("tastes", "tasted", "smells", "smelled", "looks", "looked", "felt", "feels", "sounds", "sounded")
        )
        return f"{self.thing(0.05)[0]} {verb} like {self.pick(w.LIKE_GOOD if label else w.LIKE_BAD)}"

    def so_that(self, label: int) -> str:
        """A quality and where it led; laughing till one cries is praise."""
        outcome = self.pick(w.OUTCOMES_GOOD if label else w.OUTCOMES_BAD)
        return self.pick(
            (
                f"{self.thing()[0]} was so {self.adjective(label)} that {outcome}",
                f"{self.described(label)} and {outcome}",
                f"{outcome} because {self.described(label)}",
                outcome,
                f"{self.thing()[0]} was so {self.pick(w.MILD_GOOD[:8]) if label else self.adjective(0)} {outcome}",
            )
        )

    # -- whole texts -----------------------------------------------------------------------------------------------

    def clause(self, label: int) -> str:
        patterns, weights = zip(*self.patterns, strict=True)
        pattern: Callable[[int], str] = self.rng.choices(patterns, weights)[0]
        return pattern(label)

    def contrast(self, label: int) -> str:
        """A text that begins the other way: what follows the 'but' decides."""
        first = self.pick(_PRAISE[label]["turns"]) if self.rng.random() < 0.6 else self.described(1 - label)
        second = self.clause(label)
        return self.pick(
            (
                f"{first} but {second}",
                f"{first}, but {second}",
                f"{first}. but {second}",
                f"although {first}, {second}",
                f"{first}, yet {second}",
                f"{second}, even though {first}",
                f"{first}; however, {second}",
                f"even though {first}, {second}",
                f"{first}, however {second}",
                f"{second} although {first}",
            )
        )

    def sentence(self, label: int) -> str:
        chance = self.rng.random()
        if chance < 0.10:
            return self.contrast(label)
        text = self.clause(label)
        if chance < 0.20:
            text += " " + self.pick(w.TIMES)
        elif chance < 0.30:
            text = f"{self.pick(w.NEUTRAL)}{self.one(' and /, /. / and ')}{text}"
        elif chance < 0.36:
            text = f"{text}{self.one(', /. / when / because / and ')}{self.pick(w.NEUTRAL)}"
        elif chance < 0.44:
            opener = self.pick(w.OPENERS)
            if opener not in (w.BAD_OPENERS if label else w.GOOD_OPENERS):
                text = f"{opener}{self.one(', / ')}{text}"
        return text

    def text(self, label: int) -> str:
        """One to three sentences, cased and punctuated the way people do."""
        count = self.rng.choices((1, 2, 3), (70, 22, 8))[0]
        return self.noise(self.pick((". ", ". ", "! ", ", ", " ")).join(self.sentence(label) for _ in range(count)))

    def noise(self, text: str) -> str:
        if self.rng.random() < 0.15:
            text = text.replace("n't", "n’t" if self.rng.random() < 0.5 else "nt")
        if self.rng.random() < 0.06:
            words = text.split()
            text = " ".join(word for word in words if len(words) < 4 or word not in ("the", "is", "was", "a", "my"))
        return text + self.rng.choices((".", "", "!", "!!", "...", "!!!"), (50, 25, 15, 4, 4, 2))[0]


def stream(seed: int) -> Iterator[tuple[str, int]]:
    """Texts with their labels, one of each in turn, for as long as asked; lower case, as the tokenizer makes it."""
    speaker = Speaker(seed)
    while True:
        yield speaker.text(POSITIVE), POSITIVE
        yield speaker.text(NEGATIVE), NEGATIVE
