"""Compose tunes that are steered: at each stretch several continuations are drawn, and the nearest one is taken.

What a curve asks for is weighed after each bar, from where its section began, so that what one bar misses the next
ones make good. Source of curves of surprise: Bjare, Lattner & Widmer 2024 ("Controlling Surprisal in Music
Generation via Information Content Curve Matching"), who choose among continuations by their information content.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import numpy as np

from ritornello.encoding import MelodyEncoding, counts_bars
from ritornello.generate.choice.drawing import Continuation, Drawing
from ritornello.generate.choice.sections import compose_form
from ritornello.generate.choice.steering import Stretch
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
from ritornello.generate.constraints import allowed_pitches, names_key, with_lock
from ritornello.generate.draw import Dice
from ritornello.generate.headings import Counts, draw_headings
from ritornello.generate.options import CURVES, LEVELS, GenerateOptions, stretches
from ritornello.model.network import Network
from ritornello.music.values import Melody

CONTINUATIONS = 16  # of a bar
LEAST_LEFT = 0.5  # of a note, where a section has as many as it should
STRANGE_BITS, STRANGE = 5.0, 0.3  # bits per note, and misses that each bit above counts
STRONGER = (4.0, 20.0)  # pulls towards a density that no continuation comes near
LAST_BARS = 2  # drawn together where the last pitch is asked for
EMPTY = 12.0  # semitones that a bar without a note counts as missing its register
REGISTERS = {"low": 60, "middle": 67, "high": 74}
MISS = {"notes_per_bar": 1.0, "register": 2.0, "surprise": 0.5}
"""What counts as one miss: notes, semitones, and bits per note (of words, a half of the ranks)."""


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
) -> list[Composition]:
    """Compose one melody per index with the targets of the options (see `compose`).

    Raises ValueError for a target that the encoding, the primer or the range leaves no room for.
    """
    options = _checked(encoding, options, primer, pitch_range)
    if primer is not None and options.metre:
        primer = in_metre(primer, options.metre)
    given, nats = ways_to_begin(network, encoding, options, primer, pitch_range)
    counting = counting_network(network, encoding)
    headings = draw_headings(encoding, options, Counts() if primer else counts, seed, indices)
    made = []
    for n, (index, heading) in enumerate(zip(indices, headings, strict=True)):
        for attempt in range(1 if names_key(encoding) else MODE_ATTEMPTS):
            roll = index + attempt * ATTEMPT_STRIDE * CONTINUATIONS
            [begun] = given[draw_beginnings(nats, options, Dice(seed, np.array([roll])))]
            report = partial(_report, on_progress, n, len(indices)) if on_progress else None
            drawing = Drawing(counting, encoding, options, pitch_range, seed, roll, heading, report)
            tokens, bits = _composed(drawing, begun)
            own_key = names_key(encoding) or options.start_on or options.end_on
            melody = finished(encoding, options, tokens, None if own_key else heading, pitch_range)
            if has_mode(melody, options):
                break
        made.append(Composition(melody, tokens, note_bits(encoding, tokens, bits), seed, index, attempt + 1))
    if on_progress:
        on_progress(1.0)
    return made


def _report(on_progress: Callable[[float], None], before: int, tunes: int, share: float) -> None:
    """Report the share of all tunes that is drawn, from that of one."""
    on_progress((before + share) / tunes)


def _checked(
    encoding: MelodyEncoding, options: GenerateOptions, primer: Melody | None, pitch_range: tuple[int, int]
) -> GenerateOptions:
    """Check that all options can be kept, and complete them.

    Raises ValueError, naming the option, where one cannot be.
    """
    asked = " and ".join("--" + name.replace("_", "-") for name in options.targets)
    if not counts_bars(encoding):
        raise ValueError(
            f"a model in the encoding {encoding.name!r} counts no bars and cannot be steered: leave {asked} out"
        )
    if options.metre:
        encoding.begin(options.metre)  # refuses what does not exist
    if primer is not None and (options.start_on or options.form):
        option = "--start-on" if options.start_on else "--form"
        raise ValueError(f"a primer is how the tune begins: leave the primer or {option} out")
    if options.form and any(getattr(options, name) for name in CURVES):
        raise ValueError("a form's returning sections bring their own curve: leave the curve or --form out")
    has_goals = options.start_on is not None or options.end_on is not None
    knows_key = names_key(encoding)
    options = with_lock(options, knows_key)
    if has_goals and not knows_key:
        options = replace(options, scale_lock=options.scale_lock or options.key is not None)
    allowed = np.flatnonzero(allowed_pitches(options, pitch_range))
    for option in ("start_on", "end_on"):
        goals = options.goals(option)
        words = f"--{option.replace('_', '-')} {getattr(options, option)}"
        if not knows_key and options.tonality is None and any(goal.degree for goal in goals):
            raise ValueError(f"{words}: this model names no key: write pitches such as D, or add --key")
        key = options.tonality[0] if options.tonality else None
        known = [goal for goal in goals if goal.degree is None or key is not None]
        if known and len(known) == len(goals) and not any(g.allows(int(p), key) for g in goals for p in allowed):
            raise ValueError(f"{words}: no such pitch lies in the range (or scale): {_span(allowed)}")
    return options


def _span(allowed: np.ndarray) -> str:
    from ritornello.music.keys import pitch_name

    return f"{pitch_name(int(allowed[0]))} to {pitch_name(int(allowed[-1]))}"


def _composed(drawing: Drawing, given: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Draw one tune to its end. Returns its tokens and their bits."""
    options = drawing.options
    if len(given):
        drawing.feed(given.tolist())
        drawing.settle()
    else:
        _open(drawing)
    if options.form:
        compose_form(drawing)
    else:
        _in_bars(drawing)
    return np.array(drawing.tokens), np.array(drawing.bits)


def _open(drawing: Drawing) -> None:
    """Draw the header, and what comes up to the first note."""
    while not (drawing.place.begun and not drawing.place.part and drawing.place.pitches().max() >= 0):
        drawing.take(drawing.draw(Stretch(stop=drawing.place.time), 1)[0])
    drawing.settle()


class Aim(NamedTuple):
    """What a curve asks of a bar. value: of its section. first, stop: ticks at which that begins and ends.

    upto: the end of the bar. is_last: the section is the last one.
    """

    value: float | str
    first: int
    stop: int
    upto: int
    is_last: bool


def _in_bars(drawing: Drawing) -> None:
    """Draw the bars of a tune without a form: one by one where there are curves."""
    options, bars = drawing.options, drawing.options.bar_count
    curves = {name: options.curve(name) for name in CURVES if options.curve(name)}
    goals = options.goals("end_on")
    if not curves and not goals:
        drawing.take(drawing.draw(Stretch(), 1)[0])
        return
    dense = curves.get("notes_per_bar") if not drawing.place.entry else None
    while not drawing.place.notes:  # its first note tells whether there is a pick-up
        density = drawing.place.bar / float(dense[0]) if dense else 0.0
        drawing.take(drawing.draw(Stretch(stop=drawing.place.time + 1, density=density), 1)[0])
    place = drawing.place
    bar, origin = place.bar, place.since + (drawing.form.has_pickup() - place.bars_before) * place.bar
    edges = range(1, bars + 1) if curves else [max(0, bars - LAST_BARS), bars]
    for n in edges:
        stop = origin + n * bar
        if drawing.place.time >= stop and n < bars:
            continue
        aims = {name: _aim(values, n - 1, bars, origin, bar, name) for name, values in curves.items()}
        stretch = Stretch(
            stop if n < bars else None,
            density=_density(drawing, aims["notes_per_bar"]) if "notes_per_bar" in aims else 0.0,
            register=_height(drawing, aims["register"].value) if "register" in aims else 0.0,
        )
        misses = partial(_misses, drawing, aims)
        if n == bars and goals:
            drawing.end_on(stretch, goals, CONTINUATIONS, misses)
        else:
            ways = drawing.draw(stretch, CONTINUATIONS if curves else 1)
            for pull in STRONGER if "notes_per_bar" in aims else ():
                if _missed_notes(drawing, aims["notes_per_bar"], ways).min() >= 1:
                    ways += drawing.draw(replace(stretch, pull=pull), CONTINUATIONS)
            drawing.choose(ways, misses)


def _aim(values: Sequence[float | str], bar: int, bars: int, origin: int, ticks: int, option: str) -> Aim:
    """Find what a curve asks of a bar, counted from 0.

    origin: tick of the first barline. ticks: of a bar.
    """
    sections = stretches(len(values), bars, option)
    value, (first, stop) = next(pair for pair in zip(values, sections, strict=True) if pair[1][0] <= bar < pair[1][1])
    return Aim(value, origin + first * ticks, origin + stop * ticks, origin + (bar + 1) * ticks, stop == bars)


def _density(drawing: Drawing, aim: Aim) -> float:
    """Compute the ticks wanted from note to note, by what is left of bar and notes."""
    sung = sum(onset >= aim.first for onset, _ in drawing.form.sung)
    left = _wanted(drawing, aim) - sung
    return max(1.0, aim.upto - max(drawing.place.time, aim.first)) / max(left, LEAST_LEFT)


def _wanted(drawing: Drawing, aim: Aim) -> float:
    """Count the notes that a section should have by the end of a bar.

    The last bar of a tune closes with a long note: a half of its notes are wanted before.
    """
    bar = drawing.place.bar
    each, passed, whole = float(aim.value), (aim.upto - aim.first) // bar, (aim.stop - aim.first) // bar
    if not aim.is_last or passed == whole:
        return each * passed
    return (each * whole - max(1.0, each / 2)) * passed / (whole - 1)


def _height(drawing: Drawing, value: float | str) -> float:
    """Find the pitch that a register means: of words, by the range where one is asked for."""
    options = drawing.options
    if not isinstance(value, str):
        return float(value)
    if not options.is_ranged:
        return float(REGISTERS[value])
    low, high = options.within((REGISTERS["low"] - 5, REGISTERS["high"] + 5))
    return low + (high - low) * (0.2, 0.5, 0.8)[list(REGISTERS).index(value)]


def _misses(drawing: Drawing, aims: dict[str, Aim], ways: Sequence[Continuation]) -> np.ndarray:
    """Compute by how much each way misses the curves, (ways,)."""
    total = np.zeros(len(ways))
    for name, aim in aims.items():
        if name == "notes_per_bar":
            missed = _missed_notes(drawing, aim, ways)
        elif name == "register":
            height = _height(drawing, aim.value)
            missed = np.array(
                [abs(np.mean([p for _, p in way.notes]) - height) if way.notes else EMPTY for way in ways]
            )
        else:
            missed = _missed_bits(drawing, aim, ways)
        total += missed / MISS[name]
    if "surprise" not in aims:  # what the network finds strange is taken only where nothing else fits
        total += STRANGE * np.maximum(0, [way.bits.sum() / max(1, len(way.notes)) - STRANGE_BITS for way in ways])
    return total


def _missed_notes(drawing: Drawing, aim: Aim, ways: Sequence[Continuation]) -> np.ndarray:
    """Count the notes that are too many or too few in the section so far."""
    before = sum(onset >= aim.first for onset, _ in drawing.form.sung)
    wanted = _wanted(drawing, aim)
    return np.array([abs(before + sum(onset >= aim.first for onset, _ in way.notes) - wanted) for way in ways])


def _missed_bits(drawing: Drawing, aim: Aim, ways: Sequence[Continuation]) -> np.ndarray:
    """Compute by how many bits per note, or ranks, each way misses its section."""
    rates = np.array([way.bits.sum() / max(1, len(way.notes)) for way in ways])
    if isinstance(aim.value, str):
        ranks = rates.argsort(kind="stable").argsort(kind="stable") / max(1, len(ways) - 1)
        return abs(ranks - LEVELS[aim.value])
    bits, notes = drawing.bits_since(aim.first), sum(onset >= aim.first for onset, _ in drawing.form.sung)
    return np.array([abs((bits + w.bits.sum()) / max(1, notes + len(w.notes)) - aim.value) for w in ways])
