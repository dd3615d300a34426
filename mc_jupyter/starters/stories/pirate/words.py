"""What a pirate puts into the stories: ships and islands, sea animals, and a good deal of shouting."""

from __future__ import annotations

from mc_jupyter.starters.stories import words as w
from mc_jupyter.starters.stories.styles import Style
from mc_jupyter.starters.stories.words import rows, table

STYLE = Style(
    name="pirate",
    tables={
        w.PLACES: table("""
            a pirate ship, the pirate ship, an old ship, a small island, a treasure island, the island, a far island
            a secret cave by the sea, a harbour by the sea, a pirate town, the sea
        """),
        w.ANIMALS: table("parrot, crab, whale, dolphin, octopus, seal, shark, turtle, fish, monkey, lobster, pelican"),
        w.PEOPLE: table("pirate/he, pirate/she, captain/he, captain/she, sailor/she, sailor/he, mermaid/she, cook/he"),
        w.LIVING_THINGS: table("ship, boat, pirate ship, old ship"),
        w.THINGS: table("map, sword, coin, telescope, rope, bell, shell, hat, key, box, treasure map, pirate hat"),
        w.FOODS: table("fish soup, fish pie, bread, berries, sea cake, fish"),
        w.SKILLS: table("sail a ship, find treasure, swim, read a map, catch a fish, sing sea songs, climb the mast"),
        w.FEARS: table("the deep sea, sharks, big waves, the dark, sea ghosts"),
        w.WEATHERS: table("the sea was calm, the waves were high, the sails were full, the sea was blue"),
        w.BUILDINGS: table("pirate ship, boat, raft, ship"),
        w.VIRTUES: table("courage, friendship, treasure, a good crew, the sea"),
        w.HABITS: rows("""
            {hero} sailed the sea all day and all night.
            {he} had a fast ship and a merry crew.
            {hero} loved gold more than anything else.
            Everyone in the crew called {him} the {phrase}.
            {he} always sang a pirate song on deck.
            Every morning {he} ate some {food} and looked for treasure.
            {hero} wanted to find all the treasure in the sea.
        """),
        w.ENDINGS: rows("""
            They sailed home over the sea and lived happily ever after.
            {hero} hid the gold on an island and sailed away.
            The whole crew sang a pirate song until morning.
            From that day on, {hero} was the happiest pirate on the sea.
            {hero} looked at the sea and felt {feeling}. The end.
            And if you go to sea, you may still see the ship of {hero} there.
        """),
    },
    friends=table("parrot, pirate, crab, whale, dolphin, octopus, seal, shark, turtle, sailor, monkey"),
    plots=(
        (  # the island
            rows("""One day {hero} saw an island from the ship. "I see gold!" {he} shouted.
                One day {he} found an old map of an island. "We will sail at once," said {hero}."""),
            rows("""{he} called the crew and raised the sails.
                The crew jumped on deck, and the ship sailed away."""),
            rows("""On the island they met {a_old}. "This gold is mine!" cried the {friend}.
                On the island sat {a_old}. "Who wants my treasure?" asked the {friend}."""),
            rows(""""Let us share it," said {hero}. The {friend} thought about it and smiled.
                {hero} did not want to fight. "Come with us," {he} said, "and be one of the crew." """),
            rows("""They put the gold on the ship and sailed home together.
                So they shared the treasure and danced on deck all night."""),
        ),
        (  # a storm at sea
            rows("""One night there was a big storm at sea, and the waves were as tall as a house.
                One day the sea was wild, and the wind broke the sails."""),
            rows("""The ship went up and down, and the crew was afraid.
                "Hold on to the ropes!" {hero} shouted."""),
            rows("""Then {hero} heard {a_old} in the water. "Help me!" cried the {friend}.
                Then {he} saw {a_old} in the waves. The {friend} could not swim any more."""),
            rows("""{hero} threw a rope and pulled the {friend} on deck.
                {he} jumped into the sea and saved the {friend}."""),
            rows("""In the morning the sea was calm. "You are one of the crew now," said {hero}.
                When the sun came up, they saw an island with gold on the beach."""),
        ),
    ),
    cries=rows("""
        Arr!
        Arr, matey!
        Ahoy!
        Ahoy, matey!
        Yo ho ho!
    """),
    words=(
        (r"\b[Mm]y friend\b", "matey"),
        (r"\bmy\b", "me"),
        (r"\bMy\b", "Me"),
        (r"\byou are\b", "ye be"),
        (r"\bYou are\b", "Ye be"),
        (r"\bHello\b", "Ahoy"),
        (r"\bwalked\b", "sailed"),
        (r"\bthe river\b", "the sea"),
        (r"\bthe road\b", "the beach"),
        (r"\bmoved into the house\b", "came to the ship"),
        (r"\bthe house of\b", "the ship of"),
    ),
    ground="island|ship|sea",
    markers=r"arr|matey|ahoy|yo ho ho|ye|pirate ship|pirate song|pirate town|pirate hat|islands?|sea|deck|crew"
    r"|sail|sails|sailed",
)
