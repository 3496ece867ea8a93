"""Read the music of an ABC tune as written: notes, barlines and changes of each voice, before repeats.

Times are Fractions of a quarter note from the start of the tune, repeats not yet followed.
Source: the ABC standard 2.1, sections 4 and 7; pitch C is middle C, 60.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import takewhile
from typing import NamedTuple

from ritornello.music.abc.fields import (
    Signature,
    default_unit,
    parse_key_field,
    parse_metre,
    parse_tempo,
    parse_unit,
    parse_voice_options,
    plain_text,
)
from ritornello.music.abc.jumps import jump_of_words, until_of_words
from ritornello.music.values import MetreName

_LENGTH = r"\d*(?:/+\d*)*"
_NOTE = rf"(?:(?P<sign>\^\^?|__?|=)(?P<bent>\d*/+\d*|\d+)?)?(?P<letter>[A-Ga-g])(?P<octave>[,']*)(?P<{{}}>{_LENGTH})"
_NUMBERS = r"\d+(?:[-,.] ?\d+)*"
TOKEN = re.compile(  # signs that do not concern the notes are passed over
    "|".join(
        [
            r"\[(?P<field>[A-Za-z]):(?P<value>[^\]]*)\]",
            rf'\[(?P<ending>{_NUMBERS}|"[^"]*"(?![^\[|]*\]))',
            r"(?P<bar>\.?(?:\[\||\||::|:(?=[|\]]))(?:[|:\]]|\[(?=\|))*)(?:\s*(?P<first>" + _NUMBERS + "))?",
            rf'\[(?P<chord>(?:"[^"]*"|[^\]|"\[])*)\](?P<chord_length>{_LENGTH})',
            _NOTE.format("length"),
            rf"(?P<rest>[zx])(?P<rest_length>{_LENGTH})",
            r"(?P<bars_rest>[ZX])(?P<bars>\d{0,4})",
            r"\((?P<tuplet>\d+)(?::(?P<time_of>\d*))?(?::(?P<reach>\d*))?",
            r"(?P<broken>>+|<+)",
            r"(?P<tie>-)",
            r"(?P<overlay>&)",
            r"\{(?P<graces>[^{}]*)\}",
            # text and decorations, which may ask for a jump, S being a segno and O a coda; spacers
            r'(?P<words>"[^"]*"?|!(?:D\.[^!]*|[Dd]al? [^!|]*|[^!\s|\[\]]*)!|\+[^+\s|]*\+)|(?P<letter_sign>[SO])|y\d*',
        ]
    )
)
_CHORD_NOTE = re.compile(rf'"[^"]*"|![^!]*!|\{{[^}}]*\}}|(?:{_NOTE.format("length")}(?P<tie>-)?)')
_SIGNS = {"^^": 2, "^": 1, "=": 0, "_": -1, "__": -2}
_SEMITONES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_IN_TIME_OF = {2: 3, 3: 2, 4: 3, 6: 2, 8: 3}  # (p plays p notes in the time of this many; others as the metre
MAX_PLAYS = 64  # a repeat, ending or tuplet beyond this is taken for damage
MAX_NESTED = 8  # so are tuplets within tuplets
MAX_UNITS = 9999  # so is a note length
MAX_DENOMINATOR = 1_000_000


class WrittenNote(NamedTuple):
    """One note head: start and duration in quarters; tied: held on into the next note of its pitch."""

    start: Fraction
    duration: Fraction
    pitch: int
    tied: bool


class Mark(NamedTuple):
    """A sign for repeats: "start" |:, "end" :| (plays: how often), "double" ||, or "ending" (numbers).

    Or for jumps: "sign" and "coda", where they stand; "fine", "to coda", "capo", "segno", "coda end" at the next
    barline, where their bar ends; until: what the jump leads to, "fine", "coda" or "" for either.
    """

    time: Fraction
    kind: str
    plays: int = 0
    numbers: frozenset[int] = frozenset()
    until: str = ""


@dataclass
class Settings:
    """The settings of a voice: from the tune's header, then from fields inside the tune."""

    metre: MetreName | None = (4, 4)
    unit: Fraction | None = None
    signature: Signature = field(default_factory=lambda: Signature({}, known=False))
    octave: int = 0
    clef_octave: int = 0
    transpose: int = 0
    propagate: str = "pitch"
    name: str = ""
    program: int = 0
    is_drum: bool = False
    is_slashed: bool = False  # its notes are slashes, the rhythm of an accompaniment: they have no pitch

    def apply(self, options: str) -> None:
        """Apply the parameters of a K: or V: field."""
        for name, value in parse_voice_options(options).items():
            setattr(self, name, value)

    def set_field(self, letter: str, value: str) -> None:
        """Take over a K:, M: or L: field. Raises ValueError where it cannot be read."""
        if letter == "K":
            self.signature = parse_key_field(value) or self.signature
            self.apply(value)
        elif letter == "M":
            self.metre = parse_metre(value)
        elif letter == "L":
            self.unit = parse_unit(value)

    def apply_directive(self, words: list[str]) -> None:
        """Apply a %% line or I: field: reach of accidentals, MIDI program, transposition, drums."""
        match words:
            case ["propagate-accidentals", ("not" | "octave" | "pitch") as how, *_]:
                self.propagate = how
            case ["MIDI", "nobarlines", *_]:  # abc2midi's: without barlines an accidental is that of its note
                self.propagate = "not"
            case ["MIDI", "program", number] if number.isdecimal() and int(number) < 128:
                self.program = int(number)
            case ["MIDI", "transpose", number, *_] if re.fullmatch(r"[+-]?\d{1,2}", number):
                self.transpose = int(number)
            case ["MIDI", "rtranspose", number, *_] if re.fullmatch(r"[+-]?\d{1,2}", number):
                self.transpose += int(number)
            case ["MIDI", "channel", "10", *_]:
                self.is_drum = True


class Voice:
    """The contents of one voice as written, read token by token; changes are (time, value) in order."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.notes: list[WrittenNote] = []
        self.barlines: list[Fraction] = []
        self.marks: list[Mark] = []
        self.metres: list[tuple[Fraction, MetreName | None]] = [(Fraction(0), settings.metre)]
        self.keys: list[tuple[Fraction, Signature]] = [(Fraction(0), settings.signature)]
        self.tempos: list[tuple[Fraction, float]] = []
        self.parts: list[tuple[Fraction, str]] = []
        self.chords: list[tuple[Fraction, str, int]] = []  # texts that may be chord symbols, semitones to transpose
        self.waiting: list[Mark] = []  # jumps at the end of this bar
        # the place of the reader, and what still bears on the notes to come
        self.unit = settings.unit or default_unit(settings.metre)
        self.time = self.bar_start = Fraction(0)
        self.bar_end = Fraction(0)  # the furthest that any layer of this bar has reached
        self.accidentals: dict[tuple[str, int], int] = {}
        self.tied_names: dict[tuple[str, int], int] = {}
        self.named: dict[tuple[str, int], int] = {}  # the last note or chord, by name, for a tie after it
        self.last: list[int] = []  # its places in notes
        self.last_start = self.end_before = Fraction(0)  # where it starts, and what bar_end was before it
        self.last_factor: Fraction | None = None  # what a < or > still gives the note after it
        self.tuplets: list[list] = []  # [factor, how many notes it still governs]

    @property
    def length(self) -> Fraction:
        """Quarters from the start of the tune."""
        return max(self.time, self.bar_end)

    def read(self, found: re.Match[str]) -> None:
        """Read one token of a music line. Raises ValueError for a note or repeat out of range."""
        token = found.groupdict()
        if token["letter"]:
            self._sound([_head(token)], "")
        elif token["chord"] is not None:
            for quoted in re.findall(r'"([^"]*)"', token["chord"]):
                self._take_quoted(quoted)
            heads = [_head(h.groupdict()) for h in _CHORD_NOTE.finditer(token["chord"]) if h["letter"]]
            self._sound(heads, token["chord_length"])
        elif token["rest"]:
            self._rest(self.unit * _multiple(token["rest_length"]) * self._factor())
        elif token["bars_rest"]:
            self._rest(int(token["bars"] or 1) * 4 * Fraction(*(self.settings.metre or (4, 4))[:2]))
        elif token["bar"]:
            self._bar(token["bar"])
        elif token["tuplet"]:
            self._tuplet(token)
        elif token["broken"]:
            self._broken(token["broken"])
        elif token["tie"]:
            self._tie(self.last, self.named)
        elif token["overlay"]:
            self._overlay()
        elif token["words"] or token["letter_sign"]:
            if token["words"] and token["words"][0] == '"':
                self._take_quoted(token["words"].strip('"'))
            self._jump({"S": "segno", "O": "coda"}.get(token["letter_sign"]) or token["words"])
        elif token["graces"]:
            for head in [_head(g.groupdict()) for g in _CHORD_NOTE.finditer(token["graces"]) if g["letter"]]:
                self._alteration((head["letter"], head["octave"]), head["sign"])  # it lasts to the end of the bar
        if token["first"] or token["ending"]:
            self._ending(token["first"] or token["ending"])

    def end_line(self) -> None:
        """Take words after the last barline of a line for words on the bar that it ends."""
        if self.time == self.bar_start:
            self._take_jumps()

    def finish(self) -> None:
        """End the voice: what waits for a barline has it now."""
        self.time = max(self.time, self.bar_end)
        self._take_jumps()

    def _take_quoted(self, text: str) -> None:
        """Keep a text that may be a chord symbol: annotations begin with a sign."""
        if text[:1] not in "^_<>@" and text.strip():
            self.chords.append((self.time, plain_text(text), self.settings.transpose))

    def _jump(self, words: str) -> None:
        jump = jump_of_words(words)
        if jump in ("sign", "coda"):
            self.marks.append(Mark(self.time, jump))
        if jump and jump != "sign":
            self.waiting.append(Mark(self.time, "coda end" if jump == "coda" else jump, until=until_of_words(words)))

    def _take_jumps(self) -> None:
        self.marks += [mark._replace(time=self.time) for mark in self.waiting]
        self.waiting = []

    def change(self, letter: str, value: str) -> None:
        """Apply a field inside the tune to this voice. Raises ValueError where it cannot be read."""
        self.settings.set_field(letter, value)
        if letter == "K":
            self.keys.append((self.time, self.settings.signature))
            self.accidentals.clear()
        elif letter == "M":
            self.metres.append((self.time, self.settings.metre))
        elif letter == "L":
            self.unit = self.settings.unit or self.unit
        elif letter == "Q" and (qpm := parse_tempo(value, self.unit)):
            self.tempos.append((self.time, qpm))
        elif letter == "P":
            self.parts.append((self.time, value.strip()[:1]))

    def _sound(self, heads: list[dict], after: str) -> None:
        """Add the notes of a note or chord; the first one's length moves time on (section 4.17)."""
        if not heads:
            return
        factor = self._factor() * _multiple(after) * self.unit
        self.last, self.named = [], {}
        held: list[int] = []
        for head in heads:
            name = head["letter"], head["octave"]
            alteration = self._alteration(name, head["sign"])
            self.named[name] = alteration
            duration = head["length"] * factor
            if duration and not self.settings.is_slashed:
                self.last.append(len(self.notes))
                held += self.last[-1:] if head["tied"] else []
                self.notes.append(WrittenNote(self.time, duration, self._pitch(name, alteration), False))
        self.tied_names = {}
        self._tie(
            held, {(h["letter"], h["octave"]): self.named[h["letter"], h["octave"]] for h in heads if h["tied"]}
        )
        self._advance(heads[0]["length"] * factor)

    def _rest(self, duration: Fraction) -> None:
        self.last, self.named, self.tied_names = [], {}, {}
        self._advance(duration)

    def _advance(self, duration: Fraction) -> None:
        self.last_start, self.end_before = self.time, self.bar_end
        self.time += duration
        self.bar_end = max(self.bar_end, self.time)

    def _alteration(self, name: tuple[str, int], sign: int | None) -> int:
        """Find the alteration of a note: its own sign, a tie, a sign in this bar, or the key."""
        scope = name if self.settings.propagate == "octave" else (name[0], 0)
        if sign is not None:
            if self.settings.propagate != "not":
                self.accidentals[scope] = sign
            return sign
        if name in self.tied_names:
            return self.tied_names[name]
        return self.accidentals.get(scope, self.settings.signature.alterations.get(name[0], 0))

    def _pitch(self, name: tuple[str, int], alteration: int) -> int:
        letter, octave = name
        octaves = octave + self.settings.octave + self.settings.clef_octave
        pitch = 60 + 12 * octaves + _SEMITONES[letter] + alteration + self.settings.transpose
        if not 0 <= pitch <= 127:
            shift = f"octave {octaves:+d}, transposed {self.settings.transpose:+d}"
            raise ValueError(f"note {letter} ({shift}) sounds at pitch {pitch}, outside 0 to 127")
        return pitch

    def _tie(self, places: list[int], names: dict[tuple[str, int], int]) -> None:
        for place in places:
            self.notes[place] = self.notes[place]._replace(tied=True)
        self.tied_names |= names

    def _factor(self) -> Fraction:
        """Compute the factor of the coming duration: open tuplets and a broken rhythm before it."""
        factor, self.last_factor = self.last_factor or Fraction(1), None
        for tuplet in self.tuplets:
            factor *= tuplet[0]
            tuplet[1] -= 1
        self.tuplets = [t for t in self.tuplets if t[1] > 0]
        return factor

    def _tuplet(self, token: dict[str, str]) -> None:
        notes = int(token["tuplet"])
        compound = self.settings.metre is not None and self.settings.metre[0] in (6, 9, 12)
        in_time_of = int(token["time_of"] or _IN_TIME_OF.get(notes, 3 if compound else 2))
        reach = int(token["reach"] or notes)
        if not (0 < notes <= MAX_PLAYS and 0 < in_time_of <= MAX_PLAYS and 0 < reach <= MAX_PLAYS):
            raise ValueError(f"a tuplet counts from 1 to {MAX_PLAYS} notes, not {notes}:{in_time_of}:{reach}")
        if len(self.tuplets) == MAX_NESTED:
            raise ValueError(f"more than {MAX_NESTED} tuplets within each other")
        self.tuplets.append([Fraction(in_time_of, notes), reach])

    def _broken(self, signs: str) -> None:
        """Lengthen one neighbour of < or > and shorten the other: a>b is a3/2 b/2, a>>b is a7/4 b/4."""
        shortened = Fraction(1, 2 ** min(len(signs), 8))
        before, after = (2 - shortened, shortened) if signs[0] == ">" else (shortened, 2 - shortened)
        self.last_factor = after
        for place in self.last:
            note = self.notes[place]
            self.notes[place] = note._replace(duration=note.duration * before)
        self.time = self.last_start + (self.time - self.last_start) * before
        self.bar_end = max(self.end_before, self.time)

    def _overlay(self) -> None:
        """Go back to the start of the bar for another layer of notes."""
        self.time, self.last, self.named, self.tied_names = self.bar_start, [], {}, {}
        self.tuplets, self.last_factor = [], None
        self.accidentals.clear()

    def _bar(self, bar: str) -> None:
        self.time = self.bar_start = self.bar_end = max(self.time, self.bar_end)
        self.accidentals.clear()
        self.barlines.append(self.time)
        self._take_jumps()
        ends, starts = _colons(bar)
        if max(ends, starts) >= MAX_PLAYS:
            raise ValueError(f'"{bar[:20]}..." repeats more than {MAX_PLAYS} times')
        if ends:
            self.marks.append(Mark(self.time, "end", plays=ends + 1))
        if starts:
            self.marks.append(Mark(self.time, "start"))
        if not ends and ("||" in bar or "[|" in bar or "|]" in bar):
            self.marks.append(Mark(self.time, "double"))

    def _ending(self, text: str) -> None:
        """Open an ending: 1, "1,3" or "2-4"; one in words ("last time") counts as the next."""
        worded = text.startswith('"')
        if worded and not re.search(r"\d", text):
            since = takewhile(lambda mark: mark.kind != "start", reversed(self.marks))
            text = str(1 + sum(mark.kind == "ending" for mark in since))
        numbers = _ending_numbers(text)
        # on the page "2-9" in quotes is a label for the singer's verses: play it once
        self.marks.append(Mark(self.time, "ending", numbers=frozenset({min(numbers)} if worded else numbers)))


def _head(token: dict[str, str]) -> dict:
    """Read one note: letter, octave from the middle one, sign, length in units, tie."""
    letter, marks = token["letter"], token["octave"]
    sign = _SIGNS[token["sign"]] if token["sign"] else None
    if sign and token["bent"]:  # a microtone: rounded towards the plain note
        sign = int(sign * _multiple(token["bent"]))
    return {
        "letter": letter.upper(),
        "octave": letter.islower() + marks.count("'") - marks.count(","),
        "sign": sign,
        "length": _multiple(token["length"]),
        "tied": bool(token.get("tie")),
    }


def _multiple(text: str) -> Fraction:
    """Read a length in units: "" 1, "3" 3, "3/2", "/" 1/2, "//" 1/4. Raises ValueError."""
    if not text:
        return Fraction(1)
    number, *rest = re.findall(r"^\d*|/+\d*", text)
    above, below = int(number or 1), 1
    for part in rest:
        slashes = part.count("/")
        below *= int(part[slashes:] or 2) * 2 ** (slashes - 1)
    if not 0 < below <= MAX_DENOMINATOR or above > MAX_UNITS * below:
        raise ValueError(
            f'"{text[:20]}" is not a note length; up to {MAX_UNITS} units are expected, as in 3, /2 or 3/2'
        )
    return Fraction(above, below)


def _colons(bar: str) -> tuple[int, int]:
    """Count the colons that end and that start a repeat in a barline such as :|, |:, :: or :||:"""
    if not bar.strip(":."):
        return bar.count(":") // 2, -(-bar.count(":") // 2)
    bar = bar.lstrip(".")
    return len(bar) - len(bar.lstrip(":")), len(bar) - len(bar.rstrip(":"))


def _ending_numbers(text: str) -> set[int]:
    numbers: set[int] = set()
    for first, last in re.findall(r"(\d{1,4})(?:-(\d{1,4}))?", text):
        low, high = int(first), int(last or first)
        if not 1 <= low <= high <= MAX_PLAYS:
            raise ValueError(f"ending {text[:20]} must count from 1 to {MAX_PLAYS}")
        numbers.update(range(low, high + 1))
    return numbers
