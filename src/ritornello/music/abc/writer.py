"""Write a Melody in ABC notation: one voice, exact for every melody, and readable where the melody allows.

Notes are cut at barlines and tied, values are those of notation, runs of thirds, fifths and so on are written
as tuplets; a length outside notation (unquantised playing) is written as a fraction ("C79/64"), with a tuplet of
one before it where its denominator is no power of two, which other programs refuse.
Every alteration is spelt out once a bar for its letter and octave, so that readers which differ on how far
an accidental reaches agree. Velocities are not kept: ABC has none. Source: the ABC standard 2.1.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import accumulate, pairwise

from ritornello.music.abc.voices import MAX_PLAYS
from ritornello.music.beats import bar_quarters, beat_lengths, normal_for, odd_part
from ritornello.music.keys import key_name
from ritornello.music.notation import spelled
from ritornello.music.spelling import LINE_OF_FIFTHS, Spelled, alterations
from ritornello.music.values import NO_IMPRINT, Imprint, Key, Melody, Metre, Timeline

_UNIT = Fraction(1, 2)  # L:1/8, in quarters
_BARS_A_LINE = 4
_LONGEST_RUN = 12  # notes in a tuplet; more are written singly
_SIGNS = {2: "^^", 1: "^", 0: "=", -1: "_", -2: "__"}
VALUES = sorted(
    {Fraction(2) ** power * dots for power in range(-4, 4) for dots in (Fraction(1), Fraction(3, 2))}
    | {Fraction(2) ** power * Fraction(7, 4) for power in range(-2, 3)},
    reverse=True,
)  # of notes, in quarters: a breve to a sixty-fourth, dotted once, or twice where that is usual


@dataclass(frozen=True)
class _Item:
    """A note or rest (name None), or a piece of one; tied: held on into the next piece. Times in quarters."""

    start: Fraction
    duration: Fraction
    name: Spelled | None = None
    tied: bool = False


class Signs:
    """The accidentals in force in one bar, under both readings: for a letter's own octave, and for all.

    fifths: of the key at its beginning; None after a key change inside the bar, where readers differ and every
    note shows its sign.
    """

    def __init__(self, fifths: int | None):
        self._signature = {} if fifths is None else dict.fromkeys(LINE_OF_FIFTHS, 0) | alterations(fifths)
        self._everywhere: dict[str, int] = {}
        self._in_octave: dict[tuple[str, int], int] = {}

    def before(self, name: Spelled) -> str:
        """Write the sign that a note needs, "" for none, and keep it in force."""
        letter, alter, octave = name
        in_key = self._signature.get(letter)
        if self._everywhere.get(letter, in_key) == alter == self._in_octave.get((letter, octave), in_key):
            return ""
        self._everywhere[letter] = self._in_octave[letter, octave] = alter
        return _SIGNS[alter]


_Bar = tuple[Fraction, Fraction, Metre, Fraction]  # start, end, metre, and from where beats are counted; quarters


def write_abc(melody: Melody, imprint: Imprint = NO_IMPRINT) -> str:
    """Write `melody` as the text of one ABC tune, ending in a newline.

    `read_abc` gives back the same notes (start, duration, pitch) exactly, title, length, keys, tempos and chord
    symbols, for which long notes are cut and tied; a metre that is repeated to count bars anew comes back as short
    bars do. imprint: name of its voice, program (for abc2midi) and origin, a note in its header.
    Raises ValueError for a key of more than seven sharps or flats.
    """
    timeline = melody.timeline
    changes = _changes(timeline)
    for tick, chord in melody.chords:
        place = Fraction(tick, timeline.ticks_per_quarter)
        changes[place] = changes.get(place, "") + f'"{chord.name(timeline.key_at(tick))}"'
    header = [
        "X:1",
        f"T:{_escaped(melody.title)}",
        *([f"C:{_escaped(imprint.composer)}"] if imprint.composer else []),
        *([f"N:{_escaped(imprint.origin)}"] if imprint.origin else []),
        f"M:{timeline.metre.name}",
        "L:1/8",
        f"Q:{_tempo(timeline.qpm)}",
        *([f'V:1 name="{_escaped(imprint.part)}"'] if imprint.part else []),
        *([f"%%MIDI program {imprint.program}"] if imprint.program else []),
        f"K:{written_key(timeline.key)}",
    ]
    bars = _bars(timeline)
    items = list(_items(melody, sorted({*(start for start, *_ in bars), *changes})))
    places = [item.start for item in items]
    texts = [
        _bar_text(items[bisect_left(places, bar[0]) : bisect_left(places, bar[1])], bar, changes, timeline)
        for bar in bars
    ] or [""]
    lines = [" | ".join(texts[i : i + _BARS_A_LINE]) for i in range(0, len(texts), _BARS_A_LINE)]
    return "\n".join([*header, *(f"{line} |" for line in lines[:-1]), f"{lines[-1]} |]"]) + "\n"


def _escaped(title: str) -> str:
    title = " ".join(title.split())
    return title.replace("\\", "\\\\").replace("%", "\\%").replace("&", "&amp;")


def _tempo(qpm: float) -> str:
    return "1/4=" + f"{qpm:.6f}".rstrip("0").rstrip(".")


def written_key(key: Key | None) -> str:
    """Write a key as fields name it: "F#m", "none".

    Raises ValueError for more than seven sharps or flats.
    """
    if key is None:
        return "none"
    if not -7 <= key.fifths <= 7:
        raise ValueError(f"a key has -7 to 7 fifths, not {key.fifths}")
    tonic, mode = key_name(key).split()
    return tonic + {"major": "", "minor": "m"}.get(mode, mode[:3])


def _changes(timeline: Timeline) -> dict[Fraction, str]:
    """List metres, keys and tempos inside the tune, by time in quarters: "[M:3/4][K:G]"."""
    announced = [(m.tick, f"[M:{m.name}]") for old, m in pairwise(timeline.metres) if m.name != old.name]
    announced += [(k.tick, f"[K:{written_key(k)}]") for k in timeline.keys[1:]]
    announced += [(t.tick, f"[Q:{_tempo(t.qpm)}]") for t in timeline.tempos[1:]]
    changes: dict[Fraction, str] = {}
    for tick, text in announced:
        if tick < timeline.length:
            time = Fraction(tick, timeline.ticks_per_quarter)
            changes[time] = changes.get(time, "") + text
    return changes


def _bars(timeline: Timeline) -> list[_Bar]:
    """List all bars up to the end; the beats of a pick-up are counted from its end."""
    quarter = timeline.ticks_per_quarter
    bars: list[_Bar] = []
    ends = [min(m.tick, timeline.length) for m in timeline.metres[1:]] + [timeline.length]
    for metre, end in zip(timeline.metres, ends, strict=True):
        full = bar_quarters(metre)
        time, last = Fraction(metre.tick, quarter), Fraction(end, quarter)
        while time < last:
            bars.append((time, min(time + full, last), metre, time))
            time += full
    if bars and timeline.pickup:
        bars[0] = (*bars[0][:3], bars[0][1])
    return bars


def _items(melody: Melody, cuts: Sequence[Fraction]) -> Iterator[_Item]:
    """List notes, and the rests between them, to the end of the melody, cut and tied at `cuts`."""
    quarter, time = melody.timeline.ticks_per_quarter, Fraction(0)
    for note, name in zip(melody.notes, spelled(melody), strict=True):
        start, end = Fraction(note.start, quarter), Fraction(note.end, quarter)
        yield from _cut(_Item(time, start - time), cuts)
        yield from _cut(_Item(start, end - start, name), cuts)
        time = end
    yield from _cut(_Item(time, Fraction(melody.timeline.length, quarter) - time), cuts)


def _cut(item: _Item, cuts: Sequence[Fraction]) -> list[_Item]:
    """Cut an item at `cuts`; an item without length gives none."""
    if not item.duration:
        return []
    end = item.start + item.duration
    edges = [item.start, *cuts[bisect_right(cuts, item.start) : bisect_left(cuts, end)], end]
    return [replace(item, start=a, duration=b - a, tied=b < end or item.tied) for a, b in pairwise(edges)]


def _bar_text(items: Sequence[_Item], bar: _Bar, changes: dict[Fraction, str], timeline: Timeline) -> str:
    """Write the music of one bar: changes before their item, beats apart, accidentals as needed."""
    bar_start, _, metre, origin = bar
    beat = Fraction(3, 2) if metre.denominator == 8 and metre.numerator in (6, 9, 12) else Fraction(1)
    beats = beat_lengths(metre)
    full = sum(beats)
    uneven = [place % full for place in accumulate(beats)] if metre.groups or len(set(beats)) > 1 else []
    key = timeline.key_at(int(bar_start * timeline.ticks_per_quarter))
    signs = Signs(key.fifths if key else 0)
    text = ""
    for item, opening, written in _values(items, origin, beat):
        change = changes.pop(item.start, "")
        if "[K:" in change and item.start > bar_start:
            signs = Signs(None)
        text += _before(change, opening)
        if item.name is not None:
            text += signs.before(item.name)
        text += _note(item, written)
        place = item.start + item.duration - origin
        ends_beat = place % full in uneven if uneven else not place % beat
        text += " " if ends_beat or written >= 1 else ""
    return text.strip()


def _before(change: str, opening: str) -> str:
    """Put changes, then the sign of a tuplet, then a chord symbol before a note."""
    fields, quote, symbol = change.partition('"')
    return fields + opening + quote + symbol


def _note(item: _Item, written: Fraction) -> str:
    """Write letter, octave and length of a note (c' is C6), or a rest."""
    if item.name is None:
        return "z" + written_length(written)
    return written_letter(item.name) + written_length(written) + "-" * item.tied


def written_length(quarters: Fraction) -> str:
    """Write a length in units of an eighth: "" for one, "3", "/", "3/4"."""
    units = quarters / _UNIT
    above = f"{units.numerator}" if units.numerator > 1 else ""
    return above + (f"/{units.denominator}" if units.denominator > 2 else "/" if units.denominator == 2 else "")


def written_letter(name: Spelled) -> str:
    """Write letter and octave, without a sign: c' is C6."""
    letter, _, octave = name
    return letter.lower() + "'" * (octave - 5) if octave > 4 else letter + "," * (4 - octave)


def _values(items: Sequence[_Item], origin: Fraction, beat: Fraction) -> Iterator[tuple[_Item, str, Fraction]]:
    """Split the bar's items into note values: item, opening of a tuplet, written length."""
    waiting = list(items)
    while waiting:
        odd = odd_part(waiting[0].duration.denominator)
        run = _tuplet_run(waiting, odd) if odd > 1 else 0
        if run:
            below = normal_for(odd)
            opening = "(3" if (odd, run) == (3, 3) else f"({odd}:{below}:{run}"
            for item in waiting[:run]:
                yield item, opening, item.duration * odd / below
                opening = ""
            del waiting[:run]
            continue
        pieces = _cut(waiting[0], _edges(waiting[0], origin, beat))
        if len(pieces) == 1:
            below = normal_for(odd) if 1 < odd <= MAX_PLAYS else odd  # a tuplet of one for an odd denominator
            opening = f"({odd}:{below}:1" if below != odd else ""
            yield waiting[0], opening, waiting[0].duration * Fraction(odd, below)
        waiting[:1] = pieces if len(pieces) > 1 else []


def _tuplet_run(items: Sequence[_Item], odd: int) -> int:
    """Count the items, from the first on, that make up a tuplet; 0 where they do not."""
    total, below = Fraction(0), normal_for(odd)
    for count, item in enumerate(items[:_LONGEST_RUN], 1):
        total += item.duration
        if item.duration * odd / below not in VALUES:
            return 0
        if odd_part(total.denominator) == 1:
            return count
    return 0


def _edges(item: _Item, origin: Fraction, beat: Fraction) -> list[Fraction]:
    """Find where to cut an item that is no single note value.

    No cuts for one that is, or that only a fraction can express.
    At the next beat if it starts between beats; else after the longest value, or the last whole beat, inside it.
    """
    if item.duration in VALUES:
        return []
    start, end = item.start, item.start + item.duration
    next_beat = start + (origin - start) % beat
    if start < next_beat < end:
        return [next_beat]
    if odd_part(item.duration.denominator) > 1:
        last_beat = end - (end - origin) % beat
        return [last_beat] if start < last_beat < end else []
    return [start + value for value in VALUES if value < item.duration][:1]
