"""Write a melody in words, bar by bar, for those who cannot see its picture."""

from __future__ import annotations

from bisect import bisect_right
from fractions import Fraction
from itertools import groupby

from ritornello.music.keys import key_name
from ritornello.music.notation import Bar, Element, notate
from ritornello.music.values import Melody
from ritornello.plural import counted
from ritornello.render.engraving.readable import drawable

TUPLETS = {3: "triplet", 5: "quintuplet", 6: "sextuplet", 7: "septuplet"}
UNITS = {8: "eighth", 16: "16th"}  # that the denominator of a metre counts; others count beats
ALTERATIONS = {-2: " double flat", -1: " flat", 0: "", 1: " sharp", 2: " double sharp"}


def bars_in_words(melody: Melody) -> list[str]:
    """Write each bar: "Bar 1: G4 quarter, A4 dotted half".

    Metre, key and chords stand where they begin. Note values are those of the staff (see `readable.drawable`). A tied
    note is read once, with all its values.
    """
    drawn = drawable(melody)[0]
    return [_bar(bar, _chords(drawn, bar)) for bar in notate(drawn)]


def primer_in_words(melody: Melody, notes: int) -> str:
    """Say in a line which bars are the primer: "bars 1-2 are the primer"; "" for none.

    notes: how many notes at the beginning belong to it.
    """
    if not 0 < notes <= len(melody.notes):
        return ""
    if notes == len(melody.notes):
        return "all of it is the primer"
    last, following = (_bar_of(melody, melody.notes[i].start) for i in (notes - 1, notes))
    whole = range(_bar_of(melody, 0), last + (following > last))
    parts = ["the pick-up"] if 0 in whole else []
    if bars := [number for number in whole if number]:
        parts.append(f"bars {bars[0]}-{bars[-1]}" if len(bars) > 1 else f"bar {bars[0]}")
    if following == last:  # it ends inside a bar
        count = sum(_bar_of(melody, note.start) == last for note in melody.notes[:notes])
        parts.append(f"the first {counted(count, 'note')} of {f'bar {last}' if last else 'the pick-up'}")
    is_one = len(parts) == 1 and len(bars) < 2 and " notes " not in parts[0]
    return f"{' and '.join(parts)} {'is' if is_one else 'are'} the primer".replace("first 1 note", "first note")


def _bar_of(melody: Melody, tick: int) -> int:
    """Number the bar of a tick as it is printed, 0 for a pick-up."""
    return bisect_right(melody.timeline.barlines()[:-1], tick) - bool(melody.timeline.pickup)


def _chords(melody: Melody, bar: Bar) -> list[str]:
    """Name the chords that begin in a bar, after its beginning with the beat: "Am from beat 3"."""
    timeline, named = melody.timeline, []
    for tick, chord in melody.chords:
        place = Fraction(tick, timeline.ticks_per_quarter) - bar.start
        if 0 <= place < bar.duration:
            beat = place * bar.metre.denominator / 4 + 1
            unit = UNITS.get(bar.metre.denominator, "beat")
            where = f" from {unit} {beat}" if beat.denominator == 1 else f" after {unit} {int(beat)}"
            named.append(chord.name(timeline.key_at(tick)) + where * (place > 0))
    return [f"{'chord' if len(named) == 1 else 'chords'} {', '.join(named)}"] if named else []


def _bar(bar: Bar, chords: list[str]) -> str:
    """Write one bar after its number, new metre, new keys and chords."""
    head = "Pick-up" if bar.number == 0 else f"Bar {bar.number}"
    news = [bar.metre.name] * bar.new_metre + [key_name(key) for key in bar.keys.values()] + chords
    signs = []
    for _, tied in groupby(enumerate(bar.elements), lambda pair: (pair[1].note, pair[0] * (pair[1].note is None))):
        signs.append(_sign([element for _, element in tied]))
    return f"{head}{''.join(f', {word}' for word in news)}: {', '.join(signs)}"


def _sign(parts: list[Element]) -> str:
    """Write a rest, or a note with the values that are tied."""
    first = parts[0]
    values = " tied to ".join(_value(part) for part in parts)
    if first.pitch is None:
        return "rest for the bar" if first.full_bar else f"{values} rest"
    before = "tied " if first.tie_stop else ""
    return f"{before}{first.pitch.letter}{ALTERATIONS[first.pitch.alter]}{first.pitch.octave} {values}"


def _value(element: Element) -> str:
    """Write a note value: "dotted quarter", "triplet eighth"."""
    tuplet = f"{TUPLETS.get(element.ratio[0], 'tuplet')} " if element.ratio else ""
    return f"{tuplet}{'dotted ' * bool(element.dots)}{element.type}"
