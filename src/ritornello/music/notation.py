"""Write notes out as notation: bars of note values, ties, beams, tuplets and accidentals.

Every writer of a score starts here, so that all of them agree. Nothing is rounded: a note that no single value
can hold becomes tied values whose sum is exact, at any resolution. Times are quarters, as Fractions.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import lru_cache
from itertools import groupby, pairwise
from typing import NamedTuple

from ritornello.music.beats import SHORTEST, TYPES, BeatTree, Span, Tuplet, bar_quarters, normal_for, odd_part
from ritornello.music.keys import estimate_signature
from ritornello.music.spelling import Spelled, alterations, spell
from ritornello.music.values import Key, Melody, Metre, Timeline

FLAGS = {name: max(0, round(4 / length).bit_length() - 3) for length, name in TYPES.items()}


@dataclass(frozen=True, slots=True)
class Element:
    """One written sign: a note (or a tied part of one), or a rest.

    start, duration: exact quarters, sounding. type: "quarter", "eighth" ...; dots: 0 or 1.
    ratio: (3, 2) in a triplet, None outside; group: the number of its tuplet in the bar, from 1, 0 outside.
    tuplet: "start" or "stop" at the edges of the tuplet, "single" where it holds one sign only.
    note: index of the note in the melody, None for a rest. accidental: the alteration to show, None for none.
    beams: one word for each level, "begin", "continue", "end", "forward hook" or "backward hook".
    full_bar: a rest that fills its bar.
    """

    start: Fraction
    duration: Fraction
    type: str
    dots: int = 0
    ratio: tuple[int, int] | None = None
    group: int = 0
    tuplet: str = ""
    note: int | None = None
    pitch: Spelled | None = None
    accidental: int | None = None
    tie_start: bool = False
    tie_stop: bool = False
    beams: tuple[str, ...] = ()
    full_bar: bool = False


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: its elements, and the metre and keys that are new in it.

    number: as printed; 0 for a pick-up. full: whether it is as long as its metre says.
    new_metre: the metre if it differs from the bar before. keys: new keys by the place where they appear.
    """

    number: int
    start: Fraction
    duration: Fraction
    metre: Metre
    full: bool
    new_metre: bool
    elements: tuple[Element, ...]
    keys: dict[Fraction, Key] = field(default_factory=dict)


class _Frame(NamedTuple):
    """The limits of a bar in quarters; its beats are counted from `anchor`."""

    start: Fraction
    end: Fraction
    anchor: Fraction
    metre: Metre


class _Sound(NamedTuple):
    """A note or silence (None) within a bar, and whether it comes from the bar before or goes on after it."""

    start: Fraction
    end: Fraction
    note: int | None
    from_before: bool
    goes_on: bool


@lru_cache(maxsize=8)  # a page needs the same bars for two staves, a file and the words
def notate(melody: Melody) -> tuple[Bar, ...]:
    """Write a melody out in bars.

    Notes are split at barlines and so that the middle of the bar and its beats show; beams join what lies
    within a beat, and plain eighths of several; a pitch has one name in a bar; an accidental is shown where it
    differs from the key or from the one before it in the bar, octave by octave, and anew after a tie into the bar. A
    last bar is filled with rests; of a melody that begins with a pick-up it lacks what the pick-up has, unless more
    than that sounds in it.
    A melody without keys gets the key signature that its notes suggest. An empty melody gives one bar of rest.
    """
    if melody.notes and not melody.timeline.keys:
        melody = replace(melody, timeline=replace(melody.timeline, keys=(_suggested_key(melody),)))
    frames = _frames(melody.timeline)
    names = _one_name_a_bar(melody, spelled(melody), frames)
    keys = _new_keys(melody.timeline, frames)
    number = 0 if melody.timeline.pickup else 1
    bars, metre, position = [], None, 0
    for count, (frame, new_keys) in enumerate(zip(frames, keys, strict=True), start=number):
        while position < len(melody.notes) and _quarters(melody, melody.notes[position].end) <= frame.start:
            position += 1
        sounds = _cut(list(_sounds(melody, frame, position)), [at for at in new_keys if at > frame.start])
        elements = _with_accidentals(_written(frame, list(sounds)), names, melody.timeline)
        full = frame.end - frame.start == bar_quarters(frame.metre)
        new_metre = metre != frame.metre[1:]
        metre = frame.metre[1:]
        bars.append(
            Bar(count, frame.start, frame.end - frame.start, frame.metre, full, new_metre, tuple(elements), new_keys)
        )
    return tuple(bars)


def _suggested_key(melody: Melody) -> Key:
    """Suggest a key: minor where its tonic is the last note."""
    major = Key(0, estimate_signature(melody.notes))
    minor = major._replace(mode="minor")
    return minor if melody.notes[-1].pitch % 12 == minor.tonic else major


def _quarters(melody: Melody, tick: int) -> Fraction:
    return Fraction(tick, melody.timeline.ticks_per_quarter)


def spelled(melody: Melody) -> list[Spelled]:
    """Spell all notes, each stretch of one key by itself, with the chords that sound."""
    names: list[Spelled] = []
    tones = _tones(melody)
    fifths = [_fifths(melody.timeline.key_at(note.start)) for note in melody.notes]
    for signature, group in groupby(range(len(fifths)), key=fifths.__getitem__):
        of_key = list(group)
        names += spell([melody.notes[i].pitch for i in of_key], signature, [tones[i] for i in of_key])
    return names


def _tones(melody: Melody) -> list[dict[int, int]]:
    """Find the tones of the chord with which each note begins, by pitch class; {} without one."""
    chords = [melody.chord_at(note.start) for note in melody.notes]
    keys = [melody.timeline.key_at(note.start) for note in melody.notes]
    return [chord.tones(key) if chord else {} for chord, key in zip(chords, keys, strict=True)]


def _one_name_a_bar(melody: Melody, names: Sequence[Spelled], frames: Sequence[_Frame]) -> list[Spelled]:
    """Give notes of one pitch in a bar and key the name that most of them have, or the first."""
    starts = [frame.start for frame in frames]
    groups: dict[tuple[int, int, int], list[int]] = {}
    for i, note in enumerate(melody.notes):
        bar = bisect_right(starts, _quarters(melody, note.start))
        groups.setdefault((bar, _fifths(melody.timeline.key_at(note.start)), note.pitch), []).append(i)
    chosen = list(names)
    for same in groups.values():
        name = Counter(names[i] for i in same).most_common(1)[0][0]
        for i in same:
            chosen[i] = name
    return chosen


def _fifths(key: Key | None) -> int:
    return key.fifths if key else 0


def _frames(timeline: Timeline) -> list[_Frame]:
    """List the bars of a timeline; a pick-up is taken from the last, where that is not full."""
    lines = sorted(set(timeline.barlines()))
    if len(lines) < 2:
        lines = [0, -(-timeline.bar_ticks(timeline.metre) // 1)]
    elif lines[-2] < timeline.length < lines[-1] and timeline.length <= lines[-1] - timeline.pickup:
        lines[-1] -= timeline.pickup
    frames = []
    for start, end in pairwise(lines):
        metre = timeline.metre_at(start)
        anchor: int | Fraction = start
        if start == 0 and timeline.pickup:
            anchor = timeline.pickup - timeline.bar_ticks(metre)
        place, until, zero = (Fraction(t) / timeline.ticks_per_quarter for t in (start, end, anchor))
        frames.append(_Frame(place, until, zero, metre))
    return frames


def _new_keys(timeline: Timeline, frames: Sequence[_Frame]) -> list[dict[Fraction, Key]]:
    """List the new keys of each bar by place in quarters; a repeated key counts once."""
    found: list[dict[Fraction, Key]] = [{} for _ in frames]
    starts = [frame.start for frame in frames]
    before = None
    for key in timeline.keys:
        place = Fraction(key.tick, timeline.ticks_per_quarter)
        if place < frames[-1].end and key[1:] != before:
            found[bisect_right(starts, place) - 1][place] = key
            before = key[1:]
    return found


def _sounds(melody: Melody, frame: _Frame, position: int) -> Iterator[_Sound]:
    """List the sounds of a bar from the note at `position` on, silence included."""
    place = frame.start
    for index in range(position, len(melody.notes)):
        start, end = (_quarters(melody, t) for t in (melody.notes[index].start, melody.notes[index].end))
        if start >= frame.end:
            break
        if place < start:
            yield _Sound(place, start, None, False, False)
        yield _Sound(max(start, frame.start), min(end, frame.end), index, start < frame.start, end > frame.end)
        place = min(end, frame.end)
    if place < frame.end:
        yield _Sound(place, frame.end, None, False, False)


def _cut(sounds: Sequence[_Sound], places: Sequence[Fraction]) -> Iterator[_Sound]:
    """Cut sounds at `places`."""
    for sound in sounds:
        inner = [p for p in places if sound.start < p < sound.end]
        edges = [sound.start, *inner, sound.end]
        for start, end in pairwise(edges):
            before = sound.from_before or (start > sound.start and sound.note is not None)
            after = sound.goes_on or (end < sound.end and sound.note is not None)
            yield _Sound(start, end, sound.note, before, after)


def _written(frame: _Frame, sounds: Sequence[_Sound]) -> list[Element]:
    """Write the sounds of a bar, still without names and accidentals."""
    start = frame.start
    own = _Frame(Fraction(0), frame.end - start, frame.anchor - start, frame.metre._replace(tick=0))
    spans = tuple(
        sound._replace(start=sound.start - start, end=sound.end - start, note=None if sound.note is None else i)
        for i, sound in enumerate(sounds)
    )
    notes = [sound.note for sound in sounds]
    return [
        replace(element, start=element.start + start, note=None if element.note is None else notes[element.note])
        for element in _rhythm(own, spans)
    ]


@lru_cache(maxsize=1024)
def _rhythm(frame: _Frame, sounds: tuple[_Sound, ...]) -> tuple[Element, ...]:
    """Write the sounds of a bar that begins at 0.

    Bars of one rhythm are alike but for their pitches: each rhythm is worked out once.
    sounds: each numbered by its place in the bar.
    """
    return tuple(_with_beams(_filled(frame, sounds), frame))


def _filled(frame: _Frame, sounds: Sequence[_Sound]) -> list[Element]:
    """Make the elements of a bar, still without names, accidentals and beams."""
    is_silent = len(sounds) == 1 and sounds[0].note is None and frame.end - frame.start == _tree(frame).length
    if is_silent and not frame.metre.groups:  # verovio gives a bar's rest no time in an additive metre
        return [Element(frame.start, frame.end - frame.start, "whole", full_bar=True)]
    edges = [edge - frame.anchor for sound in sounds for edge in sound[:2]]
    tuplets = list(_tree(frame).tuplets(edges))
    elements: list[Element] = []
    for sound in sounds:
        pieces = list(_pieces(frame, sound, tuplets))
        for i, piece in enumerate(pieces):
            ties = (sound.from_before or i > 0, sound.goes_on or i < len(pieces) - 1)
            stop, start = ties if sound.note is not None else (False, False)
            elements.append(replace(piece, note=sound.note, tie_stop=stop, tie_start=start))
    return _with_tuplet_edges(elements)


@lru_cache(maxsize=64)
def _tree(frame: _Frame) -> BeatTree:
    return BeatTree.of(frame.metre._replace(tick=0), frame.end - frame.anchor)


def _pieces(frame: _Frame, sound: _Sound, tuplets: Sequence[Tuplet]) -> Iterator[Element]:
    """Note values for one sound, cut where tuplets begin and end."""
    start, end = sound.start - frame.anchor, sound.end - frame.anchor
    cuts = sorted({start, end, *(edge for t in tuplets for edge in t[:2] if start < edge < end)})
    for a, b in pairwise(cuts):
        group = next((i for i, t in enumerate(tuplets, start=1) if t.start <= a < t.end), 0)
        if group:
            values = _tuplet_values(a, b, tuplets[group - 1])
        elif sound.note is None:
            values = _tree(frame).rests(a, b)
        else:
            values = _tree(frame).values(a, b)
        ratio = Fraction(tuplets[group - 1].actual, tuplets[group - 1].normal) if group else Fraction(1)
        for first, last in values:
            yield _named_value(frame.anchor + first, last - first, ratio, group)


def _tuplet_values(start: Fraction, end: Fraction, tuplet: Tuplet) -> Iterator[Span]:
    """Cut a stretch inside a tuplet into single values, the longest first."""
    unit = (tuplet.end - tuplet.start) / tuplet.actual
    while start < end:
        count = int((end - start) / unit)
        largest = 1 << (count.bit_length() - 1)
        largest += largest // 2 if count >= largest * 3 // 2 and largest > 1 else 0
        yield start, start + largest * unit
        start += largest * unit


def _named_value(start: Fraction, duration: Fraction, ratio: Fraction, group: int) -> Element:
    """Name the note value of a duration that is one value under `ratio`.

    A length too short to have a name, or one of a metre that counts in thirds, gets a ratio of its own.
    """
    odd = odd_part((duration * ratio).denominator)
    if odd > 1:
        ratio *= Fraction(odd, normal_for(odd))
    while duration * ratio < SHORTEST:
        ratio *= 2
    written = duration * ratio
    dots = 1 if odd_part(written.numerator) == 3 else 0
    name = TYPES[written / Fraction(3, 2) if dots else written]
    shown = None if ratio == 1 else (ratio.numerator, ratio.denominator)
    return Element(start, duration, name, dots, shown, group)


def _with_tuplet_edges(elements: Sequence[Element]) -> list[Element]:
    """Mark where each tuplet starts and stops."""
    marked = []
    for i, element in enumerate(elements):
        if element.ratio is None:
            marked.append(element)
            continue
        same = [e.group == element.group > 0 for e in (*elements[max(0, i - 1) : i], *elements[i + 1 : i + 2])]
        first = i == 0 or elements[i - 1].group != element.group or not element.group
        last = i == len(elements) - 1 or elements[i + 1].group != element.group or not element.group
        edge = "single" if not any(same) else "start" if first else "stop" if last else ""
        marked.append(replace(element, tuplet=edge))
    return marked


def _with_accidentals(elements: Sequence[Element], spelled: Sequence[Spelled], timeline: Timeline) -> list[Element]:
    """Name the notes and find the accidentals to show; a note tied over the barline shows none."""
    state: dict[tuple[str, int], int | None] = {}  # None: altered by a tie from before: show it anew
    signature: dict[str, int] = {}
    fifths = None
    named = []
    for element in elements:
        here = _fifths(timeline.key_at(int(element.start * timeline.ticks_per_quarter)))
        if here != fifths:
            fifths, signature, state = here, alterations(here), {}
        if element.note is None:
            named.append(element)
            continue
        pitch = spelled[element.note]
        place = (pitch.letter, pitch.octave)
        shown = None
        if element.tie_stop:
            state.setdefault(place, None if pitch.alter != signature.get(pitch.letter, 0) else pitch.alter)
        else:
            if state.get(place, signature.get(pitch.letter, 0)) != pitch.alter:
                shown = pitch.alter
            state[place] = pitch.alter
        named.append(replace(element, pitch=pitch, accidental=shown))
    return named


def _with_beams(elements: Sequence[Element], frame: _Frame) -> list[Element]:
    """Join flagged notes within a beat by beams; a tuplet whole, or by itself."""
    beamed = list(elements)
    for run in _joined_eighths(elements, list(_beam_runs(elements, frame)), _tree(frame), frame.anchor):
        flags = [FLAGS[elements[i].type] for i in run]
        for k, i in enumerate(run):
            beamed[i] = replace(elements[i], beams=tuple(_beam(flags, k, level) for level in range(1, flags[k] + 1)))
    return beamed


def _beam_runs(elements: Sequence[Element], frame: _Frame) -> Iterator[list[int]]:
    """Group the indices of notes that share a beam, two or more at a time."""
    tree = _tree(frame)
    run: list[int] = []
    beat = None
    for i, element in enumerate([*elements, None]):
        here = tree.beat_of(element.start - frame.anchor) if element else None
        joins = element is not None and element.note is not None and FLAGS[element.type] > 0
        if run and (not joins or here != beat):
            yield from _whole_tuplets(elements, run)
            run = []
        if joins:
            run.append(i)
            beat = here


def _joined_eighths(
    elements: Sequence[Element], runs: Sequence[list[int]], tree: BeatTree, anchor: Fraction
) -> list[list[int]]:
    """Join the beams of quarter beats that are two plain eighths each.

    In 4/4 they are joined by half-bars, in 2/4 and 3/4 by bars, in other metres where groups are stated.
    Source: Gould, "Behind Bars" (2011), chapter 6.
    """
    joined: list[list[int]] = []
    for run in runs:
        place = elements[run[0]].start - anchor
        follows = joined and joined[-1][-1] + 1 == run[0] and tree.joins_beats(place)
        if follows and all(elements[i].duration == Fraction(1, 2) for i in (*joined[-1], *run)):
            joined[-1] += run
        else:
            joined.append(run)
    return joined


def _whole_tuplets(elements: Sequence[Element], run: list[int]) -> Iterator[list[int]]:
    """Cut a run at the edges of tuplets of which it holds only a part."""
    sizes = {e.group: sum(other.group == e.group for other in elements) for e in elements if e.group}
    whole = all(
        not elements[i].group or sizes[elements[i].group] == sum(elements[k].group == elements[i].group for k in run)
        for i in run
    )
    own = any(elements[i].tuplet == "single" for i in run)  # verovio loses notes where such a one shares a beam
    if whole and not own:
        pieces = [run]
    else:
        pieces = [[run[0]]]
        for before, i in pairwise(run):
            if elements[before].group == elements[i].group and not own:
                pieces[-1].append(i)
            else:
                pieces.append([i])
    yield from (piece for piece in pieces if len(piece) > 1)


def _beam(flags: Sequence[int], k: int, level: int) -> str:
    """Name what the beam of one level does at the k-th note of a run."""
    before = k > 0 and flags[k - 1] >= level
    after = k + 1 < len(flags) and flags[k + 1] >= level
    if before and after:
        return "continue"
    if before or after:
        return "end" if before else "begin"
    return "forward hook" if k == 0 else "backward hook"
