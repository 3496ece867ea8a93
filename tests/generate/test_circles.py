"""Passages that go round, in every encoding that counts bars: what would carry them on, and tunes without them."""

import numpy as np
import pytest
from networks import Indifferent

from ritornello.encoding import make_encoding
from ritornello.generate.circles import Circles
from ritornello.generate.compose import compose
from ritornello.generate.constraints import forms_of
from ritornello.generate.draw import draw_likely, filtered, keep_share
from ritornello.generate.options import GenerateOptions
from ritornello.generate.primer import parse_notes

OUT = -np.inf
ENCODINGS = [{"name": "note"}, {"name": "interval"}, {"name": "grid"}, {"name": "lookback"}]
BAR = "C4 E4 G4 r "  # 4/4
FOUR_BARS = "C4 D4 E4 F4 G4:2 E4:2 F4 E4 D4 C4 D4:3 r "


def after(notes: str, spelled: dict, metre: str = "4/4") -> set[int]:
    """The pitches that would go on with a circle after these notes."""
    encoding = make_encoding(**spelled)
    place, circles = encoding.tracker(), Circles()
    tokens = encoding.encode(parse_notes(notes, metre)).tokens
    for token in tokens[: None if encoding.end is None else -1].tolist():
        circles.observe(place)
        place.advance(token)
    circles.observe(place)
    return circles.next_pitches(place)


@pytest.mark.parametrize("spelled", ENCODINGS, ids=lambda spelled: spelled["name"])
@pytest.mark.parametrize(
    ("notes", "stale"),
    [
        (2 * BAR + "C4 E4:1", {67}),
        (2 * BAR + "C4", set()),
        (2 * BAR + "C4 E4 G4", set()),  # a rest is due there: only pitches are kept back
        (3 * BAR + "C4", {64}),
        (3 * BAR + "F4 A4", set()),  # it has gone elsewhere
        (3 * BAR + "C4 F4", {67}),  # one other note is no way out
        (2 * BAR + "C4:1/2 C4:1/2", set()),  # other lengths are another bar
        (2 * BAR + "C4 E4:1/2", set()),
        ("C4:2 D4:2 C4:2 D4:2 C4:2", {62}),  # the middle of the third bar
        ("C4:2 D4:2 C4:2 D4:2", set()),
        (2 * FOUR_BARS + "C4 D4 E4 F4 G4:2 E4:2", {65}),
        (2 * FOUR_BARS + "C4 D4 E4 F4 G4:2 E4:1", set()),
    ],
)
def test_a_unit_of_bars_is_stale_from_the_middle_of_its_third_time(spelled, notes, stale):
    assert after(notes, spelled) == stale


@pytest.mark.parametrize("spelled", ENCODINGS, ids=lambda spelled: spelled["name"])
@pytest.mark.parametrize(
    ("figure", "lengths"), [("C4", "3"), ("C4 D4", "5"), ("C4 D4 E4", "3 1 1"), ("C4 D4 E4 G4", "1 3 1 1")]
)
def test_a_figure_is_stale_once_it_has_filled_eleven_notes_whatever_their_lengths(spelled, figure, lengths):
    pitches = (figure.split() * 12)[:11]
    halves = [lengths.split()[n % len(lengths.split())] if n % 5 else "2" for n in range(11)]
    notes = [f"{pitch}:{half}/2" for pitch, half in zip(pitches, halves, strict=True)]
    due = {"C": 60, "D": 62, "E": 64, "G": 67}[(figure.split() * 12)[11][0]]
    assert after(" ".join(notes), spelled) == {due}
    assert after(" ".join(notes[:-1]), spelled) == set()
    assert after(" ".join([*notes[:6], "A4:1/2", *notes[6:]]), spelled) == set()


@pytest.mark.parametrize("spelled", ENCODINGS, ids=lambda spelled: spelled["name"])
@pytest.mark.parametrize(("more", "stale"), [("", set()), ("C4", {64}), ("C4 E4", {67}), ("C4 F4", set())])
def test_a_unit_with_one_other_note_each_time_is_stale_from_the_middle_of_its_fourth_time(spelled, more, stale):
    assert after("C4 E4 G4 E4 C4 E4 G4 A4 C4 E4 G4 E4 " + more, spelled) == stale


@pytest.mark.parametrize("spelled", ENCODINGS, ids=lambda spelled: spelled["name"])
def test_a_unit_of_three_notes_or_fewer_may_go_on_with_others(spelled):
    assert after("C4:2 E4 G4 C4:2 E4 A4 C4:2 E4 G4 C4:2", spelled) == set()


@pytest.mark.parametrize("spelled", ENCODINGS, ids=lambda spelled: spelled["name"])
def test_a_figure_that_changed_is_stale_once_it_has_filled_fourteen_notes(spelled):
    pitches = ["C4", "D4", "E4", "C4", "D4", "F4", "C4", "D4", "F4", "C4", "D4", "F4", "C4"]
    notes = [f"{pitch}:{half}/2" for pitch, half in zip(pitches, "1131231213123", strict=True)]
    assert after(" ".join(notes), spelled) == {62}
    assert after(" ".join(notes[:-1]), spelled) == set()


@pytest.mark.parametrize("spelled", ENCODINGS, ids=lambda spelled: spelled["name"])
@pytest.mark.parametrize(
    ("pitches", "lengths", "stale"),
    [
        ("C D E G C A E G C A F G B A F", "1121", {67}),  # four notes, one of them another each time
        ("C D E F D E F G E F G A B G", "113", {69}),  # three
        ("C D E F D E F G E F G A F", "113", {67}),  # two are left, and both must be others
        ("C D E F D E F G E F G A B A", "113", set()),  # both are
        ("C D E G C A E G C A F G B A", "1121", set()),  # it is not round yet
        ("C D E G C A E A C A F G B A F", "1121", set()),  # two others in the second time
        ("C D E G C A E G C A F G B A F", "11211113", set()),  # lengths are others as well
        ("C D E G C A E G C A F G B A F", "112111211121111", set()),  # the last one's too
        ("C D E G C A E G C A F G C A B", "112111211121111", {67}),  # which may be the one other note
    ],
)
@pytest.mark.parametrize("rest", ["", " r:1/2"], ids=["joined", "parted"])
def test_a_figure_with_one_other_note_each_time_is_stale_before_its_sixteenth_note(
    spelled, pitches, lengths, stale, rest
):
    counted = zip(pitches.split(), lengths * 15, strict=False)
    assert after(" ".join(f"{pitch}4:{halves}/2{rest}" for pitch, halves in counted), spelled) == stale


def test_in_three_four_a_bar_is_three_quarters():
    assert after("C4 E4 G4 " * 2 + "C4 E4:1/2", {"name": "note"}, "3/4") == set()
    assert after("C4 E4:1/2 D4:1/2 E4:1/2 D4:1/2 " * 2 + "C4 E4:1/2", {"name": "note"}, "3/4") == {62}


def test_what_is_stale_is_marked_unless_guards_are_off():
    encoding = make_encoding("grid")
    for options, lost in ((GenerateOptions(bars=8), True), (GenerateOptions(bars=8, unguarded=True), False)):
        tracker = encoding.tracker()
        [form] = forms_of(encoding, options, [tracker], (0, 127))
        for token in encoding.encode(parse_notes(3 * BAR + "C4")).tokens[:-1].tolist():
            form.observe()
            tracker.advance(token)
        form.observe()
        stale = form.stale()
        assert (stale is not None) == lost
        if stale is not None:
            assert np.flatnonzero(stale).tolist() == [64]


def test_where_all_is_stale_nothing_changes():
    options = GenerateOptions(top_p=1.0)
    [row] = filtered(np.array([[2.0, 1.0, OUT]]), options, stale=np.ones((1, 3), bool))
    assert (row - row.max()).tolist() == [0.0, -1.0, OUT]


def test_a_cool_temperature_leaves_what_is_suggested_its_share():
    logits = np.log(np.array([[0.4, 0.2, 0.3, 0.1]]))  # the first two are suggested: 0.6
    suggested = np.array([[True, True, False, False]])
    shares = np.exp(keep_share(logits, 0.5, suggested)[0])
    shares /= shares.sum()
    np.testing.assert_allclose(shares, [0.6 * 16 / 20, 0.6 * 4 / 20, 0.4 * 9 / 10, 0.4 * 1 / 10], atol=2e-3)


@pytest.mark.parametrize("suggested", [[False] * 3, [True] * 3, [False, False, True]])
def test_where_nothing_or_everything_is_suggested_a_temperature_is_plain(suggested):
    logits = np.array([[1.0, 0.25, OUT]])
    assert keep_share(logits, 0.5, np.array([suggested])).tolist() == [[2.0, 0.5, OUT]]


def test_a_kept_share_is_rounded_to_a_thousandth_of_a_nat():
    logits = np.random.default_rng(1).normal(size=(4, 9))
    cooled = keep_share(logits, 0.7, np.random.default_rng(2).random((4, 9)) < 0.4)
    assert (cooled * 1024 == np.rint(cooled * 1024)).all()


def test_at_one_and_above_a_temperature_is_plain():
    logits, suggested = np.array([[2.0, 1.0, 0.0]]), np.array([[True, False, False]])
    for temperature in (1.0, 1.5):
        options = GenerateOptions(temperature=temperature, top_p=1.0)
        np.testing.assert_array_equal(filtered(logits, options, suggested), logits / temperature)


def test_a_draw_takes_masks_by_the_ids_that_are_possible():
    class Fixed:
        def roll(self):
            return np.array([1 << 23, 1 << 23], np.uint64)

    logits = np.array([[OUT, 3.0, OUT, 0.0], [OUT, 3.0, OUT, 0.0]])
    stale = np.array([[False, True, False, False], [False, False, False, True]])
    assert draw_likely(logits, GenerateOptions(), Fixed(), None, stale).tolist() == [3, 1]


@pytest.mark.parametrize("temperature", [0.3, 1.0])
def test_a_network_that_clings_to_a_bar_leaves_it(temperature):
    encoding = make_encoding("grid")
    clinging = Indifferent(encoding, {60: 9, 128: 9.5})  # two tokens alone
    options = GenerateOptions(bars=16, metre="2/4", temperature=temperature, top_p=1.0)
    free = compose(clinging, encoding, GenerateOptions(**options.to_dict() | {"unguarded": True}), 1, range(10))
    kept = compose(clinging, encoding, options, 1, range(10))
    assert max(longest_run(tune.melody) for tune in free) > 24
    assert max(longest_run(tune.melody) for tune in kept) < 15


def longest_run(melody) -> int:
    """Notes in a row of the same pitch."""
    longest = run = 1
    for before, note in zip(melody.notes, melody.notes[1:], strict=False):
        run = run + 1 if note.pitch == before.pitch else 1
        longest = max(longest, run)
    return longest
