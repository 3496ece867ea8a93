"""Pick-ups in MIDI files that do not say so."""

import pytest

from ritornello.corpus.pick.pick import pick_melodies
from ritornello.music.values import Metre, Note, Part, Piece, Timeline

Q = 480


def tune(upbeat: int, source: str, bars: int = 8, late: int = 0) -> Piece:
    """An upbeat of `upbeat` eighths, then bars of a half and four eighths over whole notes in the bass."""
    shift = late + upbeat * Q // 2
    upper = [Note(late + n * Q // 2, Q // 2, 67) for n in range(upbeat)]
    lower = []
    for bar in range(bars):
        start = shift + bar * 4 * Q
        upper.append(Note(start, 2 * Q, 72 + bar % 3))
        upper += [Note(start + (4 + n) * Q // 2, Q // 2, 71 - n) for n in range(4)]
        lower.append(Note(start, 4 * Q, (48, 43, 45)[bar % 3]))
    return Piece((Part(tuple(upper)), Part(tuple(lower))), Timeline(Q), source=source)


@pytest.mark.parametrize(("upbeat", "pickup"), [(1, 240), (2, 480), (3, 720)])
@pytest.mark.parametrize("name", ["x.mid", "songs.zip/X.MIDI", "x.kar#2"])
def test_an_upbeat_counted_as_a_whole_bar_is_found(upbeat, pickup, name):
    (choice,) = pick_melodies(tune(upbeat, name))
    assert choice.melody.timeline.metres == (Metre(0, 4, 4), Metre(pickup, 4, 4))
    assert choice.melody.timeline.pickup == pickup
    assert choice.why[-1] == f"the first bar is a pick-up of {pickup / 480:g} quarters, by the stresses"


def test_bars_that_begin_with_the_first_note_stay():
    assert pick_melodies(tune(0, "x.mid"))[0].melody.timeline.metres == (Metre(0, 4, 4),)


def test_written_bars_are_believed():
    for name in ("x.abc", "x.musicxml", "x.krn", ""):
        assert pick_melodies(tune(2, name))[0].melody.timeline.metres == (Metre(0, 4, 4),)


def test_a_tune_that_starts_after_a_rest_and_a_short_one_stay():
    assert pick_melodies(tune(2, "x.mid", late=2 * Q))[0].melody.timeline.pickup == 0
    assert pick_melodies(tune(2, "x.mid", bars=3))[0].melody.timeline.pickup == 0


def test_without_stresses_nothing_is_told():
    even = Part(tuple(Note(Q * n, Q, 60 + n % 7) for n in range(40)))
    assert pick_melodies(Piece((even,), Timeline(Q), source="x.mid"))[0].melody.timeline.pickup == 0
