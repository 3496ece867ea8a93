"""Check that a tune can be steered as it is asked for, before anything is drawn."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ritornello.encoding import MelodyEncoding, counts_bars
from ritornello.encoding.features import knows_chords
from ritornello.generate.chords import AskedChords
from ritornello.generate.compose import NO_CHORDS
from ritornello.generate.constraints import allowed_pitches, names_key, with_lock
from ritornello.generate.headings import Counts
from ritornello.generate.options import CURVES, GenerateOptions
from ritornello.music.beats import metre_named
from ritornello.music.values import Melody
from ritornello.wording import filled, option, options_named


def roomy(encoding: MelodyEncoding, options: GenerateOptions, counts: Counts) -> Counts:
    """Leave out metres whose bars are too short for the notes asked for, if others are left."""
    most = max((float(value) for value in options.curve("notes_per_bar")), default=0.0)
    metres = {name: n for name, n in counts.metres.items() if _room(encoding, name) >= most}
    return replace(counts, metres=metres) if metres else counts


def _room(encoding: MelodyEncoding, name: str) -> float:
    """Count the shortest notes steered to in a bar: sixteenths, or steps of a coarser grid."""
    metre, quarter = metre_named(name), encoding.ticks_per_quarter
    return 4 * metre.numerator / metre.denominator * quarter / max(1, quarter // 4)


def checked(
    encoding: MelodyEncoding,
    options: GenerateOptions,
    primer: Melody | None,
    pitch_range: tuple[int, int],
    chords: AskedChords | None = None,
) -> GenerateOptions:
    """Check that all options can be kept, and complete them.

    Raises ValueError, naming the option, where one cannot be.
    """
    asked = options_named(options.targets)
    if not counts_bars(encoding):
        raise ValueError(
            f"a model in the encoding {encoding.name!r} counts no bars and cannot be steered: leave {asked} out"
        )
    if options.metre:
        encoding.begin(options.metre)  # refuses what does not exist
    if primer is not None and options.start_on:
        raise ValueError(f"a primer is how the tune begins: leave the primer or {option('start_on')} out")
    if chords and not knows_chords(encoding):
        raise ValueError(filled(NO_CHORDS))
    most = max((float(value) for value in options.curve("notes_per_bar")), default=0.0)
    metre = options.metre or (primer.timeline.metre.name if primer else None)
    if metre and (room := _room(encoding, metre)) < most:
        raise ValueError(
            f"notes_per_bar {most:g}: a bar of {metre} holds {room:g} of the shortest notes that are steered to: ask "
            f"for fewer, or for another {option('metre')}"
        )
    _check_returns(options)
    has_goals = options.start_on is not None or options.end_on is not None
    knows_key = names_key(encoding)
    options = with_lock(options, knows_key)
    if has_goals and not knows_key:
        options = replace(options, scale_lock=options.scale_lock or options.key is not None)
    allowed = np.flatnonzero(allowed_pitches(options, pitch_range))
    for end in ("start_on", "end_on"):
        goals = options.goals(end)
        words = option(end, getattr(options, end))
        if not knows_key and not chords and options.tonality is None and any(goal.degree for goal in goals):
            raise ValueError(f"{words}: this model names no key: write pitches such as D, or add {option('key')}")
        key = options.tonality[0] if options.tonality else None
        known = [goal for goal in goals if goal.degree is None or key is not None]
        if known and len(known) == len(goals) and not any(g.allows(int(p), key) for g in goals for p in allowed):
            raise ValueError(f"{words}: no such pitch lies in the range (or scale): {_span(allowed)}")
    return options


def _check_returns(options: GenerateOptions) -> None:
    """Raise ValueError where a curve asks other things of a section that comes again."""
    asked = {name: options.by_bar(name) for name in CURVES if options.curve(name)}
    starts: dict[str, int] = {}
    start = 0
    for section in options.sections:
        first = starts.setdefault(section.letter, start)
        for name, values in asked.items():
            bars = range(section.bars)
            bar = next((n for n in bars if values[first + n] != values[start + n]), None)
            if bar is not None:
                one, other = values[first + bar], values[start + bar]
                both = (
                    f"{_plain(one)} is asked for in bar {first + bar + 1}, {_plain(other)} in bar {start + bar + 1}"
                )
                raise ValueError(
                    f"{option(name)}: {section.letter} comes again in bar {start + 1} as it was, but "
                    f"{both}: ask for the same in both, such as one value for each section"
                )
        start += section.bars


def _plain(value: float | str) -> str:
    """Write a value of a curve as players do."""
    return value if isinstance(value, str) else f"{value:g}"


def _span(allowed: np.ndarray) -> str:
    from ritornello.music.keys import pitch_name

    return f"{pitch_name(int(allowed[0]))} to {pitch_name(int(allowed[-1]))}"
