"""The values that all other code passes on: Note, Timeline, Part, Piece and Melody.

All are small, immutable and exact: time is counted in whole ticks, and `ticks_per_quarter` says how many
make a quarter note. Nothing here knows about files, tokens or networks.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import pairwise
from math import lcm
from operator import attrgetter
from typing import Any, NamedTuple, Protocol

TICKS_PER_QUARTER = 480  # unless a source needs another resolution to be exact
DEFAULT_VELOCITY = 80
MetreName = tuple[int, int] | tuple[int, int, tuple[int, ...]]  # numerator, denominator, groups where stated
MODES = {"major": 0, "minor": 9, "dorian": 2, "phrygian": 4, "lydian": 5, "mixolydian": 7, "locrian": 11}
"""The seven modes, ionian as major and aeolian as minor: semitones above the major tonic of their signature."""


class Chord(Protocol):
    """What this module knows of a chord; `ritornello.music.chords` makes, reads and names them."""

    @property
    def root(self) -> int: ...
    @property
    def quality(self) -> str: ...
    @property
    def bass(self) -> int: ...
    @property
    def text(self) -> str: ...
    @property
    def degrees(self) -> frozenset[tuple[int, int]]: ...
    @property
    def pitch_classes(self) -> frozenset[int]: ...
    def tones(self, key: Any = None) -> dict[int, int]: ...
    def places(self, key: Any = None) -> tuple[int, int]: ...
    def name(self, key: Any = None) -> str: ...
    def transposed(self, semitones: int, fifths: int | None = None) -> Chord: ...


ChordChanges = tuple[tuple[int, Chord], ...]  # the tick at which each begins; it lasts until the next


class Note(NamedTuple):
    """One sounding note: start and duration in ticks, pitch 0-127 (60 is middle C), velocity 1-127."""

    start: int
    duration: int
    pitch: int
    velocity: int = DEFAULT_VELOCITY

    @property
    def end(self) -> int:
        """The first tick at which the note no longer sounds."""
        return self.start + self.duration


class Metre(NamedTuple):
    """A time signature from `tick` on; it starts a bar, even where the bar before is not full.

    groups: of an additive metre, how its units are grouped, (3, 2, 2) of 3+2+2/8; () where that is not stated.
    """

    tick: int
    numerator: int
    denominator: int
    groups: tuple[int, ...] = ()

    @property
    def upper(self) -> str:
        """The upper figure as it is written: "6", "3+2+2"."""
        return "+".join(map(str, self.groups)) or str(self.numerator)

    @property
    def name(self) -> str:
        """The metre as it is written: "6/8", "3+2+2/8"."""
        return f"{self.upper}/{self.denominator}"

    def to_list(self) -> list[Any]:
        """Turn it into plain values; groups only where they are stated."""
        return [*self[:3], *([list(self.groups)] if self.groups else [])]

    @classmethod
    def from_list(cls, values: Sequence[Any]) -> Metre:
        """Rebuild it from `to_list`. Raises IndexError or TypeError for anything else."""
        return cls(values[0], values[1], values[2], tuple(*values[3:]))


class Key(NamedTuple):
    """A key from `tick` on: fifths from -7 (seven flats) to 7 (seven sharps) of its signature, mode of MODES."""

    tick: int
    fifths: int
    mode: str = "major"

    @property
    def tonic(self) -> int:
        """Pitch class of the tonic, 0 (C) to 11 (B)."""
        return (self.fifths * 7 + MODES[self.mode]) % 12

    @property
    def is_minor(self) -> bool:
        """Whether the third above the tonic is a minor one."""
        return self.mode in ("minor", "dorian", "phrygian", "locrian")


class Tempo(NamedTuple):
    """A tempo from `tick` on, in quarter notes per minute."""

    tick: int
    qpm: float


@dataclass(frozen=True, slots=True)
class Timeline:
    """The time scale of notes: resolution, length, metres, keys and tempos.

    length: ticks from the first barline or pick-up to the end, closing rests included.
    metres: at least one, the first at tick 0. Bars are counted anew from each; a pick-up is a first bar
        that the second entry cuts short (`metres=(Metre(0, 4, 4), Metre(480, 4, 4))`: one quarter of pick-up).
    keys: empty where the key is not known. tempos: at least one, the first at tick 0.
    Raises ValueError for a list that is empty, out of order or does not begin at 0.
    """

    ticks_per_quarter: int = TICKS_PER_QUARTER
    length: int = 0
    metres: tuple[Metre, ...] = (Metre(0, 4, 4),)
    keys: tuple[Key, ...] = ()
    tempos: tuple[Tempo, ...] = (Tempo(0, 120.0),)

    def __post_init__(self) -> None:
        if self.ticks_per_quarter < 1:
            raise ValueError(f"ticks_per_quarter must be 1 or more, not {self.ticks_per_quarter}")
        if self.length < 0:
            raise ValueError(f"length must be 0 ticks or more, not {self.length}")
        _check_changes("metres", self.metres)
        _check_changes("tempos", self.tempos)
        if self.keys:
            _check_changes("keys", self.keys)
        for metre in self.metres:
            if metre.numerator < 1 or metre.denominator < 1:
                raise ValueError(f"a metre needs two positive numbers, not {metre.name}")
            if metre.groups and (min(metre.groups) < 1 or sum(metre.groups) != metre.numerator):
                raise ValueError(f"the groups {metre.upper} of a metre do not add up to {metre.numerator}")

    def to_dict(self) -> dict[str, Any]:
        """Turn it into plain values, for answers of workers and lines of a corpus."""
        return {
            "ticks_per_quarter": self.ticks_per_quarter,
            "length": self.length,
            "metres": [m.to_list() for m in self.metres],
            "keys": [list(k) for k in self.keys],
            "tempos": [list(t) for t in self.tempos],
        }

    @property
    def metre(self) -> Metre:
        """The metre at the start."""
        return self.metres[0]

    @property
    def key(self) -> Key | None:
        """The key at the start, None where it is not known."""
        return self.keys[0] if self.keys else None

    @property
    def qpm(self) -> float:
        """The tempo at the start, in quarter notes per minute."""
        return self.tempos[0].qpm

    @property
    def pickup(self) -> int:
        """Ticks before the first full bar; 0 where the music starts with a full bar."""
        if len(self.metres) < 2:
            return 0
        first = self.metres[1].tick
        return first if first < self.bar_ticks(self.metres[0]) else 0

    def bar_ticks(self, metre: Metre) -> Fraction | int:
        """Compute the length of a full bar of `metre` in ticks.

        It is a Fraction where the resolution is too coarse for the metre.
        """
        ticks = Fraction(4 * metre.numerator * self.ticks_per_quarter, metre.denominator)
        return int(ticks) if ticks.denominator == 1 else ticks

    def metre_at(self, tick: int) -> Metre:
        """Find the metre in force at `tick`."""
        return self.metres[max(0, bisect_right([m.tick for m in self.metres], tick) - 1)]

    def key_at(self, tick: int) -> Key | None:
        """Find the key in force at `tick`, None where it is not known."""
        if not self.keys:
            return None
        return self.keys[max(0, bisect_right([k.tick for k in self.keys], tick) - 1)]

    def barlines(self) -> list[int]:
        """List the ticks of all barlines, then the end of the last bar (`length`, or just past it)."""
        lines: list[int] = []
        ends = [m.tick for m in self.metres[1:]] + [max(self.length, self.metres[-1].tick)]
        for metre, end in zip(self.metres, ends, strict=True):
            bar = self.bar_ticks(metre)
            count = max(-(-(end - metre.tick) // bar), 0)
            lines.extend(int(metre.tick + i * bar) for i in range(int(count)))
        last_metre = self.metre_at(lines[-1]) if lines else self.metre
        lines.append(max(self.length, int(lines[-1] + self.bar_ticks(last_metre))) if lines else self.length)
        return lines

    def seconds(self, tick: int) -> float:
        """Convert `tick` to seconds from the start, through every tempo before it."""
        total = 0.0
        for tempo, following in zip(self.tempos, [*self.tempos[1:], None], strict=True):
            end = tick if following is None else min(tick, following.tick)
            if end <= tempo.tick:
                break
            total += (end - tempo.tick) / self.ticks_per_quarter * 60.0 / tempo.qpm
        return total

    def with_resolution(self, ticks_per_quarter: int) -> Timeline:
        """Count the timeline in another resolution.

        Raises ValueError if a tick of it would fall between two ticks of the new one.
        """

        def scaled(tick: int) -> int:
            new, rest = divmod(tick * ticks_per_quarter, self.ticks_per_quarter)
            if rest:
                raise ValueError(f"tick {tick} of {self.ticks_per_quarter} is not exact at {ticks_per_quarter}")
            return new

        return Timeline(
            ticks_per_quarter,
            scaled(self.length),
            tuple(m._replace(tick=scaled(m.tick)) for m in self.metres),
            tuple(k._replace(tick=scaled(k.tick)) for k in self.keys),
            tuple(t._replace(tick=scaled(t.tick)) for t in self.tempos),
        )

    def between(self, start: int, end: int) -> Timeline:
        """Cut out the stretch from `start` to `end`, counted from 0.

        The metre, key and tempo in force at `start` hold at its beginning; changes at `end` are left out.
        """
        return replace(
            self,
            length=end - start,
            metres=_window(self.metres, start, end),
            keys=_window(self.keys, start, end),
            tempos=_window(self.tempos, start, end),
        )


@dataclass(frozen=True, slots=True)
class Part:
    """One instrument's or voice's notes, in order of (start, pitch); they may overlap.

    program: General MIDI program 0-127. is_drum: notes name percussion, not pitches.
    syllables: number of syllables (first verse, as written) under the notes, 0 where none or unknown.
    """

    notes: tuple[Note, ...]
    name: str = ""
    program: int = 0
    is_drum: bool = False
    syllables: int = 0

    def __post_init__(self) -> None:
        notes = tuple(sorted((Note(*n) for n in self.notes), key=attrgetter("start", "pitch")))
        _check_notes(notes)
        object.__setattr__(self, "notes", notes)


@dataclass(frozen=True, slots=True)
class Piece:
    """A source work: its parts on one timeline, with title, composer and source.

    source: where it came from (a path, with "#3" for the third tune of a book).
    chords: its chord symbols, by the tick at which each begins; it lasts until the next.
    is_counted: whether its times are ticks that may lie beside the values that are meant (MIDI of other programs).
    states_rhythm: whether it is a score, whose times are what is meant; False where they may have been performed.
    """

    parts: tuple[Part, ...]
    timeline: Timeline = field(default_factory=Timeline)
    title: str = ""
    composer: str = ""
    source: str = ""
    is_counted: bool = False
    states_rhythm: bool = False
    chords: ChordChanges = ()

    def __post_init__(self) -> None:
        _check_chords(self.chords)
        end = max((n.end for p in self.parts for n in p.notes), default=0)
        if end > self.timeline.length:
            object.__setattr__(self, "timeline", replace(self.timeline, length=end))


@dataclass(frozen=True, slots=True)
class Melody:
    """A single line: notes in order, none overlapping the next, on a timeline.

    chords: its chord symbols, by the tick at which each begins; it lasts until the next.
    `timeline.length` is stretched to the end of the last note where it is shorter.
    Raises ValueError if notes overlap, chords are out of order, or a number of a note is out of range.
    """

    notes: tuple[Note, ...]
    timeline: Timeline = field(default_factory=Timeline)
    title: str = ""
    source: str = ""
    chords: ChordChanges = ()

    def __post_init__(self) -> None:
        _check_chords(self.chords)
        notes = tuple([n if type(n) is Note else Note(*n) for n in self.notes])
        _check_notes(notes)
        end = 0
        for start, duration, _, _ in notes:
            if start < end:
                raise ValueError(f"notes overlap: one ends at tick {end}, the next starts at {start}")
            end = start + duration
        object.__setattr__(self, "notes", notes)
        if notes and notes[-1].end > self.timeline.length:
            object.__setattr__(self, "timeline", replace(self.timeline, length=notes[-1].end))

    def transposed(self, semitones: int) -> Melody:
        """Transpose the melody, its keys and chords too. Raises ValueError if a pitch leaves 0-127."""
        notes = tuple(n._replace(pitch=n.pitch + semitones) for n in self.notes)
        keys = tuple(k._replace(fifths=(k.fifths + 7 * semitones + 6) % 12 - 6) for k in self.timeline.keys)
        timeline = replace(self.timeline, keys=keys)
        return replace(self, notes=notes, timeline=timeline, chords=self._chords_in(timeline, semitones))

    def _chords_in(self, timeline: Timeline, semitones: int) -> ChordChanges:
        """Transpose the chords to the keys of a timeline."""
        moved = []
        for tick, chord in self.chords:
            old, new = (line.key_at(tick) for line in (self.timeline, timeline))
            fifths = new.fifths - old.fifths if old and new else None
            moved.append((tick, chord.transposed(semitones, fifths)))
        return tuple(moved)

    def chord_at(self, tick: int) -> Chord | None:
        """Find the chord in force at `tick`, None before the first."""
        place = bisect_right([start for start, _ in self.chords], tick)
        return self.chords[place - 1][1] if place else None

    def between(self, start: int, end: int) -> Melody:
        """Cut out the notes that start from `start` up to `end`, cut at `end`, counted from 0."""
        notes = tuple(
            Note(since - start, min(duration, end - since), pitch, velocity)
            for since, duration, pitch, velocity in self.notes
            if start <= since < end
        )
        return replace(
            self,
            notes=notes,
            timeline=self.timeline.between(start, end),
            chords=chords_between(self.chords, start, end),
        )

    def with_pickup(self) -> Melody:
        """Leave out the rest that opens the first bar, so that the melody starts with a pick-up.

        Nothing changes where the melody starts with a note, after a bar or more of rest, or is over in a bar.
        """
        opening = self.notes[0].start if self.notes else 0
        bar = self.timeline.bar_ticks(self.timeline.metre)
        if not 0 < opening < bar < self.timeline.length or self.timeline.pickup or int(bar) != bar:
            return self
        first, *later = self.timeline.metres
        if not later or later[0].tick > bar:
            later.insert(0, first._replace(tick=int(bar)))
        full = replace(self.timeline, metres=(first, *later))
        return replace(self, timeline=full).between(opening, max(self.timeline.length, opening))

    def with_resolution(self, ticks_per_quarter: int) -> Melody:
        """Count the melody in another resolution. Raises ValueError where that is not exact."""
        timeline = self.timeline.with_resolution(ticks_per_quarter)  # refuses what is not exact
        old = self.timeline.ticks_per_quarter
        edges = [tuple(Fraction(t * ticks_per_quarter, old) for t in (n.start, n.end)) for n in self.notes]
        if any(edge.denominator != 1 for pair in edges for edge in pair):
            raise ValueError(f"a note of this melody is not exact at {ticks_per_quarter} ticks per quarter")
        notes = tuple(
            n._replace(start=int(start), duration=int(end - start))
            for n, (start, end) in zip(self.notes, edges, strict=True)
        )
        chords = chords_moved(self.chords, lambda tick: round(Fraction(tick * ticks_per_quarter, old)))
        return replace(self, notes=notes, timeline=timeline, chords=chords)


def chords_between(chords: ChordChanges, start: int, end: int) -> ChordChanges:
    """Cut out the chords from `start` to `end`, counted from 0.

    The one in force at `start` begins there.
    """
    return chords_moved(
        [(max(tick, start), chord) for tick, chord in chords if tick < end], lambda tick: tick - start
    )


def chords_moved(chords: Iterable[tuple[int, Chord]], moved: Callable[[int], int]) -> ChordChanges:
    """Move chords to other ticks; of several on one tick the last is kept."""
    return tuple({moved(tick): chord for tick, chord in chords}.items())


def all_notes(music: Melody | Piece) -> list[Note]:
    """List the notes of a melody, or of all parts of a piece by start and pitch; percussion too."""
    if isinstance(music, Melody):
        return list(music.notes)
    return sorted((note for part in music.parts for note in part.notes), key=attrgetter("start", "pitch"))


class Imprint(NamedTuple):
    """What a file says of a melody besides its music.

    part: name of its part. program: General MIDI program 0-127 that plays it. origin: who made it, and how.
    composer: kept by the formats that have a place for one, ABC and MusicXML.
    """

    part: str = ""
    program: int = 0
    origin: str = ""
    composer: str = ""


NO_IMPRINT = Imprint()


def exact_resolution(times: Iterable[Fraction], at_least: int = TICKS_PER_QUARTER) -> int:
    """Find the smallest multiple of `at_least` ticks per quarter that makes all `times` whole.

    times: in quarters.
    """
    return lcm(at_least, *{t.denominator for t in times})


def _check_changes(name: str, changes: Sequence[Metre | Key | Tempo]) -> None:
    if not changes or changes[0].tick != 0:
        raise ValueError(f"{name} must begin at tick 0")
    for before, after in zip(changes, changes[1:], strict=False):
        if after.tick <= before.tick:
            raise ValueError(f"{name} are out of order: tick {after.tick} after tick {before.tick}")


def _window(changes: tuple, start: int, end: int) -> tuple:
    """Cut out the changes between two ticks; the one in force at `start` moves to 0."""
    if not changes:
        return ()
    in_force = [c for c in changes if c.tick <= start][-1:] or [changes[0]]
    later = [c._replace(tick=c.tick - start) for c in changes if start < c.tick < end]
    return (in_force[0]._replace(tick=0), *later)


def _check_chords(chords: ChordChanges) -> None:
    ticks = [tick for tick, _ in chords]
    if any(after <= before for before, after in pairwise([-1, *ticks])):
        raise ValueError(f"chords begin at tick 0 or later, in order, not at {ticks}")


def _check_notes(notes: Sequence[Note]) -> None:
    for start, duration, pitch, velocity in notes:
        if start < 0 or duration < 1:
            note = Note(start, duration, pitch, velocity)
            raise ValueError(f"a note must start at tick 0 or later and last at least one tick: {note}")
        if not 0 <= pitch <= 127:
            raise ValueError(f"pitch must be 0 to 127, not {pitch}")
        if not 1 <= velocity <= 127:
            raise ValueError(f"velocity must be 1 to 127, not {velocity}")
