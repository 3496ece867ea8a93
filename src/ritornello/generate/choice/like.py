"""Compose a new melody on the rhythm of another, or along its rise and fall, by what rewrites bars.

The whole melody is one span. Its header, metre and length stay, and the network is told when it is over. Where more
is asked for, each draft is drawn bar by bar, by the choice among continuations that keep what is to be kept.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Literal

import numpy as np

from ritornello.encoding import MelodyEncoding, counts_bars
from ritornello.generate.choice.bars import compose_in_bars
from ritornello.generate.choice.checks import checked
from ritornello.generate.choice.drawing import Drawing
from ritornello.generate.chords import AskedChords
from ritornello.generate.compose import ATTEMPT_STRIDE, counting_network, known_places
from ritornello.generate.constraints import table_of
from ritornello.generate.expression import with_expression
from ritornello.generate.headings import Heading
from ritornello.generate.options import GenerateOptions
from ritornello.generate.rewrite import Version, difference, draw_drafts, figures_of, splice
from ritornello.generate.span import Plan, Span
from ritornello.model.network import Network
from ritornello.music.keys import plain_key
from ritornello.music.values import Melody, Tempo
from ritornello.wording import option, options_named

Like = Literal["rhythm", "contour"]
DRAFTS = {"rhythm": 8, "contour": 24}  # of a tune, drawn at a time
WANTED = {"rhythm": 4, "contour": 2}  # of these, among which one is chosen
ROUNDS = 6
STRIDE = 1 << 8  # rolls of a draft that is drawn bar by bar
LEAST_NEW = {"rhythm": 0.5, "contour": 0.25}  # share of the notes whose pitch, or of the onsets which, are new
REFUSED = ("bars", "metre", "key", "scale", "scale_lock", "form", "unguarded", "seconds", "notes_per_second")


def compose_like(
    network: Network,
    encoding: MelodyEncoding,
    melody: Melody,
    keep: Like,
    options: GenerateOptions,
    seed: int,
    index: int,
    pitch_range: tuple[int, int] = (0, 127),
    drafts: int | None = None,
    chords: AskedChords | None = None,
) -> list[Version]:
    """Draw drafts of one new melody, among which one is to be chosen.

    They depend on network, options, seed and index alone.
    keep: "rhythm", exactly; "contour", its rise and fall, with a correlation of 0.9 or more and another rhythm.
    drafts: how many are wanted at least; None for a few. chords: what the new melody is to follow.
    Raises ValueError for options that the melody decides, and where no draft fits.
    """
    check_like(encoding, keep, options)
    if len(melody.notes) < 2:
        raise ValueError("a melody of two notes or more is needed to compose one like it")
    span = Span(melody.notes[0].start, melody.notes[-1].end)
    changes = [m for m in melody.timeline.metres[1:] if m[1:] != melody.timeline.metre_at(m.tick - 1)[1:]]
    has_changes = bool(changes) and changes[0].tick < span.stop
    if has_changes and keep == "contour":
        raise ValueError(f"the melody's metre changes to {changes[0].name}: keep its rhythm, or cut it where it does")
    if has_changes and options.targets:
        words = options_named(options.targets)
        raise ValueError(
            f"the melody's metre changes to {changes[0].name}: leave {words} out, or cut it where it does"
        )
    bars = len(melody.timeline.barlines()) - 1 - (melody.timeline.pickup > 0)
    melody = replace(melody, chords=())
    if chords:
        melody = chords.laid_on(melody, (1, bars), seed)
        if chords.chart and keep == "rhythm":  # the pitches are new: they stand in the key of their chords
            key = plain_key(chords.chart.found_key())
            melody = replace(melody, timeline=replace(melody.timeline, keys=(key,)))
    asked = replace(options, bars=bars, metre=None if has_changes else melody.timeline.metre.name)
    if options.targets:
        asked = checked(encoding, asked, None, pitch_range, chords)
    own = [note.pitch for note in melody.notes]
    reach = pitch_range if keep == "rhythm" else (min(pitch_range[0], *own), max(pitch_range[1], *own))
    plan = Plan(encoding, melody, span, table_of(encoding, asked, reach, places=known_places(network, asked)), keep)
    counting, found = counting_network(network, encoding), dict[tuple, Version]()
    count, wanted = max(DRAFTS[keep], drafts or 0), drafts or WANTED[keep]
    for turn in range(ROUNDS):
        if options.targets:
            rolls = [index + ATTEMPT_STRIDE * STRIDE * (turn * wanted + n) for n in range(wanted)]
            every = [_steered(counting, encoding, asked, plan, pitch_range, seed, roll) for roll in rolls]
        else:
            rolls = [index + ATTEMPT_STRIDE * (turn * count + n) for n in range(count)]
            every = draw_drafts(counting, plan, asked, seed, rolls)
        for tokens in every:
            version = splice(melody, span, *plan.notes_of(tokens, span, melody), keep)
            if version is not None and newness(version.melody, melody, keep) >= LEAST_NEW[keep]:
                found.setdefault(version.notes, version)
        if len(found) >= wanted:
            break
    if not found and keep == "rhythm" and encoding.encode(melody).losses:
        raise ValueError("this model rounds some lengths of the melody and cannot keep its rhythm: quantise it first")
    if not found:
        raise ValueError(f"no draft keeps the {keep} and is new: try another seed, or a higher temperature")
    chosen = list(found.values())[: drafts or len(found)]
    return [replace(version, melody=_finished(version.melody, options)) for version in chosen]


def _steered(
    network: Network,
    encoding: MelodyEncoding,
    options: GenerateOptions,
    plan: Plan,
    pitch_range: tuple[int, int],
    seed: int,
    roll: int,
) -> np.ndarray:
    """Draw one draft bar by bar. Returns its tokens."""
    drawing = Drawing(network, encoding, options, pitch_range, seed, roll, Heading(), plan=plan)
    drawing.feed(plan.given.tolist())
    drawing.settle()
    compose_in_bars(drawing)
    return np.array(drawing.tokens)


def _finished(melody: Melody, options: GenerateOptions) -> Melody:
    """Give a new melody its tempo and expression."""
    timeline = melody.timeline
    if options.qpm is not None:
        timeline = replace(timeline, tempos=(Tempo(0, options.qpm),))
    melody = replace(melody, timeline=timeline)
    return melody if options.flat else with_expression(melody)


def check_like(encoding: MelodyEncoding, keep: str, options: GenerateOptions) -> None:
    """Raise ValueError for what a tune that is like another cannot be asked for."""
    if keep not in DRAFTS:
        raise ValueError(f"keep must be {' or '.join(DRAFTS)} with like, not {keep!r}")
    if not counts_bars(encoding):
        raise ValueError(f"a model in the encoding {encoding.name!r} counts no bars: it cannot compose like a tune")
    usual = GenerateOptions()
    given = [name for name, value in options.to_dict().items() if value != getattr(usual, name)]
    refused = [name for name in given if name in REFUSED]
    if refused:
        words = options_named(refused)
        raise ValueError(f"{option('like')} takes bars, metre and key from the tune: leave {words} out")
    if keep == "rhythm" and options.notes_per_bar is not None:
        raise ValueError(
            f"a kept rhythm has its own notes per bar: leave {option('notes_per_bar')} out, or keep the contour"
        )


def newness(melody: Melody, other: Melody, keep: Like) -> float:
    """Compute how new a melody is beside the one it is like, 0 to 1.

    Of a kept rhythm its pitches count, else its onsets.
    """
    if keep == "rhythm":
        return difference(figures_of(melody.notes, melody), figures_of(other.notes, other))
    onsets = [
        {Fraction(note.start, line.timeline.ticks_per_quarter) for note in line.notes} for line in (melody, other)
    ]
    return len(onsets[0] ^ onsets[1]) / max(1, len(onsets[0] | onsets[1]))
