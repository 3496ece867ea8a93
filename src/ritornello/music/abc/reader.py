"""Read ABC notation: tune books to Pieces, each voice a Part.

Choices where the standard (2.1) leaves room or programs differ:
grace notes take no time and are left out; accidentals last to the end of the bar for their letter in every
octave (the standard's default; %%propagate-accidentals changes it), a tied note keeps its alteration over the
barline; a chord moves time on by its first note's length, every note of it is kept; octave clefs (treble-8),
octave=, transpose= and %%MIDI transpose sound; D.C., D.S., Fine and Coda are played, as decorations and as words;
chord symbols in quotes are kept, of the voice that has most (see `symbols_of`), and transposed with the notes;
lyrics, slurs, other decorations, annotations and macros (m:, U:) are passed over; Q: in words alone changes nothing;
the first voice that has notes gives bars, metres and keys; voices do not wait for each other at barlines.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import pairwise

from ritornello.music.abc.fields import default_unit, parse_parts, parse_tempo, plain_text
from ritornello.music.abc.layout import parts_and_timeline
from ritornello.music.abc.voices import TOKEN, Settings, Voice
from ritornello.music.errors import Remark, decode_text, one_line, unplayed_bars, unread_chords
from ritornello.music.values import Piece

_FIELD = re.compile(r"([A-Za-z+]):(.*)")
_MUSIC_LIKE_A_FIELD = re.compile(r"[A-Ga-gzxZX]:[|:\]]")  # "c:|" ends a repeat
_COMMENT = re.compile(r"(?<!\\)%.*")
_TEXT_BLOCK = re.compile(r"%%\s*begin(\w+)")
_CHARSET = re.compile(
    rb"^(?:%%|I:)\s*(?:abc-)?(?:charset|encoding)\s+((?:iso|latin|utf|us-ascii|windows|cp|koi8|mac|big5|gb|euc|shift)[\w-]*)",
    re.IGNORECASE | re.MULTILINE,
)
_VOICE_LETTERS = "KLMQP"  # fields for the current voice


class AbcError(ValueError):
    """An ABC tune that cannot be read: in which source, at which line (from 1), and why."""

    def __init__(self, source: str, line: int, reason: str) -> None:
        super().__init__(f"{source or 'ABC text'}, line {line}: {reason}")
        self.source, self.line, self.reason = source, line, reason


def decode_abc(content: bytes) -> str:
    """Decode the text of an ABC file, by its %%abc-charset (ABC 2.1, section 2.2.3) if any."""
    declared = _CHARSET.search(content.replace(b"\r", b"\n"))
    return decode_text(content, declared[1].decode("ascii") if declared else "")


def read_abc(text: str, source: str = "", repeats: str = "unfold") -> list[Piece]:
    """Read every tune of an ABC text that can be read, in order; tunes that cannot are left out.

    source: named in each Piece and error, with "#3" for the third tune where there are several.
    repeats: "unfold" plays repeats, endings and the header's order of parts; "written" plays all once, as written.
    Raises AbcError, that of the first tune, if no tune can be read; ValueError for another word for `repeats`.
    """
    return read_book(text, source, repeats)[0]


def read_book(text: str, source: str = "", repeats: str = "unfold") -> tuple[list[Piece], list[Remark]]:
    """Read every tune of an ABC text, with remarks: "bad_tune" (left out), "unplayed_bars".

    Arguments and errors raised as in `read_abc`.
    """
    results = list(_scan(text, source, repeats))
    pieces = [piece for piece, _ in results if isinstance(piece, Piece)]
    if not pieces:
        errors = [error for error, _ in results if isinstance(error, AbcError)]
        raise errors[0] if errors else AbcError(source, 1, "no tune here; a tune begins with an X: line")
    return pieces, [remark for _, remarks in results for remark in remarks]


def scan_abc(text: str, source: str = "", repeats: str = "unfold") -> list[Piece | AbcError]:
    """Read an ABC text, one result per tune: its Piece, or the AbcError that it met.

    Arguments as in `read_abc`.
    """
    return [result for result, _ in _scan(text, source, repeats)]


def written_bars(text: str) -> list[tuple[Fraction, Fraction | None]]:
    """List the bars of the first tune of an ABC text as they are written, repeats not followed.

    Returns length and what the metre says (None without one) of each, in quarters, of the first voice with notes.
    Raises AbcError where the tune cannot be read.
    """
    head, tunes = _split_book(text)
    tune = _Tune()
    try:
        for at, line in [*head, *tunes[0]]:
            tune.read_line(line, is_head=at < tunes[0][0][0])
    except ValueError as error:
        raise AbcError("", at, str(error)) from None
    voices = [voice for voice in tune.voices.values() if voice.notes]
    if not voices:
        return []
    edges = sorted({Fraction(0), *voices[0].barlines, voices[0].length})
    bars = []
    for start, end in pairwise(edges):
        metre = [value for time, value in voices[0].metres if time <= start][-1]
        bars.append((end - start, 4 * Fraction(*metre[:2]) if metre else None))
    return bars


def _scan(text: str, source: str, repeats: str) -> Iterator[tuple[Piece | AbcError, list[Remark]]]:
    """Read the tunes of an ABC text one by one, each with its remarks."""
    if repeats not in ("unfold", "written"):
        raise ValueError(f'repeats must be "unfold" or "written", not "{repeats}"')
    head, tunes = _split_book(text)
    for number, lines in enumerate(tunes, 1):
        name = f"{source}#{number}" if len(tunes) > 1 else source
        try:
            piece, remarks = _read_tune(head, lines, name, repeats)
        except AbcError as error:
            yield error, [("bad_tune", one_line(error))]
        else:
            yield piece, [(code, f"{name}, {detail}") for code, detail in remarks]


NumberedLine = tuple[int, str]  # number from 1, text without its comment; "" for an empty line


def _split_book(text: str) -> tuple[list[NumberedLine], list[list[NumberedLine]]]:
    """Split a file into its own header and the lines of each tune.

    A tune goes from its X: to an empty line or the next X:.
    A text without X: is one tune if it has a K:. An empty line before K: does not end the tune.
    """
    lines = list(_lines(text))
    starts = [i for i, (_, line) in enumerate(lines) if re.match(r"X:(?!\|)", line)]
    if not starts:
        return [], [lines] if any(line.startswith("K:") for _, line in lines) else []
    tunes = []
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        key = next((i for i in range(start, end) if lines[i][1].startswith("K:")), end)
        stop = next((i for i in range(key, end) if not lines[i][1]), end)
        tunes.append(lines[start:stop])
    head = lines[: starts[0]]
    first = next((i for i, (_, line) in enumerate(head) if line), 0)
    return head[: next((i for i in range(first, len(head)) if not head[i][1]), len(head))], tunes


def _lines(text: str) -> Iterator[NumberedLine]:
    """List the lines without comments and typeset text (%%begintext ... %%endtext)."""
    block = ""
    for number, line in enumerate(re.split(r"\r\n?|\n", text), 1):
        line = line.strip()
        opening = _TEXT_BLOCK.match(line)
        if block or opening:
            closed = re.match(rf"%%\s*end{block}\b", line) if block else None
            block = "" if closed else block or (opening.group(1) if opening else "")
            continue
        if not line.startswith("%%"):
            bare = _COMMENT.sub("", line).strip()
            if line and not bare:
                continue
            line = bare
        yield number, line


def _read_tune(
    head: Sequence[NumberedLine], lines: Sequence[NumberedLine], source: str, repeats: str
) -> tuple[Piece, list[Remark]]:
    """Read one tune, with remarks."""
    tune = _Tune()
    at = lines[0][0]
    try:
        for at, line in [*head, *lines]:
            tune.read_line(line, is_head=at < lines[0][0])
        at = lines[0][0]
        piece, remarks = tune.finish(unfold=repeats == "unfold")
        return replace(piece, source=source), remarks
    except ValueError as error:
        raise AbcError(source, at, str(error)) from None


@dataclass
class _Tune:
    """A tune while it is read: its header, and a reader for each voice."""

    titles: list[str] = field(default_factory=list)
    composers: list[str] = field(default_factory=list)
    tempo: str = ""
    order: str = ""
    settings: Settings = field(default_factory=Settings)  # what each voice starts from
    declared: dict[str, list[str]] = field(default_factory=dict)  # header: voice -> its V: text, then its %% lines
    voices: dict[str, Voice] = field(default_factory=dict)
    current: str | None = None
    in_body: bool = False

    def read_line(self, line: str, is_head: bool = False) -> None:
        """Read one line. is_head: it is of the file's header, where only settings count."""
        found = _FIELD.fullmatch(line)
        if line.startswith("%%"):
            self._apply_directive(line[2:])
        elif found and not (self.in_body and _MUSIC_LIKE_A_FIELD.match(line)):
            letter, value = found.group(1), found.group(2).strip()
            if letter in "IMLQ" or not is_head:
                self._take_field(letter, value)
        elif self.in_body:
            self._take_music(line)

    def finish(self, unfold: bool) -> tuple[Piece, list[Remark]]:
        """Build the Piece, with remarks.

        Raises ValueError without a key field or without notes.
        """
        if not self.in_body:
            raise ValueError("the tune has no K: field, which must stand before the music")
        names = [*self.declared, *(n for n in self.voices if n not in self.declared)]
        voices = [self.voices[name] for name in names if name in self.voices]
        for name, voice in self.voices.items():
            voice.finish()
            voice.settings.name = voice.settings.name or name
        if not any(v.notes for v in voices):
            raise ValueError("the tune has no notes")
        qpm = parse_tempo(self.tempo, self.settings.unit or default_unit(self.settings.metre)) or 120.0
        played = parts_and_timeline(voices, qpm, self.order if unfold else None)
        title, composer = (self.titles or [""])[0], "; ".join(self.composers)
        piece = Piece(played.parts, played.timeline, title, composer, chords=played.chords)
        return piece, unplayed_bars(played.unplayed) + unread_chords(played.unread)

    def _take_field(self, letter: str, value: str) -> None:
        if letter == "V":
            self._take_voice(value)
        elif letter == "I":
            self._apply_directive(value.replace("=", " "))
        elif self.in_body:
            self._take_body_field(letter, value)
        elif letter == "T":
            self.titles.append(plain_text(value))
        elif letter == "C":
            self.composers.append(plain_text(value))
        elif letter == "P":
            self.order = parse_parts(value)
        elif letter == "Q":
            self.tempo = value
        else:
            self.settings.set_field(letter, value)
            self.in_body = letter == "K"
            self.current = None if self.in_body else self.current

    def _take_body_field(self, letter: str, value: str) -> None:
        """Apply a field inside the tune to its voice; before the first voice, to all."""
        if letter not in _VOICE_LETTERS:
            return
        if self.voices or self.current is not None or letter == "P":
            self._voice().change(letter, value)
        elif letter == "Q":
            self.tempo = value
        else:
            self.settings.set_field(letter, value)

    def _take_voice(self, value: str) -> None:
        name, _, options = value.partition(" ")
        self.current = name
        if not self.in_body:
            self.declared.setdefault(name, []).append(options)
        elif options.strip():
            self._voice().settings.apply(options)

    def _apply_directive(self, text: str) -> None:
        words = text.partition("%")[0].split()
        if self.in_body and (self.voices or self.current is not None):
            self._voice().settings.apply_directive(words)
        elif self.current is not None:
            self.declared[self.current].append("%%" + " ".join(words))
        else:
            self.settings.apply_directive(words)

    def _take_music(self, line: str) -> None:
        voice = None
        for found in TOKEN.finditer(line):
            if found["field"]:
                self._take_field(found["field"], found["value"].strip())
            else:
                voice = self._voice()
                voice.read(found)
        if voice is not None:
            voice.end_line()

    def _voice(self) -> Voice:
        """Find the reader of the current voice; before any V:, of the first voice declared."""
        name = self.current if self.current is not None else next(iter(self.declared), "")
        if name not in self.voices:
            settings = replace(self.settings)
            for text in self.declared.get(name, []):
                if text.startswith("%%"):
                    settings.apply_directive(text[2:].split())
                else:
                    settings.apply(text)
            self.voices[name] = Voice(settings)
        return self.voices[name]
