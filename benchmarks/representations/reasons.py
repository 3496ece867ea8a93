"""Why composed tunes lie far from those of people in a statistic, where it is known: told below the table."""

REASONS = {
    "long_endings": "endings are composed: the last note always lasts a beat or more",
}
