"""What the stories hold when they are set in space: stars and rockets, robots and moon bears, the noise of engines."""

from __future__ import annotations

from mc_jupyter.starters.stories import words as w
from mc_jupyter.starters.stories.styles import Style
from mc_jupyter.starters.stories.words import rows, table

STYLE = Style(
    name="space",
    tables={
        w.PLACES: table("""
            the moon, a small star, a red star, the red star, a faraway star, the blue star, a silver rocket
            a big space rocket, a rocket, a robot city, space
        """),
        w.ANIMALS: table("space dog, space cat, star duck, robot, moon mouse, moon bear, space bird, space fox"),
        w.PEOPLE: table("astronaut/she, astronaut/he, pilot/she, pilot/he, space captain/she, space captain/he"),
        w.LIVING_THINGS: table("robot, rocket, star, moon, space rocket, space robot, moon robot"),
        w.THINGS: table("rocket, telescope, robot, star map, space hat, moon stone, lamp, clock, engine, space boot"),
        w.FOODS: table("moon cheese, star cake, space soup, moon milk, star cookies"),
        w.SKILLS: table("fly a rocket, count the stars, swim in space, dance on the moon, fly to the moon"),
        w.FEARS: table("the dark of space, the night, loud rockets, falling stars"),
        w.WEATHERS: table("the moon was bright, the stars were shining, the rocket was ready, the moon was round"),
        w.BUILDINGS: table("rocket, space rocket, robot, moon house, moon car"),
        w.VIRTUES: table("courage, friendship, helping, space, the stars"),
        w.HABITS: rows("""
            {hero} flew from star to star all day long.
            {he} had a silver rocket and a clever robot.
            {hero} loved the stars more than anything else.
            Everyone in space called {him} the {phrase}.
            {he} always looked for new stars.
            Every morning {he} ate some {food} and flew around the moon.
            {hero} wanted to see every star in space.
        """),
        w.ENDINGS: rows("""
            They flew home through space and lived happily ever after.
            {hero} looked at the moon and flew away.
            The robots danced on the moon until morning.
            From that day on, {hero} was the happiest {kind} in space.
            {hero} flew around the moon and felt {feeling}. The end.
            And if you fly to the moon, you may still see the rocket of {hero} there.
        """),
    },
    friends=table("robot, star duck, space dog, space cat, moon mouse, astronaut, moon bear, space bird"),
    plots=(
        (  # a new star
            rows("""One day {hero} saw a new star through the window. "Let us go there," {he} said.
                One day {he} found a new star. "It looks lovely," said {hero}."""),
            rows("""{he} started the rocket and flew through space.
                The engine was loud, and the rocket flew around the moon."""),
            rows("""On the star {he} met {a_old}. "Who are you?" asked the {friend}.
                There sat {a_old}, alone on the star. "Do you want to play?" asked the {friend}."""),
            rows(""""I come from the stars," said {hero}. "Let us be friends."
                {hero} gave the {friend} some {food}, and the {friend} smiled."""),
            rows("""They flew around the star together and counted the stars.
                So they built a rocket for two and flew through space together."""),
        ),
        (  # the engine
            rows("""One day the rocket stopped in the middle of space.
                One night the engine of the rocket stopped."""),
            rows(""""We are lost in space," said {hero}. It was cold and dark.
                {hero} looked at the engine, but {he} did not know what to do."""),
            rows("""Then {he} saw a light. It was the rocket of {a_old}.
                Then {a_old} came flying by. "Can I help you?" asked the {friend}."""),
            rows("""The {friend} was wise, and they worked all night.
                The {friend} held the lamp, and {hero} used the hammer."""),
            rows("""At last the engine started again, and they flew to the moon.
                Soon the rocket was as fast as a star. "Thank you!" said {hero}."""),
        ),
    ),
    cries=rows("""
        Zoom!
        Zoom, zoom!
        Beep boop!
        Whoosh!
        To the stars!
    """),
    words=(
        (r"\bHello\b", "Beep boop"),
        (r"\bwalked\b", "flew"),
        (r"\bwalking\b", "flying"),
        (r"\ba walk\b", "a flight"),
        (r"\bthe river\b", "a star garden"),
        (r"\bthe road\b", "the rocket"),
        (r"\bunder (a|an old) tree\b", "on a star"),
        (r"\bmoved into the house\b", "came to the rocket"),
        (r"\bthe house of\b", "the rocket of"),
    ),
    ground="star|moon",
    markers=r"zoom|boop|whoosh|space|moon (?:mouse|bear|stone|robot|house|car|milk|cheese)|robot city|silver rocket"
    r"|star (?:map|cake|cookies|duck|garden)|faraway star|star to star|to the (?:moon|stars)|on the moon",
)
