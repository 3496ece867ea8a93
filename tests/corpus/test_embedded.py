"""The corpus in the package: its size, its licences, and that no held-out tune quotes a training tune."""

import json
from collections import Counter
from fractions import Fraction

import pytest

from ritornello.corpus.embedded import FOLDER, embedded, fitting
from ritornello.corpus.errors import CorpusError
from ritornello.encoding import make_encoding


def quoted_runs(melodies, notes):
    """Every run of `notes` notes as (interval, quarters to the next onset) pairs, with its melody's source."""
    runs = {}
    for melody in melodies:
        per_quarter = melody.timeline.ticks_per_quarter
        steps = [
            (b.pitch - a.pitch, Fraction(b.start - a.start, per_quarter))
            for a, b in zip(melody.notes, melody.notes[1:], strict=False)
        ]
        for at in range(len(steps) - notes + 2):
            runs[tuple(steps[at : at + notes - 1])] = melody.source
    return runs


def test_it_has_the_pieces_and_notes_that_were_promised():
    corpus = embedded()
    assert len(corpus) >= 1200
    assert len({p.source for p in corpus.pieces}) == len(corpus)
    assert len({p.family for p in corpus.pieces}) == len(corpus)
    assert len(corpus.notes) >= 155_000
    assert corpus.counts()["all"] == {"pieces": 1269, "melodies": 2520, "notes": 168_549}


def test_a_tenth_is_test_and_a_tenth_validation():
    corpus = embedded()
    for split in ("validation", "test"):
        assert 0.085 <= len(corpus.in_split(split)) / len(corpus) <= 0.115


@pytest.mark.parametrize("split", ["test", "validation"])
def test_no_held_out_tune_shares_a_run_of_twelve_notes_with_a_training_tune(split):
    corpus = embedded()
    trained = quoted_runs(corpus.melodies("train"), 12)
    held_out = quoted_runs(corpus.melodies(split), 12)
    assert [(held_out[run], trained[run]) for run in held_out.keys() & trained.keys()] == []
    assert len(trained) > 90_000  # the search did look at something
    assert len(held_out) > 9_000


def test_segments_of_a_piece_share_its_split():
    corpus = embedded()
    sources = {split: {m.source for m in corpus.melodies(split)} for split in corpus.splits}
    assert sum(map(len, sources.values())) == len(corpus)
    assert max(len(p.melodies) for p in corpus.pieces) > 1


def test_every_piece_says_where_it_comes_from_and_under_which_licence():
    licences = Counter()
    for piece in embedded().pieces:
        origin = piece.provenance
        licences[origin["collection"], piece.licence] += 1
        assert origin["repository"].startswith("https://github.com/")
        assert origin["commit"][:8] in ("d35811b2", "bca12245")
        assert origin["file"].endswith((".abc", ".mscx"))
        assert origin["collection"] != "songs" or (origin["composer_died"] <= 1925 and piece.composer)
    assert licences == {("hymns", "public domain"): 249, ("songs", "CC0-1.0"): 1020}


def test_nothing_of_the_data_that_may_not_be_shipped_is_in_it():
    assert {p.source.split("/")[0] for p in embedded().pieces} == {"hymns", "songs"}


def test_times_are_exact_and_no_rest_is_long():
    for melody in embedded().melodies():
        timeline = melody.timeline
        assert len(melody.notes) >= 8
        assert melody.notes[0].start < timeline.bar_ticks(timeline.metre)
        for before, after in zip(melody.notes, melody.notes[1:], strict=False):
            assert after.start - before.end < 2 * timeline.bar_ticks(timeline.metre_at(before.end))


def test_a_well_known_tune_is_as_in_the_hymnal():
    [melody] = [m for m in embedded("hymns").melodies() if m.title == "Abide With Me"]
    quarters = [(n.pitch, (n.end - n.start) / melody.timeline.ticks_per_quarter) for n in melody.notes[:10]]
    # G2 G F | E2 B2 | c B B A | G4, in E flat
    assert quarters == [(67, 2), (67, 1), (65, 1), (63, 2), (70, 2), (72, 1), (70, 1), (70, 1), (68, 1), (67, 4)]
    assert (melody.timeline.metre.name, melody.timeline.key.fifths) == ("4/4", -3)


def test_the_collections_are_parts_of_the_whole_with_the_same_splits():
    whole = {p.source: p.split for p in embedded().pieces}
    hymns, songs = embedded("hymns"), embedded("songs")
    assert len(hymns) + len(songs) == len(whole)
    assert len(hymns.notes) + len(songs.notes) == len(embedded().notes)
    assert all(whole[p.source] == p.split for p in (*hymns.pieces, *songs.pieces))
    assert songs.melodies("test") == [m for m in embedded().melodies("test") if m.source.startswith("songs/")]
    with pytest.raises(
        CorpusError, match="choose all, hymns, songs, hymns-voices, songs-piano or songs-piano-played"
    ):
        embedded("bach")


def test_the_melodies_take_at_most_600_kb_with_their_papers_and_all_of_it_1200():
    files = {path.name: path.stat().st_size for path in FOLDER.iterdir() if path.is_file()}
    assert set(files) == {"notes.npz", "pieces.jsonl.gz", "chords.npz", "PROVENANCE.md", "LICENCE-SONGS.txt"}
    assert sum(files.values()) <= 600_000
    assert sum(path.stat().st_size for path in FOLDER.rglob("*") if path.is_file()) <= 1_200_000


@pytest.mark.parametrize(("name", "keep"), [("hymns-voices", "voices"), ("songs-piano", "all")])
def test_parts_lie_in_the_family_and_split_of_their_melodies(name, keep):
    corpus = embedded(name)
    places = {piece.source: (piece.family, piece.split) for piece in embedded().pieces}
    families = {piece.family: piece.split for piece in embedded().pieces}
    assert corpus.keep == keep
    assert all(places.get(p.source, (p.family, p.split)) == (p.family, p.split) for p in corpus.pieces)
    assert all(families[piece.family] == piece.split for piece in corpus.pieces)
    assert {piece.split for piece in corpus.pieces} == {"train", "validation", "test"}
    assert {piece.licence for piece in corpus.pieces} == {"public domain" if keep == "voices" else "CC0-1.0"}
    assert corpus.fingerprint in (FOLDER / name / "PROVENANCE.md").read_text(encoding="utf-8")


def test_a_hymn_has_its_four_voices():
    corpus = embedded("hymns-voices")
    piece = next(p for p in corpus.music() if "Old_100th" in p.source)
    assert [part.notes[0].pitch for part in piece.parts] == [67, 62, 59, 55]  # G major, close position
    assert sum(len(p.parts) == 4 for p in corpus.music()) >= 260


def test_piano_parts_as_they_might_be_played_are_the_written_ones_in_milliseconds():
    written, played = embedded("songs-piano"), embedded("songs-piano-played")
    assert [(p.source, p.family, p.split) for p in played.pieces] == [
        (p.source, p.family, p.split) for p in written.pieces
    ]
    assert len(played.notes) == len(written.notes)
    one, other = written.music()[0], played.music()[0]
    score = sorted((one.timeline.seconds(n.start), n.pitch) for part in one.parts for n in part.notes)
    heard = sorted((other.timeline.seconds(n.start), n.pitch) for n in other.parts[0].notes)
    assert sorted(pitch for _, pitch in score) == sorted(pitch for _, pitch in heard)
    assert len(score) > 100
    bar = one.timeline.seconds(one.timeline.bar_ticks(one.timeline.metre))
    assert max(abs(a[0] - b[0]) for a, b in zip(score, heard, strict=True)) < 0.04 * 4 * bar + 0.05
    assert len({n.velocity for n in other.parts[0].notes}) > 20
    assert all("humanised" in piece.provenance["played"] for piece in played.pieces)


@pytest.mark.parametrize(
    ("encoding", "corpus"),
    [
        ("interval", "all"),
        ("text", "all"),
        ("chorale", "hymns-voices"),
        ("events", "songs-piano-played"),
        ("events-beats", "songs-piano"),
    ],
)
def test_a_model_is_scored_on_the_corpus_of_its_kind_unless_another_is_named(encoding, corpus):
    assert fitting(make_encoding(encoding)) == corpus
    assert {piece.split for piece in embedded(corpus).pieces} >= {"train", "test"}


def test_the_provenance_names_both_sources_and_the_fingerprint():
    text = (FOLDER / "PROVENANCE.md").read_text(encoding="utf-8")
    for word in ("mzealey/openhymnal", "OpenScore/Lieder", "CC0 1.0", "public domain", embedded().fingerprint):
        assert word in text
    assert "CC0 1.0 Universal" in (FOLDER / "LICENCE-SONGS.txt").read_text(encoding="utf-8")


def test_a_saved_copy_is_the_same_corpus(tmp_path):
    corpus = embedded()
    corpus.save(tmp_path / "copy")
    again = type(corpus).load(tmp_path / "copy")
    assert again.fingerprint == corpus.fingerprint
    assert json.dumps([p.to_dict() for p in again.pieces]) == json.dumps([p.to_dict() for p in corpus.pieces])


def test_a_song_has_both_hands_of_its_piano():
    pieces = embedded("songs-piano").music()
    assert sum(len(piece.parts) == 2 for piece in pieces) >= 0.9 * len(pieces)
    assert {part.program for piece in pieces for part in piece.parts} <= {0, 1, 2, 6, 16, 19}
