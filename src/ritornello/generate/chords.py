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
from itertools import accumulate
from math import ceil
from typing import Any, NamedTuple

import numpy as np

from ritornello.encoding.features import Harmony, entry_of
from ritornello.generate.draw import Dice, drawn_name
from ritornello.generate.options import GenerateOptions, Section
from ritornello.music.beats import beat_edges
from ritornello.music.chords import NO_CHORD, QUALITIES, read_chord, semitones
from ritornello.music.chords import Chord as PlainChord
from ritornello.music.keys import (
    PROFILE_ROWS,
    estimate_key,
    key_name,
    key_of_row,
    plain_key,
    scale_pitch_classes,
)
from ritornello.music.values import Chord, ChordChanges, Key, Melody
from ritornello.plural import counted
from ritornello.wording import option

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
            "there are no chords in it: write them above its staff, or as text, as in "
            f"{option('chords', 'C | F | G7 | C')}"
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
            f"the chords fill {counted(own, 'bar')}, and only {bars} are asked for: write {option('bars', own)}, or "
            "leave it out"
        )
    parts = [n for n in range(1, bars + 1) if bars % n == 0]
    raise ValueError(
        f"the chords fill {counted(own, 'bar')}, which cannot be repeated to fill {bars}: write "
        f"{option('bars', own)} or "
        f"{2 * own}, or chords for {', '.join(map(str, parts[:-1]))} or {parts[-1]} bars"
    )


def over_sections(chart: Chart, sections: Sequence[Section]) -> Chart:
    """Lay chords on the sections of a form.

    Where they have as many bars as its letters, each letter has its own.
    """
    lengths = {section.letter: section.bars for section in sections}
    if len(chart.bars) != sum(lengths.values()):
        return chart
    edges = dict(zip(lengths, accumulate(lengths.values(), initial=0), strict=False))
    bars = [bar for s in sections for bar in chart.bars[edges[s.letter] : edges[s.letter] + s.bars]]
    return replace(chart, bars=tuple(bars))


def bars_of_form(chart: Chart, sections: Sequence[Section], is_settled: bool) -> int:
    """Choose the bars of a form over a chart.

    They are its own, or where these are not settled, as many as the chart has.
    Raises ValueError for chords that fill neither the form nor its letters.
    """
    own, bars = len(chart.bars), sum(section.bars for section in sections)
    letters = sum({section.letter: section.bars for section in sections}.values())
    if own == letters or bars % own == 0:
        return bars
    if not is_settled and own % len(sections) == 0:
        return own
    raise ValueError(
        f"the chords fill {counted(own, 'bar')}, and the form has {bars}: write chords for the {bars} bars, or for "
        f"the {letters} of its letters, each once"
    )


def laid_on(chart: Chart, melody: Melody, bars: tuple[int, int]) -> ChordChanges:
    """Lay chords on bars of a melody, first and last from 1, in place of its own; others stay.

    Where the melody has none after them, none is written there.
    """
    timeline, has_pickup = melody.timeline, melody.timeline.pickup > 0
    lines = timeline.barlines()[has_pickup:]
    start, stop = lines[bars[0] - 1], lines[bars[1]]
    placed: dict[int, Chord] = {tick: chord for tick, chord in melody.chords if not start <= tick < stop}
    sounding = [chord for tick, chord in melody.chords if tick <= stop]
    if stop < timeline.length and stop not in placed:
        placed[stop] = sounding[-1] if sounding else NO_CHORD
    if has_pickup and bars[0] == 1 and chart.upbeat:
        placed[0] = chart.upbeat[-1].chord
    for number in range(bars[0] - 1, bars[1]):
        line, metre = lines[number], timeline.metre_at(lines[number])
        slots, edges = chart.bars[(number - bars[0] + 1) % len(chart.bars)], beat_edges(metre)
        length = timeline.bar_ticks(metre)
        for place, slot in enumerate(slots):
            share = _share(place, len(slots), edges) if slot.place is None else slot.place
            placed[line + round(share * length)] = slot.chord
    return _without_repeats(sorted(placed.items()))


def _without_repeats(changes: Sequence[tuple[int, Chord]]) -> ChordChanges:
    """Leave out chords that are the one before once more."""
    return tuple(each for n, each in enumerate(changes) if not n or each[1] != changes[n - 1][1])


def _share(place: int, count: int, edges: Sequence[Fraction]) -> Fraction:
    """Find the share of a bar at which one of several chords begins. edges: of all beats."""
    beats = len(edges) - 1
    if count > beats:
        return Fraction(place, count)
    return Fraction(edges[ceil(Fraction(place * beats, count))]) / Fraction(edges[-1])


def _check_filled(own: int, bars: int) -> None:
    """Raise ValueError for chords that do not fill bars, once or several times."""
    if bars % own:
        parts = [str(n) for n in range(1, bars + 1) if bars % n == 0]
        words = f"{', '.join(parts[:-1])} or {parts[-1]}" if len(parts) > 1 else parts[0]
        raise ValueError(
            f"the chords fill {counted(own, 'bar')}, and there are {bars} to fill: write chords for {words}"
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
            f"{key_name(own)}; leave {option('key')} out, or write the chords in {key_name(key)}"
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
    return _without_repeats(sorted(changes.items()))


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


class BarPlan(NamedTuple):
    """A bar whose chords are to be drawn. place: see `place_among`. source: the bar that it repeats, -1 for none."""

    place: str
    source: int = -1


def plan_bars(bars: int, sections: Sequence[Section] = ()) -> list[BarPlan]:
    """List the bars of a tune whose chords are to be drawn.

    Sections that return bring their chords again, but for the last two bars of one that closes otherwise. The last
    section of a form, and those that are varied, close as tunes do, others as phrases inside tunes.
    """
    if not sections:
        return [BarPlan(place_among(number, bars)) for number in range(bars)]
    found: list[BarPlan] = []
    known: dict[str, tuple[int, bool]] = {}
    for n, section in enumerate(sections):
        closes, start = n == len(sections) - 1 or section.primes > 0, len(found)
        first, closed = known.setdefault(section.letter, (start, closes))
        for number in range(section.bars):
            place = place_among(number, section.bars)
            if number == 0 and start:
                place = "other"
            if not closes and number >= section.bars - 2:
                place = "fourth" if number == section.bars - 1 else "other"
            returns = start > first and (closes == closed or number < section.bars - 2)
            found.append(BarPlan(place, first + number if returns else -1))
    return found


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
    progressions: Progressions,
    keys: Sequence[Key],
    bars: Sequence[BarPlan],
    seed: int,
    indices: Sequence[int],
    is_likeliest: bool,
    previous: Chord | None = None,
) -> list[Chart]:
    """Draw the chords of tunes, each in its key.

    is_likeliest: take what came most often. previous: the chord before the first bar. Raises ValueError for a mode
    in which no chords were counted.
    """
    dice, tables = Dice(seed, np.asarray(indices) + STRIDE), []
    for key in keys:
        mode = plain_key(key).mode
        if mode not in progressions:
            raise ValueError(f"the training tunes have no chords in {mode}: ask for another key, or write the chords")
        tables.append(progressions[mode])
    before = ["" if previous is None else numeral(previous, key.tonic) for key in keys]
    drawn = [list[list[str]]() for _ in keys]
    for bar in bars:
        rolls = np.zeros(len(keys), np.int64) if is_likeliest else dice.roll().astype(np.int64)
        for n, table in enumerate(tables):
            counts = _counts_at(table, bar.place, before[n])
            words = drawn[n][bar.source] if bar.source >= 0 else drawn_name(counts, int(rolls[n])).split()
            before[n] = words[-1]
            drawn[n].append(words)
    return [
        Chart(tuple(tuple(Slot(chord_on(word, key.tonic)) for word in words) for words in each), key=key)
        for each, key in zip(drawn, keys, strict=True)
    ]


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
        options: GenerateOptions,
        keys: Sequence[Key | None],
        seed: int,
        indices: Sequence[int],
    ) -> list[Chart]:
        """Find the chart of each tune, with its key. keys: drawn for each tune, None for none."""
        asked = options.tonality[0] if options.tonality else None
        if self.chart:
            chart = over_sections(self.chart, options.sections)
            return [replace(chart, key=asked or plain_key(chart.found_key()))] * len(keys)
        known = [asked or key or Key(0, 0) for key in keys]
        bars = plan_bars(options.bar_count, options.sections)
        return draw_charts(self.progressions or {}, known, bars, seed, indices, options.temperature == 0)

    def laid_on(self, melody: Melody, bars: tuple[int, int], seed: int = 0) -> Melody:
        """Lay chords on bars of a melody, first and last from 1, in place of its own.

        Raises ValueError for chords that do not fill the bars.
        """
        count = bars[1] - bars[0] + 1
        if self.chart:
            _check_filled(len(self.chart.bars), count)
            return replace(melody, chords=laid_on(self.chart, melody, bars))
        key = melody.timeline.key or estimate_key(melody.notes)[0]
        lines = melody.timeline.barlines()[melody.timeline.pickup > 0 :]
        previous = [chord for tick, chord in melody.chords if tick < lines[bars[0] - 1]]
        plan = plan_bars(len(lines) - 1)[bars[0] - 1 : bars[1]]
        [chart] = draw_charts(
            self.progressions or {}, [key], plan, seed, [0], False, previous[-1] if previous else None
        )
        return replace(melody, chords=laid_on(chart, melody, bars))
