"""Every hymn of the Open Hymnal is read, and abc2midi and music21 find the same notes in it.

Both programs are independent of this one. abc2midi (Debian's abcmidi, seen 4.84) takes about five seconds for
all 282 hymns, music21 (seen 10.5.1) about twenty-five.
"""

import re
import shutil
import subprocess
from collections import Counter
from fractions import Fraction
from pathlib import Path

import pytest

from ritornello.music.abc.reader import read_abc
from ritornello.music.abc.writer import write_abc
from ritornello.music.errors import decode_text
from ritornello.music.values import Melody, Note, Part, Piece

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures/hymns"

AGAINST_ABC2MIDI = {
    # ["1" ... :|["2-9" ... : abc2midi takes the bracket for a chord and loses both endings; the other voices
    # of the hymn repeat at the same place without endings, which bears our reading out
    "I_Bind_Unto_Myself_Today-St_Patricks_Breastplate.abc",
}
AGAINST_MUSIC21 = {
    # a sign does not hold for the next note of its letter in the bar; the standard lets it hold to the barline,
    # and abc2midi reads all eight as we do
    "Beneath_The_Cross_Of_Jesus-St_Christopher.abc",  # =E E
    "Glorious_Things_of_Thee_Are_Spoken-Austria_Haydn-Austrian_Hymn.abc",  # =B B/
    "In_His_Temple_Now_Behold_Him-Westminster_Abbey.abc",  # ^G2 G
    "My_Hope_Is_Built-Melita.abc",  # ^F3/2 F/
    "Praise_The_Lord_Ye_Heavens_Adore_Him-Austria_Haydn-Austrian_Hymn.abc",  # =B B/
    "That_Men_A_Godly_Life_Might_Live-Dies_sind_die_heilgen_zehu_Gebot.abc",  # _B G B2
    "What_Child_Is_This-Greensleeves.abc",  # ^D3/4^C// D/, twice
    "While_Oer_Our_Guilty_Land-Federal_Street.abc",  # =B2 B2
    # an overlay, "D [DF] ([DB] [DA]) & D x3": the second layer is laid after the first instead of with it
    "Jesus_Wants_All_Of_His_Children-Blessed_Are_They.abc",
    # ["1" ... :|["2-9" ... : from the bracket on the rest of the tune is lost
    "I_Bind_Unto_Myself_Today-St_Patricks_Breastplate.abc",
}


def top_line(part: Part) -> tuple[Note, ...]:
    """The highest note at each onset, cut where the next begins."""
    highest = {n.start: n for n in part.notes}  # notes come in order of pitch: the last of an onset is the top
    line = list(highest.values())
    nexts = [n.start for n in line[1:]] + [line[-1].end]
    return tuple(n._replace(duration=min(n.duration, after - n.start)) for n, after in zip(line, nexts, strict=True))


def read_hymn(path: Path, repeats: str = "unfold") -> Piece:
    [piece] = read_abc(decode_text(path.read_bytes()), path.name, repeats)
    return piece


@pytest.fixture(scope="module")
def hymns(shared_data) -> list[Path]:
    paths = sorted(shared_data("hymns").glob("*.abc"))
    assert len(paths) == 282
    return paths


def test_all_282_hymns_are_read_soprano_first(hymns):
    pieces = [read_hymn(path) for path in hymns]
    assert {p.parts[0].name for p in pieces} == {"S1V1", "S1"}
    assert all(p.title and "public domain" in p.composer for p in pieces)
    assert all(p.timeline.keys for p in pieces)
    assert all(len(p.parts) >= 2 for p in pieces)


def test_every_hymn_tune_is_written_and_read_back_with_its_timeline(hymns):
    for path in hymns:
        piece = read_hymn(path)
        melody = Melody(top_line(piece.parts[0]), piece.timeline, piece.title)
        [again] = read_abc(write_abc(melody))
        assert again.timeline == melody.timeline, path.name
        assert [n[:3] for n in again.parts[0].notes] == [n[:3] for n in melody.notes], path.name


def abc2midi_tracks(path: Path, folder: Path) -> list[Counter]:
    """What abc2midi plays: per track, how often each (onset in twelfths of a quarter, pitch) sounds.

    It starts notes a tick late, and those of a chord ten ticks apart; grace notes and fermatas are turned off.
    """
    symusic = pytest.importorskip("symusic")
    out = folder / "out.mid"
    command = ["abc2midi", str(path), "1", "-NGRA", "-NFER", "-silent", "-quiet", "-o", str(out)]
    subprocess.run(command, check=True, capture_output=True)
    score = symusic.Score(str(out))
    grid = score.ticks_per_quarter // 12
    return [Counter(((n.start - 1) // grid, n.pitch) for n in track.notes) for track in score.tracks]


def on_grid(piece: Piece, part: Part) -> Counter:
    return Counter((n.start * 12 // piece.timeline.ticks_per_quarter, n.pitch) for n in part.notes)


def top(notes: Counter) -> dict[int, int]:
    return {onset: max(p for o, p in notes if o == onset) for onset, _ in notes}


@pytest.mark.skipif(shutil.which("abc2midi") is None, reason="abc2midi (package abcmidi) is not installed")
def test_abc2midi_finds_the_same_notes_in_every_voice(hymns, tmp_path):
    different, ours_in_all, theirs_in_all = set(), 0, 0
    for path in hymns:
        piece, tracks = read_hymn(path), abc2midi_tracks(path, tmp_path)
        ours = [on_grid(piece, part) for part in piece.parts]
        ours_in_all += len(top(ours[0]))
        theirs_in_all += len(top(tracks[0]))
        # overlays are tracks of their own there, so all voices are compared together, the soprano also by itself
        if sum(ours, Counter()) != sum(tracks, Counter()) or top(ours[0]) != top(tracks[0]):
            different.add(path.name)
    assert different == AGAINST_ABC2MIDI
    assert (ours_in_all, theirs_in_all) == (15078, 15044)


def first_voice(text: str) -> str:
    """The first voice as a tune of its own, by hand: music21 does not follow [V:...] inside a line."""
    text = text[text.index("\nX:") :]
    header = re.findall(r"(?m)^[XMLQK]:.*$", text)
    name = re.search(r"(?m)^V:\s*(\S+)", text)[1]
    music = re.findall(rf"(?m)^\[V:\s*{name}\s*\](.*)$", text)
    return "\n".join(header + music) + "\n"


def music21_line(path: Path) -> list[tuple[Fraction, Fraction, int]]:
    music21 = pytest.importorskip("music21")
    tune = music21.converter.parse(first_voice(path.read_bytes().decode("latin-1")), format="abc")
    part = tune.parts[0].stripTies()
    notes = [n for n in part.recurse().notes if not n.duration.isGrace]

    def exact(quarters: float) -> Fraction:
        return Fraction(quarters).limit_denominator(96)

    return sorted(
        (exact(n.getOffsetInHierarchy(part)), exact(n.quarterLength), max(p.midi for p in n.pitches)) for n in notes
    )


def test_music21_finds_the_same_notes_in_every_soprano(hymns):
    different = set()
    for path in hymns:
        piece = read_hymn(path, "written")
        ticks = piece.timeline.ticks_per_quarter
        ours = [(Fraction(n.start, ticks), Fraction(n.duration, ticks), n.pitch) for n in top_line(piece.parts[0])]
        if ours != music21_line(path):
            different.add(path.name)
    assert different == AGAINST_MUSIC21


def expected_of_fixtures() -> list[list[str]]:
    rows = (FIXTURES / "expected.tsv").read_text(encoding="utf-8").splitlines()[1:]
    return [row.split("\t") for row in rows]


def test_forty_hymns_lie_with_the_tests():
    assert sorted(row[0] for row in expected_of_fixtures()) == sorted(p.name for p in FIXTURES.glob("*.abc"))
    assert len(expected_of_fixtures()) == 40


@pytest.mark.parametrize("row", expected_of_fixtures(), ids=lambda row: row[0].partition("-")[0])
def test_a_hymn_has_the_notes_that_abc2midi_counted(row):
    name, onsets, heads, lowest, highest, last_onset, pitch_sum = row
    piece = read_hymn(FIXTURES / name)
    line = top_line(piece.parts[0])
    pitches = [n.pitch for n in line]
    assert (len(line), len(piece.parts[0].notes)) == (int(onsets), int(heads))
    assert (min(pitches), max(pitches), sum(pitches)) == (int(lowest), int(highest), int(pitch_sum))
    assert Fraction(line[-1].start, piece.timeline.ticks_per_quarter) == Fraction(last_onset)


@pytest.mark.parametrize("row", expected_of_fixtures(), ids=lambda row: row[0].partition("-")[0])
def test_a_hymn_tune_is_written_and_read_back(row):
    piece = read_hymn(FIXTURES / row[0])
    melody = Melody(top_line(piece.parts[0]), piece.timeline, piece.title)
    [again] = read_abc(write_abc(melody))
    assert (again.timeline, again.title) == (melody.timeline, melody.title)
    assert [n[:3] for n in again.parts[0].notes] == [n[:3] for n in melody.notes]


@pytest.mark.skipif(shutil.which("abc2midi") is None, reason="abc2midi (package abcmidi) is not installed")
def test_abc2midi_plays_what_was_written(tmp_path):
    for row in expected_of_fixtures():
        piece = read_hymn(FIXTURES / row[0])
        line = Part(top_line(piece.parts[0]))
        out = tmp_path / "written.abc"
        out.write_text(write_abc(Melody(line.notes, piece.timeline, piece.title)), encoding="utf-8")
        assert abc2midi_tracks(out, tmp_path)[0] == on_grid(piece, line), row[0]
