"""What write_musicxml writes, and that verovio and music21 find the same notes in it."""

import json
from fractions import Fraction
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ritornello.music.scores.writer import write_musicxml
from ritornello.music.values import Key, Melody, Metre, Note, Tempo, Timeline

METRES = [
    (4, 4),
    (3, 4),
    (2, 4),
    (6, 8),
    (9, 8),
    (12, 8),
    (3, 8),
    (2, 2),
    (5, 4),
    (7, 8),
    (5, 8),
    (3, 2),
    (6, 4),
    (1, 4),
]


def exact_notes(melody: Melody) -> list[tuple[Fraction, Fraction, int]]:
    """(onset, duration, pitch) of every note, in quarters."""
    per_quarter = melody.timeline.ticks_per_quarter
    return [(Fraction(n.start, per_quarter), Fraction(n.duration, per_quarter), n.pitch) for n in melody.notes]


def verovio_notes(text: str) -> list[tuple[float, float, int]]:
    """(onset, duration, pitch) as verovio times the drawn note values, tied notes joined."""
    verovio = pytest.importorskip("verovio")
    verovio.enableLog(verovio.LOG_OFF)
    toolkit = verovio.toolkit()
    assert toolkit.loadData(text)
    events = toolkit.renderToTimemap({"includeMeasures": False, "includeRests": False})
    events = json.loads(events) if isinstance(events, str) else events
    on = {name: event["qstamp"] for event in events for name in event.get("on", [])}
    off = {name: event["qstamp"] for event in events for name in event.get("off", [])}
    notes: dict[str, list] = {}
    for name in sorted(on, key=lambda n: on[n]):
        first = name.split("-")[0]
        notes.setdefault(first, [on[name], 0.0, toolkit.getMIDIValuesForElement(name)["pitch"]])
        notes[first][1] += off[name] - on[name]
    return [(start, duration, pitch) for start, duration, pitch in notes.values()]


def music21_notes(text: str) -> list[tuple[Fraction, Fraction, int]]:
    """(onset, duration, pitch) as music21 reads the file, ties stripped."""
    music21 = pytest.importorskip("music21")
    score = music21.converter.parseData(text, format="musicxml").stripTies()
    notes = score.flatten().notes
    return [(Fraction(n.offset), Fraction(n.quarterLength), n.pitch.midi) for n in notes]


def assert_drawn_exactly(melody: Melody) -> None:
    __tracebackhide__ = True
    found, wanted = verovio_notes(write_musicxml(melody)), exact_notes(melody)
    assert len(found) == len(wanted)
    for got, want in zip(found, wanted, strict=True):
        assert got[2] == want[2]
        assert got[:2] == pytest.approx([float(x) for x in want[:2]], abs=1e-7)


def measures(melody: Melody) -> list[ElementTree.Element]:
    return ElementTree.fromstring(write_musicxml(melody)).findall("part/measure")


@st.composite
def melodies(draw: st.DrawFn) -> Melody:
    """Melodies of up to a dozen notes in any metre, on a plain or a wild grid, with a pick-up or without."""
    per_quarter = draw(st.sampled_from([1, 4, 12, 24, 96, 480, 1000]))
    lengths = st.one_of(
        st.sampled_from([1, 2, 3, 4, 6, 8, 12, 16, 24, 36]).map(lambda n: max(1, n * per_quarter // 12)),
        st.integers(1, 3 * per_quarter),
    )
    numerator, denominator = draw(st.sampled_from(METRES))
    notes, place = [], 0
    for gap, length, pitch in draw(st.lists(st.tuples(st.booleans(), lengths, st.integers(12, 119)), max_size=12)):
        if gap:
            place += draw(lengths)
        notes.append(Note(place, length, pitch))
        place += length
    bar = Fraction(4 * numerator * per_quarter, denominator)
    metres = [Metre(0, numerator, denominator)]
    if draw(st.booleans()) and bar > 1:
        metres.append(Metre(draw(st.integers(1, -(-bar // 1) - 1)), numerator, denominator))
    keys = (Key(0, draw(st.integers(-7, 7)), draw(st.sampled_from(["major", "minor"]))),)
    return Melody(tuple(notes), Timeline(per_quarter, place, tuple(metres), keys), title="A wild tune")


@given(melodies())
@settings(max_examples=120, deadline=None)
def test_verovio_draws_the_same_notes(melody):
    assert_drawn_exactly(melody)


@given(melodies())
@settings(max_examples=40, deadline=None)
def test_every_bar_lasts_as_long_as_its_durations(melody):
    text = write_musicxml(melody)
    root = ElementTree.fromstring(text)
    divisions = int(root.findtext(".//divisions"))
    total = sum(int(d.text) for d in root.iter("duration"))
    assert Fraction(total, divisions) >= Fraction(melody.timeline.length, melody.timeline.ticks_per_quarter)


TICKS = 480
FLATS = Timeline(keys=(Key(0, -3),), tempos=(Tempo(0, 96),))
HAND_MADE = {
    "plain": Melody((Note(0, 480, 60), Note(480, 480, 62), Note(960, 960, 64))),
    "tie over the barline": Melody((Note(0, 1440, 60), Note(1440, 960, 62), Note(2400, 1440, 64))),
    "triplets": Melody(tuple(Note(160 * i, 160, 60 + i) for i in range(6))),
    "triplet of a quarter and an eighth": Melody((Note(0, 320, 60), Note(320, 160, 62), Note(480, 1440, 64))),
    "quarter triplets": Melody(tuple(Note(320 * i, 320, 60 + i) for i in range(3))),
    "triplet tied into plain": Melody((Note(0, 320, 60), Note(320, 640, 62), Note(960, 960, 64))),
    "quintuplet": Melody(tuple(Note(96 * i, 96, 70 - i) for i in range(5))),
    "one tick": Melody((Note(1, 1, 60), Note(7, 472, 61))),
    "chromatic in flats": Melody(tuple(Note(240 * i, 240, 58 + i) for i in range(16)), FLATS),
    "rest at the start": Melody((Note(2400, 480, 67),)),
    "silence": Melody((), Timeline(length=3840)),
    "nothing": Melody(()),
    "whole bars of rest": Melody((Note(0, 480, 60), Note(3840 + 480, 480, 60))),
    "lowest and highest": Melody((Note(0, 480, 0), Note(480, 480, 127))),
    "pick-up in 6/8": Melody(
        (Note(0, 240, 67), Note(240, 720, 72), Note(960, 480, 71), Note(1440, 240, 69)),
        Timeline(metres=(Metre(0, 6, 8), Metre(240, 6, 8)), length=240 + 1440),
    ),
    "metre changes": Melody(
        tuple(Note(240 * i, 240, 60 + i) for i in range(20)),
        Timeline(metres=(Metre(0, 3, 4), Metre(1440, 5, 8), Metre(2640, 2, 4))),
    ),
    "a bar cut short": Melody(
        tuple(Note(480 * i, 480, 60 + i) for i in range(9)), Timeline(metres=(Metre(0, 4, 4), Metre(2880, 4, 4)))
    ),
    "key changes inside a bar and a note": Melody(
        (Note(0, 1920, 66), Note(1920, 480, 66)), Timeline(keys=(Key(0, 1), Key(720, -2), Key(1920, 2)))
    ),
    "silent bars of an additive metre": Melody(
        (Note(0, 480, 60), Note(3 * 1680, 480, 62)), Timeline(metres=(Metre(0, 7, 8, (2, 2, 3)),))
    ),
    "a natural tied within its bar": Melody(
        (Note(0, 480, 70), Note(480, 2000, 71), Note(2480, 400, 70)), Timeline(keys=(Key(0, -2),))
    ),
    "coarse resolution": Melody((Note(0, 1, 60), Note(1, 3, 62)), Timeline(1, metres=(Metre(0, 3, 8),))),
    "a metre that counts in thirds": Melody(
        (Note(0, 320, 60), Note(400, 100, 62)), Timeline(metres=(Metre(0, 2, 6),))
    ),
    "very fine resolution": Melody((Note(0, 1, 60), Note(1, 99999, 62)), Timeline(100000)),
    "tempo changes": Melody(
        (Note(0, 960, 60), Note(960, 960, 62)), Timeline(tempos=(Tempo(0, 100), Tempo(960, 66.5), Tempo(1000, 50)))
    ),
}


@pytest.mark.parametrize("name", [n for n in HAND_MADE if n != "very fine resolution"])  # verovio counts in 32 bits
def test_a_hand_made_melody_is_drawn_exactly(name):
    assert_drawn_exactly(HAND_MADE[name])


@pytest.mark.parametrize("name", [n for n in HAND_MADE if n not in ("lowest and highest", "nothing", "silence")])
def test_music21_reads_the_same_notes(name):
    wanted = exact_notes(HAND_MADE[name])
    found = music21_notes(write_musicxml(HAND_MADE[name]))
    assert [n[2] for n in found] == [n[2] for n in wanted]
    for got, want in zip(found, wanted, strict=True):
        assert [float(x) for x in got[:2]] == pytest.approx([float(x) for x in want[:2]], abs=1e-4)


@pytest.mark.parametrize("name", [n for n in HAND_MADE if HAND_MADE[n].notes])
def test_our_own_reader_finds_the_same_notes_and_title(name, tmp_path):
    pytest.importorskip("ritornello.music.scores.reader")
    from ritornello.music import files

    path = tmp_path / "tune.musicxml"
    path.write_text(write_musicxml(HAND_MADE[name]), encoding="utf-8")
    piece = files.read(path)[0]
    found = Melody(piece.parts[0].notes, piece.timeline)
    assert exact_notes(found) == exact_notes(HAND_MADE[name])


def test_our_own_reader_finds_metres_keys_tempos_and_pick_up(tmp_path):
    pytest.importorskip("ritornello.music.scores.reader")
    from ritornello.music import files

    timeline = Timeline(
        metres=(Metre(0, 6, 8), Metre(240, 6, 8), Metre(1680, 2, 4)),
        keys=(Key(0, 1), Key(1680, -2, "minor")),
        tempos=(Tempo(0, 90.5), Tempo(1680, 133.25)),
        length=1680 + 720,
    )
    notes = (Note(0, 240, 67), Note(240, 1440, 72), Note(1680, 720, 70))
    path = tmp_path / "tune.musicxml"
    path.write_text(write_musicxml(Melody(notes, timeline, "Ländler")), encoding="utf-8")
    piece = files.read(path)[0]
    assert piece.title == "Ländler"
    assert piece.timeline == timeline


def test_a_pick_up_is_an_implicit_bar_numbered_nought():
    bars = measures(HAND_MADE["pick-up in 6/8"])
    assert [(b.get("number"), b.get("implicit")) for b in bars] == [("0", "yes"), ("1", None)]


def test_the_last_bar_ends_with_a_final_barline():
    for name in ("plain", "nothing"):
        assert measures(HAND_MADE[name])[-1].findtext("barline/bar-style") == "light-heavy"


def test_the_title_is_written_and_escaped():
    melody = Melody((Note(0, 480, 60),), title="Tom & <Jerry> \x07 ♪")
    assert ElementTree.fromstring(write_musicxml(melody)).findtext("work/work-title") == "Tom & <Jerry>  ♪"


def test_the_tempo_is_printed_in_beats_and_sounded_in_quarters():
    melody = Melody((Note(0, 720, 60),), Timeline(metres=(Metre(0, 6, 8),), tempos=(Tempo(0, 90),)))
    mark = measures(melody)[0].find("direction/direction-type/metronome")
    assert (mark.findtext("beat-unit"), mark.find("beat-unit-dot") is not None) == ("quarter", True)
    assert mark.findtext("per-minute") == "60"
    assert measures(melody)[0].find("direction/sound").get("tempo") == "90"


@pytest.mark.parametrize(("qpm", "shown"), [(119.9998, "120"), (66.5, "66"), (0.2, "1")])
def test_the_tempo_is_printed_in_a_whole_number_and_sounded_exactly(qpm, shown):
    (bar,) = measures(Melody((Note(0, 480, 60),), Timeline(tempos=(Tempo(0, qpm),))))
    assert bar.findtext("direction/direction-type/metronome/per-minute") == shown
    assert float(bar.find("direction/sound").get("tempo")) == qpm


def test_keys_and_metres_are_written_where_they_begin_and_nowhere_else():
    melody = Melody(
        tuple(Note(480 * i, 480, 60) for i in range(10)),
        Timeline(metres=(Metre(0, 4, 4), Metre(1920, 3, 4)), keys=(Key(0, 1), Key(1920, 1), Key(3360, -2))),
    )
    bars = measures(melody)
    assert [b.findtext("attributes/time/beats") for b in bars] == ["4", "3", None]
    assert [b.findtext("attributes/key/fifths") for b in bars] == ["1", None, "-2"]


def test_modes_and_stated_groups_are_written():
    melody = Melody(
        tuple(Note(240 * i, 240, 62) for i in range(7)),
        Timeline(metres=(Metre(0, 7, 8, (3, 2, 2)),), keys=(Key(0, 0, "dorian"),)),
    )
    (bar,) = measures(melody)
    assert (bar.findtext("attributes/key/fifths"), bar.findtext("attributes/key/mode")) == ("0", "dorian")
    assert (bar.findtext("attributes/time/beats"), bar.findtext("attributes/time/beat-type")) == ("3+2+2", "8")
    assert [note.findtext("beam") for note in bar.iter("note")] == [
        "begin",
        "continue",
        "end",
        "begin",
        "end",
        "begin",
        "end",
    ]


@pytest.mark.parametrize(
    ("pitches", "fifths", "mode"),
    [
        ([62, 64, 66, 67, 69, 71, 73, 74], "2", "major"),
        ([67, 69, 70, 72, 74, 66, 67], "-2", "minor"),
        ([65, 69, 67, 70, 69, 72, 65], "-1", "major"),
    ],
)
def test_an_unknown_key_is_written_as_the_notes_suggest(pitches, fifths, mode):
    (bar, *later) = measures(Melody(tuple(Note(480 * i, 480, p) for i, p in enumerate(pitches))))
    assert (bar.findtext("attributes/key/fifths"), bar.findtext("attributes/key/mode")) == (fifths, mode)
    assert all(other.find("attributes/key") is None for other in later)
    assert all(note.find("accidental") is None for note in bar.iter("note") if note.findtext("pitch/alter") == "1")


def test_no_notes_have_no_key():
    assert measures(Melody(()))[0].find("attributes/key") is None


@pytest.mark.parametrize(
    ("pitches", "clef"),
    [
        ([60, 64, 67, 72], ("G", "2", None)),
        ([40, 43, 48, 52], ("F", "4", None)),
        ([48, 52, 55, 60, 64], ("F", "4", None)),
        ([55, 57, 60, 64, 62, 57], ("G", "2", None)),
        ([90, 93, 96, 100], ("G", "2", "1")),
        ([24, 26, 28, 31], ("F", "4", "-1")),
    ],
)
def test_the_clef_follows_the_range(pitches, clef):
    found = measures(Melody(tuple(Note(480 * i, 480, p) for i, p in enumerate(pitches))))[0].find("attributes/clef")
    assert (found.findtext("sign"), found.findtext("line"), found.findtext("clef-octave-change")) == clef


def evenly(folder: Path, count: int) -> list[Path]:
    files = sorted(folder.glob("*/*.krn"))
    return files[:: max(1, len(files) // count)]


def test_folk_songs_written_and_read_back_give_the_same_notes(shared_data):
    from ritornello.music import files

    paths = evenly(shared_data("melodies"), 60)
    for path in paths:
        piece = files.read(path)[0]
        melody = Melody(piece.parts[0].notes, piece.timeline, piece.title)
        assert_drawn_exactly(melody)
    assert len(paths) >= 60
