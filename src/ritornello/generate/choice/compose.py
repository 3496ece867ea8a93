"""Compose tunes that are steered: at each stretch several continuations are drawn, and the nearest one is taken."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from ritornello.encoding import MelodyEncoding
from ritornello.generate.choice.bars import compose_in_bars
from ritornello.generate.choice.checks import checked, roomy
from ritornello.generate.choice.drawing import CONTINUATIONS, Drawing
from ritornello.generate.choice.sections import compose_form
from ritornello.generate.choice.steering import Stretch
from ritornello.generate.chords import AskedChords, Chart, melody_chords
from ritornello.generate.compose import (
    ATTEMPT_STRIDE,
    MODE_ATTEMPTS,
    Composition,
    counting_network,
    draw_beginnings,
    finished,
    has_mode,
    in_metre,
    note_bits,
    ways_to_begin,
)
from ritornello.generate.constraints import names_key
from ritornello.generate.draw import Dice
from ritornello.generate.headings import Counts, draw_headings
from ritornello.generate.options import GenerateOptions
from ritornello.model.network import Network
from ritornello.music.values import Melody


def compose_steered(
    network: Network,
    encoding: MelodyEncoding,
    options: GenerateOptions,
    seed: int,
    indices: Sequence[int],
    primer: Melody | None = None,
    pitch_range: tuple[int, int] = (0, 127),
    on_progress: Callable[[float], None] | None = None,
    counts: Counts = Counts(),
    chords: AskedChords | None = None,
) -> list[Composition]:
    """Compose one melody per index with the targets of the options (see `compose`).

    Raises ValueError for a target that the encoding, the primer or the range leaves no room for.
    """
    options = checked(encoding, options, primer, pitch_range, chords)
    if primer is not None and options.metre:
        primer = in_metre(primer, options.metre)
    given, nats = ways_to_begin(network, encoding, options, primer, pitch_range)
    counting = counting_network(network, encoding)
    possible = Counts() if primer else roomy(encoding, options, counts)
    headings = draw_headings(encoding, options, possible, seed, indices)
    charts: list[Chart | None] = [None] * len(headings)
    if chords:
        charts = [*chords.charts(options, [heading.key(chords.has) for heading in headings], seed, indices)]
    made = []
    for n, (index, heading, chart) in enumerate(zip(indices, headings, charts, strict=True)):
        for attempt in range(1 if names_key(encoding) else MODE_ATTEMPTS):
            roll = index + attempt * ATTEMPT_STRIDE * CONTINUATIONS
            [begun] = given[draw_beginnings(nats, options, Dice(seed, np.array([roll])))]
            report = partial(_report, on_progress, n, len(indices)) if on_progress else None
            begin = partial(Drawing, counting, encoding, options, pitch_range, seed, roll, heading, chart=chart)
            drawing = begin(on_progress=report)
            ends = _compose(drawing, begun)
            tokens = np.array(drawing.tokens)
            bits = begin().read(drawing.tokens, ends) if ends else np.array(drawing.bits)
            own_key = names_key(encoding) or options.start_on or options.end_on
            key = chart.key if chart else None
            melody = finished(encoding, options, tokens, None if own_key else heading, pitch_range, key)
            if drawing.form.harmony and chart:
                melody = replace(melody, chords=melody_chords(drawing.form.harmony, encoding, melody))
            if has_mode(melody, options):
                break
        made.append(Composition(melody, tokens, note_bits(encoding, tokens, bits), seed, index, attempt + 1))
    if on_progress:
        on_progress(1.0)
    return made


def _report(on_progress: Callable[[float], None], before: int, tunes: int, share: float) -> None:
    """Report the share of all tunes that is drawn, from that of one."""
    on_progress((before + share) / tunes)


def _compose(drawing: Drawing, given: np.ndarray) -> tuple[int, ...]:
    """Draw one tune to its end. Returns where the sections of a form end, in ticks."""
    options = drawing.options
    if len(given):
        drawing.feed(given.tolist())
        drawing.settle()
    else:
        _open(drawing)
    if options.form:
        return compose_form(drawing)
    compose_in_bars(drawing)
    return ()


def _open(drawing: Drawing) -> None:
    """Draw the header, and what comes up to the first note."""
    while not (drawing.place.begun and not drawing.place.part and drawing.place.pitches().max() >= 0):
        drawing.take(drawing.draw(Stretch(stop=drawing.place.time), 1)[0])
    drawing.settle()
