"""Rewrite bars of a melody: what stands before and after them is kept, and joined well.

Many drafts are drawn side by side, each going on from what stands before until the bars are full. The network then
reads each draft together with what stands after. Of those that are about as surprising as the melody and leave it as
likely as it was, those are taken first that have as many notes, and after which what follows is as likely: no
training of its own is needed for that, and the likeliest bars of all would be dull. A rhythm or a line of pitches may
be kept, and so may the rise and fall of a melody.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import groupby
from math import lcm
from statistics import mean

import numpy as np

from ritornello.encoding import MelodyEncoding, counts_bars
from ritornello.generate.compose import counting_network, known_places, players_of, sample
from ritornello.generate.constraints import table_of
from ritornello.generate.draw import Dice
from ritornello.generate.options import GenerateOptions
from ritornello.generate.span import KEPT, Keep, Plan, Span, SpanForm
from ritornello.model.network import Network
from ritornello.model.scoring import token_nats
from ritornello.music.values import Melody, Note

DRAFTS, MORE_DRAFTS = 24, 8  # drawn for one version, and for each further one
ROUNDS = 4  # of drafts, where too few of them fit
LEAST_ALIKE = 0.9  # correlation with a contour that is kept
LEAST_NEW = 0.5  # share of the notes in which versions differ
MOST_SAME = 4  # notes of one pitch in a row, where the melody has no more
MOST_COPIED = 0.6  # of the notes that come from other bars, where the bars had no more
LITTLE_NEW = 1e-9  # the same, where none differs in so many
LEAST_BITS, MOST_BITS = 0.7, 1.2  # of new notes, beside the mean note of the melody
OTHER_COUNT = 0.5  # mean notes of the melody that a note too many or too few counts
Rank = tuple[bool, float, float, float]
SUITS = False, 0.0, 0.0  # how the rank of a version begins that is not dull nor odd, and as likely as the melody was


@dataclass(frozen=True)
class Version:
    """A melody with bars rewritten. first, stop: its new notes.

    nats: what the whole costs the network. own, after: of that, the new notes and what follows them.
    """

    melody: Melody
    first: int
    stop: int
    nats: float = 0.0
    own: float = 0.0
    after: float = 0.0

    @property
    def notes(self) -> tuple[Note, ...]:
        """The new notes."""
        return self.melody.notes[self.first : self.stop]


def rewrite(
    network: Network,
    encoding: MelodyEncoding,
    melody: Melody,
    bars: tuple[int, int],
    options: GenerateOptions = GenerateOptions(),
    seed: int = 0,
    n: int = 1,
    keep: Keep | None = None,
    pitch_range: tuple[int, int] = (0, 127),
) -> list[Version]:
    """Rewrite bars of a melody in n ways.

    They depend on network, melody, options, seed and n alone.
    bars: first and last, counted from 1, without a pick-up. keep: "rhythm" or "pitches" of these bars, or "contour",
    their rise and fall within two semitones. Versions differ from the melody and from each other in half of their
    notes, as far as that many were found. Source: Hadjeres, Pachet & Nielsen 2017 (DeepBach) on rewriting in place;
    here drafts are weighed by what follows, as in sequential Monte Carlo. The chords of the melody are known where
    the network knows any.
    Raises ValueError for bars that are not there, and for an encoding that counts none.
    """
    if not counts_bars(encoding):
        raise ValueError(f"a model in the encoding {encoding.name!r} counts no bars: it cannot rewrite any")
    if keep is not None and keep not in KEPT:
        raise ValueError(f"keep must be {', '.join(KEPT)}, not {keep!r}")
    span = Span.of(melody, bars)
    asked = replace(options, bars=1, metre=melody.timeline.metre.name, key=None, scale=None)
    wide = (
        min(pitch_range[0], *(note.pitch for note in melody.notes)),
        max(pitch_range[1], *(note.pitch for note in melody.notes)),
    )
    plan = Plan(encoding, melody, span, table_of(encoding, asked, wide, places=known_places(network, asked)), keep)
    counting, count = counting_network(network, encoding), DRAFTS + MORE_DRAFTS * n
    drawn, ranked, chosen = set[tuple[Note, ...]](), list[Version](), list[Version]()
    rank = _ranking(_scored(network, plan, [Version(melody, *span.places(melody))])[0])
    for turn in range(ROUNDS):
        new: list[Version] = []
        for tokens in draw_drafts(counting, plan, asked, seed, range(turn * count, (turn + 1) * count)):
            version = splice(melody, span, *plan.notes_of(tokens, span, melody), keep)
            if version is not None and version.notes not in drawn:
                drawn.add(version.notes)
                new.append(version)
        ranked = sorted([*ranked, *_scored(network, plan, new)], key=rank)
        chosen = _chosen(ranked, span, melody, n, LEAST_NEW)
        if len(chosen) == n and rank(chosen[-1])[:3] == SUITS:
            break
    if not chosen:  # what is kept leaves little choice: any that is another one
        chosen = _chosen(ranked, span, melody, 1, LITTLE_NEW)
    if not chosen:
        raise ValueError("no draft fits between what stands before and after: rewrite more bars, or keep less")
    return chosen


def draw_drafts(
    network: Network, plan: Plan, options: GenerateOptions, seed: int, indices: Sequence[int]
) -> list[np.ndarray]:
    """Draw drafts of a span, side by side: their tokens, with those before the span."""
    players = players_of(network, plan.encoding, options, 1)
    for token in plan.given:
        plan.inform(players.trackers[0])
        players.feed(np.array([token]))
    players.fork(len(indices))
    forms = [SpanForm(plan, place) for place in players.trackers]
    nothing = np.zeros((len(indices), 0), np.int64)
    drawn = sample(players, forms, options, Dice(seed, np.asarray(indices)), nothing)[0]
    return [np.concatenate([plan.given, tokens]) for tokens in drawn]


def splice(melody: Melody, span: Span, drafted: Sequence[Note], resolution: int, keep: Keep | None) -> Version | None:
    """Set the notes of a draft between those before and after.

    None where it does not keep what it should.
    resolution: ticks per quarter of the draft.
    """
    own = [note for note in melody.notes if span.holds(note)]
    scale = resolution // melody.timeline.ticks_per_quarter
    if not drafted or drafted[-1].end != span.stop * scale or not _keeps(drafted, own, keep, scale):
        return None
    if keep == "rhythm":  # as it is, also where the encoding rounds it
        new = tuple(note._replace(pitch=draft.pitch) for note, draft in zip(own, drafted, strict=True))
        whole = melody
    else:
        loudness = round(mean(note.velocity for note in own))
        new = tuple(note._replace(velocity=loudness) for note in drafted)
        whole = melody.with_resolution(resolution)
        span = Span(span.start * scale, span.stop * scale)
    before = tuple(note for note in whole.notes if note.start < span.start)
    after = tuple(note for note in whole.notes if note.start >= span.stop)
    return Version(replace(whole, notes=before + new + after), len(before), len(before) + len(new))


def _keeps(drafted: Sequence[Note], own: Sequence[Note], keep: Keep | None, scale: int) -> bool:
    """Tell whether a draft keeps what it should of the notes that it replaces.

    scale: ticks of the draft to one of theirs.
    """
    if keep == "rhythm":
        return len(drafted) == len(own)
    if keep == "pitches":
        return [note.pitch for note in drafted] == [note.pitch for note in own]
    return keep is None or likeness(drafted, own, scale) >= LEAST_ALIKE


def likeness(drafted: Sequence[Note], own: Sequence[Note], scale: int) -> float:
    """Compute the correlation of two contours, -1 to 1.

    It is taken over all times at which a note of either begins.
    Where one of them does not move, the other must not either.
    """
    onsets = np.array([note.start * scale for note in own]), np.array([note.start for note in drafted])
    times = np.union1d(*onsets)
    lines = [
        np.array([note.pitch for note in notes])[np.maximum(starts.searchsorted(times, "right") - 1, 0)]
        for notes, starts in zip((own, drafted), onsets, strict=True)
    ]
    lengths = np.diff(np.append(times, max(drafted[-1].end, own[-1].end * scale)))
    one, other = (line - np.average(line, weights=lengths) for line in lines)
    spread = np.sqrt(np.average(one**2, weights=lengths) * np.average(other**2, weights=lengths))
    if spread == 0:
        return float(not one.any() and not other.any())
    return float(np.average(one * other, weights=lengths) / spread)


def _scored(network: Network, plan: Plan, versions: Sequence[Version]) -> list[Version]:
    """Compute what each version costs the network, as a whole and after its new notes."""
    sequences = [plan.encoding.encode(version.melody).tokens for version in versions]
    costs = token_nats(network, plan.encoding, sequences, harmonies=[plan.harmony] * len(sequences))
    scored = []
    for version, nats in zip(versions, costs, strict=True):
        _, own, after = np.split(nats, [len(plan.given), len(nats) - plan.following])
        scored.append(replace(version, nats=float(nats.sum()), own=float(own.sum()), after=float(after.sum())))
    return scored


def _ranking(was: Version) -> Callable[[Version], Rank]:
    """Return the order in which versions are taken, the least first.

    was: the melody as it was. First those whose notes are about as surprising as those of the melody; bars that come
    again later make what follows dear where they are lost, and only the dullest ones would make good for it. Of these
    those that cost no more as a whole, by how much dearer what follows is, how much less surprising the new notes are
    than those they replace and than those that stay, and how many more or fewer they are, since few notes are cheap
    as a whole; then the others by what they cost more. What stays on one pitch for longer than the melody does, or is
    other bars of it once more as the bars themselves were not, comes last.
    """
    melody, own = was.melody, was.notes
    longest = max(MOST_SAME, longest_run(melody.notes))
    most_copied = max(MOST_COPIED, copied(own, own, melody))
    staying = len(melody.notes) - len(own)
    usual = min(was.own / len(own), (was.nats - was.own) / staying) if staying else 0.0
    mean_cost = was.nats / len(melody.notes)
    least, most = LEAST_BITS * mean_cost, MOST_BITS * max(mean_cost, was.own / len(own))

    def rank(version: Version) -> Rank:
        notes = len(version.notes)
        is_dull = longest_run(version.notes) > longest
        is_dull = is_dull or copied(version.notes, own, melody, version.melody) > most_copied
        odd = max(0.0, least * notes - version.own, version.own - most * notes)
        miss = max(0.0, version.after - was.after) + max(0.0, usual * notes - version.own)
        miss += OTHER_COUNT * mean_cost * abs(notes - len(own))
        return is_dull, odd, max(0.0, version.nats - was.nats), miss

    return rank


def _chosen(ranked: Sequence[Version], span: Span, melody: Melody, n: int, least_new: float) -> list[Version]:
    """Choose the first n versions that differ from the melody and from each other."""
    known = [figures_of([note for note in melody.notes if span.holds(note)], melody)]
    chosen: list[Version] = []
    for version in ranked:
        figures = figures_of(version.notes, version.melody)
        if all(difference(figures, others) >= least_new for others in known):
            known.append(figures)
            chosen.append(version)
        if len(chosen) == n:
            break
    return chosen


def copied(notes: Sequence[Note], own: Sequence[Note], melody: Melody, home: Melody | None = None) -> float:
    """Compute the share of notes that come from other bars of a melody, by place and pitch.

    own: the notes of the melody in whose place they stand. home: the melody that they are of, if another.
    """
    quarter, new_quarter = melody.timeline.ticks_per_quarter, (home or melody).timeline.ticks_per_quarter
    scale, new_scale = lcm(quarter, new_quarter) // quarter, lcm(quarter, new_quarter) // new_quarter
    bar = melody.timeline.bar_ticks(melody.timeline.metre_at(own[0].start)) * scale
    new = [(note.start * new_scale, note.pitch) for note in notes]
    stays = {(note.start * scale, note.pitch) for note in set(melody.notes).difference(own)}
    count = melody.timeline.length * scale // bar + 1
    shared = [sum((at + n * bar, pitch) in stays for at, pitch in new) for n in range(-count, count + 1)]
    return max(shared) / len(new)


def longest_run(notes: Sequence[Note]) -> int:
    """Count the most notes of one pitch in a row."""
    return max(len(list(run)) for _, run in groupby(note.pitch for note in notes))


Figures = frozenset[tuple[Fraction, Fraction, int]]
"""Notes by start and duration in quarters, and pitch."""


def figures_of(notes: Sequence[Note], melody: Melody) -> Figures:
    """Write notes of a melody as figures that do not depend on its resolution."""
    quarter = melody.timeline.ticks_per_quarter
    return frozenset((Fraction(n.start, quarter), Fraction(n.duration, quarter), n.pitch) for n in notes)


def difference(figures: Figures, others: Figures) -> float:
    """Compute the share of the notes in which two versions of a span differ."""
    return 1 - len(figures & others) / max(len(figures), len(others))


def bars_to_vary(melody: Melody, share: float, seed: int) -> list[tuple[int, int]]:
    """Draw a share of the bars, in runs of first and last bar; the last bar is not among them."""
    count = len(melody.timeline.barlines()) - 1 - (melody.timeline.pickup > 0)
    wanted = min(max(1, round(share * count)), count - 1)
    if wanted < 1:
        raise ValueError("a melody of one bar has nothing to vary: rewrite the bar instead")
    rolls = Dice(seed, np.arange(1, count)).roll()
    drawn = sorted((1 + rolls.argsort(kind="stable")[:wanted]).tolist())
    runs: list[tuple[int, int]] = []
    for bar in drawn:
        if runs and runs[-1][1] == bar - 1:
            runs[-1] = runs[-1][0], bar
        else:
            runs.append((bar, bar))
    return runs
