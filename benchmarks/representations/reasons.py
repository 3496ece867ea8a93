"""Why composed tunes lie far from those of people in a statistic, where it is known: told below the table."""

REASONS = {
    "long_endings": "endings are composed: the last note always lasts a beat or more",
    "tonic_endings": (
        "composing pulls the end towards the tonic, with one strength for all, set so that the default model ends "
        "there as often as people's hymns and songs; another network may end there more or less often, and people's "
        "game music, which goes round, does less"
    ),
    "durations": (
        "the last 2 % of the probability is not drawn from, so rare lengths (triplets, sixteenths) come less often "
        "than people write them, and quarters more often: 31 % of the notes beside 26 %"
    ),
    "repeats_1": (
        "a network that copies from its own past copies what it made itself: 12 to 15 % of its notes come back after "
        "one, two or four bars, beside 11 to 13 % of people's"
    ),
    "repeats_2": "as at bar 1",
    "repeats_4": "as at bar 1",
}
