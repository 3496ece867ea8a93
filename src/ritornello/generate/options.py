"""What the player asks for when composing.

A curve of k values divides the bars into k stretches of whole bars, as even as they can be, so that it may have no
more values than the tune has bars.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from itertools import pairwise
from typing import Any, NamedTuple

from ritornello.music.keys import LETTERS, SCALES, parse_key, parse_key_and_scale, parse_scale, scale_pitch_classes
from ritornello.music.values import Key
from ritornello.wording import option

LEAST_SPAN = 4  # semitones
MAX_BARS = 512
BARS, SECONDS = 8, 30.0  # where nothing is asked for
MAX_SECONDS = 1800
LEAST_DENSITY, MOST_DENSITY = 0.5, 32.0  # notes a second
QPM = 100.0  # where no tempo is asked for
CURVES = ("notes_per_bar", "register", "surprise")
TARGETS = ("start_on", "end_on", "leap_at_most", *CURVES, "form")

LEAST_NOTES, MOST_NOTES = 0.5, 32.0  # in a bar
LEAST_BITS, MOST_BITS = 0.5, 12.0  # of a note
LEAST_LEAP = 2  # semitones
LEVELS = {"low": 0.2, "middle": 0.5, "high": 0.8}
"""Words of a curve, as shares: of the range for a register, of the continuations for surprise."""

_DEGREE = re.compile(r"([#b♯♭]?)([1-7])")
_PITCH = re.compile(r"([A-Ga-g])([#b♯♭]{0,2})(-?\d+)?")
_SECTION = re.compile(r"([A-Za-z])(['’′]{0,3})(\d*)")
ALTER = {"#": 1, "♯": 1, "b": -1, "♭": -1}


@dataclass(frozen=True)
class GenerateOptions:
    """How to compose. Raises ValueError, naming the field and its range, for a value out of range."""

    bars: int | None = None
    """Bars to compose, 1 to 512, 8 without it; a pick-up is not counted."""

    seconds: float | None = None
    """Seconds to compose, 1 to 1800, with a model of performances (30 without it)."""

    temperature: float = 1.0
    """0 (always the likeliest) to 10; 1 is as learned, lower is safer, higher wilder."""

    top_k: int = 0
    """Draw from the k likeliest tokens only; 0 for all."""

    top_p: float = 0.98
    """Draw from the fewest tokens whose probabilities reach this, above 0 to 1."""

    min_p: float = 0.0
    """Leave out tokens less likely than this share of the likeliest, 0 to 1."""

    memory: float = 1.0
    """How much the tune's own past counts, 0 (not at all) to 2; 1 is as learned."""

    quote: float = 1.0
    """How much the training tunes count, 0 (not at all) to 2; 1 is as learned."""

    notes_per_second: str | None = None
    """Notes a second, 0.5 to 32, or several with commas between over the time: 2,8,4 (models of performances)."""

    metre: str | None = None
    """Metre, such as 3/4 or 3+2+2/8; without it, drawn as the training corpus has them."""

    key: str | None = None
    """Key to compose in: G, Bb, F#m, D dorian, A minor pentatonic ..."""

    scale: str | None = None
    """Only these pitches, the tonic first: C D E G A ... (with models of performances: mostly these)"""

    scale_lock: bool = False
    """Only notes of the key's scale (C major where no key is given)."""

    lowest: int | None = None
    """Lowest pitch, 0 to 127 (60 is middle C); without it, the lowest that the model learned."""

    highest: int | None = None
    """Highest pitch, 0 to 127; without it, the highest that the model learned."""

    chords: str | None = None
    """Chords to follow: "C | Am F | G7 | C" with a bar between strokes, a music file that has some, or auto:
    drawn as the training tunes have them."""

    qpm: float | None = None
    """Tempo in quarter notes per minute, 10 to 400; without it, that of a song as primer, else 100."""

    unguarded: bool = False
    """Let tunes go round in circles: without the rules that end a passage repeated too often."""

    flat: bool = False
    """All notes equally loud, without accents and swell."""

    start_on: str | None = None
    """First pitch: of any octave (D), of one (D4), or a degree of the key, 1 to 7 (5, b7); several with commas."""

    end_on: str | None = None
    """Last pitch, as for the first."""

    leap_at_most: int | None = None
    """Semitones from note to note at most, 2 or more."""

    notes_per_bar: str | None = None
    """Notes that begin in a bar, 0.5 to 32, or a curve over the tune, at most one value a bar: 2,4,8,4."""

    register: str | None = None
    """How high: low, middle, high, or pitches such as C4, or a curve of them over the tune."""

    surprise: str | None = None
    """How surprising: low, middle, high, or bits per note, or a curve over the tune: low,low,high,low."""

    form: str | None = None
    """Sections that return: AABA, AA'BA' (half of its bars drawn anew for each '), or A8 B4 A8 (bars of each)."""

    def __post_init__(self) -> None:
        ranges = (
            ("bars", 1, MAX_BARS),
            ("seconds", 1, MAX_SECONDS),
            ("temperature", 0, 10),
            ("min_p", 0, 1),
            ("memory", 0, 2),
            ("quote", 0, 2),
        )
        for name, low, high in ranges:
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                raise ValueError(f"{name} must be {low} to {high}, not {value}")
        if self.qpm is not None and not 10 <= self.qpm <= 400:
            raise ValueError(f"qpm must be 10 to 400, not {self.qpm}")
        if not 0 < self.top_p <= 1:
            raise ValueError(f"top_p must be above 0 and at most 1, not {self.top_p}")
        if self.top_k < 0:
            raise ValueError(f"top_k must be 0 or more, not {self.top_k}")
        self.densities  # noqa: B018 - raises for what is no number in its range
        self.tonality  # noqa: B018 - raises for a key or a scale that does not exist
        self._check_targets()
        lowest, highest = self.within((0, 127))
        if not 0 <= lowest <= highest - LEAST_SPAN <= 127 - LEAST_SPAN:
            raise ValueError(
                f"the range must lie in 0 to 127 and span {LEAST_SPAN} semitones or more, not {lowest} to {highest}"
            )

    @cached_property
    def densities(self) -> tuple[float, ...]:
        """The notes a second asked for, at even distances over the time; () where nothing is."""
        if self.notes_per_second is None:
            return ()
        try:
            found = tuple(float(word) for word in str(self.notes_per_second).split(","))
        except ValueError:
            found = (0.0,)
        if not all(LEAST_DENSITY <= density <= MOST_DENSITY for density in found):
            raise ValueError(
                f"notes_per_second must be numbers from {LEAST_DENSITY:g} to {MOST_DENSITY:g} with commas between, "
                f"such as 4 or 2,8,4, not {self.notes_per_second!r}"
            )
        return found

    def _check_targets(self) -> None:
        """Raise ValueError, naming the option, for a target that cannot be."""
        if self.leap_at_most is not None and not LEAST_LEAP <= self.leap_at_most <= 127:
            raise ValueError(f"leap_at_most must be {LEAST_LEAP} to 127 semitones, not {self.leap_at_most}")
        if self.bar_count > MAX_BARS:
            raise ValueError(f"form has {self.bar_count} bars; at most {MAX_BARS} are possible")
        for end in ("start_on", "end_on"):
            self.goals(end)
        for name in CURVES:
            if values := self.curve(name):
                stretches(len(values), self.bar_count, name)

    def goals(self, option: str) -> tuple[Goal, ...]:
        """Read the pitches of `start_on` or `end_on`, by its name; () for none."""
        words = getattr(self, option)
        return () if words is None else parse_goals(words, option)

    def curve(self, option: str) -> tuple[float | str, ...]:
        """Read a curve, by the name of its option; () for none."""
        words = getattr(self, option)
        if words is None:
            return ()
        if option == "notes_per_bar":
            return parse_numbers(words, option, LEAST_NOTES, MOST_NOTES)
        return parse_register(words) if option == "register" else parse_surprise(words)

    def by_bar(self, option: str) -> list[float | str]:
        """List what a curve asks of each bar of the tune."""
        values = self.curve(option)
        edges = stretches(len(values), self.bar_count, option)
        return [value for value, (first, stop) in zip(values, edges, strict=True) for _ in range(first, stop)]

    @cached_property
    def sections(self) -> tuple[Section, ...]:
        """The sections of the form; () without one."""
        return () if self.form is None else parse_form(self.form, self.bars)

    @property
    def has_bars(self) -> bool:
        """Whether the bars of the tune are asked for, by themselves or by those of sections."""
        return self.bars is not None or (self.form is not None and any(word.isdigit() for word in self.form))

    @property
    def targets(self) -> tuple[str, ...]:
        """The options that steer a tune by the choice among continuations, by name."""
        return tuple(name for name in TARGETS if getattr(self, name) is not None)

    @property
    def bar_count(self) -> int:
        """Bars to compose."""
        if self.form is not None:
            return sum(section.bars for section in self.sections)
        return BARS if self.bars is None else self.bars

    @cached_property
    def tonality(self) -> tuple[Key, frozenset[int]] | None:
        """The key asked for and its pitch classes, or those of the scale; None where neither is."""
        if self.scale is not None:
            key, pitches = parse_scale(self.scale)
            return (parse_key(self.key), pitches) if self.key else (key, pitches)
        return parse_key_and_scale(self.key) if self.key else None

    @property
    def is_steered(self) -> bool:
        """Whether the drawing itself keeps to a scale.

        It is where that is asked for, and in modes and scales that models may not have learned.
        """
        if self.scale_lock or self.scale is not None:
            return True
        return self.tonality is not None and (
            self.tonality[0].mode not in ("major", "minor")
            or self.tonality[1] != scale_pitch_classes(self.tonality[0])
        )

    def within(self, pitch_range: tuple[int, int]) -> tuple[int, int]:
        """Return lowest and highest pitch: those asked for, else those of `pitch_range`."""
        return (
            pitch_range[0] if self.lowest is None else self.lowest,
            pitch_range[1] if self.highest is None else self.highest,
        )

    @property
    def is_ranged(self) -> bool:
        """Whether the player asked for a range."""
        return self.lowest is not None or self.highest is not None

    def asked(self) -> dict[str, Any]:
        """Return the options that are not the usual ones, as a call gives them; no length."""
        values = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in ("bars", "seconds")}
        found = {name: value for name, value in values.items() if value != getattr(type(self), name)}
        lowest, highest = found.pop("lowest", None), found.pop("highest", None)
        if lowest is not None or highest is not None:
            found["pitch_range"] = f"{0 if lowest is None else lowest}-{127 if highest is None else highest}"
        return found

    def to_dict(self) -> dict:
        """Return the fields by name."""
        return asdict(self)


class Goal(NamedTuple):
    """A pitch to begin or end on: of one octave (`pitch`), of any (`pitch_class`), or a degree of the key, 1 to 7."""

    pitch: int | None = None
    pitch_class: int | None = None
    degree: int | None = None
    alter: int = 0

    def allows(self, pitch: int, key: Key | None) -> bool:
        """Tell whether a pitch, 0 to 127, is this one. key: the tune's, for a degree."""
        if self.pitch is not None:
            return pitch == self.pitch
        if self.pitch_class is not None:
            return pitch % 12 == self.pitch_class
        assert key is not None
        assert self.degree is not None
        return (pitch - key.tonic - self.alter) % 12 == SCALES[key.mode][self.degree - 1]


def parse_goals(words: str, option: str) -> tuple[Goal, ...]:
    """Parse pitches to begin or end on, with commas between: "D", "D4", "5", "1,3,b7".

    Raises ValueError, naming the option, for anything else.
    """
    found = []
    for word in (part.strip() for part in str(words).split(",")):
        if degree := _DEGREE.fullmatch(word):
            found.append(Goal(degree=int(degree[2]), alter=ALTER.get(degree[1], 0)))
        elif name := _PITCH.fullmatch(word):
            place = LETTERS[name[1].upper()] + sum(ALTER[sign] for sign in name[2])
            pitch = None if name[3] is None else place + 12 * (int(name[3]) + 1)
            if pitch is not None and not 0 <= pitch <= 127:
                raise ValueError(f"{option}: {word!r} lies outside C-1 to G9")
            found.append(Goal(pitch=pitch) if pitch is not None else Goal(pitch_class=place % 12))
        else:
            raise ValueError(
                f"{option} must be pitches or degrees of the key, such as D, D4, 5 or b7, with commas between, "
                f"not {word!r}"
            )
    return tuple(found)


def parse_numbers(words: str, option: str, low: float, high: float) -> tuple[float, ...]:
    """Parse a curve of numbers, "4" or "2,4,8,4".

    Raises ValueError, naming the option, for others and for those out of range.
    """
    try:
        found = tuple(float(word) for word in str(words).split(","))
    except ValueError:
        found = ()
    if not found or not all(low <= value <= high for value in found):
        raise ValueError(
            f"{option} must be numbers from {low:g} to {high:g} with commas between, such as 4 or 2,4,8,4, "
            f"not {words!r}"
        )
    return found


def parse_surprise(words: str) -> tuple[float | str, ...]:
    """Parse a curve of surprise: low, middle, high, or bits per note. Raises ValueError."""
    parts = [part.strip() for part in str(words).split(",")]
    if not all(part in LEVELS or re.fullmatch(r"\d+(\.\d+)?", part) for part in parts):
        raise ValueError(f"surprise must be low, middle, high or bits per note with commas between, not {words!r}")
    found = tuple(part if part in LEVELS else float(part) for part in parts)
    if any(not isinstance(value, str) and not LEAST_BITS <= value <= MOST_BITS for value in found):
        raise ValueError(f"surprise must be {LEAST_BITS:g} to {MOST_BITS:g} bits per note, not {words!r}")
    return found


def parse_register(words: str) -> tuple[int | str, ...]:
    """Parse a curve of registers: low, middle, high, or pitches such as C4 or 60."""
    found: list[int | str] = []
    for part in (part.strip() for part in str(words).split(",")):
        if part in LEVELS:
            found.append(part)
        elif re.fullmatch(r"\d+", part) and int(part) <= 127:
            found.append(int(part))
        elif (name := _PITCH.fullmatch(part)) and name[3] is not None:
            found.append(parse_goals(part, "register")[0].pitch or 0)
        else:
            raise ValueError(
                f"register must be low, middle, high or pitches such as C4, with commas between, not {part!r}"
            )
    return tuple(found)


@dataclass(frozen=True)
class Section:
    """One section of a form. letter: what returns. primes: how far it is varied, 0 to 3. bars: its length."""

    letter: str
    primes: int
    bars: int

    @property
    def name(self) -> str:
        """Its letter with its primes."""
        return self.letter + "'" * self.primes


def parse_form(words: str, bars: int | None) -> tuple[Section, ...]:
    """Parse a form, "AABA" of equal sections or "A8 B4 A8" of so many bars each.

    bars: of the whole tune; None where nothing is asked for: then sections have 4 bars, or those that they name.
    Raises ValueError for what is no form, or does not fit the bars.
    """
    text = re.sub(r"[\s,|-]+", "", str(words))
    parts = _SECTION.findall(text)
    if not parts or "".join("".join(part) for part in parts) != text:
        raise ValueError(f"form must be letters, such as AABA, AA'BA' or A8 B4 A8, not {words!r}")
    count = sum(bool(number) for *_, number in parts)
    if count not in (0, len(parts)):
        raise ValueError(f"form must name the bars of every section or of none, not {words!r}")
    if not count:
        if bars is not None and bars % len(parts):
            near = max(1, round(bars / len(parts))) * len(parts)
            raise ValueError(
                f"form {words} has {len(parts)} sections, which do not divide {bars} bars: ask for {near} with "
                f"{option('bars')}, or name the bars of each, as in A8 B4"
            )
        each = 4 if bars is None else bars // len(parts)
        sections = tuple(Section(letter.upper(), len(primes), each) for letter, primes, _ in parts)
    else:
        sections = tuple(Section(letter.upper(), len(primes), int(number)) for letter, primes, number in parts)
        total = sum(section.bars for section in sections)
        if bars is not None and total != bars:
            raise ValueError(
                f"form {words} has {total} bars, not {bars}: leave {option('bars')} out, or write {total}"
            )
    lengths: dict[str, int] = {}
    for section in sections:
        if not 1 <= section.bars <= 64:
            raise ValueError(f"form: a section has 1 to 64 bars, not {section.bars}")
        if lengths.setdefault(section.letter, section.bars) != section.bars:
            raise ValueError(
                f"form: {section.letter} returns with {section.bars} bars after {lengths[section.letter]}: "
                "a section that returns is as long as before"
            )
    return sections


def stretches(values: int, bars: int, option: str) -> list[tuple[int, int]]:
    """Divide bars among the values of a curve: first bar and the one after the last, from 0.

    Raises ValueError, naming the option, for more values than bars.
    """
    if values > bars:
        raise ValueError(f"{option} has {values} values for {bars} bars: give at most one for each bar")
    edges = [bars * n // values for n in range(values + 1)]
    return list(pairwise(edges))
