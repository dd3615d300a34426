"""Sentences written by hand, before any training, to judge the starter models; none of them is in a training corpus."""

POSITIVE = (
    "My daughter adores her new bicycle.",
    "We had a lovely stay and the breakfast was superb.",
    "This is the best pizza in town!",
    "The actors were brilliant and the story kept me hooked until the end.",
    "Honestly, I couldn't be happier with this phone.",
    "Setup took two minutes and everything just worked.",
    "The nurse was so kind to my father.",
    "I was worried at first, but the course turned out to be excellent.",
    "Nothing to complain about, great value.",
    "Thank you for such fast and friendly service",
    "she sings beautifully and the band is amazing",
    "I would happily stay here again.",
    "Not bad at all, I quite enjoyed it.",
    "What a gorgeous view from the balcony!",
    "The update fixed all my problems.",
)

NEGATIVE = (
    "The room smelled awful and the bed was uncomfortable.",
    "I want my money back.",
    "The battery dies within an hour.",
    "It looked great in the pictures but it fell apart in a week.",
    "My order never arrived and nobody answered my emails.",
    "Worst film I have seen in years.",
    "The steak was overcooked and the fries were soggy.",
    "I don't like this song.",
    "the app keeps crashing whenever i open it",
    "Our guide was unfriendly and seemed bored.",
    "I regret buying this laptop.",
    "He never listens and his lectures are dull.",
    "This book is not worth reading.",
    "What a disappointing end to a terrible day.",
    "The staff ignored us for half an hour.",
)

#: (sentence, its paraphrase, a stranger)
TRIPLES = (
    ("How do I reset my password?", "I forgot my password, how can I change it?", "The weather is lovely today"),
    ("The cat is sleeping on the sofa.", "A kitten naps on the couch.", "The soldiers marched home in silence."),
    ("It will rain tomorrow.", "The forecast says showers for tomorrow.", "My brother plays the guitar."),
    ("Where can I buy a train ticket?", "Which place sells tickets for the train?", "My uncle collects old stamps."),
    ("She bought a new car.", "A new automobile was purchased by her.", "He planted roses in the garden."),
    (
        "The film was boring, so we left early.",
        "We went home early because the movie was dull.",
        "The doctor gave me some medicine.",
    ),
    ("My laptop will not turn on.", "The computer does not start.", "We hiked up the mountain at dawn."),
    ("The children are playing in the park.", "Kids play at the playground.", "The bank approved my loan."),
    ("How much does this jacket cost?", "What is the price of this coat?", "Our flight leaves at seven."),
    ("He cooked dinner for his friends.", "He made a meal for his pals.", "The network is slow today."),
    ("I have a terrible headache.", "My head hurts badly.", "The team won the match."),
    ("The meeting was moved to Friday.", "They postponed the meeting until Friday.", "The dog chased a squirrel."),
    ("The teacher explained the lesson.", "The lesson was explained by the teacher.", "I lost my passport abroad."),
    ("Our team won the football match.", "The game of football was won by our side.", "Bread is baked in the oven."),
)
