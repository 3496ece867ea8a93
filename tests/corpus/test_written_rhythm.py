"""The rhythm of a score is what it states: in no format, and on no way into a corpus, is it laid on a grid."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Callable
from fractions import Fraction
from io import BytesIO
from pathlib import Path

import pytest

import ritornello as rito
from ritornello.corpus.options import BuildOptions
from ritornello.corpus.pick.pick import melody_of, pick_melodies
from ritornello.music.exchange import pieces_from_json, pieces_to_json
from ritornello.music.files import KINDS, PERFORMED, read
from ritornello.music.values import Melody, Note, Part, Piece, Timeline

STEPS = "CDEFGAB" * 4
LENGTHS = [
    *[Fraction(1, 5)] * 5, Fraction(1), *[Fraction(1, 7)] * 7, *[Fraction(1, 16)] * 4, Fraction(3, 4),
]  # fmt: skip
"""Quarters of one bar of 4/4: a quintuplet, a quarter, a septuplet, four 64ths and a dotted eighth."""
SEMITONES = dict(zip("CDEFGAB", (60, 62, 64, 65, 67, 69, 71), strict=True))


def right(bars: int = 2) -> list[tuple[Fraction, Fraction, int]]:
    """Start, length and pitch of each note of so many such bars."""
    found, at = [], Fraction(0)
    for step, length in zip(STEPS * bars, LENGTHS * bars):
        found.append((at, length, SEMITONES[step]))
        at += length
    return found


def in_quarters(melody: Melody) -> list[tuple[Fraction, Fraction, int]]:
    tpq = melody.timeline.ticks_per_quarter
    return [(Fraction(n.start, tpq), Fraction(n.duration, tpq), n.pitch) for n in melody.notes]


ABC_LENGTHS = ["(5:4:5{}/", *["{}/"] * 4, "{}2", "(7:4:7{}/", *["{}/"] * 6, *["{}/8"] * 4, "{}3/2"]
KERN_LENGTHS = [*["20"] * 5, "4", *["28"] * 7, *["64"] * 4, "8."]
NAMES = ["16th"] * 5 + ["quarter"] + ["16th"] * 7 + ["64th"] * 4 + ["eighth"]
RATIOS = [5] * 5 + [0] + [7] * 7 + [0] * 5


def steps(bars: int = 2) -> list[list[str]]:
    return [list((STEPS * bars)[n * len(LENGTHS) :][: len(LENGTHS)]) for n in range(bars)]


def as_abc() -> bytes:
    bars = ["".join(f.format(s) for f, s in zip(ABC_LENGTHS, bar, strict=True)) for bar in steps()]
    return f"X:1\nT:Tuplets\nM:4/4\nL:1/8\nK:C\n{'|'.join(bars)}|]\n".encode()


def as_musicxml() -> bytes:
    def note(step: str, name: str, ratio: int, length: Fraction) -> str:
        change = f"<actual-notes>{ratio}</actual-notes><normal-notes>4</normal-notes>"
        change = f"<time-modification>{change}</time-modification>" if ratio else ""
        dot = "<dot/>" if name == "eighth" else ""
        pitch = f"<pitch><step>{step}</step><octave>4</octave></pitch><duration>{length * 560}</duration>"
        return f"<note>{pitch}<type>{name}</type>{dot}{change}</note>"

    bars = ["".join(map(note, bar, NAMES, RATIOS, LENGTHS)) for bar in steps()]
    time = "<time><beats>4</beats><beat-type>4</beat-type></time>"
    bars[0] = f"<attributes><divisions>560</divisions>{time}</attributes>{bars[0]}"
    body = "".join(f'<measure number="{n}">{bar}</measure>' for n, bar in enumerate(bars, 1))
    head = '<part-list><score-part id="P1"><part-name>Flute</part-name></score-part></part-list>'
    return f'<score-partwise version="4.0">{head}<part id="P1">{body}</part></score-partwise>'.encode()


def as_kern() -> bytes:
    bars = ["\n".join(n + s.lower() for n, s in zip(KERN_LENGTHS, bar, strict=True)) for bar in steps()]
    return ("**kern\n*M4/4\n*C:\n=1-\n" + "\n=2\n".join(bars) + "\n==\n*-\n").encode()


def as_mei() -> bytes:
    def note(step: str, dur: str, more: str = "") -> str:
        return f'<note pname="{step.lower()}" oct="4" dur="{dur}"{more}/>'

    def bar(n: int, of: list[str]) -> str:
        five, seven = ("".join(note(s, "16") for s in part) for part in (of[:5], of[6:13]))
        rest = "".join(note(s, "64") for s in of[13:17]) + note(of[17], "8", ' dots="1"')
        tuplets = f'<tuplet num="5" numbase="4">{five}</tuplet>{note(of[5], "4")}<tuplet num="7" numbase="4">{seven}'
        return f'<measure n="{n}"><staff n="1"><layer n="1">{tuplets}</tuplet>{rest}</layer></staff></measure>'

    staff = '<staffDef n="1" lines="5" clef.shape="G" clef.line="2" meter.count="4" meter.unit="4"/>'
    bars = "".join(bar(n, of) for n, of in enumerate(steps(), 1))
    score = f"<score><scoreDef><staffGrp>{staff}</staffGrp></scoreDef><section>{bars}</section></score>"
    name = 'xmlns="http://www.music-encoding.org/ns/mei" meiversion="5.0"'
    return f"<mei {name}><meiHead/><music><body><mdiv>{score}</mdiv></body></music></mei>".encode()


def as_musescore() -> bytes:
    def chord(step: str, name: str, more: str = "") -> str:
        pitch = f"<Note><pitch>{SEMITONES[step]}</pitch></Note>"
        return f"<Chord>{more}<durationType>{name}</durationType>{pitch}</Chord>"

    def tuplet(actual: int, of: list[str]) -> str:
        head = f"<normalNotes>4</normalNotes><actualNotes>{actual}</actualNotes>"
        return f"<Tuplet>{head}</Tuplet>{''.join(chord(s, '16th') for s in of)}<endTuplet/>"

    def bar(of: list[str]) -> str:
        rest = "".join(chord(s, "64th") for s in of[13:17]) + chord(of[17], "eighth", "<dots>1</dots>")
        return tuplet(5, of[:5]) + chord(of[5], "quarter") + tuplet(7, of[6:13]) + rest

    bars = [bar(of) for of in steps()]
    bars[0] = "<TimeSig><sigN>4</sigN><sigD>4</sigD></TimeSig>" + bars[0]
    staff = "".join(f"<Measure><voice>{bar}</voice></Measure>" for bar in bars)
    score = f'<Score><Division>480</Division><Staff id="1">{staff}</Staff></Score>'
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<museScore version="3.01">{score}</museScore>'.encode()


def zipped(content: bytes, name: str) -> bytes:
    box = BytesIO()
    with zipfile.ZipFile(box, "w") as archive:
        archive.writestr(name, content)
    return box.getvalue()


FORMATS: dict[str, Callable[[], bytes]] = {
    "tune.abc": as_abc,
    "tune.musicxml": as_musicxml,
    "tune.mxl": lambda: zipped(as_musicxml(), "score.xml"),
    "tune.krn": as_kern,
    "tune.mei": as_mei,
    "tune.mscx": as_musescore,
    "tune.mscz": lambda: zipped(as_musescore(), "score.mscx"),
}


@pytest.fixture(params=FORMATS)
def score(request, tmp_path) -> Path:
    path = tmp_path / request.param
    path.write_bytes(FORMATS[request.param]())
    return path


def test_every_kind_of_file_is_a_score_or_performed():
    scores, performed = {Path(name).suffix for name in FORMATS}, {KINDS[kind][1] for kind in PERFORMED}
    assert scores | performed == {suffix for _, suffix in KINDS.values()}


def test_a_corpus_holds_every_note_where_it_is_written_without_a_doubt(score):
    corpus = rito.build_corpus(score)
    assert [in_quarters(melody) for melody in corpus.melodies()] == [right()]
    assert [(line.reason, line.warnings) for line in corpus.report] == [("ok", ())]


def test_swing_is_evened_out_and_bars_are_counted_anew_only_where_music_was_played(score):
    options = {"swing": "straight", "metre": "3/4", "beat_offset": 0.5, "steps_per_quarter": 3}
    [melody] = rito.build_corpus(score, **options).melodies()
    assert in_quarters(melody) == right()
    assert melody.timeline.metre.name == "4/4"


def test_a_grid_is_laid_over_a_score_that_is_to_have_one(score):
    corpus = rito.build_corpus(score, timing="grid")
    [melody] = corpus.melodies()
    assert all(start.denominator in (1, 2, 4) for start, _, _ in in_quarters(melody))
    lost = 36 - len(melody.notes)
    assert lost > 0
    assert any(f"{lost} of 36 notes fell on the step of another" in detail for _, detail in corpus.report[0].warnings)


def test_every_other_way_in_reads_the_same(score, tmp_path):
    assert in_quarters(melody_of(read(score)[0]).melody) == right()
    assert [in_quarters(m) for m in rito.load_corpus(score).melodies()] == [right()]
    assert [in_quarters(m) for m in rito.build_corpus(rito.read(score)).melodies()] == [right()]
    built = rito.build_corpus(score)
    assert [in_quarters(m) for m in rito.build_corpus(built.melodies()).melodies()] == [right()]


def test_a_stream_of_music21_is_a_score():
    music21 = pytest.importorskip("music21")
    stream = music21.converter.parse(as_musicxml().decode(), format="musicxml")
    assert [in_quarters(melody) for melody in rito.build_corpus(stream).melodies()] == [right()]


def test_what_a_score_states_is_known_in_other_processes():
    [piece] = pieces_from_json(pieces_to_json([Piece((Part((Note(0, 480, 60),)),), states_rhythm=True)]))
    assert piece.states_rhythm


NESTED = [
    Fraction(2, 5),
    *[Fraction(2, 15)] * 3,
    *[Fraction(2, 5)] * 3,
]  # a triplet inside a quintuplet: two quarters


def test_a_triplet_inside_a_quintuplet_stays(tmp_path):
    def note(name: str, length: Fraction, actual: int, normal: int) -> str:
        change = f"<actual-notes>{actual}</actual-notes><normal-notes>{normal}</normal-notes>"
        pitch = f"<pitch><step>G</step><octave>4</octave></pitch><duration>{length * 60}</duration>"
        return f"<note>{pitch}<type>{name}</type><time-modification>{change}</time-modification></note>"

    inside = [("16th", 15, 8) if length == Fraction(2, 15) else ("eighth", 5, 4) for length in NESTED]
    bar = "".join(note(name, length, *ratio) for length, (name, *ratio) in zip(NESTED, inside, strict=True))
    head = "<attributes><divisions>60</divisions><time><beats>2</beats><beat-type>4</beat-type></time></attributes>"
    body = f'<measure number="1">{head}{bar}</measure><measure number="2">{bar}</measure>'
    parts = '<part-list><score-part id="P"><part-name>X</part-name></score-part></part-list>'
    path = tmp_path / "nested.musicxml"
    path.write_text(f'<score-partwise version="4.0">{parts}<part id="P">{body}</part></score-partwise>')
    [melody] = rito.build_corpus(path).melodies()
    assert [length for _, length, _ in in_quarters(melody)] == NESTED * 2
    [again] = rito.build_corpus([melody]).melodies()
    assert again.notes == melody.notes


def midi(notes: list[tuple[int, int, int]], resolution: int) -> bytes:
    """A MIDI file of one track: start, end and pitch in ticks, each note after the one before."""

    def waited(ticks: int) -> bytes:
        found = [ticks & 127]
        while ticks := ticks >> 7:
            found.append(ticks & 127 | 128)
        return bytes(reversed(found))

    track, now = b"\x00\xff\x58\x04\x04\x02\x18\x08", 0
    for start, end, pitch in notes:
        track += waited(start - now) + bytes((0x90, pitch, 80)) + waited(end - start) + bytes((0x80, pitch, 0))
        now = end
    track += b"\x00\xff\x2f\x00"
    header = struct.pack(">IHHH", 6, 0, 1, resolution)
    return b"MThd" + header + b"MTrk" + struct.pack(">I", len(track)) + track


@pytest.mark.parametrize("resolution", [480, 960, 1024, 384])
@pytest.mark.parametrize(("rounded", "early"), [(round, 0), (round, 1), (int, 0)])
def test_midi_of_a_notation_program_keeps_its_tuplets(resolution, early, rounded, tmp_path):
    """Its ticks are rounded or cut to whole ones, its notes perhaps end one early; onsets are exact again."""
    ends = [(rounded(start * resolution), rounded((start + length) * resolution)) for start, length, _ in right()]
    notes = [(start, end - early, row[2]) for (start, end), row in zip(ends, right(), strict=True)]
    path = tmp_path / "tune.mid"
    path.write_bytes(midi(notes, resolution))
    corpus = rito.build_corpus(path)
    [melody] = corpus.melodies()
    found = in_quarters(melody)
    assert [(at, pitch) for at, _, pitch in found] == [(at, pitch) for at, _, pitch in right()]
    assert all(abs(lasts - length) < Fraction(1, 100) for (_, lasts, _), (_, length, _) in zip(found, right()))
    assert corpus.report[0].warnings == ()


@pytest.mark.parametrize("parts", [5, 7, 10, 16, 20])
def test_midi_in_equal_parts_of_a_beat_is_written(parts, tmp_path):
    notes = [(round(n * 480 / parts), round((n + 1) * 480 / parts), 60 + n % 12) for n in range(3 * parts)]
    path = tmp_path / "tune.mid"
    path.write_bytes(midi(notes, 480))
    [melody] = rito.build_corpus(path).melodies()
    assert [start for start, _, _ in in_quarters(melody)] == [Fraction(n, parts) for n in range(3 * parts)]


def test_notes_that_the_grid_takes_from_a_performance_are_counted_in_its_remark():
    """Sixteenths played unevenly, each fourth beat with an ornament of three quick notes."""
    starts = [0.03, 0.27, 0.49, 0.76, 1.02, 1.27, 1.53, 1.74, 2.04, 2.25, 2.52, 2.77, 3.01, 3.06, 3.11, 3.55]
    notes = tuple(Note(round(480 * at) + 1920 * n, 20, 60 + k) for n in range(4) for k, at in enumerate(starts))
    piece = Piece((Part(notes),), Timeline(480), source="x.mid", is_counted=True)
    (choice,) = pick_melodies(piece, BuildOptions())
    assert len(choice.melody.notes) == 56
    detail = "8 of 64 notes fell on the step of another"
    assert choice.losses["notes_merged"] == 8
    assert any(detail in words for _, words in choice.warnings)
    assert len(pick_melodies(piece, BuildOptions(timing="exact"))[0].melody.notes) == 64


def test_a_score_is_written_whatever_its_onsets_are():
    """Parts of 37 and 41 of a quarter: in a MIDI file they would count as played."""
    tpq = 37 * 41
    starts = [*range(0, 8 * tpq, 41 * 5), *range(8 * tpq, 16 * tpq, 37 * 7)]
    notes = tuple(Note(at, end - at, 60) for at, end in zip(starts, [*starts[1:], 16 * tpq], strict=True))
    piece = Piece((Part(notes),), Timeline(tpq, 16 * tpq), states_rhythm=True)
    [choice] = pick_melodies(piece, BuildOptions())
    assert in_quarters(choice.melody) == in_quarters(Melody(notes, piece.timeline))
    [played] = pick_melodies(Piece(piece.parts, piece.timeline), BuildOptions())
    assert in_quarters(played.melody) != in_quarters(choice.melody)
