"""Words over bars that change their order, in the ways that people write them."""

import pytest

from ritornello.music.jumps import jump_of_words


@pytest.mark.parametrize(
    ("text", "jump"),
    [
        ("D.C.", "capo"), ("D.C. al Fine", "capo"), ("D. C. al Coda", "capo"), ("Da Capo", "capo"),
        ("DC al Fine", "capo"),
        ("DC", "capo"), ("d.c. al fine", "capo"), ("DaCapo al Fine", "capo"), ("\ue046", "capo"), ("D.C", "capo"),
        ("D.S.", "segno"), ("D.S. al Coda", "segno"), ("Dal Segno", "segno"), ("DS al Fine", "segno"),
        ("D. S. al Fine", "segno"), ("Del Segno", "segno"), ("\ue045", "segno"), ("\U0001d109", "segno"),
        ("Fine", "fine"), ("(fine)", "fine"), ("FINE.", "fine"), ("Fin", "fine"), ("[Fine]", "fine"),
        ("_Fine_", "fine"), ("_D.C.", "capo"),
        ("To Coda", "to coda"), ("to \U0001d10c", "to coda"), ("al Coda", "to coda"), ("(To the Coda)", "to coda"),
        ("Coda", "coda"), ("CODA:", "coda"), ("\ue048", "coda"), ("Segno", "sign"), ("\U0001d10b", "sign"),
        ("Am", ""), ("D", ""), ("dolce", ""), ("D.", ""), ("Allegro con fine", ""), ("", ""), ("D. Scarlatti", ""),
        ("Refrain", ""), ("D. Clarke", ""), ("a fine mess", ""),
    ],
)  # fmt: skip
def test_words_name_the_jump_that_they_ask_for(text, jump):
    assert jump_of_words(text) == jump
