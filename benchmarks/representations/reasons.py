"""Why composed tunes lie far from those of people in a statistic, where it is known; written below the table."""

_CUT_OFF = (
    "what is new is cut off: composing leaves out the last 2 % of the probability, which is mostly what has not been "
    "in the tune yet; drawn from all of it the same network repeats about as often as people (LOG.md)"
)
REASONS = {
    "long_endings": "endings are composed: the last note always lasts a quarter, or a shorter beat",
    "tonic_endings": "no ending is forced: a network that counts down the bars ends as it learned, others seldom do",
    "durations": "rare lengths (triplets, sixteenths) are in the last 2 % of the probability, which is left out",
    "repeats_1": _CUT_OFF,
    "repeats_2": _CUT_OFF,
    "repeats_4": _CUT_OFF,
}
