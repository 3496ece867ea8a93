"""What a corpus holds, in numbers, in text and as a picture."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterable, Mapping
from fractions import Fraction
from html import escape
from typing import Any

import numpy as np

from ritornello.corpus.store import COUNTED, Corpus
from ritornello.music.keys import key_name, pitch_name
from ritornello.music.values import Timeline
from ritornello.plural import counted

BAR = 40  # characters of the longest bar
ROWS = 12  # of a histogram of names, the rest in one row


def describe(corpus: Corpus) -> dict[str, Any]:
    """Describe a corpus in plain values: counts and histograms.

    pitches: notes by pitch number; durations: notes by length in quarters ("3/2"); keys and metres: melodies by
    what they begin in; chords: symbols by quality; lengths: melodies by bars; tempos: melodies by the quarters a
    minute they begin with; reasons: input files by reason code. Histograms are in descending order of count, those of
    pitches, durations, lengths and tempos in ascending order of value.
    """
    return {**contents(corpus), "reasons": _counted(r.reason for r in corpus.report)}


def contents(corpus: Corpus) -> dict[str, Any]:
    """Describe what is in a corpus, as `describe` does, without the report of its files."""
    slices = [part for _, part in corpus.slices()]
    durations: Counter[Fraction] = Counter()  # notes by length in quarters
    per_quarter = np.repeat([p.timeline.ticks_per_quarter for p in slices], [p.notes for p in slices])
    for resolution in np.unique(per_quarter).tolist():
        ticks, counts = np.unique(corpus.notes["duration"][per_quarter == resolution], return_counts=True)
        for tick, count in zip(ticks.tolist(), counts.tolist(), strict=True):
            durations[Fraction(tick, resolution)] += count
    return {
        **corpus.counts()["all"],
        "quarters": float(sum(Fraction(p.timeline.length, p.timeline.ticks_per_quarter) for p in slices)),
        "families": len({p.family for p in corpus.pieces}),
        "splits": {name: count for name, count in corpus.counts().items() if name != "all"},
        "fingerprint": corpus.fingerprint,
        "chords": _counted(chord.quality for part in slices for _, chord in part.chords),
        "step_arrays": len(corpus.step_arrays()),
        "licences": _counted(p.licence or "not stated" for p in corpus.pieces),
        "pitches": _ascending(corpus.notes["pitch"].tolist()),
        "durations": _ascending(durations),
        "keys": _counted(key_name(p.timeline.key) if p.timeline.key else "not known" for p in slices),
        "lengths": _ascending(bars_of(part.timeline) for part in slices),
        "tempos": _ascending(round(part.timeline.qpm) for part in slices),
        "metres": _counted(part.timeline.metre.name for part in slices),
    }


def as_text(description: Mapping[str, Any], width: int | None = None) -> str:
    """Write a description for a terminal: counts, then histograms as bars.

    width: columns of the terminal, None where there is none.
    """
    counts = [counted(description[key], noun) for key, noun in COUNTED.items()]
    lines = [f"{', '.join(counts)}, {description['quarters']:.0f} quarters"]
    for name, count in description["splits"].items():
        columns = [counted(count[key], COUNTED[key]) for key in ("pieces", "melodies", "notes")]
        row = f"{name:<12}{''.join(column.rjust(15) for column in columns)}"
        lines.append(row if width is None or len(row) <= width else f"{name}: {', '.join(columns)}")
    if description["reasons"]:
        lines.append("files: " + ", ".join(f"{n} {reason}" for reason, n in description["reasons"].items()))
    if chords := description["chords"]:
        kinds = ", ".join(f"{quality} ({n:,})" for quality, n in chords.items())
        lines.append(f"chord symbols: {sum(chords.values()):,}: {kinds}")
    lines.append("licences: " + ", ".join(f"{name} ({n})" for name, n in description["licences"].items()))
    if width:
        lines = [part for line in lines for part in textwrap.wrap(line, width, subsequent_indent="  ")]
    for title, histogram in histograms(description):
        lines += ["", title, *_bars(histogram, width)]
    return "\n".join(lines)


def as_svg(description: Mapping[str, Any]) -> str:
    """Draw the four histograms as one SVG picture, 2 by 2, bars upright."""
    panels = []
    for index, (title, histogram) in enumerate(histograms(description)):
        x, y = 20 + 420 * (index % 2), 20 + 240 * (index // 2)
        panels.append(f'<g transform="translate({x},{y})">{_panel(title, histogram)}</g>')
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 860 500" font-family="sans-serif" font-size="10">'
        f'<rect width="860" height="500" fill="#fff"/>{"".join(panels)}</svg>'
    )


def histograms(description: Mapping[str, Any]) -> list[tuple[str, dict[str, int]]]:
    """List pitches, durations, keys and metres, each under its title, the rare ones joined."""
    pitches = {pitch_name(int(p)): n for p, n in description["pitches"].items()}
    return [
        ("notes by pitch", pitches),
        ("notes by duration in quarters", _common(description["durations"])),
        ("melodies by key", _common(description["keys"])),
        ("melodies by metre", _common(description["metres"])),
    ]


def _counted(names: Iterable[str]) -> dict[str, int]:
    counts = sorted((-n, name) for name, n in Counter(names).items())
    return {name: -n for n, name in counts}


def _ascending(values: Iterable[Any] | Mapping[Any, int]) -> dict[str, int]:
    return {str(value): count for value, count in sorted(Counter(values).items())}


def bars_of(timeline: Timeline) -> int:
    """Count bars as on paper, where a pick-up is none."""
    return max(len(timeline.barlines()) - 1 - bool(timeline.pickup), 0)


def _common(histogram: Mapping[str, int]) -> dict[str, int]:
    """Keep the ROWS commonest names, in the order given, and join the others."""
    common = sorted(histogram, key=lambda name: -histogram[name])[:ROWS]
    shown = {name: n for name, n in histogram.items() if name in common}
    others = sum(histogram.values()) - sum(shown.values())
    return {**shown, "others": others} if others else shown


def _bars(histogram: Mapping[str, int], columns: int | None) -> list[str]:
    most = max(histogram.values(), default=1)
    width = max((len(name) for name in histogram), default=0)
    bar = BAR if columns is None else min(BAR, max(1, columns - width - 12))
    return [f"  {name:>{width}} {n:>8} {'█' * round(bar * n / most) or '▏'}" for name, n in histogram.items()]


def _panel(title: str, histogram: Mapping[str, int]) -> str:
    """Draw one histogram, 400 x 220: title, bars, a name under each bar that has room."""
    most = max(histogram.values(), default=1)
    step = 400 / max(len(histogram), 1)
    every = -(-len(histogram) // 14)
    shapes = [f'<text x="0" y="10" font-size="12" fill="#222">{escape(title)}</text>']
    for index, (name, count) in enumerate(histogram.items()):
        height = 170 * count / most
        x = index * step + 0.1 * step
        shapes.append(
            f'<rect x="{x:.1f}" y="{195 - height:.1f}" width="{0.8 * step:.1f}" height="{height:.1f}" fill="#3b6ea5">'
            f"<title>{escape(name)}: {count}</title></rect>"
        )
        if index % every == 0:
            label = escape(name.replace(" major", "").replace(" minor", "m"))
            shapes.append(
                f'<text x="{(index + 0.5) * step:.1f}" y="208" text-anchor="middle" fill="#444">{label}</text>'
            )
    return "".join(shapes)
