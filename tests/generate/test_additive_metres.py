"""Additive metres (3+2+2/8): asked for when composing and building, written back, and counted where they are lost."""

import pytest
from networks import Indifferent

from ritornello.corpus.beats.settle import settled
from ritornello.corpus.options import BuildOptions
from ritornello.corpus.tokens import losses_in_words
from ritornello.encoding import make_encoding
from ritornello.generate.compose import compose
from ritornello.generate.options import GenerateOptions
from ritornello.generate.primer import parse_notes, what_changes
from ritornello.music.abc.writer import write_abc
from ritornello.music.beats import metre_named
from ritornello.music.scores.writer import write_musicxml
from ritornello.music.values import Melody, Metre, Note, Part, Piece, Timeline

NAMES = ["interval", "note", "grid", "lookback"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [("6/8", Metre(0, 6, 8)), ("3+2+2/8", Metre(0, 7, 8, (3, 2, 2))), ("2+3/4", Metre(0, 5, 4, (2, 3)))],
)
def test_a_metre_is_read_by_its_name(name, expected):
    assert metre_named(name) == expected
    assert metre_named(expected.name) == expected


@pytest.mark.parametrize("name", ["", "3", "3+/8", "+3/8", "3/0", "0/4", "3/x", "3+0/8", "-3/4", "3/4/4", "²/4"])
def test_what_names_no_metre_is_refused(name):
    with pytest.raises(ValueError, match="not a metre"):
        metre_named(name)


@pytest.mark.parametrize("name", NAMES)
def test_tunes_have_the_groups_asked_for_in_notes_and_files(name):
    encoding = make_encoding(name)
    options = GenerateOptions(bars=3, metre="2+2+3/8")
    for primer in (None, parse_notes("C4:1/2 D4:1/2 E4", "2+2+3/8")):
        for tune in compose(Indifferent(encoding), encoding, options, 1, range(3), primer, (50, 76)):
            assert {metre[1:] for metre in tune.melody.timeline.metres} == {(7, 8, (2, 2, 3))}
            assert "M:2+2+3/8" in write_abc(tune.melody)
            assert "<beats>2+2+3</beats>" in str(write_musicxml(tune.melody))


def test_beats_are_accented_by_the_groups():
    encoding = make_encoding("grid")
    for metre, strong in (("3+2+2/8", 6), ("2+2+3/8", 4)):
        options = GenerateOptions(bars=4, metre=metre)
        tunes = compose(Indifferent(encoding), encoding, options, 1, range(12), None, (50, 76))
        by_place: dict[int, list[int]] = {}
        for tune in tunes:
            for note in tune.melody.notes[:-1]:
                by_place.setdefault(note.start // 120 % 14, []).append(note.velocity)
        others = [v for place in (5, 7) for v in by_place.get(place, [])]
        beats = by_place[strong]
        assert sum(beats) / len(beats) > sum(others) / len(others)


@pytest.mark.parametrize("name", NAMES)
def test_groups_that_tokens_do_not_name_are_counted_and_reported(name):
    encoding = make_encoding(name)
    notes = tuple(Note(240 * n, 240, 60 + n) for n in range(14))
    melody = Melody(notes, Timeline(metres=(Metre(0, 7, 8, (3, 2, 2)),)))
    losses = encoding.encode(melody).losses
    assert losses["groups"] == 1
    assert not losses["metres"]
    assert "1 additive metre (such as 3+2+2/8)" in losses_in_words(
        {"notes": 14, "moved": 0, "resized": 0, "lost": 0, **losses}, encoding
    )
    assert "3+2+2/8 is grouped" in what_changes(encoding, melody)
    plain = Melody(notes, Timeline(metres=(Metre(0, 7, 8),)))
    assert not encoding.encode(plain).losses
    assert what_changes(encoding, plain) == ""


def test_a_corpus_is_built_in_the_additive_metre_asked_for():
    notes = tuple(Note(240 * n, 240, 60 + n % 5) for n in range(56))
    piece = Piece((Part(notes),), Timeline(), source="x.mid")
    found = settled(piece, True, "3+2+2/8", 0.0).piece.timeline
    assert {metre[1:] for metre in found.metres} == {(7, 8, (3, 2, 2))}
    assert BuildOptions(metre="3+2+2/8").metre == "3+2+2/8"
    with pytest.raises(ValueError, match=r"3\+2\+2/8"):
        BuildOptions(metre="3+2+/8")
