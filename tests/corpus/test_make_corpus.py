"""The script that makes the embedded corpus, on a handful of hymns and songs."""

import importlib.util
import sys

import pytest
from outputs import names_in

from ritornello.corpus.errors import CorpusError
from ritornello.corpus.packed import load_packed
from ritornello.music.values import Note, Part, Piece

HYMN = """%OHCOMPOSER Monk, William Henry (1823-1889)
X: 1
T: A Hymn
C: Words and music: somebody.
C: copyright: {copyright}.
M: 4/4
L: 1/4
V: S1V1
V: S1V2
K: C
[V: S1V1] [EA] A B c|d c B A|^G A B E|c B A2|]
[V: S1V2] C C D E|F E D C|E C D E|C E A,2|]
"""

SONG = """<?xml version="1.0" encoding="UTF-8"?>
<museScore version="3.02"><Score><Division>480</Division>
<Part><Staff id="1"/><trackName>Violin</trackName><Instrument><longName>Violin</longName></Instrument></Part>
<Part><Staff id="2"/><trackName>Voice</trackName><Instrument><longName>Voice</longName></Instrument></Part>
<Staff id="1">{violin}</Staff><Staff id="2">{voice}</Staff>
</Score></museScore>
"""


def bars(pitches, words):
    """Four quarters a bar in 4/4 and G major; 0 is a rest."""
    text = ""
    for first in range(0, len(pitches), 4):
        head = (
            ""
            if first
            else "<KeySig><accidental>1</accidental></KeySig><TimeSig><sigN>4</sigN><sigD>4</sigD></TimeSig>"
        )
        quarters = "".join(quarter(p, words) for p in pitches[first : first + 4])
        text += f"<Measure><voice>{head}{quarters}</voice></Measure>"
    return text


def quarter(pitch, words):
    if not pitch:
        return "<Rest><durationType>quarter</durationType></Rest>"
    lyrics = "<Lyrics><text>la</text></Lyrics>" if words else ""
    return f"<Chord><durationType>quarter</durationType>{lyrics}<Note><pitch>{pitch}</pitch></Note></Chord>"


def song(offset):
    verse = [67 + offset, 69, 71, 72, 74, 72, 71, 69]
    voice = [*verse, *[0] * 12, 76, 74, 72, 71, 69, 71, 67, 67 - offset]
    return SONG.format(violin=bars([40] * 28, False), voice=bars(voice, True))


@pytest.fixture
def script(repo_root):
    spec = importlib.util.spec_from_file_location("make_corpus", repo_root / "scripts" / "make_corpus.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["make_corpus"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    yield module
    del sys.modules["make_corpus"]


@pytest.fixture
def sources(tmp_path):
    """One hymn in the public domain and one that is not; songs by composers who died in 1925 and in 1926."""
    hymns, lieder = tmp_path / "hymns", tmp_path / "lieder"
    hymns.mkdir()
    (hymns / "A.abc").write_text(HYMN.format(copyright="public domain"))
    (hymns / "B.abc").write_text(HYMN.format(copyright="2012 by somebody"))
    for composer, offset in (("Old,_Anna", 1), ("Late,_Max", 2)):
        folder = lieder / composer / "_" / "Song"
        folder.mkdir(parents=True)
        (folder / "lc1.mscx").write_text(song(offset))
    (lieder / "composers.tsv").write_text(
        "path\tname\tborn\tdied\nOld,_Anna\tAnna Old\t1850\t1925\nLate,_Max\tMax Late\t1860\t1926\n"
    )
    (lieder / "scores.tsv").write_text("path\tname\nOld,_Anna/_/Song\tA Song\n")
    (lieder / "LICENSE.txt").write_text("CC0 1.0 Universal")
    return hymns, lieder


def run(script, sources, output, monkeypatch):
    hymns, lieder = map(str, sources)
    monkeypatch.setattr(sys, "argv", ["make_corpus.py", hymns, lieder, "-o", str(output)])
    script.main()
    return load_packed(output)


def test_tunes_are_taken_with_their_papers(script, sources, tmp_path, monkeypatch, capsys):
    corpus = run(script, sources, tmp_path / "out", monkeypatch)
    hymn, art_song = corpus.pieces
    assert (hymn.source, hymn.title, hymn.composer, hymn.licence) == (
        "hymns/A",
        "A Hymn",
        "William Henry Monk",
        "public domain",
    )
    assert hymn.provenance["composer_died"] == 1889
    assert (art_song.source, art_song.title, art_song.composer) == (
        "songs/Old,_Anna/_/Song/lc1",
        "A Song",
        "Anna Old",
    )
    assert art_song.licence == "CC0-1.0"
    assert art_song.provenance["file"] == "scores/Old,_Anna/_/Song/lc1.mscx"
    assert art_song.provenance["composer_died"] == 1925
    assert "B.abc does not say that it is in the public domain" in capsys.readouterr().err


def test_the_top_of_the_first_voice_and_the_part_with_words_are_the_tunes(script, sources, tmp_path, monkeypatch):
    hymn, verse, refrain = run(script, sources, tmp_path / "out", monkeypatch).melodies()
    assert [n.pitch for n in hymn.notes][:5] == [69, 69, 71, 72, 74]
    assert [n.pitch for n in verse.notes] == [68, 69, 71, 72, 74, 72, 71, 69]
    assert [n.start for n in refrain.notes] == [480 * i for i in range(8)]  # three bars of rest were cut out


def test_a_piece_is_in_minor_where_its_last_bass_note_says_so(script, sources, tmp_path, monkeypatch):
    hymn, verse, _ = run(script, sources, tmp_path / "out", monkeypatch).melodies()
    assert (hymn.timeline.key.fifths, hymn.timeline.key.mode) == (0, "minor")  # ends on A
    assert (verse.timeline.key.fifths, verse.timeline.key.mode) == (1, "minor")  # ends on E


def test_the_same_sources_give_the_same_bytes(script, sources, tmp_path, monkeypatch):
    for name in ("one", "two"):
        run(script, sources, tmp_path / name, monkeypatch)
    files = {*names_in(tmp_path / "one")}
    assert files == {"notes.npz", "pieces.jsonl.gz", "chords.npz", "PROVENANCE.md", "LICENCE-SONGS.txt"}
    for name in files:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_a_folder_that_is_no_checkout_is_refused(script, sources, tmp_path, monkeypatch):
    (tmp_path / "empty").mkdir()
    with pytest.raises(CorpusError, match=r"no \.abc files; name a checkout"):
        run(script, (tmp_path / "empty", sources[1]), tmp_path / "out", monkeypatch)
    assert not (tmp_path / "out").exists()


def part(name="", syllables=0, pitch=60, is_drum=False):
    return Part((Note(0, 4, pitch),), name, 0, is_drum, syllables)


@pytest.mark.parametrize(
    ("parts", "sung"),
    [
        ((part("Oboe"), part("Voice", 12)), 1),
        ((part("First", 6), part("Second", 12)), 0),  # exactly half of the fullest
        ((part("Cue", 5), part("Voice", 12)), 1),
        ((part("Piano", 12), part("Voice", 2)), 1),  # some songs hang their words on the piano
        ((part("Piano"), part("Oboe"), part("Horn")), 1),
        ((part("Piano"), part("Orgel")), 0),
        ((part(is_drum=True, syllables=9), Part(()), part("Voice")), 2),
    ],
)
def test_the_sung_part_is_the_first_with_half_of_the_words(script, parts, sung):
    assert script.sung_part(Piece(parts)) is parts[sung]


def test_a_piece_without_pitches_has_no_sung_part(script):
    with pytest.raises(CorpusError, match="no part has pitched notes"):
        script.sung_part(Piece((part(is_drum=True),), source="x.abc"))


@pytest.mark.parametrize(
    ("written", "read", "died"),
    [
        ("Monk, William Henry (1823-1889)", "William Henry Monk", 1889),
        ("Dachstein, Wolfgang Egenolf (circa 1487-1553)", "Wolfgang Egenolf Dachstein", 1553),
        ("van Beethoven, Ludwig (1770-1827);Hodges, Edward (1796-1867)", "Ludwig van Beethoven; Edward Hodges", 1867),
        ("from Klug's Geistliche Lieder, Wittenberg, 1533", "from Klug's Geistliche Lieder, Wittenberg, 1533", None),
        ("Jeater, William (1858-?)", "William Jeater", None),
        ("German", "German", None),
    ],
)
def test_composers_of_hymns(script, written, read, died):
    assert script._plain_names(written) == read
    assert script._last_year(written) == died


def test_every_hymn_of_the_source_gives_a_tune(script, shared_data):
    tunes = list(script.read_hymns(shared_data("hymns")))
    assert len(tunes) == 282
    assert all(len(t.segments) == 1 for t in tunes)
