"""Charts as plain boxes in HTML: columns along a scale, bars with names, keys around the circle of fifths."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from html import escape

from ritornello.music.keys import pitch_name

BLACK = (1, 3, 6, 8, 10)
ROWS = 9  # bars of a chart; what is rarer goes into one
COLUMNS = 30  # of a scale that is cut into bins
TAIL = 0.015  # share of the values that one column may hold at either end of a scale

FIFTHS = (
    *("F♭", "C♭", "G♭", "D♭", "A♭", "E♭", "B♭", "F", "C", "G", "D", "A", "E", "B"),
    *("F♯", "C♯", "G♯", "D♯", "A♯"),
)
"""The line of fifths: C is the ninth, and the relative minor of each stands three places after it."""

LENGTHS = {
    "1/8": "32nd",
    "1/6": "sixteenth triplet",
    "1/4": "sixteenth",
    "1/3": "triplet eighth",
    "3/8": "dotted sixteenth",
    "1/2": "eighth",
    "2/3": "triplet quarter",
    "3/4": "dotted eighth",
    "1": "quarter",
    "3/2": "dotted quarter",
    "2": "half",
    "3": "dotted half",
    "4": "whole",
    "6": "dotted whole",
}
"""Note values by their length in quarters."""


def figure(title: str, note: str, body: str, across: bool = False) -> str:
    """Put a chart under its title and a few words (HTML)."""
    kind = "chart across" if across else "chart"
    return f'<figure class="{kind}"><figcaption><h3>{escape(title)}</h3><p>{note}</p></figcaption>{body}</figure>'


def pitch_columns(pitches: Mapping[int, int]) -> str:
    """Draw a column for every pitch from the lowest to the highest, over its piano key."""
    low, high = min(pitches, default=60), max(pitches, default=72)
    most, total = max(pitches.values(), default=1), max(sum(pitches.values()), 1)
    columns, keys, names = [], [], []
    for place, pitch in enumerate(range(low, high + 1)):
        count, is_black = pitches.get(pitch, 0), pitch % 12 in BLACK
        label = f"{pitch_name(pitch)}: {count:,} notes, {_percent(count, total)}"
        black = ' class="black"' if is_black else ""
        columns.append(f'<span{black} style="--h:{100 * count / most:.2f}" title="{label}"></span>')
        edge = ' class="black"' if is_black else ' class="edge"' if pitch % 12 in (0, 5) else ""
        keys.append(f"<i{edge}></i>")
        if pitch % 12 == 0:
            names.append(_label(pitch_name(pitch), (place + 0.5) / (high - low + 1)))
    chart = f'<div class="columns" role="img" aria-label="notes by pitch">{"".join(columns)}</div>'
    keyboard = f'<div class="keyboard" aria-hidden="true">{"".join(keys)}</div>'
    return f'{chart}{keyboard}<div class="axis">{"".join(names)}</div>'


def scale_columns(values: Mapping[int, int], what: str) -> str:
    """Draw columns along a scale of whole numbers, rare values gathered at either end."""
    low, high = _ends(values)
    width = next(w for w in _WIDTHS if (high - low) // w + 1 <= COLUMNS)
    first = low // width * width
    bins = [0] * ((high - first) // width + 1)
    for value, count in values.items():
        bins[min(max((value - first) // width, 0), len(bins) - 1)] += count
    most = max(bins)
    columns = []
    for place, count in enumerate(bins):
        start = first + place * width
        named = f"{start:,}" if width == 1 else f"{start:,} to {start + width - 1:,}"
        if place == len(bins) - 1 and max(values) >= start + width:
            named = f"{start:,} and more"
        elif place == 0 and min(values) < start:
            named = f"under {start + width:,}"
        label = f"{named}: {count:,} {what}"
        columns.append(f'<span style="--h:{100 * count / most:.2f}" title="{label}"></span>')
    every = next(n for n in (1, 2, 5, 10, 20) if len(bins) / n <= 7)
    names = [
        _label(f"{first + n * width:,}", n / len(bins) if width > 1 else (n + 0.5) / len(bins))
        for n in range(0, len(bins), every)
    ]
    chart = f'<div class="columns" role="img" aria-label="{what} by value">{"".join(columns)}</div>'
    return f'{chart}<div class="axis">{"".join(names)}</div>'


def name_bars(counts: Mapping[str, int], name: Callable[[str], str] = str) -> str:
    """Draw a bar for each of the commonest names, in the order given, and one for all others."""
    total = max(sum(counts.values()), 1)
    common = set(sorted(counts, key=counts.__getitem__, reverse=True)[:ROWS])
    shown = [(name(key), counts[key], "") for key in counts if key in common]
    if others := total - sum(n for _, n, _ in shown):
        rest = len(counts) - len(common)
        shown.append((f"{rest} others" if rest > 1 else "1 other", others, ' class="rest"'))
    most = max((n for _, n, _ in shown), default=1)
    rows = [
        f'<li{kind} title="{escape(called)}: {n:,}"><b>{escape(called)}</b><i style="--w:{100 * n / most:.2f}"></i>'
        f"<small>{_percent(n, total)}</small></li>"
        for called, n, kind in shown
    ]
    return f'<ol class="bars">{"".join(rows)}</ol>'


def key_columns(counts: Mapping[tuple[int, str], int]) -> str:
    """Draw keys along the line of fifths: major above, the relative minor below."""
    fifths = range(min((f for f, _ in counts), default=0), max((f for f, _ in counts), default=0) + 1)
    most = max(counts.values(), default=1)
    columns = []
    for f in fifths:
        up, down = counts.get((f, "major"), 0), counts.get((f, "minor"), 0)
        major, minor = FIFTHS[f + 8], FIFTHS[f + 11].lower()
        above = f'<i class="up" style="--h:{100 * up / most:.1f}" title="{major} major: {up:,}"></i>'
        below = f'<i class="down" style="--h:{100 * down / most:.1f}" title="{minor} minor: {down:,}"></i>'
        columns.append(f"<span>{above}<b>{major}</b><em>{minor}</em>{below}</span>")
    kind = "keys" if any(mode == "minor" for _, mode in counts) else "keys all-major"
    return f'<div class="{kind}" role="img" aria-label="melodies by key">{"".join(columns)}</div>'


def length_name(quarters: str) -> str:
    """Name a length in quarters: "dotted quarter" for "3/2", else "5/2 quarters"."""
    known = LENGTHS.get(quarters)
    exact = quarters if Fraction(quarters).denominator <= 96 else f"{float(Fraction(quarters)):.2f}"
    return known or f"{exact} quarters"


def even_lengths(durations: Mapping[str, int]) -> dict[str, int]:
    """Gather played durations under the nearest 1/12; those with a name stay as they are."""
    gathered: dict[Fraction, int] = {}
    for text, count in durations.items():
        quarters = Fraction(text)
        near = quarters if text in LENGTHS else Fraction(max(round(quarters * 12), 1), 12)
        gathered[near] = gathered.get(near, 0) + count
    return {str(quarters): gathered[quarters] for quarters in sorted(gathered)}


_WIDTHS = [step * 10**power for power in range(10) for step in (1, 2, 5)]


def _ends(values: Mapping[int, int]) -> tuple[int, int]:
    """Find the values between which all but a share of TAIL at either end lies."""
    room, ordered = TAIL * sum(values.values()), sorted(values)
    low, high = ordered[0], ordered[-1]
    for direction in (1, -1):
        left = 0.0
        for value in ordered[::direction]:
            left += values[value]
            if left > room:
                low, high = (value, high) if direction == 1 else (low, value)
                break
    return low, high


def _label(text: str, place: float) -> str:
    return f'<span style="left:{100 * place:.2f}%">{escape(text)}</span>'


def _percent(count: int, total: int) -> str:
    share = 100 * count / total
    return f"{share:.0f} %" if share >= 9.95 else f"{share:.1f} %" if share >= 0.05 else "< 0.1 %"
