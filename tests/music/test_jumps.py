"""Words over bars that change their order, in the ways that people write them."""

import pytest

from ritornello.music.abc.jumps import jump_of_words
from ritornello.music.files import scan_content


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


def abc(*bars: str) -> bytes:
    return ("X:1\nM:1/4\nL:1/4\nK:C\n" + "".join(bars) + "\n").encode()


def musicxml(*bars: str) -> bytes:
    sign = '<barline location="right"><repeat direction="backward"/></barline>'
    pitch = "<note><pitch><step>{}</step><octave>4</octave></pitch><duration>1</duration></note>"
    drawn = (f"<measure>{pitch.format(bar[0])}{sign if ':|' in bar else ''}</measure>" for bar in bars)
    head = '<score-partwise><part-list><score-part id="P"><part-name/></score-part></part-list><part id="P">'
    return (head + "".join(drawn) + "</part></score-partwise>").encode()


def mei(*bars: str) -> bytes:
    note = '<staff n="1"><layer n="1"><note pname="{}" oct="4" dur="4"/></layer></staff>'
    side = ' right="rptend"'
    drawn = (f"<measure{side if ':|' in bar else ''}>{note.format(bar[0].lower())}</measure>" for bar in bars)
    head = '<mei><music><body><mdiv><score><scoreDef meter.count="1" meter.unit="4"><staffGrp><staffDef n="1" '
    head += 'lines="5"/></staffGrp></scoreDef><section>'
    return f"{head}{''.join(drawn)}</section></score></mdiv></body></music></mei>".encode()


def kern(*bars: str) -> bytes:
    drawn = [f"4{bar[0].lower()}\n{'=:|!' if ':|' in bar else '='}" for bar in bars]
    return "\n".join(["**kern", "*M1/4", "=1-", *drawn, "*-", ""]).encode()


def mscx(*bars: str) -> bytes:
    pitches = {"C": 60, "D": 62, "E": 64, "F": 65}
    chord = "<voice><Chord><durationType>quarter</durationType><Note><pitch>{}</pitch></Note></Chord></voice>"
    drawn = (
        f"<Measure>{'<endRepeat>2</endRepeat>' if ':|' in bar else ''}{chord.format(pitches[bar[0]])}</Measure>"
        for bar in bars
    )
    time = "<voice><TimeSig><sigN>1</sigN><sigD>4</sigD></TimeSig>"
    text = "".join(drawn).replace("<voice>", time, 1)
    return f'<museScore version="3.01"><Score><Staff id="1">{text}</Staff></Score></museScore>'.encode()


@pytest.mark.parametrize(
    ("write", "suffix", "order"),
    [
        (abc, "abc", "CDCDEFEFC"),  # the standard 2.1, section 4.8, and abc2midi
        (musicxml, "musicxml", "CDCDEFEFC"),  # as players do; MuseScore and music21 each play something else
        (mei, "mei", "CDCDEFEFC"),
        (kern, "krn", "CDCDEFEFC"),
        (mscx, "mscx", "CDCDEFCDEFC"),  # as MuseScore 3 and 4 play their own files
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_second_repeat_without_a_start_sign_is_played_as_its_format_is_played(write, suffix, order):
    (piece,), _ = scan_content(write("C|", "D:|", "E|", "F:|", "C|]"), f"x.{suffix}")
    assert "".join("CxDxEF"[n.pitch % 12] for n in piece.parts[0].notes) == order
