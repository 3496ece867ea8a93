"""Rewrite bars of a melody: what stands before and after them is kept, and joined well.

Many drafts are drawn side by side, each going on from what stands before until the bars are full. The network then
reads each draft together with what stands after, and those that it finds likeliest as a whole are taken: it needs no
training of its own for that. A rhythm, or a line of pitches, may be kept, and so may the rise and fall of a melody.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import groupby
from statistics import mean

import numpy as np

from ritornello.encoding import MelodyEncoding, counts_bars
from ritornello.encoding.features import Harmony
from ritornello.generate.compose import counting_network, sample
from ritornello.generate.constraints import table_of
from ritornello.generate.draw import Dice
from ritornello.generate.options import GenerateOptions
from ritornello.generate.span import KEPT, Keep, Plan, Span, SpanForm
from ritornello.model.network import Network
from ritornello.model.players import Players
from ritornello.model.scoring import sequence_nats
from ritornello.music.values import Melody, Note

DRAFTS, MORE_DRAFTS = 24, 8  # drawn for one version, and for each further one
ROUNDS = 4  # of drafts, where too few of them fit
LEAST_ALIKE = 0.9  # correlation with a contour that is kept
LEAST_NEW = 0.5  # share of the notes in which versions differ
MOST_SAME = 4  # notes of one pitch in a row, where the melody has no more
MOST_COPIED = 0.6  # of the notes that come from other bars, where the bars had no more
LITTLE_NEW = 1e-9  # the same, where none differs in so many


@dataclass(frozen=True)
class Version:
    """A melody with bars rewritten. first, stop: its new notes. nats: what the whole costs the network."""

    melody: Melody
    first: int
    stop: int
    nats: float = 0.0

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
    plan = Plan(encoding, melody, span, table_of(encoding, asked, wide), keep)
    counting, count = counting_network(network, encoding), DRAFTS + MORE_DRAFTS * n
    drafts: dict[tuple[Note, ...], Version] = {}
    chosen: list[Version] = []
    for turn in range(ROUNDS):
        new: dict[tuple[Note, ...], Version] = {}
        for tokens in draw_drafts(counting, plan, asked, seed, range(turn * count, (turn + 1) * count)):
            version = splice(melody, span, *plan.notes_of(tokens, span, melody), keep)
            if version is not None and version.notes not in drafts:
                new.setdefault(version.notes, version)
        drafts |= _scored(network, encoding, new, plan.harmony)
        chosen = _best(list(drafts.values()), span, melody, n)
        if len(chosen) == n:
            break
    if not chosen:  # what is kept leaves little choice: any that is another one
        chosen = _best(list(drafts.values()), span, melody, 1, least_new=LITTLE_NEW)
    if not chosen:
        raise ValueError("no draft fits between what stands before and after: rewrite more bars, or keep less")
    return chosen


def draw_drafts(
    network: Network, plan: Plan, options: GenerateOptions, seed: int, indices: Sequence[int]
) -> list[np.ndarray]:
    """Draw drafts of a span, side by side: their tokens, with those before the span."""
    players = Players(network, plan.encoding, len(indices), True, options.memory, options.quote)
    forms = [SpanForm(plan, place) for place in players.trackers]
    given = np.tile(plan.given, (len(indices), 1))
    return sample(players, forms, options, Dice(seed, np.asarray(indices)), given)[0]


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


def _scored(
    network: Network, encoding: MelodyEncoding, drafts: dict[tuple[Note, ...], Version], harmony: Harmony | None
) -> dict[tuple[Note, ...], Version]:
    """Compute what each draft costs the network as a whole.

    drafts: by their new notes. harmony: their chords.
    """
    sequences = [encoding.encode(draft.melody).tokens for draft in drafts.values()]
    harmonies = () if harmony is None else [harmony] * len(sequences)
    nats = sequence_nats(network, encoding, sequences, harmonies=harmonies)
    return {notes: replace(draft, nats=float(n)) for (notes, draft), n in zip(drafts.items(), nats, strict=True)}


def _best(
    drafts: Sequence[Version], span: Span, melody: Melody, n: int, least_new: float = LEAST_NEW
) -> list[Version]:
    """Choose the likeliest versions that differ from the melody and from each other.

    The likeliest first. What stays on one pitch for longer than the melody does, or is other bars of it once more as
    the bars themselves were not, is taken where nothing else is left.
    """
    longest = max(MOST_SAME, longest_run(melody.notes))
    own = [note for note in melody.notes if span.holds(note)]
    most_copied = max(MOST_COPIED, copied(own, own, melody))

    def is_dull(version: Version) -> bool:
        is_long = longest_run(version.notes) > longest
        return is_long or copied(version.notes, own, melody, version.melody) > most_copied

    known = [figures_of([note for note in melody.notes if span.holds(note)], melody)]
    chosen: list[Version] = []
    for version in sorted(drafts, key=lambda draft: (is_dull(draft), draft.nats)):
        figures = figures_of(version.notes, version.melody)
        if all(difference(figures, others) >= least_new for others in known):
            known.append(figures)
            chosen.append(version)
        if len(chosen) == n:
            break
    return sorted(chosen, key=lambda version: version.nats)


def copied(notes: Sequence[Note], own: Sequence[Note], melody: Melody, home: Melody | None = None) -> float:
    """Compute the share of notes that come from other bars of a melody, by place and pitch.

    own: the notes of the melody in whose place they stand. home: the melody that they are of, if another.
    """
    quarter, new_quarter = melody.timeline.ticks_per_quarter, (home or melody).timeline.ticks_per_quarter
    bar = Fraction(melody.timeline.bar_ticks(melody.timeline.metre_at(own[0].start))) / quarter
    new = [(Fraction(note.start, new_quarter), note.pitch) for note in notes]
    stays = {(Fraction(note.start, quarter), note.pitch) for note in melody.notes} - {
        (Fraction(note.start, quarter), note.pitch) for note in own
    }
    count = int(Fraction(melody.timeline.length, quarter) / bar) + 1
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
