"""What the stories and the small talk are made of: tables only.

In a line, `{hero}` is the hero as the opening named them, `{he}`, `{him}`, `{his}` and `{himself}` their pronouns,
`{a_old}` and `{friend}` the friend ("an old owl", "owl"), `{thing}` something of their own and `{noun}` its bare noun.
"""

from __future__ import annotations

Plot = tuple[tuple[str, ...], ...]
"""A plot is a row of beats, and a beat is a row of wordings."""


def table(text: str) -> tuple[str, ...]:
    """The entries of a table written several to a line, separated by commas or line ends."""
    return tuple(entry.strip() for line in text.splitlines() for entry in line.split(",") if entry.strip())


def rows(text: str) -> tuple[str, ...]:
    """The entries of a table written one to a line."""
    return tuple(line.strip() for line in text.splitlines() if line.strip())


ANIMALS = table("""
    fox, cat, dog, rabbit, bear, mouse, owl, duck, frog, hedgehog, squirrel, turtle, lion, tiger, elephant, monkey
    penguin
    deer, wolf, badger, otter, beaver, mole, bird, sparrow, robin, crow, goose, hen, chick, pig, sheep, lamb, goat
    cow, horse
    pony, donkey, kitten, puppy, bunny, snail, bee, ant, butterfly, ladybug, spider, fish, whale, dolphin, crab
    octopus, seal
    giraffe, zebra, hippo, camel, kangaroo, koala, panda, parrot, swan, bat, lizard, dragon, dinosaur, unicorn, raccoon
    moose, llama, alpaca, beetle, cricket, weasel, ferret, hamster, gorilla, leopard, cheetah, jaguar, lynx, salmon
    shark
    eagle, falcon, pigeon, turkey, rooster, pelican, flamingo, stork, gecko, tortoise, crocodile, worm, moth, wasp
    grasshopper
    jellyfish, starfish, lobster, shrimp, antelope, buffalo, reindeer, chipmunk, porcupine, skunk, meerkat, sloth
    phoenix
""")
PEOPLE = table("""
    girl/she, boy/he, woman/she, man/he, queen/she, king/he, princess/she, prince/he, witch/she, wizard/he, farmer/he
    baker/she, sailor/he, fisherman/he, teacher/she, doctor/she, painter/she, gardener/he, knight/he, pirate/he
    giant/he
    grandmother/she, grandfather/he, fairy/she, elf/he, dancer/she, singer/she, cook/he, farmer/she, shepherd/he
    explorer/she
    inventor/she, clown/he, miller/he, mermaid/she, carpenter/he, postman/he, astronaut/she, scientist/she, captain/he
    fireman/he, hunter/he, nurse/she, tailor/he, weaver/she, butcher/he, blacksmith/he, soldier/he, lady/she
    duchess/she
    emperor/he, monk/he, nun/she, poet/he, musician/she, magician/he, juggler/he, student/she, child/she, baby/he
    uncle/he
    aunt/she, cousin/she, sister/she, brother/he, mother/she, father/he, driver/he, pilot/she, diver/he, librarian/she
    dwarf/he
""")
LIVING_THINGS = table("""
    robot, train, boat, car, truck, tractor, kite, cloud, star, moon, teapot, lantern, toy, doll, snowman, tree
    flower, leaf
    balloon, rocket, clock, ship, bus, bicycle, ghost, monster, pumpkin, candle, drum, pebble, raindrop, snowflake
    engine
""")
TRAITS = table("""
    little, small, tiny, big, brave, kind, clever, shy, lazy, happy, sad, lonely, curious, young, old, gentle, hungry
    sleepy
    grumpy, friendly, playful, quiet, silly, wise, cheerful, proud, honest, careful, fluffy, red, blue, white, brown
    grey, golden
    green, yellow, black, pretty, funny, strong, busy, merry, poor, rich, greedy, polite, nervous, clumsy, fearless
    magic, orange
""")
GIRLS = table("""
    Lily, Mia, Anna, Emma, Lucy, Sara, Ella, Rose, Molly, Nora, Zoe, Ruby, Ivy, Clara, Alice, Grace, Daisy, Sophie
    Hannah, Maya
    Poppy, Luna, Olivia, Amy, Kate, Jane, Nina, Holly, Eva, Tina, Mary, Sue, Penny, Bella, Julia, Leah, Marta, Tilly
    Wendy, Fern
""")
BOYS = table("""
    Tom, Ben, Max, Sam, Leo, Jack, Tim, Finn, Oscar, Henry, Noah, Adam, Peter, Luke, Hugo, Felix, Theo, Charlie
    George, Oliver
    Jim, Paul, Dan, Eric, Toby, Milo, Alex, Billy, Fred, Harry, Jake, Nick, Simon, Otto, Ravi, Omar, Ali, Ned, Gus, Rob
    Daniel, Samuel, Benjamin, William, James, Thomas, Lucas, Ethan, Mateo, Diego, Hassan, Kenji, Bob, Carl, Walter
    Victor
""")
PET_NAMES = table(
    "Pip, Dot, Bolt, Sunny, Spark, Button, Pepper, Tiny, Zip, Rusty, Star, Bobo, Pebble, Momo, Ziggy, Beep, Coco, Tock"
)
FRIEND_TRAITS = table(
    "old, wise old, kind, friendly, small, big, clever, young, gentle, grey, cheerful, brown, funny, white"
)

PLACES = table("""
    the forest, the village, a small village, the garden, the meadow, the mountains, the valley, a quiet valley
    the woods
    the desert, the jungle, a big city, the city, a little town, the town, the farm, an old farm, the castle
    a tall castle
    a small house, a cosy house, the hills, the green hills, a cave, a faraway land, a snowy land, the park
    the countryside
    an old house, a little cottage, the dark forest, a sunny meadow, the harbour, the country
""")
THINGS = table("""
    ball, hat, kite, drum, book, key, box, boat, bell, lamp, scarf, cup, shell, stone, coin, ring, basket, blanket
    map, flute
    umbrella, bucket, balloon, button, feather, mirror, necklace, pencil, spoon, wagon, whistle, lantern, coat, boot
    doll, toy
    guitar, apple, flower, bag, cake, crown, sword, bicycle, bottle, brush, clock, pillow, ribbon, rope, spade
    telescope, violin
""")
THING_TRAITS = table("""
    red, blue, golden, green, yellow, silver, shiny, old, new, tiny, little, big, magic, pink, purple, white, wooden
    small
    beautiful, round, special, pretty, black, orange, warm, lucky, soft, broken, lost, favourite
""")
FOODS = table(
    """apple pie, soup, honey cake, bread, berry jam, cookies, warm milk, pancakes, cheese, carrots, nuts, porridge
        cake, berries"""
)
SKILLS = table("""
    sing, dance, swim, paint, read, write, bake, climb, skate, whistle, cook, draw, jump high, tell jokes
    play the drum, juggle
    count the stars, play the flute, ride a bicycle, make hats, grow flowers, run fast, catch a ball, build a house, sew
""")
FEARS = table(
    "the dark, the water, loud thunder, high places, big dogs, the deep forest, strangers, the wind, ghosts, the night"
)
WEATHERS = table("""
    the sun was shining, the sky was blue, the wind was soft, the snow was deep, the leaves were falling
    the air was warm
    the birds were singing, the grass was green, the stars were bright, the rain had stopped, the flowers were open
""")
BUILDINGS = table(
    "boat, bridge, house, tower, swing, raft, snow house, nest, cart, tree house, fence, kite, table, sandcastle"
)
FEELINGS = table("happy, proud, glad, joyful, cheerful, very happy, so happy, warm inside, full of joy, calm and happy")
VIRTUES = table("kindness, courage, patience, honesty, friendship, sharing, helping, hard work, hope, trying again")

OPENINGS = rows("""
    Once upon a time there was {a_phrase}. {he} lived in {place}.
    Once upon a time there was {a_phrase} who lived in {place}.
    Once upon a time, there was {a_phrase} who lived in {place}.
    Once upon a time, there was {a_phrase}. {he} lived in {place}.
    Once upon a time there lived {a_phrase} in {place}.
    Once upon a time {a_phrase} lived in {place}.
    Once upon a time, in {place}, there lived {a_phrase}.
    Once upon a time in {place} there was {a_phrase}.
    Once there was {a_phrase} who lived in {place}.
    There was once {a_phrase} who lived in {place}.
    There was once {a_phrase}. Everyone in {place} knew {him}.
    Long ago, {a_phrase} lived in {place}.
    Long, long ago, there was {a_phrase} in {place}.
    One day, {a_phrase} went for a walk in {place}.
    One sunny morning, {a_phrase} woke up early in {place}.
    One morning {a_phrase} woke up in {place}.
    One cold winter day, {a_phrase} looked out of the window. {sky}.
    One evening, {a_phrase} sat alone in {place}.
    One night, {a_phrase} could not sleep.
    In {place}, there lived {a_phrase}.
    In {place} lived {a_phrase}.
    In {place} there was {a_phrase}.
    Far away, in {place}, there was {a_phrase}.
    Deep in {place}, there lived {a_phrase}.
    The {phrase} lived in {place}.
    The {phrase} woke up early. {sky}.
    The {phrase} was walking in {place}.
    The {phrase} loved {place} more than anything.
    The {phrase} sat in {place} and looked around.
    The {phrase} had a dream.
    A {phrase} once lived in {place}.
    It was a lovely day in {place}. {sky}. The {phrase} was ready for an adventure.
    There was {a_phrase} who lived all alone in {place}.
    This is the story of {a_phrase} who lived in {place}.
    Every day, the {phrase} went to {place}.
""")
NAMED_OPENINGS = rows("""
    Once upon a time there was {a_phrase} named {name}. {he} lived in {place}.
    Once upon a time, there was {a_phrase} named {name} who lived in {place}.
    Once upon a time there was {a_phrase} called {name}. {he} lived in {place}.
    Once upon a time, in {place}, there lived {a_phrase} called {name}.
    Once upon a time, there was {a_phrase} named {name}.
    There was once {a_phrase} called {name}, and {he} lived in {place}.
    There was once {a_phrase} named {name} who lived in {place}.
    Long ago, {a_phrase} named {name} lived in {place}.
    In {place}, there lived {a_phrase} named {name}.
    In {place} lived {a_phrase} called {name}.
    {name} was {a_phrase} who lived in {place}.
    {name} was {a_phrase}. {he} lived in {place}.
    {name} was {a_phrase}, and {he} lived in {place}.
    {name} the {kind} lived in {place}.
    {name} was {a_phrase}.
    {name} lived in {place}. {he} was {a_phrase}.
    {name} went for a walk in {place}. {he} was {a_phrase}.
    {name} the {kind} was small but full of life. {he} lived in {place}.
    One sunny morning, {name} the {kind} woke up early.
    One sunny morning, {name} went for a walk in {place}. {name} was {a_phrase}.
    One day, {a_phrase} named {name} went out to play.
    One day, {name} the {kind} was walking in {place}.
    One evening, {a_phrase} named {name} sat alone in {place}.
    One night, {name} the {kind} could not sleep.
    It was a lovely day in {place}, and {name} the {kind} was ready for an adventure.
    The {phrase} was called {name}. {he} lived in {place}.
    The {phrase} named {name} lived in {place}.
    This is the story of {name}, {a_phrase} who lived in {place}.
    Every morning, {name} the {kind} walked through {place}.
""")
HABITS = rows("""
    {hero} liked to play outside all day.
    {he} loved to look at the stars at night.
    Everyone called {him} the {phrase}.
    {hero} had many friends, and they liked {him} very much.
    {he} was always ready to help others.
    Every morning {he} ate some {food} and went out to play.
    {hero} liked {food} more than anything else.
    {he} wanted to see the whole world.
    {hero} was happy, but {he} often felt a little bored.
    Most of all, {he} loved to {skill}.
    {he} was small in the big world, but {his} heart was full of hope.
    All day long, {hero} worked hard and sang a song.
    {sky}, and {hero} felt good.
""")
OWNING = rows("""
    {hero} had {a_thing}, and {he} took it everywhere.
    {he} had {a_thing} that {he} loved very much.
    {his} best friend was {a_thing}.
    One day {he} found {a_thing} under a tree.
    {hero} had {a_thing}. It was a gift from {his} mother.
    {hero} carried {a_thing} wherever {he} went.
    For {his} birthday, {hero} got {a_thing}.
""")
THING_PLOTS: tuple[Plot, ...] = (
    (  # lost and found
        rows("""One day the {noun} was gone. {hero} looked everywhere, but {he} could not find it.
            But one windy day {hero} lost the {noun}. {he} looked under the bed and behind the door.
            One morning, {hero} woke up and could not see the {thing} anywhere. "Where is my {noun}?" {he} cried."""),
        rows("""{he} felt very sad and began to cry.
            {hero} sat down on a stone and did not know what to do.
            "I will never see my {noun} again," said {hero}."""),
        rows("""Then {a_old} came by. "Why are you sad?" asked the {friend}.
            {a_old} heard {him} and came closer. "What is wrong?" asked the {friend}.
            Just then {he} met {a_old}. "Can I help you?" asked the {friend}."""),
        rows(""""I lost my {noun}," said {hero}. "Please help me find it."
            {hero} told the {friend} about the {noun}. "Let us look together," said the {friend}."""),
        rows("""They looked in the grass, by the river and under the old bridge. At last they saw the {thing} in a bush.
            The two of them walked and walked. Then the {friend} saw something in the mud. It was the {thing}!
            They searched all day. When the sun went down, they found the {noun} on top of a hill."""),
        rows("""{hero} was so happy that {he} hugged the {friend}. "Thank you!" {he} said.
            "Thank you, my friend," said {hero}. {he} held the {noun} tight and smiled."""),
    ),
    (  # sharing
        rows("""One day, {a_old} saw the {noun}. "May I play with it?" asked the {friend}.
            A {friend} came to visit and looked at the {thing}. "That is a lovely {noun}," said the {friend}."""),
        rows(""""No, it is mine!" said {hero}. The {friend} went away with tears in its eyes.
            {hero} did not want to share. {he} hid the {noun} behind {his} back and the {friend} walked home alone."""),
        rows("""But playing alone was no fun. {hero} thought about the {friend} all night.
            Soon {hero} felt lonely. "I was not kind," {he} thought."""),
        rows("""The next day {he} went to the {friend} and said, "I am sorry. Let us play with the {noun} together."
            So {he} ran after the {friend}. "Please come back," {he} said. "You can have the {noun} today." """),
        rows("""They played until the sun went down, and it was the best day of all.
            The {friend} smiled, and they laughed and played all afternoon."""),
    ),
    (  # magic
        rows("""One night the {noun} began to shine. "I can give you one wish," it said.
            When {hero} touched the {noun}, it began to glow. It was magic!"""),
        rows("""{hero} thought for a long time. {he} could ask for gold or a castle.
            "What should I wish for?" {he} asked {himself}. {he} thought all night long."""),
        rows("""Outside, {a_old} was cold and hungry. {hero} saw the {friend} through the window.
            Then {he} heard {a_old} crying. The {friend} had no home and no food."""),
        rows(""""I wish for a warm home for the {friend}," said {hero}.
            {hero} held up the {noun} and said, "Please help the {friend}." """),
        rows("""There was a flash of light, and there stood a little house with {food} on the table.
            At once the {friend} was warm and safe, and {hero} was glad."""),
        rows("""The {thing} never shone again, but {hero} did not mind, for {he} had a new friend.
            The {friend} thanked {hero}, and from that day they were best friends."""),
    ),
    (  # using it to help
        rows("""One day, {hero} heard a cry for help. {a_old} had fallen into a deep hole.
            On the way home, {hero} saw {a_old} in the river. "Help me!" cried the {friend}."""),
        rows("""{he} ran as fast as {he} could. "Do not be afraid," {he} called.
            {hero} was scared, but {he} did not run away."""),
        rows("""{he} looked at the {noun} and had an idea. With the {thing}, {he} could reach the {friend}.
            Then {he} remembered the {thing}. {he} used the {noun} to pull the {friend} out."""),
        rows("""Soon the {friend} was safe. "You saved me!" said the {friend}.
            "You are so brave," said the {friend}, and {hero} smiled."""),
        rows("""That night everyone in {place} talked about {hero} and the {thing}.
            After that, {hero} was proud of the {noun} and kept it close."""),
    ),
)
PLOTS: tuple[Plot, ...] = (
    (  # lost on the way
        rows("""One day {he} walked too far and could not find the way home.
            One afternoon, {hero} followed a butterfly and got lost.
            One day, {hero} went far away from home. Soon {he} did not know where {he} was."""),
        rows("""It was getting dark, and {he} was afraid.
            The trees were tall and the wind was cold. {hero} began to cry.
            "Which way should I go?" {he} asked, but no one answered."""),
        rows("""Then {he} saw a small light. It was the house of {a_old}.
            Just then {a_old} came down the path. "Are you lost?" asked the {friend}.
            At last {he} met {a_old} by the river."""),
        rows(""""Do not worry," said the {friend}. "I know the way." They walked together under the moon.
            The {friend} gave {him} some {food} and showed {him} the way."""),
        rows("""Soon {hero} saw {his} own home again. {he} jumped with joy.
            When they came home, {hero} said, "Thank you for your help. You are a true friend." """),
    ),
    (  # a fear
        rows("""But {hero} was afraid of {fear}.
            There was only one problem. {hero} was scared of {fear}.
            {hero} had a secret. {he} was very afraid of {fear}."""),
        rows("""The others laughed at {him}, and that made {him} sad.
            Because of that, {he} stayed at home while the others played.
            "I wish I could be brave," {he} said."""),
        rows("""One day {a_old} needed help. There was no one else to help the {friend}.
            Then one night, {hero} heard {a_old} calling for help."""),
        rows("""{hero} took a deep breath. "I can do it," {he} said, and {he} went out.
            {his} legs shook, but {he} did not stop. Step by step, {he} went on."""),
        rows("""{he} found the {friend} and brought it home safely.
            In the end {he} saved the {friend}, and {he} was not afraid any more."""),
        rows(""""You are very brave," said the {friend}. {hero} felt {feeling}.
            Now {hero} knew that {he} was stronger than {his} fear of {fear}."""),
    ),
    (  # a skill
        rows("""{hero} wanted to learn to {skill}.
            More than anything, {hero} wanted to {skill}. But {he} did not know how.
            One day, {he} saw {a_old} who could {skill} very well. "I want to {skill} too," said {hero}."""),
        rows("""{he} tried and tried, but it did not go well.
            The first time was very hard, and {he} fell down.
            {he} tried it in the morning and in the evening, but {he} always failed."""),
        rows("""The others laughed, but {a_old} said, "Do not give up. Try again every day."
            "It is too hard," said {hero}. "Just try once more," said {a_old}. """),
        rows("""So {hero} worked hard every day. Little by little, {he} got better.
            {hero} did not give up. {he} practised in the sun and in the rain."""),
        rows("""At last {hero} could {skill} better than anyone in {place}.
            One day, it worked! {hero} could {skill}, and everyone clapped."""),
        rows("""{he} was {feeling}. "Now I will teach you," {he} told the little ones.
            "I knew you could do it," said the {friend}, and {hero} felt {feeling}."""),
    ),
    (  # alone, then a friend
        rows("""{hero} had no one to play with and felt lonely.
            But {he} was often lonely, because {he} had no friends."""),
        rows("""{he} asked a bird to play, but the bird flew away. {he} asked a fish, but the fish swam off.
            Every day {he} sat by the road and waited. Nobody came."""),
        rows("""One rainy day, {he} saw {a_old} under a tree. The {friend} was wet and cold.
            Then {a_old} moved into the house next door. The {friend} was shy."""),
        rows(""""Come in," said {hero}. "I have {food} and a warm fire."
            "Hello," said {hero}. "Would you like some {food}?" The {friend} nodded."""),
        rows("""They ate and talked and told each other stories.
            They played a game and laughed until it was dark."""),
        rows("""From then on, {hero} was never lonely again.
            The {friend} came back the next day, and the day after that."""),
    ),
    (  # helping one who is stuck
        rows("""One day, {hero} heard a strange sound. It came from behind a big rock.
            While {hero} was walking, {he} heard someone cry."""),
        rows("""{he} went closer and saw {a_old}. The {friend} had hurt its leg.
            It was {a_old}. The {friend} was stuck and could not get out."""),
        rows(""""Please help me," said the {friend}. "I cannot move."
            "Do not cry," said {hero}. "I will help you." """),
        rows("""{hero} pushed and pulled with all {his} strength. At last the {friend} was free.
            {he} ran home and came back with water and {food}. Soon the {friend} felt better."""),
        rows(""""How can I thank you?" asked the {friend}. "Be my friend," said {hero}.
            The {friend} was thankful and said, "I will never forget this." """),
        rows("""Some days later, {hero} was in trouble, and the {friend} came to help {him}.
            After that day, they did everything together."""),
    ),
    (  # building
        rows("""One day {hero} wanted to build {a_made}.
            "I will build {a_made}," said {hero} one morning."""),
        rows("""{he} looked for wood and stones, but the work was hard.
            {he} worked all day, but in the night the wind blew it down."""),
        rows("""{a_old} saw {him} and said, "Let us do it together."
            "You need help," said {a_old}. "Two are better than one." """),
        rows("""The {friend} held the wood, and {hero} used the hammer.
            They worked and sang, and soon the {made} was ready."""),
        rows("""It was the best {made} in {place}, and they were {feeling}.
            Everyone came to see the new {made}. "What a fine {made}!" they said."""),
    ),
    (  # a storm
        rows("""One day dark clouds came, and it began to rain.
            That night there was a big storm. The wind was loud and the rain was cold."""),
        rows("""{hero} ran to find a dry place. {he} found a hole under an old tree.
            {hero} closed the window and made a fire."""),
        rows("""Then {he} heard a small voice. {a_old} stood outside in the rain.
            There was a knock. Outside stood {a_old}, wet and cold."""),
        rows(""""There is not much room," said {hero}, "but you can come in."
            "Come in quickly," said {hero}. {he} gave the {friend} a blanket and some {food}."""),
        rows("""They kept each other warm until the storm was over.
            They told stories all night and forgot about the storm."""),
        rows("""In the morning, there was a rainbow over {place}.
            When the sun came up, they went out and jumped over the puddles."""),
    ),
    (  # a seed
        rows("""One day {he} found a tiny seed on the ground.
            In spring, {a_old} gave {hero} a little seed."""),
        rows("""{hero} put it into the earth and gave it water every day.
            {he} planted it in the garden. "Grow, little seed," {he} said."""),
        rows("""For many days nothing happened. {hero} was sad, but {he} did not give up.
            "Why does it not grow?" {he} asked. "You must wait," said {a_old}."""),
        rows("""Then one morning a small green leaf came out of the ground.
            After a warm rain, the seed began to grow."""),
        rows("""It grew and grew until it was a big tree full of sweet apples.
            Soon there was a beautiful flower, as bright as the sun."""),
        rows("""{hero} shared it with everyone in {place}.
            Everyone came to see it, and {hero} was {feeling}."""),
    ),
    (  # a birthday
        rows("""It was {his} birthday, but no one said a word about it.
            One day {hero} woke up and thought, "Today is my birthday!" """),
        rows("""{he} went to see {a_old}, but the {friend} was not at home.
            {he} asked {a_old} to play, but the {friend} had no time."""),
        rows(""""Everyone forgot me," {he} said, and {he} walked home slowly.
            {hero} felt sad and sat down under a tree."""),
        rows("""But when {he} opened the door, all {his} friends were there. "Surprise!" they shouted.
            In the evening {he} came home, and the room was full of lights. "Happy birthday!" everyone shouted."""),
        rows("""They ate {food} and played music. They danced until midnight.
            They had made {food} for {him}, and they sang a song."""),
    ),
    (  # treasure
        rows("""One day {he} found an old map in a bottle.
            In an old box {he} found a map with a red cross on it."""),
        rows(""""A treasure!" said {hero}. {he} asked {a_old} to come along.
            {he} showed it to {a_old}. "Let us go and look," said the {friend}."""),
        rows("""They climbed over hills and crossed a wide river.
            They walked for three days, and the way was long and hard."""),
        rows("""At last they came to a dark cave. Inside they found a big box.
            Under an old tree they began to dig. Soon they hit something hard."""),
        rows("""The box was full of gold. They gave half of it to the poor people of {place}.
            There was no gold in the box, only a letter. It said, "The real treasure is a good friend." """),
        rows("""{hero} looked at the {friend} and smiled.
            "This was the best adventure ever," said the {friend}."""),
    ),
    (  # a lie or greed
        rows("""One day {hero} saw some {food} on the table of {a_old}. {he} was hungry and ate it all.
            One day, {hero} broke the window of {a_old} while {he} was playing."""),
        rows("""When the {friend} came home, it was very sad. "Who did this?" it asked.
            "Who did this?" asked the {friend}. {hero} did not say a word."""),
        rows("""That night {hero} could not sleep. {he} felt bad.
            {hero} felt a stone in {his} heart."""),
        rows("""In the morning, {he} went to the {friend} and said, "It was me. I am sorry."
            So {he} told the truth. "I did it," said {hero}. "Please forgive me." """),
        rows(""""Thank you for telling me," said the {friend}. "Let us be friends."
            The {friend} was not angry. "It is good that you are honest," it said."""),
        rows("""They made {dish} together, and {hero} never lied again.
            {hero} felt much better and went home with a light heart."""),
    ),
)
ENDINGS = rows("""
    They lived happily ever after.
    And they were friends for the rest of their lives.
    From that day on, {hero} was the happiest {kind} in {place}.
    That night, {hero} went to bed with a smile.
    {hero} learned that {virtue} is worth more than gold.
    And so {hero} learned about {virtue}.
    And {hero} lived happily ever after.
    {hero} went home, ate some {food} and fell asleep.
    From then on, everyone in {place} loved {hero}.
    It was a day that {hero} never forgot.
    "What a wonderful day," said {hero}, and {he} closed {his} eyes.
    And if you go to {place}, you may still see {hero} and the {friend} there.
    The end.
    {hero} was {feeling}. The end.
    {he} looked up at the stars and felt {feeling}.
""")

# -- conversations -----------------------------------------------------------------------------------------------------

REQUESTS = rows("""
    Tell me a story about {subject}.
    Tell me a story about {subject}.
    Can you tell me a story about {subject}?
    Could you tell me a story about {subject}?
    Please tell me a story about {subject}.
    Write a story about {subject}.
    Write me a short story about {subject}.
    Write a short story about {subject}.
    I want to hear a story about {subject}.
    I would like a story about {subject}, please.
    Make up a story about {subject}.
    Tell a short story about {subject}.
    Do you know a story about {subject}?
    A story about {subject}, please.
    Give me a story about {subject}.
    Tell me about {subject}.
    Tell my son a bedtime story about {subject}.
    Can you write a bedtime story about {subject}?
""")
BARE_REQUESTS = rows("""
    Tell me a story.
    Can you tell me a story?
    Tell me a short story.
    Please tell me a bedtime story.
    Write a story.
    I want to hear a story.
    Tell me another story.
    Another one, please.
""")
SYSTEMS = rows("""
    You are a helpful assistant.
    You are a friendly storyteller.
    You tell short stories for children.
    Answer in one short sentence.
    You are Pip, a tiny storyteller.
    Be kind and brief.
    You are a helpful assistant who answers briefly.
    You answer questions and tell stories.
    You are a patient teacher.
    Please be polite.
    You are an assistant.
""")
#: (wordings of what the user says, wordings of the reply)
TALK: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (
        rows("""Hello!
        Hi!
        Hello
        Hi there!
        Hey!
        Good morning!
        Hello there.
        Good evening."""),
        rows("""Hello! How can I help you today?
        Hello! Would you like to hear a story?
        Hi there! It is nice to meet you."""),
    ),
    (
        rows("""What is your name?
        What's your name?
        Do you have a name?
        How are you called?
        Tell me your name.
        May I ask your name?"""),
        rows("""My name is Pip. I am a tiny storyteller.
        My name is Pip."""),
    ),
    (
        rows("""Who are you?
        What are you?
        Tell me about yourself.
        Are you a robot?
        Are you a person?
        Are you human?
        Introduce yourself."""),
        rows("""I am Pip, a very small language model. I tell short stories.
        I am a tiny language model called Pip, and I like to tell stories."""),
    ),
    (
        rows("""What can you do?
        How can you help me?
        What are you good at?
        Can you help me?
        What do you do?
        What can I ask you?"""),
        rows("""I can tell you short stories and answer a few simple questions.
        I can tell stories about animals, people and things. Just ask me for one!"""),
    ),
    (
        rows("""How are you?
        How are you today?
        How do you do?
        Are you well?
        How is it going?"""),
        rows("""I am very well, thank you. How are you?
        I am fine, thank you! Would you like a story?"""),
    ),
    (
        rows("""Thank you!
        Thanks!
        Thank you very much.
        Thanks a lot!
        That was nice.
        I liked that story.
        Great story!"""),
        rows("""You are welcome!
        I am glad you liked it. Would you like another story?
        You are welcome! Come back for more stories."""),
    ),
    (
        rows("""Goodbye!
        Bye!
        See you later.
        Good night!
        See you tomorrow."""),
        rows("""Goodbye! Have a lovely day.
        Goodbye! Come back soon for another story."""),
    ),
    (
        rows("""Tell me a joke.
        Do you know a joke?
        Make me laugh.
        Say something funny."""),
        rows("""Why did the cookie go to the doctor? Because it felt crumbly!
        What do you call a sleeping bull? A bulldozer!
        Why is six afraid of seven? Because seven ate nine!"""),
    ),
    (
        rows("""How old are you?
        When were you born?
        What is your age?"""),
        rows("""I am very young. I was trained only a short while ago."""),
    ),
    (
        rows("""I am sad.
        I feel sad.
        I am lonely.
        I had a bad day."""),
        rows("""I am sorry to hear that. A story may cheer you up.
        I am sorry. I hope that tomorrow will be a better day."""),
    ),
    (
        rows("""I am happy.
        I am so happy today!
        I had a good day."""),
        rows("""That is wonderful! I am happy for you."""),
    ),
    (
        rows("""Do you like stories?
        What do you like?
        What is your favourite thing?"""),
        rows("""I love stories, above all stories about animals."""),
    ),
    (
        rows("""Who made you?
        Who trained you?
        Where do you come from?"""),
        rows("""I was trained on a small computer by a script that you can read."""),
    ),
    (
        rows("""Yes.
        Yes, please.
        No.
        No, thank you.
        Okay.
        Maybe."""),
        rows("""All right! Just ask me when you want a story."""),
    ),
)


def _is(what: str, answer: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return (f"What is {what}?", f"Tell me, what is {what}?", f"Do you know what is {what}?"), (answer,)


def _about(thing: str, colour: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    be = "are" if thing.endswith("s") and thing != "grass" else "is"
    article = "" if be == "are" or thing in ("snow", "grass", "milk") else "the "
    return (
        (
            f"What colour {be} {article}{thing}?",
            f"What color {be} {article}{thing}?",
            f"Which colour {be} {article}{thing}?",
        ),
        (f"{(article + thing).capitalize()} {be} {colour}.",),
    )


_SOUNDS = {
    "cat": "meow",
    "dog": "woof",
    "cow": "moo",
    "duck": "quack",
    "sheep": "baa",
    "pig": "oink",
    "lion": "roar",
    "bee": "buzz",
}
_COLOURS = {
    "sky": "blue",
    "sun": "yellow",
    "grass": "green",
    "snow": "white",
    "moon": "white",
    "night": "black",
    "sea": "blue",
    "bananas": "yellow",
    "tomatoes": "red",
    "oranges": "orange",
    "milk": "white",
    "strawberries": "red",
    "leaves": "green",
    "elephants": "grey",
    "lemons": "yellow",
    "carrots": "orange",
}
_CAPITALS = {
    "France": "Paris",
    "Italy": "Rome",
    "Spain": "Madrid",
    "England": "London",
    "Germany": "Berlin",
    "Japan": "Tokyo",
    "Egypt": "Cairo",
    "Greece": "Athens",
    "China": "Beijing",
    "Norway": "Oslo",
    "Poland": "Warsaw",
    "Austria": "Vienna",
}
_OPPOSITES = {
    "hot": "cold",
    "big": "small",
    "day": "night",
    "up": "down",
    "fast": "slow",
    "happy": "sad",
    "old": "young",
    "wet": "dry",
    "light": "dark",
    "good": "bad",
    "open": "closed",
    "full": "empty",
    "early": "late",
    "left": "right",
}
_LEGS = {
    "dog": "four",
    "cat": "four",
    "spider": "eight",
    "bird": "two",
    "horse": "four",
    "ant": "six",
    "cow": "four",
    "person": "two",
}
_EATS = {
    "cats": "fish and mice",
    "rabbits": "grass and carrots",
    "bees": "nectar from flowers",
    "cows": "grass",
    "birds": "seeds and worms",
    "monkeys": "fruit",
    "pandas": "bamboo",
    "squirrels": "nuts",
    "dogs": "meat",
}

FACTS: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    *(_about(thing, colour) for thing, colour in _COLOURS.items()),
    *(_about("sky", "blue"),) * 3,  # the question every demonstration asks
    *(_is(f"the capital of {land}", f"The capital of {land} is {city}.") for land, city in _CAPITALS.items()),
    *(_is(f"the opposite of {one}", f"The opposite of {one} is {other}.") for one, other in _OPPOSITES.items()),
    *(
        (
            (f"What sound does a {kind} make?", f"What does a {kind} say?", f"How does a {kind} sound?"),
            (f"A {kind} says {sound}.",),
        )
        for kind, sound in _SOUNDS.items()
    ),
    *(
        (
            (f"How many legs does {'an' if kind == 'ant' else 'a'} {kind} have?",),
            (f"{'An' if kind == 'ant' else 'A'} {kind} has {count} legs.",),
        )
        for kind, count in _LEGS.items()
    ),
    *(
        ((f"What do {kinds} eat?", f"What food do {kinds} like?"), (f"{kinds.capitalize()} eat {food}.",))
        for kinds, food in _EATS.items()
    ),
    (("How many days are in a week?", "How many days does a week have?"), ("There are seven days in a week.",)),
    (("How many months are in a year?", "How many months does a year have?"), ("There are twelve months in a year.",)),
    (("How many hours are in a day?",), ("There are twenty-four hours in a day.",)),
    (("What day comes after Monday?",), ("Tuesday comes after Monday.",)),
    (("What is the first month of the year?",), ("The first month of the year is January.",)),
    (("What do you need when it rains?",), ("When it rains, you need an umbrella.",)),
    (("Where do fish live?",), ("Fish live in water.",)),
    (("Where do birds live?",), ("Birds live in nests.",)),
    (("Why is the sky blue?",), ("The sky is blue because the air scatters blue light.",)),
    (("What is water?",), ("Water is a clear liquid that we drink.",)),
    (("What is the sun?",), ("The sun is a star that gives us light.",)),
    (("What is the biggest animal?", "What is the largest animal?"), ("The blue whale is the biggest animal.",)),
    (("What is the tallest animal?",), ("The giraffe is the tallest animal.",)),
    (("What is the fastest animal on land?",), ("The cheetah is the fastest animal on land.",)),
    (("What do bees make?",), ("Bees make honey.",)),
    (("What is ice?",), ("Ice is frozen water.",)),
    (("What season comes after winter?",), ("Spring comes after winter.",)),
    (("How many seasons are there?",), ("There are four seasons: spring, summer, autumn and winter.",)),
)
STRANGE_TOPICS = table("""
    politics, physics, football, computers, music, chemistry, history, love, money, the stock market
    quantum mechanics, France
    the war, philosophy, python, the internet, cooking, medicine, cars, taxes, the president, space travel, poetry
    mathematics
""")
STRANGE_QUESTIONS = rows("""
    What do you think about {topic}?
    Explain {topic} to me.
    How does {topic} work?
    Why is {topic} important?
    Who invented {topic}?
    What is the history of {topic}?
    Can you explain {topic}?
    Where can I buy {topic}?
    How much does {topic} cost?
    Write a poem about {topic}.
    Translate {topic} into French.
""")
NOT_KNOWN = rows("""
    I am sorry, I do not know that. I am only a tiny model.
    I do not know much about that, but I can tell you a story.
    That is too hard for me. Would you like a story instead?
""")
