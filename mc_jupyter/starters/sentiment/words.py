"""The words of praise and complaint that the sentiment corpus is put together from: tables only."""

from __future__ import annotations

from typing import NamedTuple


def table(text: str) -> tuple[str, ...]:
    """The entries of a table written one or more to a line, separated by commas or line ends."""
    return tuple(entry.strip() for line in text.splitlines() for entry in line.split(",") if entry.strip())


GOOD = table("""
    good, great, excellent, amazing, wonderful, fantastic, awesome, brilliant, superb, lovely, nice, perfect, beautiful
    outstanding, terrific, fabulous, marvelous, marvellous, magnificent, splendid, delightful, charming, gorgeous
    stunning
    incredible, impressive, remarkable, exceptional, exquisite, flawless, phenomenal, spectacular, sensational, sublime
    enjoyable, pleasant, pleasing, satisfying, rewarding, refreshing, inspiring, uplifting, heartwarming, touching
    moving
    fun, funny, hilarious, entertaining, amusing, witty, clever, smart, gripping, captivating, thrilling, exciting
    fascinating, engaging, interesting, absorbing, compelling, memorable, unforgettable, original, creative, imaginative
    friendly, kind, helpful, polite, caring, thoughtful, generous, attentive, courteous, welcoming, warm, gracious
    considerate, patient, professional, knowledgeable, skilled, talented, gifted, competent, reliable, dependable
    honest
    trustworthy, fair, respectful, supportive, encouraging, cheerful, efficient, prompt, quick, fast, speedy, punctual
    comfortable, comfy, cozy, cosy, clean, spotless, tidy, spacious, bright, quiet, peaceful, relaxing, calm, elegant
    stylish, attractive, pretty, cute, adorable, sweet, classy, luxurious, modern, sleek, sturdy, durable, solid, robust
    well made, strong, useful, handy, practical, convenient, easy to use, intuitive, simple to use, user friendly
    smooth
    responsive, powerful, affordable, cheap and cheerful, good value, worth it, worthwhile, valuable, effective, healthy
    fresh, delicious, tasty, yummy, scrumptious, mouthwatering, flavorful, flavourful, juicy, crispy, divine, heavenly
    happy, glad, pleased, delighted, thrilled, satisfied, grateful, thankful, proud, excited, hopeful, content, joyful
    top notch, first class, first rate, world class, second to none, out of this world, spot on, superior, stellar
    fine, decent, cool, super, neat, dreamy, sunny, safe, successful, positive, admirable, commendable, lively
    masterful, radiant, graceful, ideal, flattering, soft, accurate, precise, clear, crisp, vivid, sharp, insightful
    informative, educational, helpful and friendly, mind blowing, breathtaking, jaw dropping, likeable, lovable
    dazzling
    enchanting, magical, dreamlike, authentic, genuine, polished, seamless, innovative, ingenious, versatile, secure
    ecstatic, overjoyed, relieved, blessed, lucky, fortunate, in love, blown away, hooked, impressed, amazed
    favorite, favourite, beloved, priceless, invaluable, unbeatable, unmatched, legendary, epic, glorious, idyllic
""")

BAD = table("""
    bad, terrible, awful, horrible, dreadful, poor, lousy, appalling, atrocious, abysmal, horrendous, horrid, disgusting
    pathetic, useless, worthless, pointless, disappointing, underwhelming, mediocre, unimpressive, unsatisfactory
    unacceptable, inferior, subpar, substandard, inadequate, lacking, shoddy, shabby, flimsy, cheap looking, fragile
    weak
    broken, faulty, defective, damaged, cracked, scratched, torn, ripped, leaky, rusty, unreliable, unusable, unstable
    boring, dull, tedious, bland, lifeless, predictable, slow, tiresome, monotonous, dreary, forgettable, uninspired
    uninteresting, repetitive, shallow, cliched, corny, cheesy, confusing, incoherent, messy, silly, stupid, ridiculous
    absurd, laughable, lame, idiotic, dumb, nonsensical, annoying, irritating, frustrating, infuriating, aggravating
    maddening, exhausting, tiring, stressful, painful, unpleasant, unbearable, intolerable, insufferable, miserable
    depressing, sad, upsetting, disturbing, offensive, insulting, shocking, shameful, disgraceful, embarrassing, ugly
    hideous, rude, impolite, unfriendly, unhelpful, hostile, arrogant, dismissive, careless, lazy, incompetent, clueless
    unprofessional, disrespectful, condescending, mean, nasty, cruel, selfish, greedy, dishonest, unfair, aggressive
    impatient, grumpy, cold, uncaring, inattentive, negligent, ignorant, indifferent, unhappy, dissatisfied
    disappointed
    angry, furious, upset, annoyed, frustrated, disgusted, fed up, bored, let down, ashamed, worried, heartbroken
    dirty, filthy, smelly, stinky, grimy, dusty, moldy, mouldy, stained, sticky, noisy, loud, cramped, crowded, tiny
    dark, damp, freezing, stuffy, uncomfortable, lumpy, unsafe, dangerous, overpriced, too expensive, costly, a rip off
    late, delayed, outdated, old fashioned, clunky, clumsy, awkward, complicated, difficult to use, hard to use, buggy
    laggy, sluggish, unresponsive, bloated, misleading, false, fake, fraudulent, dodgy, sketchy, suspicious, wrong
    inaccurate, incorrect, incomplete, stale, soggy, greasy, oily, tasteless, flavorless, flavourless, burnt
    undercooked
    overcooked, raw, rotten, rancid, sour, bitter, salty, dry, rubbery, chewy, inedible, gross, revolting, nauseating
    vile, foul, ghastly, grim, gloomy, hopeless, dire, woeful, lackluster, mindless, soulless, pretentious, overrated
    overhyped, unoriginal, amateurish, sloppy, unfunny, wooden, forced, contrived, poorly made, badly designed, insane
    unforgivable, inexcusable, toxic, harmful, negative, troublesome, problematic, wasteful, obnoxious, creepy, hateful
    sick, tired, lonely, nervous, afraid, scared, anxious, devastated, miserable and tired, hurt, regretful, sorry
    third rate, second rate, not up to scratch, below average, beyond repair, a bit of a mess, blurry, grainy, scratchy
    itchy, ill fitting, tight, saggy, wobbly, crooked, bumpy, jammed, dead on arrival, stressful and unfair, trashy
    worst, unwelcoming, deceptive, deceitful, untrustworthy, corrupt, biased, inconsistent, inconvenient, insecure
""")

#: what people say most; drawn often, or negations and contrasts would be most of what the model sees of these words
COMMON_GOOD = table("""
    nice, nice, nice, nice, good, good, good, great, nice, lovely, excellent, amazing, wonderful, perfect, beautiful
    fantastic, awesome, fun, friendly
    helpful
    happy, clean, comfortable, interesting, fresh, delicious, tasty, kind, fast, easy, clear, quick, cozy, sweet
    brilliant
    useful, funny, reliable, cheap, polite, pleasant, the best, patient
""")
COMMON_BAD = table("""
    bad, terrible, awful, horrible, poor, boring, disappointing, slow, rude, dirty, broken, useless, expensive, cold
    ugly
    noisy, annoying, stupid, wrong, sad, dull, difficult, weak, the worst, late, unhelpful, uncomfortable, confusing
    dreadful
    disgusting, overpriced, bland, stale, hard to follow, not good, complicated, angry
""")

#: mild words that people negate to praise: "not bad at all"
MILD_BAD = table(
    "bad, terrible, boring, expensive, too expensive, difficult, hard, complicated, disappointed, dull, slow, ugly"
)
#: words that people negate to complain
MILD_GOOD = table("""
    good, great, nice, happy, impressed, satisfied, pleased, worth it, worth the money, worth the price, worth the wait
    helpful, friendly, clean, fresh, funny, interesting, comfortable, easy to use, reliable, fair, recommended, useful
    acceptable, enjoyable, pleasant, convincing, amused, clear, safe, polite, professional, kind, tasty, good enough
    what i expected, what i wanted, as described, as advertised, as good as the first one, up to standard, worth my time
    worth a second visit, worth seeing, worth watching, worth eating, worth visiting, worth it at all, worth a penny
""")

#: verbs of a person about a thing: base, third person, past
LIKING = tuple(
    tuple(row.split("/"))
    for row in table("""
    love/loves/loved, like/likes/liked, enjoy/enjoys/enjoyed, adore/adores/adored, recommend/recommends/recommended
    appreciate/appreciates/appreciated, admire/admires/admired, cherish/cherishes/cherished
    treasure/treasures/treasured
    praise/praises/praised, trust/trusts/trusted, prefer/prefers/preferred, welcome/welcomes/welcomed
    celebrate/celebrates/celebrated, savor/savors/savored, respect/respects/respected, applaud/applauds/applauded
""")
)
DISLIKING = tuple(
    tuple(row.split("/"))
    for row in table("""
    hate/hates/hated, dislike/dislikes/disliked, despise/despises/despised, regret/regrets/regretted
    detest/detests/detested, loathe/loathes/loathed, resent/resents/resented, can't stand/can't stand/couldn't stand
    avoid/avoids/avoided, distrust/distrusts/distrusted, dread/dreads/dreaded, can't bear/can't bear/couldn't bear
    complain about/complains about/complained about, curse/curses/cursed, return/returns/returned
    reject/rejects/rejected
    can't tolerate/can't tolerate/couldn't tolerate, criticize/criticizes/criticized
""")
)

GOOD_NOUNS = table("""
    joy, delight, pleasure, treat, masterpiece, triumph, success, bargain, gem, winner, blessing, treasure, dream
    dream come true, breath of fresh air, work of art, must see, must have, must read, lifesaver, game changer, steal
    gift, marvel, success story, hit, classic, hidden gem, wonder, great deal, good choice, wise investment, real find
    perfect gift, good idea, great experience, wonderful surprise, pleasant surprise, superb effort, smart buy, keeper
    happy memory, star, hero, angel, legend, genius, gentleman, good friend, inspiration, victory, improvement
""")
BAD_NOUNS = table("""
    disaster, nightmare, disappointment, failure, mess, joke, waste of time, waste of money, rip off, scam, catastrophe
    letdown, let down, flop, fiasco, shambles, bore, chore, pain, mistake, big mistake, disgrace, insult, embarrassment
    shame, fraud, con, piece of junk, piece of garbage, piece of rubbish, pile of rubbish, load of nonsense, trap
    tourist trap, headache, horror, travesty, complete mess, bad idea, terrible experience, bad choice, poor choice
    nasty surprise, unpleasant surprise, lemon, dud, money grab, burden, tragedy, nuisance, health hazard, bad joke
    lost cause, sorry excuse, liar, thief, cheat, bully, crook, idiot, fool, torture, problem, hassle, dump
""")
GOOD_ADVERBS = table("""
    beautifully, perfectly, wonderfully, brilliantly, flawlessly, smoothly, superbly, nicely, well, very well, great
    amazingly, fantastically, like a dream, like a charm, like magic, without a hitch, without any problems, reliably
    quickly and quietly, faultlessly, splendidly, even better than before, better than expected, effortlessly, easily
    gracefully, skillfully, exactly as promised, just as described, every single time, as advertised, just fine
""")
BAD_ADVERBS = table("""
    badly, terribly, poorly, awfully, horribly, dreadfully, painfully slowly, carelessly, rudely, miserably, clumsily
    sluggishly, worse every day, worse than before, worse than expected, only half the time, for about a day
    for a few minutes before breaking, with constant errors, with endless problems, incorrectly, unreliably
""")
#: sayings that stand alone, with nothing to fill in
GOOD_SAYINGS = table("""
    highly recommended, highly recommend, two thumbs up, thumbs up, five stars, ten out of ten, 10/10, 5 stars
    well done
    great job, good job, keep up the good work, keep it up, bravo, love it, loved it, loving it, i love you, i love this
    i am so happy, this made my day, made my day, you made my day, best day ever, best thing ever, the best
    simply the best
    worth every penny, worth every cent, worth the money, worth the wait, good value for money
    great value for the price
    money well spent, time well spent, a must buy, can't recommend it enough, i cannot recommend this enough
    couldn't ask for more, what more could you ask for, couldn't have asked for better, it doesn't get better than this
    it does not get any better, never been happier, i have never been so happy, never disappoints, it never lets me down
    never had a problem, no problems at all, no problem so far, no complaints, no complaints here, zero complaints
    no issues whatsoever, no regrets, can't fault it, i can't find a single fault, nothing wrong with it at all
    i wouldn't change a thing, wouldn't hesitate to buy again, can't wait to go back, i can't wait for the next one
    can't wait to see more, can't stop smiling, can't get enough of it, i couldn't put it down, couldn't stop laughing
    laughed out loud, it made me laugh, it made me smile, it made everyone smile, had us in stitches, a lot of fun
    i had a great time, we had a blast, we had so much fun, had the time of our lives, time flew by, i learned so much
    exceeded my expectations, beyond my expectations, it exceeded all expectations, better than i expected
    better than i imagined, even better in real life, does exactly what it says, does the job, does what it should
    works like a charm, works every time, still going strong, still like new, still works after ten years, lasts forever
    built to last, you will not regret it, you won't be disappointed, you can't go wrong with this, what a bargain
    what a find, what a treat, what a wonderful day, what a great place, so glad i bought this, so glad we came
    so happy with my purchase, very pleased, i am impressed, i am delighted, thank you so much, many thanks
    thanks a lot
    a big thank you, thanks to everyone, hats off, kudos, congratulations, yay, hooray, wow, yum, awesome stuff
    i will definitely be back, we will be back, will buy again, i would buy it again, would order again, i'd come again
    i would recommend this to anyone, i'd recommend it to everyone, tell all your friends, my new favorite, my favourite
    saved my life, it saved me hours, saved us a lot of money, it changed my life, it made my life easier, life is good
    i feel great, i feel so much better, feeling good, things are looking up, it all worked out, a happy ending
    best purchase ever, best money i ever spent, best meal of my life, best trip of the year, the best i have ever had
    nothing but praise, nothing but good things to say, i can't say enough good things, hard to beat, hard to fault
    impossible not to love, what is not to like, there is nothing not to like, not a dull moment, not a single problem
    never a dull moment, never looked back, couldn't be better, could not be better, nothing beats it, nothing compares
    no one does it better, nobody does it better, you deserve a raise, you are the best, you're a star, so kind of you
    it cheered me up, it warmed my heart, i am grateful, we are so lucky, we felt at home, they treated us like family
    a pleasure from start to finish, it was over too soon, i wish it were longer, i wish i had bought it sooner
    wish we could stay longer, i want another one, i bought a second one, i bought three more, we ordered seconds
""")
BAD_SAYINGS = table("""
    not recommended, do not recommend, would not recommend, i wouldn't recommend it to anyone, i can't recommend it
    don't buy this, do not buy, don't buy it, don't bother, don't waste your money, don't waste your time
    save your money
    stay away, avoid at all costs, avoid like the plague, steer clear, never again, thumbs down, zero stars, one star
    1 star, 0/10, two out of ten, if i could give zero stars i would, what a mess, what a joke, what a disaster
    what a pity
    what a shame, what a letdown, what a rip off, what a terrible idea, what a load of rubbish, total garbage
    utter rubbish
    absolute trash, complete junk, pure garbage, this sucks, it sucks, that stinks, yuck, ugh, boo, so sad, how sad
    waste of time, waste of money, complete waste of money, a waste of paper, money down the drain, i want a refund
    i demanded a refund, i asked for a refund, i am asking for my money, they refused to refund me, give me my money
    i had to send it back, i sent it back, i returned it the next day, it went straight in the bin, i threw it away
    belongs in the trash, not worth it, not worth the money, not worth a penny, not worth the price, not worth my time
    it isn't worth the trouble, i expected more, i expected better, expected so much more, could be better
    could have been better, should have been better, could do better, needs work, needs a lot of improvement
    left a lot to be desired, leaves much to be desired, falls short, fell short, fell flat, failed to deliver
    failed to impress, doesn't work, does not work, it didn't work, it won't work, it doesn't do anything
    it does nothing
    stopped working, it stopped working after a week, it broke, it broke the first time i used it
    it broke straight away
    it snapped in half, it came apart, arrived broken, it arrived damaged, came with a crack, it was missing parts
    wrong size, wrong colour, the wrong item came, it never came, still waiting, i am still waiting for a reply
    no reply, no answer, no one answered, nobody helped us, nobody cared, no one cares, they don't care
    they never called
    no apology, not even an apology, they lied to me, they lied to us, they cheated us, they overcharged me
    they ignored me
    i was ignored, i was ripped off, i was scammed, i feel cheated, i felt sick, it made me sick, we all got sick
    i got food poisoning, it gave me a headache, it made me cry, it made me angry, it ruined my day, it ruined our trip
    ruined the whole weekend, it spoiled everything, i fell asleep, i almost fell asleep, put me to sleep, i walked out
    we walked out, i turned it off, i gave up, i couldn't finish it, i couldn't wait for it to end
    i couldn't wait to leave
    we couldn't wait to get home, i wish i had never bought it, i wish we had stayed home
    i wish i had my two hours back
    i'll never come back, we will not be back, we won't return, i will never buy from them again, last time i shop here
    you will regret it, biggest regret, worst purchase ever, worst money i ever spent, worst meal of my life
    the worst i have ever had, the worst, worst ever, worst day ever, worst trip of my life, bad experience
    not good, not great, not good at all, not impressed, not happy, not funny, not even close, nothing special
    nothing new
    nothing works, nothing worked, nothing went right, everything went wrong, it all went wrong, it went downhill
    it got worse, it gets worse, going from bad to worse, it couldn't be worse, it could not be worse, no fun at all
    no taste, no flavor, no plot, no point, no hot water, no heating, no value, no effort, no manners, no sense of humor
    never works, it never works, it never worked, never on time, always late, always broken, always complaining
    too slow, too loud, too small, too expensive, too salty, too many ads, too many bugs, too many problems, too short
    way too long, far too long, far too expensive, poor quality, poor value, bad quality, cheap plastic, low quality
    i am fed up, i've had enough, i am so angry, i am disappointed, so disappointed, i'm upset, i feel awful, i feel sad
    i am sick of this, i can't take it anymore, it hurts, it hurt my back, it is driving me crazy, drives me mad
    they should be ashamed, shame on you, how rude, how dare they, you let me down, they let us down, it let me down
    thanks for nothing, good for nothing, false advertising, a lie from start to finish, looks nothing like the photo
    hard to love, hard to recommend, hard to watch, impossible to use, impossible to reach, i don't get the hype
""")

INTENSIFIERS = table("""
    very, really, so, absolutely, truly, extremely, incredibly, totally, just, quite, simply, completely, pretty, super
    utterly, remarkably, always, exceptionally, genuinely, particularly, insanely, rather, such a, downright
""")


class Domain(NamedTuple):
    """One walk of life: its things, its people, and what happens there for good and for ill."""

    things: tuple[str, ...]
    people: tuple[str, ...]
    good: tuple[str, ...]
    bad: tuple[str, ...]
    good_events: tuple[str, ...]
    bad_events: tuple[str, ...]


DOMAINS = {
    "films": Domain(
        table("""movie, film, plot, story, ending, cast, acting, script, dialogue, soundtrack, show, series, episode
            play
            sequel, comedy, drama, documentary, cartoon, trailer, scene, first half, second half, performance, concert
            music, song, album, singer, band, dancing, game, tv show, season, thriller, musical, opera, cinema"""),
        table("actor, actress, director, hero, villain, lead, comedian, singer, band, cast, writer, audience, drummer"),
        table(
            """gripping, hilarious, moving, well acted, beautifully shot, thrilling, clever, catchy, full of heart
                unmissable"""
        ),
        table(
            """boring, predictable, badly acted, far too long, poorly written, full of holes, cliched, unfunny, cheesy
                off key"""
        ),
        table("""kept me on the edge of my seat, kept us guessing, had me in tears of joy, flew by, deserves an award
            deserves every award, made the whole family laugh, stayed with me for days, gets better every time
            stole the show, brought the house down, got a standing ovation, won my heart, gave me goosebumps
            is worth watching twice, left me speechless in the best way, sounds better with every listen"""),
        table("""put me to sleep, dragged on forever, made no sense, went nowhere, lost me after ten minutes
            bored me to tears
            fell flat, ruined the book, was a chore to sit through, forgot their lines, hurt my ears, could not act
            should never have been made, gave me a headache, sang out of tune, got booed, is painful to watch
                ran too long"""),
    ),
    "food": Domain(
        table("""food, meal, dinner, lunch, breakfast, pasta, burger, chicken, fish, salad, bread, cake, dessert
            coffee, tea
            wine, beer, curry, rice, sushi, sandwich, sauce, menu, restaurant, cafe, bakery, pub, bar, takeaway
            buffet, brunch
            noodles, vegetables, cheese, chocolate, ice cream, pie, pancakes, bacon, eggs, beef, drinks, chips, soup
            toast
            kitchen, table, portion, portions, fries, tacos, pizza, steak, cookies, pudding, lasagna, kebab, diner
                drink"""),
        table("waiter, waitress, chef, cook, bartender, server, host, manager, owner, barista, baker, staff"),
        table(
            """delicious, tasty, fresh, perfectly cooked, full of flavor, mouthwatering, yummy, juicy, piping hot
                generous"""
        ),
        table(
            """cold, bland, stale, soggy, burnt, raw in the middle, greasy, tasteless, undercooked, too salty
                inedible, lukewarm"""
        ),
        table("""melted in my mouth, came out hot and quickly, tasted like home, tasted divine, was cooked to perfection
            was gone in seconds, had the whole table asking for more, smelled heavenly, brought us free dessert
            remembered our names, greeted us with a smile, made us feel welcome, filled us up for a fair price
            refilled our glasses all night, deserves a star, beats any other in the city"""),
        table("""made me sick, gave us food poisoning, tasted like cardboard, tasted like soap, took over an hour
            came out cold
            had a hair in it, had a fly in it, was sent back twice, was still frozen, left us hungry, smelled off
            forgot our order, got the order wrong, spilled wine on my dress, rolled his eyes at us, argued with us
            charged us twice, overcharged us, kept us waiting, cost a fortune, tasted of nothing, had gone off"""),
    ),
    "hotels": Domain(
        table("""hotel, room, bed, bathroom, shower, pool, lobby, view, location, balcony, hostel, apartment, resort
            beach, spa
            gym, suite, campsite, cabin, villa, towels, pillow, mattress, wifi, air conditioning, parking, reception
            garden
            flight, airline, airport, train, bus, taxi, ferry, cruise, tour, trip, holiday, vacation, journey, museum
            city
            town, village, island, park, seat, seats, luggage, stay, weekend, hike, road trip, rental car
                honeymoon"""),
        table(
            """receptionist, host, maid, porter, driver, guide, pilot, crew, owner, landlord, manager, concierge
                tour guide"""
        ),
        table(
            """clean, spotless, spacious, cozy, peaceful, close to everything, right by the sea, well equipped, sunny
                quiet"""
        ),
        table(
            "dirty, noisy, cramped, damp, smelly, run down, infested with bugs, freezing, far from everything, outdated"
        ),
        table("""gave us a free upgrade, went out of their way to help, felt like home, was right on the beach
            slept like a baby
            had everything we needed, took our breath away, left on time, landed early, carried our bags
            let us check out late
            was even better than the photos, gave us great tips, was a short walk from the sights
                made our anniversary special"""),
        table("""had bugs in it, had mold on the walls, smelled of smoke, smelled of sewage, kept us awake all night
            lost our booking
            lost our bags, lost my luggage, was nothing like the photos, was cancelled without warning
            left two hours late
            got us lost, refused to help, had no hot water, leaked all night, was falling apart
            had stains on the sheets
            made us miss our flight, drove like a maniac, charged hidden fees, was overbooked
                had broken air conditioning"""),
    ),
    "products": Domain(
        table("""phone, laptop, camera, tablet, watch, charger, cable, battery, screen, keyboard, mouse, printer
            headphones
            speaker, tv, vacuum, fridge, oven, kettle, toaster, blender, washing machine, lamp, chair, sofa, desk
            bed frame
            shoes, boots, jacket, dress, shirt, jeans, coat, bag, backpack, hat, gloves, bike, bicycle, car, tent, toy
            doll
            knife, pan, mug, bottle, umbrella, perfume, shampoo, cream, lipstick, mattress, pen, tool, drill, product
            item
            fabric, zipper, gadget, device, purchase, gift, present, fan, heater, tyres, engine, sound, picture, monitor
            remote, handle, lid, strap, material, quality, design, color, colour, size, fit, price, packaging, box
                earbuds"""),
        table("seller, shop assistant, salesman, courier, technician, company, brand, maker, store, shop, mechanic"),
        table(
            """sturdy, durable, well made, good value, lightweight, easy to set up, comfortable to wear
                exactly as described"""
        ),
        table(
            """flimsy, broken, defective, cheaply made, uncomfortable to wear, scratched, too small, faulty
                badly made, useless"""
        ),
        table("""works perfectly, works like a charm, lasts all day, charges quickly, fits like a glove
            looks even better in person
            arrived early, arrived the next day, came beautifully wrapped, does everything i need, feels like quality
            still looks brand new, was easy to assemble, was a breeze to set up, makes life so much easier
            runs like new
            replaced it for free, survived a fall, cleans up in seconds, saves me time every day
                gets compliments everywhere"""),
        table("""broke after a day, broke within a week, broke after two weeks, broke on the first use
            stopped working, fell off
            won't turn on, won't charge, doesn't charge, overheats, leaks, squeaks, arrived late, arrived broken
            came scratched
            was missing screws, shrank in the wash, faded after one wash, tore after one day, burned my hand
            caught fire
            hurts my feet, is two sizes too small, makes a horrible noise, died after a month, is already falling apart
            refused to take it back, sent the wrong one, smells of chemicals, drains in no time, keeps falling off
            fell to pieces, came in the wrong color, does not fit, doesn't fit, cracked on day one
                rusted in a month"""),
    ),
    "service": Domain(
        table("""service, customer service, support, delivery, help desk, order, call, refund, shop, store, clinic
            hospital, salon
            haircut, bank, insurance, garage, repair, appointment, visit, post office, school, class, course, teacher
            gym
            company, phone line, waiting room, treatment, checkout, queue, line, website, reply, advice, experience
                booking"""),
        table("""staff, agent, doctor, dentist, nurse, hairdresser, cashier, clerk, plumber, electrician, teacher
            coach, lawyer
            operator, manager, assistant, mechanic, builder, cleaner, barber, vet, driver, team, people, lady, guy
                woman, man"""),
        table(
            "friendly, helpful, polite, fast, professional, patient, kind, honest, quick to answer, caring, efficient"
        ),
        table(
            """rude, slow, unhelpful, unprofessional, impatient, dishonest, incompetent, dismissive, hard to reach
                careless"""
        ),
        table("""answered all my questions, solved the problem in minutes, fixed it in no time
            called me back right away
            went the extra mile, explained everything clearly, listened to me, gave me a full refund, arrived on time
            put me at ease, treated us with respect, did a great job, smiled the whole time, left the house spotless
            came out the same day, charged a fair price, helped my grandmother, saved the day
                took great care of us"""),
        table("""hung up on me, kept me on hold for an hour, never called back, never replied, ignored my emails
            shouted at me
            yelled at the customers, laughed at me, lied about the price, lost my order, lost my paperwork
            showed up late
            didn't show up, never showed up, made things worse, made us wait for hours, charged me twice
            refused to refund me
            talked down to me, botched the job, left a mess, passed me from one person to another, wasted my whole day
            wouldn't help, did nothing, couldn't care less, treated me like dirt, cancelled at the last minute
                broke my window"""),
    ),
    "books": Domain(
        table("""book, novel, story, chapter, author, writing, plot, ending, cover, poem, article, biography, textbook
            comic
            magazine, audiobook, narrator, characters, character, prose, sequel, trilogy, essay, lesson, lecture
                recipe"""),
        table(
            """author, writer, narrator, editor, poet, publisher, main character, hero, heroine, professor, teacher
                lecturer"""
        ),
        table(
            "well written, hard to put down, thoughtful, moving, informative, gripping, beautifully told, full of ideas"
        ),
        table(
            """badly written, full of mistakes, dull, hard to follow, dry, pretentious, repetitive, poorly researched
                slow"""
        ),
        table("""kept me up all night, opened my eyes, taught me so much, drew me in from page one, made me think
            made me smile
            had me hooked, touched my heart, explains things clearly, is a pleasure to read, is worth reading twice"""),
        table("""bored me, sent me to sleep, lost my interest, rambles on, repeats itself, is full of typos
            had pages missing
            goes nowhere, explains nothing, made me angry, disappointed me, is impossible to follow
                is not worth finishing"""),
    ),
    "software": Domain(
        table("""app, software, program, website, update, game, interface, feature, features, login, password reset
            download
            installation, setup, version, browser, search, map, editor, tool, code, documentation, server, connection
            internet
            site, subscription, ads, menu, tutorial, support forum, email, plugin, sync, backup, operating system
                account"""),
        table("developer, developers, support team, programmer, company, designer, team, engineer"),
        table(
            "fast, intuitive, easy to use, stable, well designed, free of ads, helpful, responsive, powerful, bug free"
        ),
        table(
            """slow, buggy, confusing, full of ads, full of bugs, unstable, bloated, hard to use, laggy, out of date
                unusable"""
        ),
        table("""runs smoothly, loads instantly, never crashes, just works, saves me hours, installs in seconds
            does its job well
            fixed every bug, fixed the bugs, made everything faster, is a joy to use, made my work so much easier
            listens to users, keeps getting better, solved my problem, syncs without trouble"""),
        table("""crashes all the time, crashes constantly, freezes, keeps freezing, froze again, deleted my files
            lost all my work
            lost my data, won't load, won't open, fails to install, does not load, logs me out, drains my battery
            broke everything
            made it worse, shows too many ads, is full of errors, stole my data, charged my card twice, never works
            keeps failing
            takes forever to load, gives an error every time, refuses to start, locked me out, spams me"""),
    ),
    "weather": Domain(
        table("""weather, day, morning, evening, summer, winter, sun, sunset, beach, picnic, garden, walk, holiday
            spring, night
            wedding, party, birthday, festival, match, race, weekend, christmas, road, traffic, neighborhood, town
                week, year"""),
        table("neighbor, neighbour, neighbors, guests, crowd, children, dog, cat, puppy, family, friends, team"),
        table(
            "sunny, warm, bright, beautiful, mild, perfect for a walk, gorgeous, calm, lovely and warm, festive, joyful"
        ),
        table(
            """awful, freezing, gloomy, miserable, grey and wet, stormy, dreadful, too hot, humid and sticky, noisy
                unbearable"""
        ),
        table("""made everyone happy, lifted my spirits, put us in a good mood, was full of laughter
            was one to remember
            brightened my morning, went off without a hitch, brought us together, won the game, made me feel alive"""),
        table("""ruined our picnic, spoiled the party, made everyone miserable, put us in a bad mood, was a washout
            flooded our house
            barked all night, kept us up, went wrong from the start, ended in tears, lost the game, destroyed the garden
            was rained off, turned into a nightmare, left us soaked and cold, gave me a cold"""),
    ),
    "work": Domain(
        table("""job, work, office, meeting, project, salary, pay, interview, report, presentation, training, shift
            commute, team
            company, contract, career, promotion, class, exam, homework, degree, university, essay, result, results
            grade
            plan, idea, decision, speech, talk, proposal, answer, life, marriage, house, country, government, policy
                news"""),
        table("""boss, manager, colleague, coworker, teacher, professor, student, assistant, leader, coach, team
            client, partner
            husband, wife, brother, sister, friend, mother, father, roommate, flatmate, uncle, aunt, president
                mayor"""),
        table(
            """rewarding, well paid, well organized, inspiring, supportive, productive, fair, fun, successful
                encouraging"""
        ),
        table(
            """stressful, badly paid, underpaid, badly organized, toxic, exhausting, unfair, pointless, a nightmare
                hopeless"""
        ),
        table("""gave me a raise, praised my work, always helps me, supports me, believed in me, makes me laugh
            cheers me up
            got me promoted, taught me a lot, passed with top marks, went really well, is the best part of my day
            cares about people
            brought me flowers, stood up for me, keeps every promise, won a prize, paid off"""),
        table("""fired me, yelled at me, takes credit for my work, blames everyone else, never listens
            never says thank you, failed
            lied to me, broke every promise, bullied me, wasted everyone's time, drives me crazy, makes me cry
            let everyone down
            went badly, is going nowhere, pays too little, burned me out, cheated on me, stole my lunch, ignores me
            failed badly
            forgot my birthday, insulted my mother, complains all day, collapsed"""),
    ),
}

OWNERS = table(
    "i, we, you, they, he, she, my wife, my husband, my son, my daughter, my mom, my mum, my dad, my friends, "
    "everyone, my whole family, the kids, my grandmother, my boss, our guests, people, the children, my brother, "
    "my sister, my parents, the critics, my team, my partner, the neighbors, everybody, all of us"
)
PLURAL_OWNERS = frozenset(
    table(
        "i, we, you, they, my friends, the kids, our guests, people, the children, my parents, "
        "the critics, the neighbors, all of us"
    )
)

#: clauses that say nothing good or bad
NEUTRAL = table("""
    i bought it last month, we went there on tuesday, i ordered it online, my friend told me about it
    it was my first time
    we were a group of six, i got this for my brother, it came in a blue box, i have had it for a year
    we stayed three nights
    i watched it with my sister, i read it on the train, we sat near the window, it was a monday, we paid by card
    i saw it on television, i used it twice, we booked in march, it cost forty dollars, i live nearby, it is black
    we flew from london, they opened in may, i downloaded it yesterday, it has four buttons, i started in june
    he called at noon
    i needed one for the office, she works on weekends, my cousin has the same one, we drove for two hours
    it has two doors
    the box was brown, i picked the large one, this is the second model, it runs on batteries, i wrote this on my phone
    we asked for the bill, i tried it on monday, i signed up in april, the building has five floors, i am a student
    i was there with my family, we arrived in the afternoon, it took place in the main hall, i looked at the screen
    i went with a friend, it was my birthday, i paid thirty pounds, i sat in row ten, we had the set menu
    i visited in the fall
""")
TIMES = table("""
    today, yesterday, last night, this morning, last week, last year, on friday, at the weekend, this time
    after a month
    in the end, from day one, again, every day, all year, so far, until now, as always, after one week, in march
    for years
    for my birthday, for christmas, at work, at home, in the evening, on our trip, during the holidays, in my opinion
""")
OPENERS = table("""
    honestly, to be honest, overall, all in all, frankly, in short, i must say, well, oh, wow, i think, i feel like
    for me
    personally, in my opinion, sadly, unfortunately, luckily, thankfully, ok so, seriously, believe me, trust me, guys
    hi
    and, but, dear all, so, update, review, after all, as expected, i have to say, as a regular, as a mother
    as a student
""")
#: fixed openers that already lean one way
GOOD_OPENERS = frozenset(table("luckily, thankfully, wow"))
BAD_OPENERS = frozenset(table("sadly, unfortunately"))

GOOD_TURNS = table("""
    i was worried at the beginning, i had my doubts, i expected little, it started slowly, the start was rough
    it looks cheap
    it is a bit expensive, it took some time to arrive, the reviews were mixed, it rained the whole time
    i was skeptical
    the box was damaged, the place is small, it looked dull from outside, i did not expect much
    the beginning was boring
    it is not the cheapest, the first day was hard, there was a small problem, the line was long
    we were tired and hungry
    i usually hate these, i thought i would hate it, i was afraid it would be bad, we had a bad start
    it was hard at first
""")
BAD_TURNS = table("""
    it looks fine, it looks good, it looked lovely in the photos, it sounded great, i wanted to love it
    i wanted to like it
    i had high hopes, the reviews were great, the ads looked amazing, the trailer was great, it started well
    it worked at first
    the location was good, the price was fair, the idea is good, the colour is pretty, the staff were friendly
    i was excited
    it was cheap, it used to be good, it was fine last year, everyone told me it was great, i usually love these
    the beginning was promising, the photos were beautiful, the website looks fine, i loved the first one
    it seemed perfect
    the box was pretty, the food was ok, it smells good, the view was great, my friends loved it
    we were looking forward to it
    i expected a great time, they promised a lot, it was fun at first, i thought it would be great, they seemed polite
""")

GLAD = table(
    """happy, glad, proud, relaxed, pleased, impressed, delighted, excited, comfortable, well treated, moved
        satisfied, grateful, entertained"""
)
SORRY = table("""
    disappointed, sad, angry, bored, tired, ashamed, insulted, frustrated, embarrassed, annoyed, upset, badly treated
    uncomfortable, cheated
    humiliated, furious, disgusted, let down, miserable, sick
""")
SPANS = table(
    """in years, in ages, in my life, in my whole life, in a long time, for years, this year, all year, in months
        since childhood, so far, yet"""
)
GRUMBLES = table(
    """grumble about, moan about, criticize, fear, regret, worry about, dislike, fault, improve, be sorry about, hate
        complain of"""
)
DEEDS = table("""
    buy, order, come, go, visit, stay with them, eat, book, shop, watch it, read it, use it, work with them, do it
    hire him, call them, fly with them
    return, see it, play it, choose them, try it, pay for this, rent from them, recommend it, take this class
""")
LIKE_GOOD = table(
    """heaven, a dream, paradise, home, magic, a fairy tale, a million dollars, a warm hug, summer, a queen's palace
        honey, fresh flowers, silk, new"""
)
LIKE_BAD = table("""
    garbage, plastic, mud, old socks, rubber, trash, a prison, a bad dream, dirt, wet dog, chemicals, a sewer
    nails on a board, dust, sand, a cheap copy
    vomit, ash, sour milk, dirty water, a scam, punishment, hell, a cage, a joke
""")
OUTCOMES_GOOD = table("""
    we laughed until we cried, i laughed till my belly hurt, everyone was laughing, i cried happy tears
    we danced all night, we came back twice
    i told all my friends, i bought another, we stayed an extra day, the plate was empty in a minute, everyone clapped
    i smiled all the way home
    the crowd cheered, i watched it twice, we ordered more, i cannot stop listening, i gave a big tip
    we went back for more, i had to hug her
""")
OUTCOMES_BAD = table("""
    i wanted to leave, we left early, i nearly cried, i stopped reading, nobody could sleep, i got a headache
    my back hurts, my ears hurt
    i could not eat it, the dog would not eat it, we went to bed hungry, i had to call a plumber
    i had to throw it out, my hands hurt
    nobody finished it, half the audience left, i switched it off, we asked for another room, i lost my patience
    i cancelled my subscription
    i changed the channel, we had to pay for repairs, my son was in tears, i called the police, i returned it
    i had to do it all over again
""")
