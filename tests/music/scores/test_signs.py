"""Repeat signs, endings and jumps of MusicXML as programs write them, whole and with parts left out.

Bars are letters. The orders agree with MuseScore 3 or music21, where one of them reads the sign at all; elsewhere
they are what a player makes of the page.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from ritornello.music.files import scan_content

FORWARD, BACKWARD = '<repeat direction="forward"/>', '<repeat direction="backward"/>'
SEGNO = "<direction><direction-type><segno/></direction-type></direction>"
CODA = "<direction><direction-type><coda/></direction-type></direction>"
THRICE = '<repeat direction="backward" times="3"/>'


def left(signs: str) -> str:
    return f'<barline location="left">{signs}</barline>'


def right(signs: str) -> str:
    return f'<barline location="right">{signs}</barline>'


def start(number: object, text: str = "") -> str:
    return left(f'<ending number="{number}" type="start">{text}</ending>')


def stop(number: object, signs: str = "") -> str:
    return right(f'<ending number="{number}" type="stop"/>{signs}')


def words(*texts: str) -> str:
    kinds = "".join(f"<direction-type><words>{text}</words></direction-type>" for text in texts)
    return f"<direction>{kinds}</direction>"


def sound(attribute: str, drawn: str = "") -> str:
    return f"<direction><direction-type>{drawn or '<words/>'}</direction-type><sound {attribute}/></direction>"


def played(bars: list[tuple[str, str]], numbers: Sequence[int] = range(1, 8)) -> str:
    """Read a score of bars, each what stands before and after its note, as letters; "!" for bars never played."""
    head = "<attributes><divisions>1</divisions><time><beats>4</beats><beat-type>4</beat-type></time></attributes>"
    measures = "".join(
        f'<measure number="{numbers[i]}">{before}{"" if i else head}<note><pitch><step>{"CDEFGAB"[i]}</step>'
        f"<octave>4</octave></pitch><duration>4</duration><type>whole</type></note>{after}</measure>"
        for i, (before, after) in enumerate(bars)
    )
    part_list = '<part-list><score-part id="P1"><part-name/></score-part></part-list>'
    content = f'<score-partwise>{part_list}<part id="P1">{measures}</part></score-partwise>'
    (piece,), remarks = scan_content(content.encode(), "song.musicxml")
    letters = {60: "C", 62: "D", 64: "E", 65: "F", 67: "G", 69: "A", 71: "B"}
    return "".join(letters[note.pitch] for note in piece.parts[0].notes) + "!" * len(remarks)


PLAIN = ("", "")
FIRST = (start(1), stop(1, BACKWARD))
SECOND = (start(2), stop(2))


@pytest.mark.parametrize(
    ("bars", "order"),
    [
        ([PLAIN, (start(1), ""), ("", right(BACKWARD)), SECOND, PLAIN], "CDECFG"),  # never closed
        ([PLAIN, (start(1), right(BACKWARD)), (start(2), ""), PLAIN], "CDCEF"),
        ([PLAIN, (start(1), stop(1)), ("", right(BACKWARD)), SECOND, PLAIN], "CDECFG"),  # closed early
        ([PLAIN, FIRST, (start(2), stop(2)), ("", right(BACKWARD)), (start(3), "")], "CDCEFCG"),
        ([PLAIN, FIRST, (start(2), stop(2)), ("", right(BACKWARD)), PLAIN], "CDCEFFG"),
        ([PLAIN, FIRST, (start(2), ""), ("", right(BACKWARD)), PLAIN], "CDCEFFG"),
        ([PLAIN, ("", stop(1, BACKWARD)), SECOND, PLAIN], "CDCEF"),  # without a start
        ([PLAIN, ("", stop("", BACKWARD)), SECOND, PLAIN], "CDCEF"),
        ([PLAIN, FIRST, ("", stop(2)), PLAIN], "CDCEF"),
        ([PLAIN, ("", right(BACKWARD)), SECOND, PLAIN], "CDCDEF"),  # without the first
        ([PLAIN, (start(1), stop(1)), SECOND, PLAIN], "CDCEF"),  # without the sign between them
        ([PLAIN, (start(2), stop(2, BACKWARD)), SECOND, PLAIN], "CDCEF"),  # one number twice
        ([PLAIN, (start("", "1."), stop("", BACKWARD)), (start("", "2."), stop("")), PLAIN], "CDCEF"),
        ([PLAIN, (start(""), stop("", BACKWARD)), (start(""), stop("")), PLAIN], "CDCEF"),
        ([PLAIN, FIRST, (left(FORWARD) + start(2), stop(2, BACKWARD)), PLAIN], "CDCEF"),
    ],
)
def test_endings_last_as_long_as_they_are_meant(bars, order):
    assert played(bars) == order


@pytest.mark.parametrize("number", ["1,3", "1, 3", "1.3.", "1. 3.", "1 3"])
def test_an_ending_of_the_first_and_third_time(number):
    bars = [PLAIN, (start(number), stop(number, BACKWARD)), (start(2), stop(2, BACKWARD)), PLAIN]
    assert played(bars) == "CDCECDF"


@pytest.mark.parametrize("number", ["1,2", "1, 2", "1-2", "1 - 2", "1.2.", "1., 2.", "1.-2.", "1\u20132"])
def test_an_ending_of_the_first_two_times(number):
    assert played([PLAIN, (start(number), stop(number, BACKWARD)), (start(3), stop(3)), PLAIN]) == "CDCDCEF"


@pytest.mark.parametrize(
    ("bars", "order"),
    [
        ([(left(FORWARD), ""), ("", right(THRICE)), PLAIN], "CDCDCDE"),
        ([PLAIN, ("", right(BACKWARD)), PLAIN, ("", right(BACKWARD)), PLAIN], "CDCDEFEFG"),  # the start is missing
        ([(left(FORWARD), ""), PLAIN, (left(FORWARD), right(BACKWARD)), PLAIN], "CDEEF"),  # the end is missing
        ([("", right(FORWARD)), PLAIN, ("", right(BACKWARD)), PLAIN], "CDEDEF"),  # signs on the other bar's side
        ([PLAIN, (left(BACKWARD), ""), PLAIN], "CCDE"),
        ([PLAIN, (sound('forward-repeat="yes"'), ""), ("", right(BACKWARD))], "CDEDE"),
    ],
)
def test_repeats_go_back_to_the_sign_that_is_there(bars, order):
    assert played(bars) == order


@pytest.mark.parametrize("fine", ["Fine", "FINE", "(fine)", "[Fine]", "fine.", " Fine ", "Last time Fine"])
@pytest.mark.parametrize(
    "jump", ["D.C. al Fine", "D. C. al fine", "DC al Fine", "Da Capo al Fine", "(D.C. al Fine)", "D.C.", "dacapo"]
)
def test_a_da_capo_in_words_ends_at_the_fine(fine, jump):
    assert played([PLAIN, ("", words(fine)), ("", words(jump))]) == "CDECD"


@pytest.mark.parametrize("jump", ["D.S. al Fine", "d.s. al fine", "Dal Segno al Fine", "D. S.", "DS al Fine"])
def test_a_dal_segno_in_words_begins_at_the_sign(jump):
    assert played([PLAIN, (SEGNO, ""), ("", words("Fine")), ("", words(jump))]) == "CDEFDE"
    assert played([PLAIN, (words("\U0001d10b"), ""), ("", words("Fine")), ("", words(jump))]) == "CDEFDE"


@pytest.mark.parametrize("away", ["To Coda", "to coda", "TO CODA", "to the Coda", "al Coda", "To \U0001d10c"])
@pytest.mark.parametrize("coda", [CODA, words("Coda"), words("CODA"), words("(Coda)"), sound('coda="coda"')])
def test_a_jump_goes_on_at_the_coda(away, coda):
    assert played([PLAIN, ("", words(away)), ("", words("D.C. al Coda")), (coda, "")]) == "CDECDF"


@pytest.mark.parametrize(
    ("bars", "order"),
    [
        ([PLAIN, ("", sound('fine="yes"')), ("", sound('dacapo="yes"'))], "CDECD"),
        ([PLAIN, ("", sound('fine="no"')), ("", sound('dacapo="no"'))], "CDE"),
        (
            [PLAIN, (sound('segno="s"'), ""), ("", sound('tocoda="c"')), ("", sound('dalsegno="s"')), (CODA, "")],
            "CDEFDEG",
        ),
        (
            [(sound('segno="a"', "<segno/>"), ""), (sound('segno="b"', "<segno/>"), ""), ("", sound('dalsegno="b"'))],
            "CDEDE",
        ),
        ([("", words("To Coda")), ("", words("Fine")), ("", words("D.C. al Fine")), (CODA, "")], "CDECD!"),
        ([("", words("Fine")), ("", words("To Coda")), ("", words("D.C. al Coda")), (CODA, "")], "CDECDF"),
        ([("", words("Fine")), ("", words("D.C.", "al Fine"))], "CDC"),
        ([("", words("rit.") + words("Fine")), ("", words("a tempo") + words("D.C. al Fine"))], "CDC"),
        ([PLAIN, ("", words("D.C. and well, a fine day in Washington"))], "CDCD"),
        ([PLAIN, ("", words("D  C  G7"))], "CD"),
        ([("", words("Fine")), (left(FORWARD), right(BACKWARD) + words("D.C. al Fine"))], "CDDC"),
    ],
)
def test_jumps_lead_where_sounds_and_words_say(bars, order):
    assert played(bars) == order


DOUBLE = right("<bar-style>light-light</bar-style>")


@pytest.mark.parametrize(
    ("bars", "order"),
    [
        ([("", words("Fine") + DOUBLE), ("", words("D.C. al Fine")), PLAIN], "CDEC"),
        ([("", words("Fine") + DOUBLE), ("", words("D.C. al Fine")), PLAIN, ("", right(BACKWARD))], "CDEFCDEFC"),
        ([("", words("Fine")), ("", words("D.C. al Fine") + DOUBLE), PLAIN], "CDCE"),
        ([("", words("Fine")), ("", sound('dacapo="yes"')), PLAIN], "CDCE"),
        ([("", words("To Coda")), ("", words("Fine")), ("", words("D.C. al Fine") + DOUBLE), (CODA, "")], "CDECD!"),
        ([("", words("e D.C.") + words("Fine")), PLAIN, PLAIN], "CDE"),  # in the first bar it is no jump
        ([("", words("To Coda")), ("", words("D.C. al Coda")), (CODA, "")], "CDCE"),
    ],
)
def test_a_jump_in_words_is_taken_at_the_end_of_its_section(bars, order):
    assert played(bars) == order


FINAL = right("<bar-style>light-heavy</bar-style>")
WALTZ = "<attributes><time><beats>3</beats><beat-type>4</beat-type></time></attributes>"


@pytest.mark.parametrize(
    ("bars", "order"),
    [
        ([("", FINAL), ("", words("Fine")), ("", words("D.C.") + FINAL), PLAIN], "CDEDF"),
        ([("", FINAL), ("", words("Fine") + FINAL), ("", words("D.C.") + FINAL), PLAIN], "CDEDF"),  # and at the Fine
        ([("", FINAL), PLAIN, ("", words("D.C.") + FINAL), ("", words("Fine")), ("", words("D.C."))], "CDEDEFGF"),
        ([("", FINAL), PLAIN, (words("Trio"), words("D.C.") + FINAL), PLAIN], "CDEDF"),
        ([PLAIN, (words("Menuetto") + WALTZ, words("Fine")), ("", words("D.C.")), (words("Finale") + WALTZ, "")],
         "CDEDF"),
        ([PLAIN, (words("Valse") + WALTZ, words("Fine")), ("", words("D.C."))], "CDECD"),  # nothing follows
        ([PLAIN, (words("rit.") + WALTZ, words("Fine")), ("", words("D.C.")), (words("Finale") + WALTZ, "")],
         "CDECDF"),
        ([PLAIN, (words("Menuetto") + WALTZ, words("Fine")), ("", words("D.C.")), PLAIN,
          (words("Finale") + WALTZ, "")], "CDEFDG"),  # the words stand a bar before the end of the Trio
        ([PLAIN, ("", words("Fine")), ("", words("D.C. e poi la Coda")), (CODA, "")], "CDECDF"),
        ([(SEGNO, ""), ("", words("Fine")), ("", words("D.S.") + FINAL), (SEGNO, words("Fine")), ("", words("D.S."))],
         "CDECDFGF"),
        ([("", FINAL), PLAIN, ("", right(BACKWARD)), PLAIN], "CDEDEF"),  # a repeat does not reach into a movement
    ],
)  # fmt: skip
def test_a_jump_stays_in_its_movement_and_the_work_goes_on_behind_the_fine(bars, order):
    assert played(bars) == order


def test_a_bar_that_is_numbered_one_again_begins_a_movement():
    bars = [PLAIN, PLAIN, ("", words("Fine")), ("", words("D.C.") + DOUBLE), PLAIN]
    assert played(bars, [1, 2, 1, 2, 1]) == "CDEFEG"
    assert played(bars, [1, 2, 3, 4, 5]) == "CDEFCDEG"


@pytest.mark.parametrize("jump", ["Menuetto da capo", "D.C.", "Menuet D.C. al Fine"])
@pytest.mark.parametrize("trio", ["Trio", "Trio.", "TRIO I", "(Trio)", "Maggiore"])
def test_a_da_capo_without_a_fine_ends_before_the_trio(trio, jump):
    bars = [PLAIN, ("", right(BACKWARD)), (left(FORWARD) + words(trio), ""), ("", right(BACKWARD) + words(jump))]
    assert played(bars) == "CDCDEFEFCD"
    assert played([("", words("Fine")), *bars[1:]]) == "CDCDEFEFC"
