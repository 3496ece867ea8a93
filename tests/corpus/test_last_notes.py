"""Where last notes begin and how long they last: counted in a corpus, and shared among metres."""

from fractions import Fraction

import pytest

from ritornello.corpus.last_notes import BACKING, LastNote, LastNotes, count_last_notes
from ritornello.corpus.pieces import CorpusPiece
from ritornello.corpus.store import corpus_of
from ritornello.music.values import Melody, Metre, Note, Timeline

FOUR, THREE, SIX = (Fraction(4), Fraction(1)), (Fraction(3), Fraction(1)), (Fraction(3), Fraction(3, 2))


def melody(starts: list[int], length: int, metre: tuple[int, int] = (4, 4), pickup: int = 0) -> Melody:
    """Notes that begin at these ticks, twelve to a quarter, each as long as the way to the next."""
    ends = [*starts[1:], length]
    notes = tuple(Note(start, end - start, 60, 80) for start, end in zip(starts, ends, strict=True))
    full = Metre(0, *metre)
    metres = (full, full._replace(tick=pickup)) if pickup else (full,)
    return Melody(notes, Timeline(12, length, metres))


def note(place, length) -> LastNote:
    return LastNote(Fraction(place), Fraction(length))


def test_last_notes_are_counted_by_metre_place_and_length_in_quarters():
    tunes = [
        melody([0, 24, 48], 96),
        melody([0, 24, 48], 96),
        melody([0, 12, 12 + 48 + 24], 96, pickup=12),
        melody([0, 18, 36 + 18], 72, (6, 8)),
        melody([0, 4, 8, 12 + 4], 24),  # ends inside a triplet
        melody([0], 24),  # a single note
        melody([24, 30], 36, pickup=36),  # all of it a pick-up
    ]
    pieces = [(CorpusPiece(f"{n}.abc", (), split="train"), [tune]) for n, tune in enumerate(tunes)]
    pieces.append((CorpusPiece("held out.abc", (), split="test"), [melody([0, 48], 96)]))
    assert count_last_notes(corpus_of(pieces)) == {"4/4": {"0 4": 2, "2 1": 1}, "6/8": {"3/2 3/2": 1}}


@pytest.mark.parametrize(
    ("drawn", "bar", "least", "found"),
    [
        (note(0, 4), 4, 1, note(0, 4)),
        (note(2, 8), 4, 1, note(2, 2)),  # it ends in its bar
        (note("7/2", "1/2"), 4, 1, note(3, 1)),  # it lasts for a beat
        (note(0, "1/4"), 2, 1, note(0, 1)),
        (note("3/2", "1/2"), 3, 1, note("3/2", 1)),
    ],
)
def test_a_last_note_lasts_long_enough_and_ends_in_its_bar(drawn, bar, least, found):
    assert drawn.within(Fraction(bar), Fraction(least)) == found


@pytest.mark.parametrize(
    ("drawn", "old", "metre", "found"),
    [
        (note(0, 4), 4, THREE, note(0, 3)),
        (note(0, 2), 4, THREE, note(0, 2)),
        (note(3, 1), 4, THREE, note(2, 1)),
        (note(2, 2), 4, SIX, note("3/2", "3/2")),
        (note(2, 1), 3, FOUR, note(2, 2)),
        (note("3/2", 1), 3, FOUR, note(2, 2)),
    ],
)
def test_a_last_note_moves_to_a_beat_of_another_metre_that_is_as_far_in_the_bar(drawn, old, metre, found):
    assert drawn.moved(*metre, Fraction(old)) == found


def test_few_endings_are_backed_by_those_of_other_metres_and_of_other_tunes():
    own, others = {"4/4": {"0 4": 3, "3 1": 1}}, {"4/4": {"2 2": 1}, "3/4": {"0 3": 1}}
    alone = LastNotes(own, {}).chances(*FOUR)
    assert alone == {note(0, 4): Fraction(3, 4), note(3, 1): Fraction(1, 4)}
    backed = LastNotes(own, others).chances(*FOUR)
    # Of others half a note on two and half on the downbeat as if all stood in 4/4, and the one that does.
    two, down = (1 + Fraction(BACKING, 2)) / (1 + BACKING), Fraction(BACKING, 2) / (1 + BACKING)
    assert backed[note(2, 2)] == BACKING * two / 2 / (4 + BACKING)
    assert backed[note(0, 4)] == (3 + BACKING * (Fraction(3, 4) + down) / 2) / (4 + BACKING)
    assert sum(backed.values()) == 1
    unknown = LastNotes(own, others).chances(*SIX)
    assert unknown[note(0, 3)] == (Fraction(3, 4) + Fraction(1, 2)) / 2
    assert sum(unknown.values()) == 1


def test_many_endings_of_a_metre_speak_for_themselves():
    many = LastNotes({"3/4": {"2 1": 900, "0 3": 100}}, {"3/4": {"0 3": 9_000}}).chances(*THREE)
    assert many[note(2, 1)] == pytest.approx(0.9, abs=0.01)


def test_the_commonest_is_drawn_first_and_each_by_its_share():
    last_notes = LastNotes({"4/4": {"0 4": 3, "3 1": 1}}, {})
    assert last_notes.tunes == 4
    edge = 3 << 22
    assert [last_notes.draw(*FOUR, roll).place for roll in (0, edge - 1, edge, (1 << 24) - 1)] == [0, 0, 3, 3]
