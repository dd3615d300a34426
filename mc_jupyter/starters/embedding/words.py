"""Synonyms and paraphrases that the embedding corpus is put together from: tables only.

A concept is a row of words that mean much the same ("car/automobile/vehicle"). A frame is a row of wordings of one
statement, with slots; in a pair both sentences share the concepts but draw wording and word anew.
"""

from __future__ import annotations

Concept = tuple[str, ...]


def concepts(text: str) -> tuple[Concept, ...]:
    """Concepts separated by commas or line ends, their words by slashes."""
    entries = (entry.strip() for line in text.splitlines() for entry in line.split(","))
    return tuple(tuple(entry.split("/")) for entry in entries if entry)


def frames(text: str) -> tuple[tuple[str, ...], ...]:
    """Frames, one a line, their wordings separated by bars; a line that ends with a bar goes on in the next."""
    lines = text.replace("|\n", "|").splitlines()
    return tuple(tuple(part.strip() for part in line.split("|")) for line in lines if line.strip())


PEOPLE = concepts("""
    my brother, my sister, my mother/my mom/my mum, my father/my dad, the teacher/the instructor
    the doctor/the physician
    the children/the kids/the youngsters, my friend/my pal/my buddy, my friends/my pals, the boss/the manager
    the lawyer/the attorney
    the policeman/the police officer/the cop, the woman/the lady, the man/the guy, the boy/the young boy
    the girl/the young girl
    the students/the pupils, my neighbor/the person next door, the baby/the infant/the toddler
    the company/the firm/the business
    the chef/the cook, the scientist/the researcher, my colleague/my coworker, the customer/the client/the buyer
    my wife, my husband
    the team/the squad/the side, the government/the state, the farmer, the nurse, the driver, the singer/the vocalist
    the writer/the author
    the artist/the painter, the engineer, the soldier, the tourist/the traveler/the visitor, my grandmother/my grandma
    my uncle, my aunt
    he, she, they, we, i, everyone/everybody/all of us, nobody/no one, the pilot, the player/the athlete
    the president, the mayor
""")
#: kinds of thing that can fill a verb's object or a frame's slot
THINGS = {
    "goods": concepts("""
        car/automobile/vehicle/auto, bicycle/bike/cycle, phone/smartphone/mobile/cell phone
        computer/laptop/pc/notebook, jacket/coat/parka
        dress/gown, shoes/sneakers/footwear/boots, watch/wristwatch, television/tv/telly, sofa/couch/settee
        chair/seat, table/desk, bed
        picture/photo/photograph/image, painting/canvas, book/novel/volume, gift/present, bag/backpack/handbag/purse
        toy/doll, ring
        glasses/spectacles, umbrella, camera, knife/blade, lamp/light, curtain/drape, carpet/rug, fridge/refrigerator
        oven/stove/cooker
        guitar, piano, violin, ball, ticket/pass, map, pen/pencil, hat/cap, shirt/blouse, trousers/pants/jeans
        key/keys, suitcase/luggage/baggage
        headphones/earphones/earbuds, printer, mirror, wallet, newspaper/paper, magazine, jewelry, necklace, skirt
        sweater/pullover/jumper
    """),
    "food": concepts("""
        dinner/supper/evening meal, lunch/midday meal, breakfast/morning meal, soup/broth/stew, bread/loaf
        cake/sponge cake, cookies/biscuits
        pasta/spaghetti/noodles, pizza, salad, fish/salmon/tuna, meat/beef/steak, chicken/poultry, rice, cheese
        eggs/omelette, fruit/apples
        vegetables/greens/veggies, coffee/espresso, tea, juice, wine, beer, milk, water, chocolate/candy/sweets
        dessert/pudding, sandwich, curry
        potatoes/fries/chips, meal/food/dish, snack/bite to eat, ice cream, pie, sauce, sugar, salt, butter, honey/jam
        burger/hamburger
    """),
    "building": concepts("""
        house/home/residence, apartment/flat/condo, office/workplace, school/academy, hospital/clinic/infirmary
        shop/store/boutique
        supermarket/grocery store, restaurant/diner/eatery, cafe/coffee shop, hotel/inn, bank, library, museum/gallery
        church/chapel, garage
        factory/plant, airport, train station/railway station, cinema/movie theater, gym/fitness center
        pharmacy/drugstore, bridge, castle
        kitchen, bathroom/restroom/toilet, bedroom, garden/yard/backyard, park/playground, theater, stadium/arena
        farm, market/bazaar
    """),
    "place": concepts("""
        city/metropolis, town, village/hamlet, beach/seaside/shore/coast, mountain/mountains/hill/peak
        forest/woods/woodland, river/stream/creek
        lake/pond, ocean/sea, island, desert, paris, london, spain, japan, italy, france, germany
        america/the united states/the us, india, china, downtown/city center
        abroad/overseas/another country, the countryside/the country, valley, field/meadow, road/street/avenue
        highway/motorway, rome, new york
    """),
    "animal": concepts("""
        cat/kitten/kitty, dog/puppy/pup/hound, horse/pony/mare, bird/sparrow/robin, fish/goldfish, rabbit/bunny/hare
        mouse/rat/rodent, cow/cattle, pig/hog/swine
        sheep/lamb, chicken/hen/rooster, lion, tiger, bear, wolf, fox, elephant, monkey/ape, snake/serpent, frog/toad
        bee/wasp, spider, squirrel
        duck/goose, whale/dolphin, butterfly/moth, insect/bug, deer/stag, turtle/tortoise, owl, eagle/hawk, shark
        donkey/mule, pet
    """),
    "account": concepts("""
        password/passcode/login code, pin/pin code, username/login name/user name, account/profile
        email address/email/mail address
        phone number/telephone number, billing address/home address, subscription/membership/plan
        credit card/bank card/payment card
        payment method/way of paying, settings/preferences/options, profile picture/avatar, security question
        order/purchase/booking
    """),
    "software": concepts("""
        app/application/program/software, website/web page/site/page, game/video game, browser
        update/upgrade/new version, file/document
        database, server, code/source code/script, email/message/mail, internet/wifi/network/connection, video/clip
        system/operating system
        search engine, spreadsheet/table, folder/directory, bug/error/fault/defect, virus/malware, robot/machine
        model/neural network
    """),
    "event": concepts("""
        meeting/conference/session, party/celebration, wedding/marriage ceremony, concert/gig/show, game/match
        exam/test/quiz, lesson/class/lecture
        trip/journey/voyage/travel, holiday/vacation/break, interview, flight, appointment/visit, birthday
        festival/fair, race/contest/competition
        movie/film/picture, play/drama, speech/talk/presentation, war/battle/conflict, election/vote
        project/task/assignment, job/work/occupation
        training/workout/exercise, course/seminar/workshop, dinner party, funeral, strike/protest/demonstration
        sale/discount, delivery/shipment
    """),
    "health": concepts("""
        headache/migraine, cold/flu/influenza, fever/high temperature, cough, back pain/sore back
        toothache/sore tooth, stomach ache/belly pain/stomach pain
        injury/wound/cut, broken leg/fractured leg, allergy, stress/anxiety/tension, disease/illness/sickness
        infection, insomnia/trouble sleeping, burn, rash
    """),
    "medicine": concepts("""
        medicine/medication/drugs/pills/tablets, treatment/therapy/cure, surgery/operation, vaccine/shot/injection/jab
        bandage/plaster, rest/sleep
        advice/guidance/tips, diet/healthy eating
    """),
    "sport": concepts("""
        football/soccer, tennis, basketball, baseball, cricket, chess, golf, hockey, volleyball, rugby, swimming
        running/jogging, cycling/biking
        skiing, boxing, dancing/dance, yoga, cards, hiking/walking/trekking
    """),
    "art": concepts("""
        song/tune/melody/track, music, guitar, piano, violin/fiddle, drums, poem/verse/poetry, story/tale/narrative
        novel/book, letter/note, essay/article
        picture/drawing/sketch, painting/portrait, play/drama, report/paper, speech/talk, flute/recorder
        diary/journal, language, french, english, spanish
    """),
    "nature": concepts("""
        tree/oak/pine, flower/rose/blossom/bloom, grass/lawn, seed/seeds, roses, tulips, vegetables, tomatoes
        plant/plants/shrub, leaves/foliage, bush/hedge, crops/wheat/corn
    """),
    "money": concepts("""
        loan/credit/mortgage, salary/pay/wage/wages/income, price/prices/cost/costs/fee, tax/taxes, bill/invoice
        debt/debts, money/cash/funds
        rent, savings, investment/investments/stocks/shares, budget, profit/profits/earnings, refund, insurance
        pension, discount/reduction
    """),
    "school": concepts("""
        lesson/class, homework/assignment, question/problem, theory/idea/concept, mathematics/math/maths/arithmetic
        history, physics/science, chemistry, biology
        geography, grammar, rule/rules/law, plan/scheme/strategy, answer/solution/reply, mistake/error
        result/results/outcome, exam/test, decision/choice
    """),
}

#: (forms "base, past, participle, gerund" of the words of one concept, kinds of object)
VERBS: tuple[tuple[str, str], ...] = (
    (
        "buy, bought, bought, buying/purchase, purchased, purchased, purchasing/get, got, got, getting",
        "goods food building",
    ),
    ("sell, sold, sold, selling", "goods food building"),
    ("lose, lost, lost, losing/misplace, misplaced, misplaced, misplacing", "goods money"),
    ("find, found, found, finding/discover, discovered, discovered, discovering", "goods money animal school"),
    (
        "repair, repaired, repaired, repairing/fix, fixed, fixed, fixing/mend, mended, mended, mending",
        "goods building software",
    ),
    (
        "break, broke, broken, breaking/damage, damaged, damaged, damaging/smash, smashed, smashed, smashing",
        "goods",
    ),
    ("steal, stole, stolen, stealing/rob, robbed, robbed, robbing", "goods money"),
    ("cook, cooked, cooked, cooking/prepare, prepared, prepared, preparing/make, made, made, making", "food"),
    ("eat, ate, eaten, eating/have, had, had, having/consume, consumed, consumed, consuming", "food"),
    ("order, ordered, ordered, ordering/request, requested, requested, requesting", "food goods"),
    (
        "like, liked, liked, liking/enjoy, enjoyed, enjoyed, enjoying/love, loved, loved, loving",
        "food event sport place art",
    ),
    (
        "hate, hated, hated, hating/dislike, disliked, disliked, disliking/detest, detested, detested, detesting",
        "food event sport place",
    ),
    (
        "build, built, built, building/"
        "construct, constructed, constructed, constructing/"
        "erect, erected, erected, erecting",
        "building",
    ),
    (
        "clean, cleaned, cleaned, cleaning/wash, washed, washed, washing/tidy, tidied, tidied, tidying",
        "building goods",
    ),
    (
        "visit, visited, visited, visiting/go to, went to, visited, visiting/see, saw, seen, seeing",
        "place building",
    ),
    ("leave, left, left, leaving/depart from, departed from, left, leaving", "place building"),
    ("feed, fed, fed, feeding/give food to, gave food to, fed, feeding", "animal"),
    (
        "chase, chased, chased, chasing/run after, ran after, chased, chasing/pursue, pursued, pursued, pursuing",
        "animal",
    ),
    ("adopt, adopted, adopted, adopting/take in, took in, adopted, taking in", "animal"),
    (
        "change, changed, changed, changing/"
        "update, updated, updated, updating/"
        "modify, modified, modified, modifying/"
        "edit, edited, edited, editing",
        "account software",
    ),
    (
        "delete, deleted, deleted, deleting/remove, removed, removed, removing/erase, erased, erased, erasing",
        "account software",
    ),
    ("forget, forgot, forgotten, forgetting", "account event"),
    ("install, installed, installed, installing/set up, set up, set up, setting up", "software"),
    ("download, downloaded, downloaded, downloading", "software art"),
    (
        "create, created, created, creating/develop, developed, developed, developing/write, wrote, written, writing",
        "software",
    ),
    ("cancel, cancelled, cancelled, cancelling/call off, called off, called off, calling off", "event account"),
    (
        "postpone, postponed, postponed, postponing/"
        "delay, delayed, delayed, delaying/"
        "put off, put off, put off, putting off/"
        "move, moved, moved, moving",
        "event",
    ),
    (
        "attend, attended, attended, attending/"
        "take part in, took part in, attended, taking part in/"
        "go to, went to, attended, going to",
        "event",
    ),
    (
        "organize, organized, organized, organizing/"
        "plan, planned, planned, planning/"
        "arrange, arranged, arranged, arranging",
        "event",
    ),
    (
        "watch, watched, watched, watching/see, saw, seen, seeing/view, viewed, viewed, viewing",
        "event software",
    ),
    ("win, won, won, winning", "event sport"),
    ("treat, treated, treated, treating/cure, cured, cured, curing/heal, healed, healed, healing", "health"),
    ("suffer from, suffered from, suffered, suffering from/have, had, had, having", "health"),
    ("take, took, taken, taking/get, got, given, getting/receive, received, received, receiving", "medicine"),
    ("play, played, played, playing/practice, practiced, practiced, practicing", "sport"),
    ("write, wrote, written, writing/compose, composed, composed, composing", "art"),
    ("read, read, read, reading/study, studied, studied, studying", "art school"),
    ("learn, learned, learned, learning/study, studied, studied, studying", "art school sport"),
    ("plant, planted, planted, planting/grow, grew, grown, growing", "nature"),
    ("water, watered, watered, watering", "nature"),
    ("pay, paid, paid, paying/settle, settled, settled, settling", "money"),
    (
        "raise, raised, raised, raising/increase, increased, increased, increasing/put up, put up, put up, putting up",
        "money",
    ),
    ("cut, cut, cut, cutting/reduce, reduced, reduced, reducing/lower, lowered, lowered, lowering", "money"),
    ("save, saved, saved, saving/put aside, put aside, put aside, putting aside", "money"),
    (
        "approve, approved, approved, approving/"
        "accept, accepted, accepted, accepting/"
        "agree to, agreed to, approved, agreeing to",
        "money event school",
    ),
    (
        "reject, rejected, rejected, rejecting/"
        "refuse, refused, refused, refusing/"
        "turn down, turned down, turned down, turning down",
        "money event",
    ),
    (
        "explain, explained, explained, explaining/"
        "describe, described, described, describing/"
        "clarify, clarified, clarified, clarifying",
        "school art",
    ),
    ("solve, solved, solved, solving/work out, worked out, worked out, working out", "school"),
    ("paint, painted, painted, painting/draw, drew, drawn, drawing", "building animal nature"),
    ("borrow, borrowed, borrowed, borrowing", "goods money"),
    ("wait for, waited for, awaited, waiting for/expect, expected, expected, expecting", "event"),
    (
        "show, showed, shown, showing/"
        "display, displayed, displayed, displaying/"
        "present, presented, presented, presenting",
        "art goods",
    ),
    (
        "need, needed, needed, needing/require, required, required, requiring/want, wanted, wanted, wanting",
        "goods food medicine account",
    ),
    ("drive, drove, driven, driving", "goods"),
    (
        "photograph, photographed, photographed, photographing/"
        "take a picture of, took a picture of, photographed, taking pictures of",
        "animal place nature",
    ),
)
TIMES = concepts("""
    yesterday, today, last week/a week ago, last year/a year ago, this morning, in the evening/at night/tonight
    on monday, on friday
    on sunday, in the afternoon, in summer/during the summer, in winter/during the winter, recently/lately
    early in the morning/at dawn
    every day/daily/each day, at noon/at midday, next week, tomorrow, after work, at the weekend/on the weekend
    soon/shortly, at seven
""")
CAUSES = tuple(
    (a.strip(), b.strip())
    for a, b in (
        row.split("|")
        for row in """
    was tired/was exhausted/was worn out|went to bed early/went to sleep early/turned in early
    was hungry/was starving/had an empty stomach|ate a sandwich/had something to eat/had a snack
    was sick/was ill/felt unwell|stayed at home/stayed in bed/did not go out
    was late/ran late/lost track of time|missed the bus/did not catch the bus
    was bored/found it dull/found it boring|walked out early/left before the end/went home early
    was cold/was freezing/felt chilly|put on a coat/wore a jacket/turned on the heating
    was happy/was glad/felt joyful/was delighted|smiled all day/could not stop smiling/sang a song
    was angry/was furious/was mad/was upset|shouted at us/yelled/raised his voice
    was scared/was afraid/was frightened|ran away/fled/escaped
    worked hard/studied a lot/put in much effort|passed the exam/did well on the test/got good marks
    had no money/was broke/could not afford it|did not buy it/walked out of the shop empty handed
    was thirsty/needed a drink|drank some water/had a glass of water
    lost the key/could not find the key|could not get in/was locked out/stood outside
    was sad/was unhappy/felt down|cried/was in tears/wept
    saw the rain/noticed the clouds|took an umbrella/brought an umbrella
    was proud/felt proud|told everyone/spread the news
""".strip().splitlines()
    )
)

ADJECTIVES = concepts("""
    big/large/huge/enormous, small/little/tiny, fast/quick/rapid/speedy, slow/sluggish
    good/great/excellent/wonderful/fantastic/superb
    bad/terrible/awful/horrible/poor, beautiful/lovely/pretty/gorgeous/attractive, ugly/hideous
    happy/glad/cheerful/joyful/pleased
    sad/unhappy/miserable/gloomy, angry/furious/mad/annoyed, expensive/costly/overpriced/pricey
    cheap/inexpensive/affordable/low priced
    difficult/hard/tough/challenging, easy/simple/straightforward, boring/dull/tedious/uninteresting
    interesting/fascinating/intriguing
    funny/amusing/hilarious, old/ancient/aged, new/brand new/modern, clean/spotless/tidy, dirty/filthy/messy
    loud/noisy, quiet/silent/calm/peaceful
    broken/out of order/not working/damaged, hot/boiling/very warm, cold/freezing/chilly/icy
    tired/exhausted/weary/worn out, sick/ill/unwell
    strong/powerful/sturdy, weak/feeble, rich/wealthy, poor/broke/penniless, smart/clever/intelligent/bright
    stupid/silly/foolish, safe/secure
    dangerous/risky/unsafe, delicious/tasty/yummy/very good to eat, empty/vacant, full/packed/crowded
    famous/well known/popular, friendly/kind/nice
    rude/impolite/unfriendly, wrong/incorrect/mistaken, right/correct/accurate, important/essential/crucial
    closed/shut, open, late/delayed, free/available
    red, blue, green, yellow, black, white, wet/soaked, dry, dark/gloomy, heavy, light, strange/odd/weird/unusual
""")

#: slots: {account} etc. draw from THINGS, {who} from PEOPLE, {when} from TIMES
FRAMES = frames("""
    how do i change my {account}? | how can i update my {account}? | what is the way to edit my {account}? |
        i want to change my {account}. | where do i change my {account}? | can i modify my {account}?
    i cannot remember my {account}. | my {account} has slipped my mind. | i no longer know my {account}. |
        what do i do if i forgot my {account}? | help, i forgot my {account}! | recover a forgotten {account}
    how can i get a new {account}? | how do i reset or replace my {account}? | i need a new {account}. |
        my {account} is lost, how do i get another one? | i lost my {account}, can you reset it?
    how do i delete my {account}? | i want to remove my {account}. | how can i get rid of my {account}? |
        please erase my {account}. | cancel my {account}
    i cannot log in. | the login does not work for me. | signing in fails. | why can't i sign in? |
        my account is locked. | access to my account is denied
    is it going to rain {when}? | will there be rain {when}? | is rain expected {when}? |
        do i need an umbrella {when}? | are showers likely {when}? | rain is forecast for {when}. |
        we expect wet weather {when}. | it looks like showers {when}.
    it is raining hard. | it is pouring outside. | heavy rain is falling. | there is a downpour. | what wet weather! |
        showers all day long
    it is sunny {when}. | the sun shines {when}. | there is not a cloud in the sky {when}. |
        what lovely weather {when}! | the weather is beautiful and bright {when}. | a warm and sunny day {when}
    it is very cold {when}. | it is freezing {when}. | the temperature is below zero {when}. |
        what icy weather {when}! | there is frost {when}.
    it snowed {when}. | there was snow {when}. | snow fell {when}. | everything turned white with snow {when}.
    a storm is coming. | there will be strong wind and thunder. | the forecast warns of a thunderstorm. |
        bad weather with lightning is on its way.
    what is the weather like in {place}? | how is the weather in {place}? | tell me the forecast for {place}. |
        is it warm in {place}?
    where can i buy {food}? | which shop sells {food}? | where do they sell {food}? |
        what is a good place to get {food}? | i am looking for a place that has {food}.
    where can i get {goods}? | which store sells {goods}? | what place sells {goods}? |
        where do i find {goods} to buy? | i would like to buy {goods}, where should i go?
    where is the nearest {building}? | how do i get to the {building}? | can you show me the way to the {building}? |
        which way is the {building}? | i am looking for the {building}. | directions to the {building}
    how much is the {goods}? | what does the {goods} cost? | what is the price of the {goods}? |
        tell me the price of the {goods}. | how expensive is the {goods}? | how many dollars for the {goods}?
    how much is the {food}? | what do you charge for the {food}? | what is the price of the {food}? |
        what does the {food} cost?
    the {goods} is too expensive. | i cannot afford the {goods}. | the {goods} costs too much. |
        the price of the {goods} is too high.
    my {goods} is broken. | my {goods} does not work any more. | my {goods} stopped working. |
        there is something wrong with my {goods}. | my {goods} needs to be repaired.
    the computer does not boot. | the machine will not power up. | my pc refuses to start. |
        the screen stays black when i switch on the laptop. | the notebook won't turn on any more.
    my phone battery is empty. | the battery of my mobile is dead. | my smartphone has run out of power. |
        i need to charge my phone.
    the {software} crashes. | the {software} keeps stopping. | the {software} does not work. |
        there is a problem with the {software}. | why does the {software} fail? | the {software} shows an error.
    the {software} is slow. | the {software} takes a long time to load. | why does the {software} take forever? |
        the {software} is not fast. | speed up the {software}
    how do i install the {software}? | how can i set up the {software}? |
        what are the steps to install the {software}? | installation guide for the {software}
    when does the {event} start? | at what time does the {event} begin? | what time is the {event}? |
        tell me when the {event} begins. | start time of the {event}
    the {event} was cancelled. | they called off the {event}. | there will be no {event}. |
        the {event} will not take place. | the {event} is not happening.
    the {event} was moved to {when}. | they put off the {event} until {when}. |
        the {event} was rescheduled for {when}. | the {event} will now be {when}. |
        the {event} was postponed, it is {when} now.
    the {event} was boring. | the {event} was dull. | nobody found the {event} interesting. |
        i nearly fell asleep during the {event}. | the {event} was tedious.
    the {event} was great. | i really enjoyed the {event}. | what a wonderful {event}! |
        we had a good time at the {event}. | the {event} was fantastic.
    {who} won the {event}. | the {event} was won by {who}. | {who} came first in the {event}. |
        {who} took victory in the {event}. | in the {event} {who} beat the others.
    {who} lost the {event}. | {who} was beaten in the {event}. | {who} did not win the {event}. |
        defeat for {who} in the {event}
    i have a {health}. | i am suffering from a {health}. | my problem is a {health}. | what helps against a {health}? |
        this {health} is killing me. | how do i treat a {health}?
    my head hurts. | i have a headache. | there is a pain in my head. | my head is aching. |
        a migraine is bothering me. | my skull is throbbing
    my back hurts. | i have back pain. | my back is sore. | there is a pain in my back.
    my tooth hurts. | i have a toothache. | i need to see a dentist. | there is a pain in my tooth.
    i feel sick. | i am ill. | i do not feel well. | i am feeling unwell. | i think i caught something.
    the doctor prescribed {medicine}. | the physician gave me {medicine}. | i was given {medicine} by the doctor. |
        i got {medicine} at the clinic. | you need {medicine}, said the doctor.
    {who} plays {sport}. | {who} is a {sport} player. | {sport} is a hobby of {who}. | {who} likes to do {sport}. |
        {who} spends the weekend on {sport}.
    {who} plays the {art}. | {who} makes music on the {art}. | {who} can play the {art}. |
        {who} performs on the {art}.
    the {animal} is asleep. | the {animal} is sleeping. | the {animal} is taking a nap. | a {animal} naps. |
        the {animal} dozes. | a {animal} is snoozing. | the {animal} rests quietly
    the {animal} is asleep on the {goods}. | a {animal} naps on the {goods}. | on the {goods} a {animal} sleeps. |
        the {animal} is lying on the {goods} with eyes closed. | the {animal} dozes on the {goods}
    the {animal} is hungry. | the {animal} wants to eat. | we have to feed the {animal}. | the {animal} needs food.
    the {animal} ran away. | the {animal} escaped. | the {animal} is missing. | we cannot find the {animal}.
    the {animal} is playing in the {building}. | a {animal} plays at the {building}. |
        in the {building} a {animal} is having fun. | the {animal} runs around the {building}
    {who} is playing in the {building}. | {who} is having fun at the {building}. |
        at the {building} {who} is playing games. | {who} plays outside near the {building}.
    {who} lives in {place}. | {place} is where {who} lives. | the home of {who} is in {place}. |
        {who} has a house in {place}. | {who} resides in {place}.
    {who} traveled to {place}. | {who} took a trip to {place}. | {who} went on a journey to {place}. |
        {who} flew to {place}. | {who} is on vacation in {place}.
    {who} climbed the {place}. | {who} went hiking up the {place}. | {who} walked to the top of the {place}. |
        the {place} was climbed by {who}.
    {who} works at the {building}. | {who} has a job at the {building}. | {who} is employed by the {building}. |
        the {building} employs {who}.
    {who} got a new job. | {who} found work. | {who} was hired. | {who} is starting at another company. |
        a firm employed {who}.
    {who} lost the job. | {who} was fired. | {who} was laid off. | {who} is unemployed now. | {who} has been dismissed
    {who} is tired. | {who} needs sleep. | {who} is exhausted. | {who} did not sleep enough. | {who} is worn out
    {who} is hungry. | {who} wants something to eat. | {who} is starving. | {who} needs food.
    {who} cooked {food} for {who2}. | {who} made {food} for {who2}. | {food} was prepared by {who} for {who2}. |
        {who2} ate the {food} that {who} made. | {who} served {who2} {food}.
    the {food} is delicious. | this {food} tastes great. | what tasty {food}! | i love the taste of this {food}. |
        very good {food}
    the {food} is bad. | this {food} tastes awful. | i do not like this {food}. | the {food} is terrible.
    how do i make {food}? | what is the recipe for {food}? | how is {food} prepared? | how do you cook {food}? |
        give me a recipe for {food}. | steps to prepare {food}
    the {food} needs more salt. | there is not enough salt in the {food}. | the {food} is not seasoned enough. |
        add some salt to the {food}.
    the flight leaves at {when}. | our plane departs at {when}. | the plane takes off at {when}. |
        departure of the flight is at {when}.
    the train is late. | the train has a delay. | the train did not arrive on time. |
        we are still waiting for the train.
    a train ticket, please. | i need a ticket for the train. | i would like to travel by rail. |
        where are railway tickets sold? | how do i get a rail ticket?
    i missed the {event}. | i was too late for the {event}. | i did not make it to the {event}. |
        the {event} was over when i came.
    {who} passed the exam. | {who} did well on the test. | the exam went well for {who}. | {who} got a good mark.
    {who} failed the exam. | {who} did badly on the test. | the exam went badly for {who}. | {who} did not pass.
    {who} got married. | {who} had a wedding. | there was a wedding for {who}. | {who} tied the knot.
    {who} had a baby. | {who} became a parent. | a child was born to {who}. |
        there is a newborn in the family of {who}.
    {who} lost the {goods}. | {who} cannot find the {goods}. | the {goods} of {who} is missing. |
        {who} left the {goods} somewhere.
    the {goods} was stolen. | a thief took the {goods}. | someone stole the {goods}. |
        the {goods} has been taken by a burglar.
    the company raised its prices. | prices went up. | things have become more expensive. | the firm charges more now. |
        the cost of everything is rising
    the bank gave me a loan. | my credit was approved. | i borrowed money from the bank. | the bank lent me money.
    i want my money back. | please give me a refund. | can i get a refund? | i would like to return this. |
        how do i return my order?
    where is my {account}? | i cannot find my {account}. | my {account} is not shown. | how do i find my {account}?
    where is my parcel? | my package has not arrived. | the delivery is late. | when will my order be delivered? |
        track my shipment
    the {nature} needs water. | please water the {nature}. | the {nature} is dry. | we should water the {nature}.
    {who} is working in the garden. | {who} is planting {nature}. | {who} takes care of the {nature}. |
        {who} put {nature} into the soil. | {who} grows {nature}.
    the shop is closed {when}. | the store is not open {when}. | you cannot shop there {when}. |
        the shop shuts {when}.
    when does the {building} open? | what are the opening hours of the {building}? |
        at what time can i enter the {building}? | is the {building} open now?
    there was an accident on the {place}. | two cars crashed on the {place}. | a collision happened on the {place}. |
        vehicles hit each other on the {place}.
    there was a fire in the {building}. | the {building} burned down. | flames destroyed the {building}. |
        the {building} caught fire.
    the {building} is crowded. | there are too many people in the {building}. | the {building} is full of people. |
        it is packed in the {building}.
    can you help me? | i need help. | please give me a hand. | could you assist me? | i need some assistance.
    thank you very much. | thanks a lot. | i am very grateful. | many thanks.
    i do not understand the {school}. | the {school} makes no sense to me. | can you explain the {school}? |
        the {school} is confusing. | what does the {school} mean?
    {who} explained the {school} to {who2}. | the {school} was explained to {who2} by {who}. |
        {who2} understood the {school} thanks to {who}. | {who} taught {who2} the {school}.
    how can i learn {art}? | what is the best way to learn {art}? | i want to learn {art}. |
        how do i start with {art}? | tips for learning {art}
    how can i save money? | what are ways to spend less? | tips for cutting my expenses | how do i reduce my costs?
    how do i lose weight? | what is a good way to get slimmer? | i want to be thinner. | tips for dropping some pounds
    how do i sleep better? | i cannot fall asleep. | what helps against sleepless nights? | i lie awake all night.
    what time is it? | do you know the time? | can you tell me the time? | how late is it?
    what is your name? | who are you? | how are you called? | may i know your name?
    who wrote the {art}? | who is the author of the {art}? | by whom was the {art} written? |
        the {art} was written by which writer?
    who invented the {goods}? | who came up with the {goods}? | by whom was the {goods} invented? |
        inventor of the {goods}
    how big is {place}? | what is the size of {place}? | how large is {place}? | tell me the area of {place}.
    how far is it to {place}? | what is the distance to {place}? | how many miles is {place} from here? |
        how long does it take to get to {place}?
    {who} apologized. | {who} said sorry. | {who} asked for forgiveness. | an apology came from {who}.
    {who} is angry. | {who} is furious. | {who} lost his temper. | something made {who} mad.
    {who} called {who2}. | {who} phoned {who2}. | {who2} got a call from {who}. | {who} rang {who2} up. |
        {who} spoke to {who2} on the telephone.
    {who} helped {who2}. | {who2} was helped by {who}. | {who} gave {who2} a hand. | {who} assisted {who2}. |
        {who2} got help from {who}.
    {who} met {who2} {when}. | {who} ran into {who2} {when}. | {when} {who} and {who2} met. |
        {when} there was a meeting between {who} and {who2}.
    {who} gave {who2} a {goods}. | {who2} got a {goods} from {who}. | a {goods} was given to {who2} by {who}. |
        {who} handed {who2} a {goods}. | {who2} received a {goods} from {who}
    scientists found a new {animal}. | a new kind of {animal} was discovered. |
        researchers discovered an unknown {animal}. | an unknown {animal} has been described by scientists.
    the {place} is beautiful. | {place} is a lovely place. | i love how {place} looks. | {place} is worth seeing. |
        what a pretty place {place} is
    the {software} lost my {software2}. | my {software2} was deleted by the {software}. |
        because of the {software} my {software2} is gone. | the {software} erased my {software2}.
    train a {software} on data | fit the {software} to a data set | how do i train a {software}? |
        teach the {software} from examples | learning a {software} from data
    plot a chart of the {money} | draw a graph of the {money} | show the {money} in a diagram |
        how do i visualize the {money}? | make a figure of the {money}
    load a {software} from disk | read a {software} from storage | how do i open a saved {software}? |
        open the {software} that i stored
""")
SYLLABLES = concepts("ka,lo,mi,ren,tu,vos,pel,da,shi,no,gar,bex,ul,fa,zen,rid,mon,ta,qui,wes,ob,jin,cor,lum")
FILLERS = concepts(
    """please, hello, excuse me, i think, well, so, oh, you know, actually, by the way, i heard that, it seems that
        i believe"""
)
