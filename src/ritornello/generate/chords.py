"""Chords that a tune is to follow: written bar by bar, taken from a tune, or drawn as the training corpus has them.

`C | Am F | G7 | C` has a bar between strokes, whose chords share its beats evenly, the longer ones first; `%` or an
empty bar is the bar before once more, `/` one more share of the chord before. Fewer bars than the tune's are repeated
where they divide them.

What is drawn is a chain of bars, counted in the training corpus (`corpus.progressions` in a model's metadata): how
often a bar of so many chords follows the last chord before it, in major and minor, above the tonic, at its *place*:
the first bar, a fourth bar, the last bar but one, the last bar, any other. So phrases and tunes have the cadences
that people's have. A bar that was never counted after a chord is drawn from all at its place. Melody i rolls dice of
its own for them, those of melody i + 3 2^29.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil
from typing import Any, NamedTuple

import numpy as np

from ritornello.encoding.features import Harmony, entry_of
from ritornello.generate.draw import Dice, drawn_name
from ritornello.music.chords import NO_CHORD, QUALITIES, read_chord, semitones
from ritornello.music.chords import Chord as PlainChord
from ritornello.music.keys import PROFILE_ROWS, key_name, key_of_row, plain_key, scale_pitch_classes
from ritornello.music.values import Chord, ChordChanges, Key, Melody
from ritornello.plural import counted

AUTO = "auto"
MOST_IN_BAR = 8  # chords
FITS = 0.5  # of the chords must lie in a key that is asked for
STRIDE = 3 << 29
NUMERALS = ("I", "bII", "II", "bIII", "III", "IV", "#IV", "V", "bVI", "VI", "bVII", "VII")
SUFFIXES = {suffix: quality for quality, (suffix, _) in QUALITIES.items()}
ENDING_WEIGHT = 2.0  # quarters that the last chord counts more for the key
LEAST_COUNTED = 3  # times that a bar must follow a chord to be kept: a model file is small
PHRASE = 4  # bars


class Slot(NamedTuple):
    """A chord in a bar. place: share of the bar at which it begins, None where the bar is shared out evenly."""

    chord: Chord
    place: Fraction | None = None


@dataclass(frozen=True)
class Chart:
    """Chords bar by bar; a bar without any goes on with the last one. upbeat: those of a pick-up's bar.

    key: the one that they are in, None where it is to be found.
    """

    bars: tuple[tuple[Slot, ...], ...]
    upbeat: tuple[Slot, ...] = ()
    key: Key | None = None

    def on_ticks(self, bar: int, beat: int, bars: int, has_pickup: bool) -> Harmony:
        """Convert the chords to ticks from the barline of the first bar, which may hold a pick-up.

        bar, beat: their ticks. bars: of the tune, without the pick-up's.
        """
        upbeats = [self.upbeat] if has_pickup else []
        filled = [*upbeats, *(self.bars[number % len(self.bars)] for number in range(bars))]
        placed: dict[int, Chord] = {}
        for number, slots in enumerate(filled):
            for place, slot in enumerate(slots):
                tick = _shared(place, len(slots), bar, beat) if slot.place is None else round(slot.place * bar)
                placed[number * bar + tick] = slot.chord
        return Harmony(tuple(placed), tuple(placed.values()))

    def found_key(self) -> Key:
        """Find the key that fits the chords best, where none is stated."""
        return self.key or key_of_chords([slot.chord for bar in self.bars for slot in bar])


def _shared(place: int, count: int, bar: int, beat: int) -> int:
    """Find the tick at which one of several chords begins that share the beats of a bar.

    Longer ones come first.
    """
    beats = bar // beat
    return ceil(Fraction(place * beats, count)) * beat if count <= beats else place * bar // count


def parse_chart(text: str) -> Chart:
    """Read chords written bar by bar. Raises ValueError that names what is not a chord."""
    cells = [cell.split() for cell in text.strip().strip("|").replace("||", "|").split("|")]
    bars: list[tuple[Slot, ...]] = []
    for number, words in enumerate(cells, 1):
        if not words or words == ["%"]:
            if not bars:
                raise ValueError("chords, bar 1 is empty; write bars with | between them, as in C | Am F | G7 | C")
            bars.append(bars[-1])
            continue
        slots: list[Slot] = []
        for word in words:
            if word == "/" and slots:
                slots.append(slots[-1])
                continue
            try:
                slots.append(Slot(read_chord(word)))
            except ValueError as error:
                raise ValueError(f"chords, bar {number}: {error}") from None
        if len(slots) > MOST_IN_BAR:
            raise ValueError(f"chords, bar {number}: {len(slots)} chords in a bar; {MOST_IN_BAR} is the most")
        bars.append(tuple(slots))
    return Chart(tuple(bars))


def chart_of(melody: Melody) -> Chart:
    """Take the chords of a melody, in its bars. Raises ValueError where it has none."""
    if not melody.chords:
        raise ValueError(
            'there are no chords in it: write them above its staff, or as text, as in --chords "C | F | G7 | C"'
        )
    timeline, lines = melody.timeline, melody.timeline.barlines()
    has_pickup = timeline.pickup > 0
    bars: list[list[Slot]] = [[] for _ in lines[:-1]]
    for tick, chord in melody.chords:
        number = bisect_right(lines, tick) - 1
        if number < len(bars):
            late = entry_of(melody) if number == 0 and has_pickup else 0
            length = timeline.bar_ticks(timeline.metre_at(lines[number]))
            bars[number].append(Slot(chord, Fraction(tick - lines[number] + late) / Fraction(length)))
    upbeat = tuple(bars.pop(0)) if has_pickup and len(bars) > 1 else ()
    return Chart(tuple(map(tuple, bars)), upbeat, timeline.key)


def fitting_bars(chart: Chart, bars: int | None) -> int:
    """Choose the bars of a tune over a chart: those asked for, else as many as it has.

    Raises ValueError where it does not fill them, once or several times.
    """
    own = len(chart.bars)
    if bars is None or bars == own:
        return own
    if bars % own == 0:
        return bars
    if own > bars:
        raise ValueError(
            f"the chords fill {counted(own, 'bar')}, and only {bars} are asked for: write --bars {own}, or "
            "leave it out"
        )
    parts = [n for n in range(1, bars + 1) if bars % n == 0]
    raise ValueError(
        f"the chords fill {counted(own, 'bar')}, which cannot be repeated to fill {bars}: write --bars {own} or "
        f"{2 * own}, or chords for {', '.join(map(str, parts[:-1]))} or {parts[-1]} bars"
    )


def key_of_chords(chords: Sequence[Chord]) -> Key:
    """Find the major or minor key that fits chords best; C major for none."""
    weights = np.zeros(12)
    for chord in chords:
        weights[[*chord.pitch_classes]] += 1
        weights[chord.root] += chord.quality != "none"
    last = next((chord for chord in reversed(chords) if chord.quality != "none"), None)
    if last is None:
        return Key(0, 0)
    weights[[*last.pitch_classes]] += ENDING_WEIGHT
    weights[last.root] += ENDING_WEIGHT
    return key_of_row(int((PROFILE_ROWS @ (weights - weights.mean())).argmax()))


def check_key(chart: Chart, key: Key) -> None:
    """Raise ValueError where a key that is asked for contradicts the chords."""
    scale = scale_pitch_classes(key)
    sounding = [slot.chord for bar in chart.bars for slot in bar if slot.chord.quality != "none"]
    inside = [chord for chord in sounding if _triad(chord) <= scale]
    if len(inside) < FITS * len(sounding):
        own = chart.found_key()
        raise ValueError(
            f"{key_name(key)} contradicts the chords: only {len(inside)} of {len(sounding)} lie in it, which suit "
            f"{key_name(own)}; leave --key out, or write the chords in {key_name(key)}"
        )


def _triad(chord: Chord) -> frozenset[int]:
    """List the pitch classes of a chord without its seventh and its bass."""
    degrees = [degree for degree in QUALITIES[chord.quality][1] if degree[0] < 7]
    return frozenset({chord.root} | {(chord.root + semitones(*degree)) % 12 for degree in degrees})


def melody_chords(harmony: Harmony, encoding: Any, melody: Melody) -> ChordChanges:
    """Convert chords to the ticks of a melody that was composed over them.

    The reverse of `harmony_of`.
    """
    ticks, late = Fraction(melody.timeline.ticks_per_quarter, encoding.ticks_per_quarter), entry_of(melody)
    changes: dict[int, Chord] = {}
    for start, chord in zip(harmony.starts, harmony.chords, strict=True):
        at = max(0, int(start * ticks - late))
        if at < melody.timeline.length:
            changes[at] = chord
    kept = [(at, chord) for at, chord in sorted(changes.items())]
    return tuple(each for n, each in enumerate(kept) if not n or each[1] != kept[n - 1][1])


Progressions = Mapping[str, Mapping[str, Mapping[str, Mapping[str, int]]]]
"""By mode, place and the chord before: how often each bar came. A bar is one or two chords, "V7" or "IIm V7"."""


def place_among(bar: int, bars: int) -> str:
    """Name the place of a bar in a tune of so many."""
    if bar == bars - 1:
        return "last"
    if bar == bars - 2:
        return "last but one"
    if bar == 0:
        return "first"
    return "fourth" if bar % PHRASE == PHRASE - 1 else "other"


def count_progressions(melodies: Iterable[tuple[Melody, Key]]) -> dict[str, dict[str, dict[str, dict[str, int]]]]:
    """Count how bars of chords follow each other in melodies in these keys.

    What came but once or twice is left out.
    """
    counts: dict[str, dict[str, dict[str, dict[str, int]]]] = {}
    for melody, key in melodies:
        chart, plain, before = chart_of(melody), plain_key(key), ""
        for number, slots in enumerate(chart.bars):
            names = [numeral(slot.chord, plain.tonic) for slot in _two(slots)]
            words = " ".join(name for n, name in enumerate(names) if not n or name != names[n - 1]) or before
            if not words:
                continue
            place = counts.setdefault(plain.mode, {}).setdefault(place_among(number, len(chart.bars)), {})
            row = place.setdefault(before, {})
            row[words] = row.get(words, 0) + 1
            before = words.split()[-1]
    return {
        mode: {place: kept for place, rows in places.items() if (kept := _without_rare(rows))}
        for mode, places in counts.items()
    }


def _two(slots: Sequence[Slot]) -> list[Slot]:
    """Choose the first and the last chord of a bar."""
    return [slots[0], slots[-1]] if len(slots) > 1 else list(slots)


def _without_rare(rows: Mapping[str, Mapping[str, int]]) -> dict[str, dict[str, int]]:
    """Leave out the bars that followed a chord but once or twice."""
    kept = {
        before: {words: count for words, count in sorted(row.items()) if count >= LEAST_COUNTED}
        for before, row in sorted(rows.items())
    }
    return {before: row for before, row in kept.items() if row}


def numeral(chord: Chord, tonic: int) -> str:
    """Write a chord above a tonic: "V7", "IIm", "bVII"."""
    if chord.quality == "none":
        return "N.C."
    return NUMERALS[(chord.root - tonic) % 12] + QUALITIES[chord.quality][0]


def chord_on(name: str, tonic: int) -> Chord:
    """Read what `numeral` writes."""
    if name == "N.C.":
        return NO_CHORD
    length = next(n for n in range(len(name), 0, -1) if name[:n] in NUMERALS and name[n:] in SUFFIXES)
    root = (NUMERALS.index(name[:length]) + tonic) % 12
    return PlainChord(root, SUFFIXES[name[length:]], root)


def draw_charts(
    progressions: Progressions, keys: Sequence[Key], bars: int, seed: int, indices: Sequence[int], is_likeliest: bool
) -> list[Chart]:
    """Draw the chords of tunes, each in its key.

    is_likeliest: take what came most often. Raises ValueError for a mode in which no chords were counted.
    """
    dice, tables = Dice(seed, np.asarray(indices) + STRIDE), []
    for key in keys:
        mode = plain_key(key).mode
        if mode not in progressions:
            raise ValueError(f"the training tunes have no chords in {mode}: ask for another key, or write the chords")
        tables.append(progressions[mode])
    before, filled = [""] * len(tables), [list[tuple[Slot, ...]]() for _ in tables]
    for number in range(bars):
        rolls = np.zeros(len(tables), np.int64) if is_likeliest else dice.roll().astype(np.int64)
        for n, table in enumerate(tables):
            words = drawn_name(_counts_at(table, place_among(number, bars), before[n]), int(rolls[n])).split()
            before[n] = words[-1]
            filled[n].append(tuple(Slot(chord_on(word, keys[n].tonic)) for word in words))
    return [Chart(tuple(each), key=key) for each, key in zip(filled, keys, strict=True)]


def _counts_at(table: Mapping[str, Mapping[str, Mapping[str, int]]], place: str, before: str) -> dict[str, int]:
    """Count the bars that came at a place after a chord.

    Where none did it is all at the place, or anywhere.
    """
    rows = table.get(place, {})
    if before in rows:
        return dict(rows[before])
    sums: dict[str, int] = {}
    for row in rows.values() if rows else (row for each in table.values() for row in each.values()):
        for words, count in row.items():
            sums[words] = sums.get(words, 0) + count
    return sums


@dataclass(frozen=True)
class AskedChords:
    """Chords for tunes: a chart, the same for all, or progressions from which each draws its own."""

    chart: Chart | None = None
    progressions: Progressions | None = None

    def has(self, key: Key) -> bool:
        """Tell whether there are chords in the mode of a key."""
        return self.chart is not None or plain_key(key).mode in (self.progressions or {})

    def charts(
        self,
        asked: Key | None,
        keys: Sequence[Key | None],
        bars: int,
        seed: int,
        indices: Sequence[int],
        is_likeliest: bool,
    ) -> list[Chart]:
        """Find the chart of each tune, with its key.

        asked: the key that the player asks for. keys: drawn for each tune, None for none.
        """
        if self.chart:
            return [replace(self.chart, key=asked or plain_key(self.chart.found_key()))] * len(keys)
        known = [asked or key or Key(0, 0) for key in keys]
        return draw_charts(self.progressions or {}, known, bars, seed, indices, is_likeliest)
