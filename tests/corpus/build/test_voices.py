"""Soprano and alto on one staff, tenor and bass on another: each format says which note is whose."""

import pytest

from ritornello.corpus.build.convert import convert
from ritornello.corpus.options import BuildOptions

SATB = [
    [(0, 2, 72), (2, 2, 74), (4, 4, 76)],
    [(0, 1, 64), (1, 1, 65), (2, 2, 65), (4, 4, 67)],
    [(0, 4, 60), (4, 4, 60)],
    [(0, 2, 57), (2, 2, 50), (4, 4, 48)],
]  # start and duration in quarters, pitch

NAMES = {72: "C5", 74: "D5", 76: "E5", 64: "E4", 65: "F4", 67: "G4", 60: "C4", 57: "A3", 50: "D3", 48: "C3"}
TYPES = {1: "quarter", 2: "half", 4: "whole"}


def in_bar(line, bar):
    return [(duration, pitch) for start, duration, pitch in line if start // 4 == bar]


def musicxml():
    def note(duration, pitch, staff, voice):
        step, octave = NAMES[pitch]
        return (
            f"<note><pitch><step>{step}</step><octave>{octave}</octave></pitch><duration>{duration}</duration>"
            f"<voice>{voice}</voice><type>{TYPES[duration]}</type><staff>{staff}</staff></note>"
        )

    bars = ""
    for bar in (0, 1):
        voices = [
            "".join(note(*n, 1 + voice // 2, (1, 2, 5, 6)[voice]) for n in in_bar(line, bar))
            for voice, line in enumerate(SATB)
        ]
        head = "<attributes><divisions>1</divisions><staves>2</staves></attributes>" if not bar else ""
        back = "<backup><duration>4</duration></backup>"
        bars += f'<measure number="{bar + 1}">{head}{back.join(voices)}</measure>'
    return (
        '<?xml version="1.0"?><score-partwise version="4.0"><part-list><score-part id="P1">'
        f'<part-name>Choir</part-name></score-part></part-list><part id="P1">{bars}</part></score-partwise>'
    )


def mei():
    def note(duration, pitch):
        name, octave = NAMES[pitch]
        return f'<note dur="{4 // duration}" pname="{name.lower()}" oct="{octave}"/>'

    def layer(voice, bar):
        return f'<layer n="{1 + voice % 2}">{"".join(note(*n) for n in in_bar(SATB[voice], bar))}</layer>'

    bars = "".join(
        f'<measure n="{bar + 1}"><staff n="1">{layer(0, bar)}{layer(1, bar)}</staff>'
        f'<staff n="2">{layer(2, bar)}{layer(3, bar)}</staff></measure>'
        for bar in (0, 1)
    )
    return (
        '<?xml version="1.0"?><mei xmlns="http://www.music-encoding.org/ns/mei" meiversion="4.0.1"><meiHead>'
        "<fileDesc><titleStmt><title/></titleStmt><pubStmt/></fileDesc></meiHead><music><body><mdiv><score><scoreDef "
        'meter.count="4" meter.unit="4"><staffGrp><staffDef n="1" lines="5" clef.shape="G" clef.line="2"/>'
        '<staffDef n="2" lines="5" clef.shape="F" clef.line="4"/></staffGrp></scoreDef>'
        f"<section>{bars}</section></score></mdiv></body></music></mei>"
    )


KERN = """**kern\t**kern
*clefF4\t*clefG2
*M4/4\t*M4/4
=1\t=1
*^\t*^
1c\t2A\t2cc\t4e
.\t.\t.\t4f
.\t2D\t2dd\t2f
=2\t=2\t=2\t=2
1c\t1C\t1ee\t1g
*v\t*v\t*\t*
*\t*v\t*v
==\t==
*-\t*-
"""


def musescore():
    def note(duration, pitch):
        return f"<Chord><durationType>{TYPES[duration]}</durationType><Note><pitch>{pitch}</pitch></Note></Chord>"

    def staff(number, first):
        bars = ""
        for bar in (0, 1):
            head = "" if bar else "<TimeSig><sigN>4</sigN><sigD>4</sigD></TimeSig>"
            voices = ["".join(note(*n) for n in in_bar(SATB[first + k], bar)) for k in (0, 1)]
            bars += f"<Measure><voice>{head}{voices[0]}</voice><voice>{voices[1]}</voice></Measure>"
        return f'<Staff id="{number}">{bars}</Staff>'

    return (
        '<?xml version="1.0"?><museScore version="3.02"><Score><Division>480</Division><Part><Staff id="1"/>'
        '<Staff id="2"/><trackName>Choir</trackName><Instrument><longName>Choir</longName></Instrument></Part>'
        f"{staff(1, 0)}{staff(2, 2)}</Score></museScore>"
    )


ABC = """X:1
T:Choir
M:4/4
L:1/4
K:C
V:1
c2d2|e4|]
V:2
EFF2|G4|]
V:3
C4|C4|]
V:4
A,2D,2|C,4|]
"""


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("choir.musicxml", musicxml()),
        ("choir.mei", mei()),
        ("choir.krn", KERN),
        ("choir.mscx", musescore()),
        ("choir.abc", ABC),
    ],
)
def test_voices_on_a_staff_are_told_apart_as_the_file_says(name, content):
    rows = convert(content.encode(), name, BuildOptions(keep="voices"))
    assert rows.problems == ()
    (piece,) = rows.corpus.music()
    quarter = piece.timeline.ticks_per_quarter
    found = [[(n.start / quarter, n.duration / quarter, n.pitch) for n in part.notes] for part in piece.parts]
    assert found == SATB


@pytest.mark.parametrize(("name", "content"), [("choir.musicxml", musicxml()), ("choir.mscx", musescore())])
def test_all_keeps_a_part_for_each_staff(name, content):
    rows = convert(content.encode(), name, BuildOptions(keep="all"))
    (piece,) = rows.corpus.music()
    quarter = piece.timeline.ticks_per_quarter
    assert [sorted((n.start / quarter, n.pitch) for n in part.notes) for part in piece.parts] == [
        sorted((start, pitch) for line in SATB[first : first + 2] for start, _, pitch in line) for first in (0, 2)
    ]


def test_families_are_those_of_the_melody_that_the_staves_hold():
    content = musicxml().encode()
    by_keep = [convert(content, "choir.musicxml", BuildOptions(keep=k)) for k in ("melody", "voices", "all")]
    assert len({rows.prints for rows in by_keep}) == 1
