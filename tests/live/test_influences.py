"""Faders and dials move what is proposed, each in its direction."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

from ritornello.encoding import make_encoding
from ritornello.live.dials import Dials
from ritornello.live.line import Line
from ritornello.live.line.harmony import chord_weights, held_chord
from ritornello.live.line.history import Group
from ritornello.live.line.influence import circling_pitches, forbidden_pitches, group_weights
from ritornello.live.values import LineNote
from ritornello.model.alphabet import Alphabet
from ritornello.model.file import find_model, load_model

MOTIF = (67, 71, 69, 66, 74, 62)
ROUND = (60, 64, 67, 65, 62, 60)


def eighths(pitches, start) -> list[LineNote]:
    """Notes of an eighth each."""
    return [LineNote(start + Fraction(n, 2), Fraction(1, 2), pitch) for n, pitch in enumerate(pitches)]


def bits_of(line: Line, pitches, start: int, is_own: bool = False) -> float:
    """Bits that the line pays for notes that follow, fed one by one."""
    line._players_at(line._own_history(), Fraction(start), _metre())
    total, at = 0.0, Fraction(start)
    for pitch in pitches:
        players, _ = line._players_at(line._own_history(), at, _metre())
        logits = players.logits[0].astype(float)
        place = players.trackers[0]
        shares = np.exp(logits - logits.max())
        total -= np.log2((shares * (place.pitches() == pitch)).sum() / shares.sum())
        note = LineNote(at, Fraction(1, 2), pitch)
        (line.accept if is_own else line.heard)([note])
        at += Fraction(1, 2)
    return total


def _metre():
    from ritornello.live.line.line import named_metre

    return named_metre("4/4")


def played_twice(line: Line, by_machine: bool = False) -> Line:
    """The line after a motif, something else, and the motif's first two notes."""
    feed = line.accept if by_machine else line.heard
    for start in (0, 8):
        feed(eighths(MOTIF, Fraction(start)))
        feed(eighths(ROUND, Fraction(start + 4)))
    feed(eighths(MOTIF[:2], Fraction(16)))
    return line


def test_the_players_fader_moves_the_bits_of_what_the_player_repeats(make_line):
    bits = [bits_of(played_twice(make_line(phrase=phrase, scale="G")), MOTIF[2:], 17) for phrase in (0, 1, 2)]
    assert bits[0] > bits[1] + 1 > bits[2] + 1


def test_the_machines_fader_moves_the_bits_of_what_the_machine_repeats_and_not_the_players(make_line):
    own = [bits_of(played_twice(make_line(own=own, scale="G"), True), MOTIF[2:], 17, True) for own in (0, 1, 2)]
    assert own[0] > own[1] + 1 > own[2] + 1
    crossed = [bits_of(played_twice(make_line(own=own, scale="G")), MOTIF[2:3], 17) for own in (0, 2)]
    assert crossed[0] == pytest.approx(crossed[1])


def test_the_corpus_fader_moves_the_bits_of_what_the_corpus_knows(make_line):
    bits = [bits_of(played_twice(make_line(corpus=corpus, scale="G")), MOTIF[2:], 17) for corpus in (0, 1, 2)]
    assert len({round(each, 3) for each in bits}) == 3


def test_continuity_makes_what_goes_on_with_a_source_likelier(make_line):
    bits = [bits_of(played_twice(make_line(continuity=c, scale="G")), MOTIF[2:], 17) for c in (0, 1, 2)]
    assert bits[0] > bits[1] > bits[2]


def test_what_was_learned_is_forgotten_by_half_lives(make_line):
    bits = [bits_of(played_twice(make_line(half_life=h, scale="G")), MOTIF[2:], 17) for h in (0, 5.0, 0.5)]
    assert bits[0] < bits[1] < bits[2]


def test_reset_forgets_and_a_snapshot_brings_back(make_line):
    def repeated(change: Callable[[Line], None]) -> float:
        line = played_twice(make_line(scale="G"))
        line.propose(Fraction(17), Fraction(18), line.dials)
        change(line)
        line.heard(eighths(MOTIF[:2], Fraction(200)))
        return bits_of(line, MOTIF[2:], 201)

    def reset_and_recall(line: Line) -> None:
        line.snapshot("a")
        line.reset()
        line.recall("a")

    kept, gone, back = repeated(lambda line: None), repeated(Line.reset), repeated(reset_and_recall)
    assert gone > kept + 3
    assert back == pytest.approx(kept, abs=1.0)


def test_a_snapshot_is_as_old_when_it_is_recalled_as_when_it_was_kept(make_line):
    line = played_twice(make_line(scale="G", half_life=10.0))
    line.propose(Fraction(17), Fraction(18), line.dials)
    line.snapshot("a")
    before = group_weights(line._history.learned().groups, line.dials, line._history.learned().now)
    line.propose(Fraction(1000), Fraction(1001), line.dials)
    line.recall("a")
    after = group_weights(line._history.learned().groups, line.dials, line._history.learned().now)
    assert after == pytest.approx(before)


def test_a_model_that_takes_over_knows_what_was_played(make_line):
    songs = load_model(find_model("songs"))
    line = played_twice(make_line(scale="G", low=36))
    line.heard(eighths([60] * 4, Fraction(60)))
    line.heard(eighths(MOTIF[:2], Fraction(100)))
    other, fresh = line.played_by(songs), Line(songs.build(), songs.encoding, 0, line.dials)
    fresh.heard(eighths(MOTIF[:2], Fraction(100)))
    assert (other.count, other.dials, other.seed) == (line.count, line.dials, line.seed)
    assert bits_of(other, MOTIF[2:], 101) < bits_of(fresh, MOTIF[2:], 101) - 3


def test_phrases_that_no_answer_followed_are_remembered_to_their_last_note(make_line):
    answered, silent = make_line(scale="G"), make_line(scale="G")
    for line in (answered, silent):
        for start in (0, 40):
            line.heard(eighths(MOTIF, Fraction(start)))
            if line is answered:
                line.propose(Fraction(start + 3), Fraction(start + 4), line.dials)
        line.heard(eighths(MOTIF[:4], Fraction(80)))
    bits = [bits_of(line, MOTIF[4:], 82) for line in (answered, silent)]
    assert bits[0] == pytest.approx(bits[1])
    fresh = make_line(scale="G")
    fresh.heard(eighths(MOTIF[:4], Fraction(80)))
    assert bits[0] < bits_of(fresh, MOTIF[4:], 82) - 4


def test_an_unknown_snapshot_is_refused(make_line):
    with pytest.raises(ValueError, match="no snapshot 'b'"):
        make_line().recall("b")


def test_groups_weigh_by_who_played_them_and_halve_with_age():
    groups = [Group(0, False), Group(4, True), Group(4, False, False), Group(8, False)]
    assert group_weights(groups, Dials(phrase=2, own=0.5), 8).tolist() == [2, 0.5, 0, 2]
    dials = Dials(half_life=2.4, qpm=100)  # 4 quarters
    assert group_weights(groups, dials, 8) == pytest.approx([0.25, 0.5, 0, 1])


def test_taboo_finds_what_would_repeat_so_many_notes():
    assert forbidden_pitches([60, 62, 64, 60, 62], 3) == {64}
    assert forbidden_pitches([60, 62, 64, 60, 62], 4) == set()
    assert forbidden_pitches([60, 62, 64, 60, 62], 2) == {64}
    assert forbidden_pitches([60, 62], 1) == {60, 62}
    assert forbidden_pitches([60, 62], 0) == set()
    assert forbidden_pitches([], 3) == set()


def test_no_taboo_figure_comes_in_what_is_proposed(make_line):
    line = make_line(taboo=3, scale="G")
    played_twice(line)
    for start in range(17, 60, 4):
        line.accept(line.propose(Fraction(start), Fraction(start + 4), line.dials))
    pitches = [entry.pitch for entry in line._history.entries]
    given = 2 * (len(MOTIF) + len(ROUND)) + 2
    assert len(pitches) > given + 20
    for end in range(given, len(pitches)):
        before = pitches[max(0, end - 64) : end]
        assert pitches[end - 2 : end + 1] not in [before[n : n + 3] for n in range(len(before) - 2)]


def test_what_goes_round_is_found_by_bars_and_by_figures():
    tune = {4 * n: pitch for n, pitch in enumerate((60, 64, 62, 65) * 3)}  # units of 16 steps
    assert circling_pitches({s: p for s, p in tune.items() if s < 40}, 40, 16) == {62}
    assert circling_pitches({s: p for s, p in tune.items() if s < 36}, 36, 16) == set()
    assert circling_pitches({s: p for s, p in tune.items() if s < 40} | {36: 67}, 40, 16) == set()
    figure = dict(enumerate((60, 64) * 5))
    assert circling_pitches(figure, 10, 1000) == {60}
    assert circling_pitches({s: p for s, p in figure.items() if s}, 10, 1000) == set()
    assert circling_pitches({}, 0, 16) == set()


def test_a_cool_line_that_plays_for_long_does_not_go_round(make_line):
    line = make_line(temperature=0.3, scale="C")
    line.heard(eighths([*ROUND, *ROUND], Fraction(0)))
    for start in range(8, 168, 4):
        line.accept(line.propose(Fraction(start), Fraction(start + 4), line.dials))
    bars = [
        tuple(
            (entry.start % 96, entry.pitch)
            for entry in line._history.since(Fraction(bar))
            if entry.start < 24 * bar + 96
        )
        for bar in range(40, 168, 4)
    ]
    assert not any(bars[n] == bars[n + 1] == bars[n + 2] == bars[n + 3] for n in range(len(bars) - 3))


def test_density_changes_how_many_notes_come(make_line):
    def number(density: float) -> float:
        line = make_line(density=density)
        line.heard(eighths([*ROUND, *ROUND], Fraction(0)))
        return sum(len(line.propose(Fraction(8), Fraction(16), line.dials)) for _ in range(12))

    few, usual, many = number(0.5), number(1), number(2)
    assert 0.3 < few / usual < 0.7
    assert 1.5 < many / usual < 2.6


def test_a_held_chord_draws_the_notes_as_far_as_its_fader_says(make_line):
    def share(harmony: float) -> float:
        line = make_line(harmony=harmony)
        line.heard(eighths([*ROUND, *ROUND], Fraction(0)))
        line.chord([50, 53, 57])  # D minor
        notes = [note for _ in range(12) for note in line.propose(Fraction(8), Fraction(16), line.dials)]
        return sum(note.pitch % 12 in (2, 5, 9) for note in notes) / len(notes)

    off, usual, much = share(0), share(1), share(2)
    assert off < usual < much
    assert much > 0.8


def test_a_chord_is_obeyed_by_the_next_step(make_line):
    line = make_line(harmony=2, temperature=0)
    line.heard(eighths(ROUND, Fraction(0)))
    line.chord([61, 65, 68])
    first = line.propose(Fraction(4), Fraction(5), line.dials)[0]
    line.chord([59, 63, 66])
    second = line.propose(Fraction(4), Fraction(5), line.dials)[0]
    assert first.pitch % 12 in (1, 5, 8)
    assert second.pitch % 12 in (11, 3, 6)


def test_chord_weights_are_those_of_the_rule():
    weights = chord_weights(frozenset({0, 4, 7}), True)
    assert weights.tolist() == [1.5, -1.5, 0, 0, 1.5, -1.5, 0, 1.5, -1.5, 0, 0, 0]
    assert chord_weights(frozenset({0, 4, 7}), False).tolist() == (weights / 2).tolist()
    assert not chord_weights(frozenset(), True).any()


def test_a_rest_beyond_a_proposal_and_the_end_of_a_phrase_are_kept_by_the_next_one(make_line):
    line = make_line()
    line.heard(eighths([*ROUND, *ROUND], Fraction(0)))
    for _ in range(6):
        notes = []
        for start in range(8, 24):
            found = line.propose(Fraction(start), Fraction(start + 1), line.dials, Fraction(24))
            line.accept(found)
            notes += found
        assert 20 < notes[-1].end <= 24
        assert all(note.end <= after.start for note, after in pairwise(notes))
        line.take_back(Fraction(8))


def test_notes_taken_back_leave_no_trace(make_line):
    with_detour, straight = make_line(), make_line()
    for line in (with_detour, straight):
        line.heard(eighths([*ROUND, *ROUND], Fraction(0)))
        line.propose(Fraction(8), Fraction(9), line.dials)
    for start in (8, 10, 12):
        with_detour.accept(with_detour.propose(Fraction(start), Fraction(start + 2), with_detour.dials))
    with_detour.take_back(Fraction(8))
    with_detour.count = straight.count
    found = [line.propose(Fraction(8), Fraction(12), line.dials) for line in (with_detour, straight)]
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("pitches", "name"),
    [
        ([48, 52, 55], "C"), ([45, 48, 52, 55], "Am7"), ([52, 55, 60], "C/E"), ([43, 47, 53], "G7"),
        ([50, 53, 57, 62], "Dm"), ([47, 50, 53, 57], "Bm7b5"), ([48, 52], "C"), ([48, 60], None), ([], None),
    ],
)  # fmt: skip
def test_held_pitches_are_named_as_a_chord(pitches, name):
    chord = held_chord(frozenset(pitches))
    assert (chord and chord.name()) == name


def test_a_model_that_knows_chords_knows_the_held_one_at_the_next_step(make_network, monkeypatch):
    encoding = make_encoding("interval", ("chord",))
    alphabet = Alphabet.of(encoding)
    network = make_network(
        encoding.vocabulary.size, scale=0.2, seed=2, second=alphabet.parts[1], side=alphabet.features
    )
    seen = []
    feed = type(network).feed

    def record(self, tokens, state, features=None):
        if features is not None:  # of a whole note group
            seen.append(tuple(features[0].tolist()))
        return feed(self, tokens, state, features)

    monkeypatch.setattr(type(network), "feed", record)
    line = Line(network, encoding, 1, Dials(scale="C"), (48, 84))
    line.heard(eighths(ROUND, Fraction(0)))
    found = []
    for held in ([48, 52, 55], [43, 47, 50, 53], []):
        line.chord(held)
        seen.clear()
        line.propose(Fraction(4), Fraction(5), line.dials)
        found.append(seen[-1])
    root_c, root_g, major, dominant = 0, 7, 0, 4
    assert found == [(2 + 12 * major + root_c, 0, 0), (2 + 12 * dominant + root_g, 0, 0), (0, 0, 0)]


def test_the_fader_of_harmony_at_0_hides_the_chord_and_above_1_adds_to_it(make_network):
    encoding = make_encoding("interval", ("chord",))
    alphabet = Alphabet.of(encoding)
    network = make_network(
        encoding.vocabulary.size, scale=0.2, seed=2, second=alphabet.parts[1], side=alphabet.features
    )

    def tones(harmony: float) -> float:
        line = Line(network, encoding, 1, Dials(scale="C", harmony=harmony), (48, 84))
        line.heard(eighths(ROUND, Fraction(0)))
        line.chord([48, 52, 55])
        notes = [note for _ in range(8) for note in line.propose(Fraction(4), Fraction(8), line.dials)]
        return sum(note.pitch % 12 in (0, 4, 7) for note in notes) / len(notes)

    assert tones(2) > max(tones(0), tones(1)) + 0.1


def test_strong_beats_follow_held_chords_as_often_as_when_composing():
    """The left hand holds another chord in each bar; composed tunes have chord tones on 97.8 % of strong beats."""
    strong = []
    for seed in range(8):
        line = Line.of(load_model(find_model("hymns-and-songs")), seed, Dials(metre="4/4"))
        line.heard(eighths([60, 64, 67, 65, 62, 60, 64, 67], Fraction(0)))
        for bar, held in enumerate(([48, 52, 55], [45, 48, 52], [41, 45, 48], [43, 47, 50]) * 3, 1):
            line.chord(held)
            notes = line.propose(Fraction(4 * bar), Fraction(4 * bar + 4), line.dials)
            line.accept(notes)
            classes = {pitch % 12 for pitch in held}
            strong += [note.pitch % 12 in classes for note in notes if note.start % 2 == 0]
    assert len(strong) >= 100
    assert abs(np.mean(strong) - 0.978) <= 0.04
