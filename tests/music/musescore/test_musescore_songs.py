"""The MuseScore reader on real songs: twenty in the repository, 1,026 where the shared data is, beside musescore3.

MuseScore 3 itself turns a song into MusicXML; musicxml_counter reads that, and every staff is compared note by
note. By default the twenty fixtures and thirty more songs are compared (about 20 s); with RITORNELLO_SOAK=1 in the
environment all songs are (about 5 minutes on one core). Where musescore3 is absent, expected.tsv, made with
it, stands in.
"""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import pytest
from musicxml_counter import Heard, differences, staves

from ritornello.music.musescore.reader import parse_score, scan_musescore

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "songs"
SONGS = sorted(path for path in FIXTURES.iterdir() if path.suffix in (".mscx", ".mscz"))
COMPARED = 30  # songs of the shared data compared by default, half of format 2.06, half of 3.01
ALL_SONGS = 1026

FAULTY_BARS = {
    # In bar 82 the hidden rests of voice 2 are shifted back by an eighth and lie on one another; no note is touched.
    "lc6993176": ["staff 1, bar 82, voice 2: overlaps itself at quarter 5/2"],
}

STRETCHED = {
    # A staff has a time signature of its own (stretchN/stretchD): MuseScore 3.2 writes its notes to MusicXML with the
    # lengths that they show, so that its bars do not add up there. Its MIDI file has the times that we read.
    *("lc5026266", "lc5060972", "lc5060975", "lc5840072", "lc5906774", "lc6017382"),
    *("lc6156388", "lc6214587", "lc6217099", "lc6217375", "lc6903010", "lc6984553"),
}

TIED_INTO_OCTAVE_LINE = {
    # A note is tied to one under an octave line: it keeps its pitch here, MusicXML starts a second note.
    "lc5712131": 4,
    "lc5995407": 6,
    "lc6018965": 6,
    "lc6581327": 2,
}


def written(content: bytes) -> list[list[Heard]]:
    """What stands on each staff, notes that are not to be played included, each bar once."""
    ((piece,), _) = scan_musescore(content.replace(b"<play>0</play>", b""), "song", "written")
    ticks = piece.timeline.ticks_per_quarter
    return [[(Fraction(n.start, ticks), Fraction(n.duration, ticks), n.pitch) for n in p.notes] for p in piece.parts]


def unpacked(path: Path) -> bytes:
    if path.suffix == ".mscx":
        return path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        return archive.read(f"{path.stem}.mscx")


@pytest.fixture(scope="module")
def corpus(shared_data) -> tarfile.TarFile:
    return tarfile.open(shared_data("lieder.tar.xz"))


@pytest.fixture(scope="module")
def all_songs(corpus) -> dict[str, bytes]:
    """Name and content, deflated to save memory, of every song in the shared data."""
    members = (m for m in corpus if m.name.endswith(".mscx"))
    return {Path(m.name).stem: zlib.compress(corpus.extractfile(m).read(), 1) for m in members}


@pytest.mark.parametrize("path", SONGS, ids=lambda p: p.stem)
def test_a_song_has_the_notes_that_musescore_counted(path):
    with open(FIXTURES / "expected.tsv", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file, delimiter="\t") if row["file"] == path.name]
    found = written(unpacked(path))
    assert len(found) == len(rows) > 0
    for row, notes in zip(rows, found, strict=True):
        assert (len(notes), sum(n[2] for n in notes)) == (int(row["notes"]), int(row["pitch_sum"]))
        for column, index in (("onset_sum", 0), ("duration_sum", 1)):  # odd tuplets are rounded over there
            assert float(sum(n[index] for n in notes)) == pytest.approx(float(row[column]), rel=2e-4, abs=0.05)


def test_there_are_twenty_songs_of_both_formats_packed_and_plain():
    assert len(SONGS) == 20
    formats = [unpacked(path).split(b'museScore version="')[1][:1] for path in SONGS]
    assert formats.count(b"2") == 8
    assert {path.suffix for path in SONGS} == {".mscx", ".mscz"}


@pytest.mark.parametrize("path", SONGS, ids=lambda p: p.stem)
def test_every_voice_of_every_bar_of_the_fixtures_fills_its_measure(path):
    assert [fault for staff in parse_score(path.read_bytes())[1] for fault in staff.faults] == []


@pytest.mark.parametrize("path", SONGS, ids=lambda p: p.stem)
def test_a_song_names_its_composer_and_title_and_who_sings(path):
    ((piece,), _) = scan_musescore(path.read_bytes(), path.name)
    assert piece.title
    assert piece.composer
    assert max(part.syllables for part in piece.parts) == piece.parts[0].syllables > 20


def test_every_voice_of_every_bar_fills_its_measure(all_songs):
    """Every fourth song; all with RITORNELLO_SOAK=1. The exceptions stand in FAULTY_BARS with their reasons."""
    found, step = {}, 1 if os.environ.get("RITORNELLO_SOAK") else 4
    for name in {*list(all_songs)[::step], *FAULTY_BARS}:
        content = all_songs[name]
        faults = [fault for staff in parse_score(zlib.decompress(content))[1] for fault in staff.faults]
        if faults:
            found[name] = faults
    assert len(all_songs) == ALL_SONGS
    assert found == FAULTY_BARS


@pytest.fixture(scope="module")
def as_musicxml(tmp_path_factory) -> Iterator:
    """A function that has musescore3 turn songs into MusicXML and gives the paths."""
    program = shutil.which("musescore3")
    if program is None:
        pytest.skip("needs the program musescore3 (apt-get install musescore3)")
    folder = tmp_path_factory.mktemp("musescore")
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "HOME": str(folder)}

    def convert(name: str, content: bytes) -> Path:
        source, target = folder / f"{name}.mscx", folder / f"{name}.musicxml"
        source.write_bytes(content)
        command = [program, "-f", "-o", str(target), str(source)]
        subprocess.run(command, env=environment, capture_output=True, timeout=120, check=True)
        source.unlink()
        return target

    return convert


def compare(name: str, content: bytes, as_musicxml) -> list[str]:
    """Differences between our notes and MuseScore's, staff by staff."""
    target = as_musicxml(name, content)
    ours, theirs = written(content), staves(target)
    target.unlink()
    assert len(ours) == len(theirs), f"{name}: {len(ours)} staves, MuseScore has {len(theirs)}"
    pairs = zip(ours, theirs, strict=True)
    return [f"staff {i}: {line}" for i, (a, b) in enumerate(pairs, 1) for line in differences(a, b)]


def test_the_fixtures_are_read_note_by_note_as_musescore_reads_them(as_musicxml):
    found = {path.stem: compare(path.stem, unpacked(path), as_musicxml) for path in SONGS}
    assert {name: lines for name, lines in found.items() if lines} == {}


def test_songs_are_read_note_by_note_as_musescore_reads_them(all_songs, as_musicxml):
    names = list(all_songs) if os.environ.get("RITORNELLO_SOAK") else some_of_each_format(all_songs)
    exceptions = {**TIED_INTO_OCTAVE_LINE, **dict.fromkeys(STRETCHED, -1)}
    wrong, notes = {}, 0
    for name in names:
        content = zlib.decompress(all_songs[name])
        lines = compare(name, content, as_musicxml)
        notes += sum(len(staff) for staff in written(content))
        expected = exceptions.get(name, 0)
        if (len(lines) != expected) if expected >= 0 else not lines:
            wrong[name] = lines[:5]
    print(f"{len(names)} songs, {notes} notes compared")
    assert wrong == {}


def some_of_each_format(songs: dict[str, bytes]) -> list[str]:
    """Songs of 2.06 and 3.01, evenly drawn by name, small ones so that the default run stays short."""
    chosen = []
    for version in (b'museScore version="2.06"', b'museScore version="3.01"'):
        small = sorted(n for n, c in songs.items() if len(c) < 30_000 and version in zlib.decompress(c)[:200])
        chosen += small[:: len(small) // (COMPARED // 2)][: COMPARED // 2]
    assert len(chosen) == COMPARED
    return chosen
