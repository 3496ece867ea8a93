"""What a corpus keeps of its pieces: a melody, the voices of a choral score, or every note of every part."""

import json
from dataclasses import replace
from random import Random

import numpy as np
import pytest

from ritornello.corpus.build.build import build_corpus
from ritornello.corpus.build.convert import convert
from ritornello.corpus.build.rows import FileRows
from ritornello.corpus.embedded import embedded
from ritornello.corpus.errors import CorpusError
from ritornello.corpus.export import export_midi, export_npz, export_parquet
from ritornello.corpus.families.variants import families_of
from ritornello.corpus.options import BuildOptions
from ritornello.corpus.pieces import CorpusPiece
from ritornello.corpus.store import Corpus, corpus_of
from ritornello.corpus.tokens import corpus_tokens
from ritornello.encoding import Grid
from ritornello.music.midi.reader import write_midi_piece
from ritornello.music.values import Note, Part, Piece, Timeline

VOICES, ALL = BuildOptions(keep="voices"), BuildOptions(keep="all")

CHORALE = """X:1
T:Four voices
M:4/4
L:1/4
K:G
V:T name="Tenor"
d d e d|d2 B2|]
V:S name="Soprano"
g a b a|g2 g2|]
V:B name="Bass"
G, F, E, F,|G,2 G,2|]
V:A name="Alto"
B d g f|d2 d2|]
"""

SONG = Piece(
    (
        Part((Note(0, 480, 72, 90), Note(480, 480, 74, 70), Note(960, 961, 76, 100)), "Voice", 52),
        Part(
            (Note(3, 950, 48, 40), Note(3, 950, 55, 41), Note(960, 900, 50, 43), Note(960, 960, 57, 42)), "Piano", 0
        ),
        Part((Note(0, 100, 36, 99), Note(960, 100, 38, 99)), "Drums", 0, is_drum=True),
    ),
    title="Song",
)


def values(corpus):
    return [tuple(note) for note in corpus.notes.tolist()]


def song_bytes():
    """SONG with its drums: what the writer of parts puts on channel 10 by hand."""
    plain = write_midi_piece(replace(SONG, parts=SONG.parts[:2]))
    track = bytes([0, 0x99, 36, 99, 96, 0x89, 36, 0, 0, 0xFF, 0x2F, 0])
    header = plain[:10] + (int.from_bytes(plain[10:12], "big") + 1).to_bytes(2, "big") + plain[12:]
    return header + b"MTrk" + len(track).to_bytes(4, "big") + track


def test_all_keeps_every_note_with_its_velocity_and_time():
    rows = convert(song_bytes(), "song.mid", ALL)
    assert values(rows.corpus) == [
        (0, 480, 72, 90, 0),
        (3, 950, 48, 40, 1),
        (3, 950, 55, 41, 1),
        (480, 480, 74, 70, 0),
        (960, 961, 76, 100, 0),
        (960, 900, 50, 43, 1),
        (960, 960, 57, 42, 1),
    ]
    assert rows.corpus.pieces[0].parts == (("Voice", 52), ("Piano", 0))
    assert rows.losses == {"drum_notes": 1}
    assert rows.detected == "1 note of percussion left out"


def test_all_on_a_grid_where_that_is_asked_for():
    rows = convert(song_bytes(), "song.mid", replace(ALL, timing="grid"))
    assert [(n[0], n[1], n[2]) for n in values(rows.corpus)] == [
        (0, 480, 72), (0, 960, 48), (0, 960, 55), (480, 480, 74), (960, 960, 76), (960, 840, 50), (960, 960, 57)
    ]  # fmt: skip


def test_voices_stand_from_the_highest_to_the_lowest():
    corpus = convert(CHORALE.encode(), "chorale.abc", VOICES).corpus
    assert [name for name, _ in corpus.pieces[0].parts] == ["Soprano", "Alto", "Tenor", "Bass"]
    (piece,) = corpus.music()
    assert [[n.pitch for n in part.notes] for part in piece.parts] == [
        [79, 81, 83, 81, 79, 79],
        [71, 74, 79, 78, 74, 74],
        [74, 74, 76, 74, 74, 71],
        [55, 54, 52, 54, 55, 55],
    ]
    assert piece.title == "Four voices"
    assert piece.timeline.length == 8 * piece.timeline.ticks_per_quarter


def test_a_part_of_chords_is_no_voice():
    rows = convert(song_bytes(), "song.mid", VOICES)
    assert not rows.corpus.pieces
    assert rows.problems == (("chords", 'part 2 "Piano" holds chords (bar 1)'),)


STAVES = """X:1
T:Two voices on each stem
M:4/4
L:1/4
K:C
V:1
[Ec] [Fd] [Ge] c|[Fd]4|[Ec]4|[Ec]4|
V:2
[C,G,] [C,A,] [C,G,] [C,E,]|[D,A,]4|[C,G,]4|[C,G,]4|
"""


def test_chords_of_two_notes_throughout_are_two_voices_and_a_single_note_is_sung_by_both():
    (piece,) = convert(STAVES.encode(), "staves.abc", VOICES).corpus.music()
    assert [[n.pitch for n in part.notes] for part in piece.parts] == [
        [72, 74, 76, 72, 74, 72, 72],
        [64, 65, 67, 72, 65, 64, 64],
        [55, 57, 55, 52, 57, 55, 55],
        [48, 48, 48, 48, 50, 48, 48],
    ]


def test_of_a_voice_that_divides_now_and_then_the_highest_note_stays():
    text = CHORALE.replace("G,2 G,2|]", "G,2 [D,G,]2|] ")
    rows = convert(text.encode(), "chorale.abc", VOICES)
    assert rows.problems == (("chords", 'part 3 "Bass" holds chords (bar 2)'),)  # one onset in six
    rows = convert(text.replace("G, F, E, F,", "G,/G,/ F,/F,/ E, F,").encode(), "chorale.abc", VOICES)
    assert [n.pitch for n in rows.corpus.music()[0].parts[3].notes] == [55, 55, 54, 54, 52, 54, 55, 55]
    assert rows.losses == {"notes_below_top": 1}


def test_one_part_alone_may_be_kept():
    rows = convert(song_bytes(), "song.mid", replace(ALL, pick="track:Piano"))
    assert [note[2] for note in values(rows.corpus)] == [48, 55, 50, 57]
    assert rows.corpus.pieces[0].parts == (("Piano", 0),)


def test_rows_of_several_parts_travel_as_bytes():
    rows = convert(song_bytes(), "song.mid", ALL)
    again = FileRows.from_bytes(rows.to_bytes())
    assert again.to_dict() == rows.to_dict()
    assert values(again.corpus) == values(rows.corpus)
    assert values(again.compared) == values(rows.compared)
    assert again.corpus.keep == "all"


def hymns(folder, count=24):
    """So many four-part tunes; of every six, two are variants of one tune."""
    for number in range(count):
        seed = number - 1 if number % 6 == 1 else number
        tune = Random(seed).choices(range(60, 73), k=24)
        if number % 6 == 1:
            tune[11] += 1
        parts = [
            Part(tuple(Note(480 * k, 480, p - low) for k, p in enumerate(tune)), name)
            for name, low in (("S", 0), ("A", 5), ("T", 12), ("B", 24))
        ]
        (folder / f"{number:02d}.mid").write_bytes(write_midi_piece(Piece(tuple(parts))))


@pytest.mark.parametrize("keep", ["voices", "all"])
def test_families_and_splits_are_those_of_the_melodies(tmp_path, keep):
    hymns(tmp_path)
    melodies = build_corpus(tmp_path, BuildOptions())
    corpus = build_corpus(tmp_path, BuildOptions(keep=keep))
    assert [(p.source, p.family, p.split) for p in corpus.pieces] == [
        (p.source, p.family, p.split) for p in melodies.pieces
    ]
    assert [line.reason for line in corpus.report] == [line.reason for line in melodies.report]
    assert len(corpus.notes) == 4 * len(melodies.notes)
    assert {p.split for p in corpus.pieces} > {"train"}


@pytest.mark.parametrize("keep", ["voices", "all"])
def test_families_are_listed_by_the_melodies_that_were_compared(tmp_path, keep):
    tune = [60, 62, 64, 65, 67, 69, 67, 65, 64, 62, 64, 60, 67, 65, 64, 62, 60, 59, 60, 62, 64, 67, 64, 60]
    for name, semitones, seed in (("a", 0, 1), ("b", 5, 2)):
        descant = Random(seed).choices(range(79, 96), k=48)
        parts = (
            Part(tuple(Note(240 * k, 240, p) for k, p in enumerate(descant)), "Violin obbligato", 40),
            Part(tuple(Note(480 * k, 480, p + semitones) for k, p in enumerate(tune)), "Melody", 52),
        )
        (tmp_path / f"{name}.mid").write_bytes(write_midi_piece(Piece(parts)))
    build_corpus(tmp_path, BuildOptions(keep=keep, keep_copies=True), out=tmp_path / "corpus")
    (family,) = families_of(Corpus.load(tmp_path / "corpus"))
    (words,) = [member.words.replace(f"{tmp_path}/", "") for member in family.members[1:]]
    assert words == "same tune as a.mid, 5 semitones up"


def test_a_corpus_says_what_it_keeps_when_it_is_loaded(tmp_path):
    hymns(tmp_path, 6)
    corpus = build_corpus(tmp_path, VOICES, out=tmp_path / "corpus")
    again = Corpus.load(tmp_path / "corpus")
    assert again.keep == "voices"
    assert again.pieces == corpus.pieces
    assert values(again) == values(corpus)
    assert again.fingerprint == corpus.fingerprint
    assert again.music() == corpus.music()
    assert json.loads((tmp_path / "corpus" / "corpus.json").read_text()) == {"keep": "voices"}
    build_corpus(tmp_path, out=tmp_path / "corpus", replace=True)
    assert Corpus.load(tmp_path / "corpus").keep == "melody"
    assert not (tmp_path / "corpus" / "corpus.json").exists()


def test_the_fingerprint_says_what_is_kept(tmp_path):
    hymns(tmp_path, 2)
    assert (
        len({build_corpus(tmp_path, BuildOptions(keep=keep)).fingerprint for keep in ("melody", "voices", "all")})
        == 3
    )


def test_the_embedded_melodies_are_what_they_were():
    corpus = embedded()
    assert corpus.keep == "melody"
    assert len(corpus.melodies()) == 2520
    assert corpus.fingerprint == "bac4362d4def4b82aea10047e2717ba04e47c716cd11b055e0acdd4d249ed526"


def test_melodies_of_voices_and_the_wrong_encoding_are_refused_in_a_line(tmp_path):
    hymns(tmp_path, 2)
    corpus = build_corpus(tmp_path, VOICES)
    with pytest.raises(CorpusError, match='this corpus keeps voices, not melodies: build it with keep="melody"'):
        corpus.melodies()
    with pytest.raises(CorpusError, match=r"'grid' writes melodies, .* keeps voices.* keep=.melody., or .* chorale"):
        corpus_tokens(corpus, Grid())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"keep": "chords"}, 'keep must be "melody", "voices" or "all", not \'chords\''),
        ({"keep": "all", "rest_bars": 2}, "rest_bars cuts melodies"),
        ({"keep": "voices", "pick": "first"}, "pick must be auto or track:NAME_OR_NUMBER"),
    ],
)
def test_what_does_not_go_together_is_refused(options, message):
    with pytest.raises(CorpusError, match=message):
        BuildOptions(**options)


def test_arrays_of_melodies_hold_no_parts(tmp_path):
    np.savez(tmp_path / "tunes.npz", train=np.array([[60, 128, 62, 128]], np.int16))
    with pytest.raises(CorpusError, match="melodies_only"):
        build_corpus(tmp_path, ALL)


@pytest.mark.parametrize("keep", ["voices", "all"])
def test_what_is_exported_as_midi_builds_again(tmp_path, keep):
    (tmp_path / "files").mkdir()
    hymns(tmp_path / "files", 6)
    corpus = build_corpus(tmp_path / "files", BuildOptions(keep=keep))
    export_midi(corpus, tmp_path / "out")
    again = build_corpus(tmp_path / "out", BuildOptions(keep=keep))
    assert values(again) == values(corpus)
    assert [p.parts for p in again.pieces] == [p.parts for p in corpus.pieces]
    with pytest.raises(ValueError, match=r"token arrays hold melodies, .* export it as midi or parquet"):
        export_npz(corpus, tmp_path / "tunes.npz")


def two_parts() -> Corpus:
    """A piece of two parts and one of one part, in two splits."""
    flute, bass = Part((Note(0, 2, 72), Note(2, 6, 74)), "Fl\u00f6te", 73), Part((Note(0, 8, 48, 90),), "Bass", 33)
    solo = Part((Note(0, 4, 60), Note(4, 4, 64)), "", 0)
    duo = CorpusPiece("duo.mid", (), "Duo", "Anon", "CC0-1.0")
    line = Timeline(2, 8)
    pieces = [
        (duo, [Piece((flute, bass), line)]),
        (CorpusPiece("solo.mid", (), split="test"), [Piece((solo,), line)]),
    ]
    return corpus_of(pieces, keep="all")


def test_notes_of_several_parts_are_a_table_with_their_parts():
    pytest.importorskip("pandas", reason="needs pandas: pip install pandas")
    table = two_parts().to_pandas()
    columns = ["source", "part", "part_name", "program", "start", "duration", "pitch"]
    assert table[columns].to_numpy().tolist() == [
        ["duo.mid", 1, "Fl\u00f6te", 73, 0.0, 1.0, 72],
        ["duo.mid", 2, "Bass", 33, 0.0, 4.0, 48],
        ["duo.mid", 1, "Fl\u00f6te", 73, 1.0, 3.0, 74],
        ["solo.mid", 1, "", 0, 0.0, 2.0, 60],
        ["solo.mid", 1, "", 0, 2.0, 2.0, 64],
    ]


def test_tables_of_several_parts_are_built_into_the_corpus_that_they_were_written_from(tmp_path):
    pq = pytest.importorskip("pyarrow.parquet", reason="needs pyarrow: pip install pyarrow")
    train, test = export_parquet(two_parts(), tmp_path / "out")
    (row,) = pq.read_table(train).to_pylist()
    assert (row["part"], row["pitch"]) == ([1, 2, 1], [72, 48, 74])
    assert json.loads(row["parts"]) == [["Fl\u00f6te", 73], ["Bass", 33]]
    again = build_corpus([train, test], BuildOptions(keep="all"))
    assert [p.parts for p in again.pieces] == [(("Fl\u00f6te", 73), ("Bass", 33)), (("", 0),)]
    assert again.notes.tolist() == two_parts().notes.tolist()
    first = again.pieces[0]
    assert (first.title, first.composer, first.licence, first.provenance["source"]) == (
        "Duo", "Anon", "CC0-1.0", "duo.mid",
    )  # fmt: skip
    melodies = build_corpus([train], BuildOptions(keep="melody")).melodies()
    assert [[n.pitch for n in melody.notes] for melody in melodies] == [[72, 74]]


def test_a_table_with_a_note_of_no_part_is_refused_with_its_reason(tmp_path):
    pa = pytest.importorskip("pyarrow", reason="needs pyarrow: pip install pyarrow")
    import pyarrow.parquet as pq

    row = {"ticks_per_quarter": 2, "start": [0, 0], "duration": [2, 2], "pitch": [60, 64], "part": [1, 3]}
    pq.write_table(pa.Table.from_pylist([row | {"parts": '[["A", 0], ["B", 0]]'}]), tmp_path / "table.parquet")
    with pytest.raises(CorpusError, match="row 1: a note is of none of its 2 parts"):
        build_corpus(tmp_path / "table.parquet", ALL)
