"""text: a melody as ABC notation, one token a character, as a character RNN reads and writes it.

    M:3/4 newline L:1/8 newline K:G newline D2|G2B2d2|c3BA2|(3GFGA2D2|G6|] end

The text is what `music.abc.writer` writes, less what does not sound: title, number, tempo, names, spaces between
beats and line ends between bars. Metre, unit length and key stand at its head; changes of metre and key, pick-ups,
ties over barlines, tuplets and the key's accidentals are those of ABC. With an X:1 before it, it is a tune that any
program for ABC reads (`TextEncoding.abc`).
A network with these tokens has to learn spelling, bars and keys by itself. `grammar` says whether the rules help it
(see `grammar`); it changes no token.
Sources: Karpathy 2015, "The Unreasonable Effectiveness of Recurrent Neural Networks"; Sturm et al. 2016, "Music
transcription modelling and composition using deep learning" (folk-rnn).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from itertools import groupby
from typing import Any, ClassVar, NamedTuple

import numpy as np

from ritornello.encoding.features import Feature
from ritornello.encoding.letters.grammar import ALTERS, CHARACTERS, END, SEMITONES, AnyLetter, Grammar
from ritornello.encoding.protocol import Encoded
from ritornello.encoding.vocabulary import COMMON, Vocabulary
from ritornello.music.abc.fields import Signature, parse_key_field, parse_metre
from ritornello.music.abc.reader import read_abc, written_bars
from ritornello.music.abc.writer import Signs, write_abc, written_key, written_letter
from ritornello.music.beats import metre_named
from ritornello.music.keys import estimate_key
from ritornello.music.spelling import Spelled, spell
from ritornello.music.values import DEFAULT_VELOCITY, Key, Melody, Note, Piece, Tempo

LETTERS: tuple[tuple[str, str], ...] = (
    ("\n", "ends a field of the head"),
    ("M", "begins the field of the metre"),
    ("L", "begins the field of the unit length"),
    ("K", "begins the field of the key"),
    (":", "after a field's letter, and between the numbers of a tuplet"),
    *((digit, "a digit of a length, a metre or a tuplet") for digit in "0123456789"),
    ("/", "divides a length, or the figures of a metre"),
    ("+", "joins the groups of an additive metre"),
    *((letter, f"the note {letter} below the middle of the staff, or a key") for letter in "ABCDEFG"),
    *((letter, f"the note {letter.upper()} an octave higher") for letter in "abcdefg"),
    ("'", "an octave up"),
    (",", "an octave down"),
    ("^", "sharp"),
    ("_", "flat"),
    ("=", "natural"),
    ("-", "ties a note to the next"),
    ("z", "a rest"),
    ("(", "begins a tuplet"),
    ("|", "a barline"),
    ("[", "begins a change of metre or key"),
    ("]", "ends it; after a barline, the last one"),
    ("#", "sharp, in the name of a key"),
    *((letter, "a letter of the name of a mode, or of none") for letter in "hilmnoprxy"),
)
assert "".join(letter for letter, _ in LETTERS) == CHARACTERS
_HEAD = re.compile(r"M:([^\n]*)\nL:1/8\nK:([^\n]*)\n")
_MUSIC = re.compile(
    r"\[(?P<field>[KM]):(?P<value>[^\]\n]*)\]|(?P<bar>\|\]?)|(?P<rest>z)"
    r"|(?P<sign>\^\^?|__?|=)?(?P<letter>[A-Ga-g])(?P<octave>[,']*)[0-9/]*(?P<tie>-?)"
)


class Written(NamedTuple):
    """A note head of a text: its place, its pitch, the key in force, whether a tie leads to it."""

    start: int
    end: int
    pitch: int
    key: Signature
    is_held: bool


@dataclass(frozen=True)
class TextEncoding:
    """ABC letter by letter.

    grammar: whether the rules are those of ABC with full bars, or any letter may follow.
    """

    grammar: bool = True
    name: ClassVar[str] = "text"
    keeps: ClassVar[str] = "melody"
    parts: ClassVar[tuple[int, ...]] = (END + 1,)
    end: ClassVar[int] = END
    features: ClassVar[tuple[Feature, ...]] = ()
    memory: ClassVar[tuple[str, ...]] = ()
    is_keyed: ClassVar[bool] = False
    names_key: ClassVar[bool] = True
    pitch_range: ClassVar[tuple[int, int]] = (0, 127)
    ticks_per_quarter: ClassVar[int] = 480

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The letters by themselves, then end."""
        rows = [(letter if letter != "\n" else "newline", 1, meaning) for letter, meaning in LETTERS]
        return Vocabulary.of(*rows, ("end", 1, "the tune is over"))

    def to_dict(self) -> dict[str, Any]:
        """Return what `make_encoding` needs to build this encoding again."""
        return {"name": self.name, "grammar": self.grammar}

    def encode(self, melody: Melody) -> Encoded:
        """Encode a melody: metre, unit length, key, its music, end.

        A key of more than seven sharps or flats is written as the one that sounds the same, and counted as `keys`.
        Chord symbols are left out.
        """
        keys = tuple(key if -7 <= key.fifths <= 7 else _plain(key) for key in melody.timeline.keys)
        renamed = sum(key not in melody.timeline.keys for key in keys)
        timeline = replace(melody.timeline, keys=keys, tempos=(Tempo(0, 120.0),))
        lines = write_abc(replace(melody, title="", timeline=timeline, chords=())).splitlines()
        head = [line + "\n" for line in lines[:6] if line[0] in "MLK"]
        text = "".join(head) + "".join(lines[6 - ("Q:" not in lines[4]) :]).replace(" ", "")
        return Encoded(tokens_of(text), +Counter(keys=renamed))

    def decode(self, tokens: Sequence[int] | np.ndarray, title: str = "", qpm: float = 120.0) -> Melody:
        """Read tokens as ABC; of a text that cannot be read, the bars that can.

        Of notes that sound together the highest stays. Raises ValueError for an id outside the vocabulary.
        """
        read = _melody(self.text(tokens))
        return replace(read, timeline=replace(read.timeline, tempos=(Tempo(0, qpm),)), title=title)

    def text(self, tokens: Sequence[int] | np.ndarray) -> str:
        """Return the letters of tokens, without `end` and what follows it.

        Raises ValueError for an id outside the vocabulary.
        """
        tokens = np.asarray(tokens, np.int64)
        self.vocabulary.check(tokens)
        ends = np.flatnonzero(tokens == END)
        return "".join(LETTERS[token][0] for token in tokens[: ends[0] if len(ends) else None].tolist())

    def abc(self, tokens: Sequence[int] | np.ndarray) -> str:
        """Write tokens as a whole tune that other programs read, with its number before it."""
        return f"X:1\n{self.text(tokens)}\n"

    def faults(self, tokens: Sequence[int] | np.ndarray) -> Counter[str]:
        """Count what is wrong in a text: `unread` bars that cannot be read, and `uneven` ones.

        Uneven are those that are not as long as the metre says; the first may be a pick-up, the last may be what a
        pick-up leaves, and a text that breaks off ends in one that is not full.
        """
        _, text, unread = _read(self.text(tokens))
        return +Counter(unread=unread, uneven=_uneven(written_bars(f"X:1\n{text}")) if text else 0)

    def tracker(self) -> Grammar | AnyLetter:
        """Start the rules of one melody: those of ABC, or none."""
        return Grammar() if self.grammar else AnyLetter()

    def headings(self, melody: Melody) -> list[np.ndarray]:
        """Return the tokens of `encode` alone: a melody has one head."""
        return [self.encode(melody).tokens]

    def opening(self, melody: Melody) -> np.ndarray:
        """Encode a melody to go on from, (length,): its last bar stays open where it is not full.

        A melody without a key gets the one that fits best.
        """
        if melody.timeline.key is None and melody.notes:
            keys = (estimate_key(melody.notes)[0]._replace(tick=0),)
            melody = replace(melody, timeline=replace(melody.timeline, keys=keys))
        text = self.text(self.encode(melody).tokens).removesuffix("|]")
        length, full = written_bars(f"X:1\n{text}")[-1] if melody.notes else (0, None)
        return tokens_of(text + "|" if length == full else text)[:-1]

    def transpose(self, tokens: np.ndarray, semitones: int) -> np.ndarray:
        """Move a melody up by `semitones`, and write it anew.

        Raises ValueError if a pitch leaves 0-127.
        """
        if not semitones:
            return tokens
        text = transposed(self.text(tokens), semitones)
        return np.append(tokens_of(text)[:-1], tokens[np.asarray(tokens) == END]).astype(np.int16)

    def pitches(self, tokens: np.ndarray) -> np.ndarray:
        """List the pitches of the notes in order, (notes,)."""
        return np.array([head.pitch for head in heads(self.text(tokens)) if not head.is_held], np.int16)

    def onsets(self, tokens: np.ndarray) -> np.ndarray:
        """Find the index of the token that begins each note, its sign if it has one, (notes,)."""
        return np.array([head.start for head in heads(self.text(tokens)) if not head.is_held], np.int64)

    def metre_of(self, tokens: np.ndarray) -> tuple[int, int]:
        """Read the metre at the beginning, (4, 4) where none is named."""
        found = re.match(r"M:([^\n]*)\n", self.text(tokens))
        try:
            return ((found and parse_metre(found[1])) or COMMON)[:2]
        except ValueError:
            return COMMON

    def begin(self, metre: str) -> tuple[int, ...]:
        """Return the tokens that name `metre`. Raises ValueError for no metre."""
        return tuple(tokens_of(f"M:{metre_named(metre).name}\n")[:-1].tolist())


_IDS = {letter: token for token, (letter, _) in enumerate(LETTERS)}


def tokens_of(text: str) -> np.ndarray:
    """Number the letters of a text and `end`, (length,) int16.

    Raises ValueError for a letter without a token.
    """
    if unknown := sorted({*text} - _IDS.keys()):
        raise ValueError(f"the encoding 'text' has no token for {', '.join(map(repr, unknown))}")
    return np.array([*(_IDS[letter] for letter in text), END], np.int16)


def heads(text: str) -> Iterator[Written]:
    """List the note heads of a text, tied ones too, by the reader's rules on accidentals."""
    for kind, item in _walk(text):
        if kind == "note":
            yield item


def transposed(text: str, semitones: int) -> str:
    """Write a text anew, so many semitones higher. Raises ValueError if a pitch leaves 0-127."""
    items = list(_walk(text))
    notes = [item for kind, item in items if kind == "note" and not item.is_held]
    if outside := [n.pitch + semitones for n in notes if not 0 <= n.pitch + semitones <= 127]:
        raise ValueError(f"pitch must be 0 to 127, not {outside[0]}")
    names = iter([
        name
        for fifths, group in groupby(notes, key=lambda n: _moved(n.key, semitones).fifths)
        for name in spell([n.pitch + semitones for n in group], fifths)
    ])  # fmt: skip
    written: list[str] = []
    done, signs, fifths, fresh, name = 0, Signs(0), 0, True, Spelled("C", 0, 4)
    for kind, item in items:
        if kind == "bar":
            signs, fresh = Signs(fifths), True
        elif kind == "key":
            start, end, signature = item
            key = _moved(signature, semitones)
            fifths = key.fifths
            written += [text[done:start], written_key(key if signature.known else None)]
            done, signs = end, Signs(fifths if fresh else None)
        elif kind == "rest":
            fresh = False
        else:
            name, fresh = name if item.is_held else next(names), False
            written += [text[done : item.start], signs.before(name), written_letter(name)]
            done = item.end
    return "".join([*written, text[done:]])


def _moved(signature: Signature, semitones: int) -> Key:
    """Transpose a key as `Melody.transposed` does; music without one stays so."""
    key = Key(0, signature.fifths, signature.mode)
    return key._replace(fifths=(key.fifths + 7 * semitones + 6) % 12 - 6) if signature.known else key


def _walk(text: str) -> Iterator[tuple[str, Any]]:
    """List keys, barlines, rests and notes in order.

    "key" comes with start and end of its name and its signature, "note" with Written, "bar" and "rest" with None.
    """
    head = _HEAD.match(text)
    place, signature = 0, Signature({}, known=False)
    if head:
        place, signature = head.end(), _signature(head[2])
        yield "key", (head.start(2), head.end(2), signature)
    in_bar: dict[str, int] = {}
    held: tuple[str, int] | None = None  # name of the note that a tie holds on
    alter = 0
    for found in _MUSIC.finditer(text, place):
        if found["bar"]:
            in_bar = {}
            yield "bar", None
        elif found["field"] == "K":
            in_bar, signature = {}, _signature(found["value"])
            yield "key", (*found.span("value"), signature)
        elif found["rest"]:
            held = None
            yield "rest", None
        elif letter := found["letter"]:
            octave = letter.islower() + found["octave"].count("'") - found["octave"].count(",")
            name, letter = (letter.upper(), octave), letter.upper()
            is_held = held == name
            if found["sign"]:
                is_held = is_held and ALTERS[found["sign"]] == alter
                alter = in_bar[letter] = ALTERS[found["sign"]]
            elif not is_held:
                alter = in_bar.get(letter, signature.alterations.get(letter, 0))
            pitch = 60 + 12 * octave + SEMITONES[letter] + alter
            start = found.start("sign") if found["sign"] else found.start("letter")
            yield "note", Written(start, found.end("octave"), pitch, signature, is_held)
            held = name if found["tie"] else None


def _signature(name: str) -> Signature:
    """Read the name of a key; none where it is no key."""
    try:
        return parse_key_field(name) or Signature({}, known=False)
    except ValueError:
        return Signature({}, known=False)


@lru_cache(maxsize=1024)
def _melody(text: str) -> Melody:
    """Read a melody, without a note where none can be read.

    It is kept: the same tunes are measured again and again.
    """
    piece, _, _ = _read(text)
    if piece is None:
        return Melody(())
    return Melody(_line([note for part in piece.parts for note in part.notes]), piece.timeline)


def _read(text: str) -> tuple[Piece | None, str, int]:
    """Read what can be read of a text.

    Returns its music, the text that was read, and how many bars are left out. None and "" where there is no head,
    or no note that can be read.
    """
    if piece := _piece(text):
        return piece, text, 0
    head = _HEAD.match(text)
    if not head or not _piece(f"{head[0]}C"):
        return None, "", text.count("|") or 1
    bars = re.findall(r"[^|\n]+(?:\|\]?|$)", text[head.end() :])
    kept = [bar for bar in bars if _piece(f"{head[0]}C|{bar}")]
    whole = head[0] + "".join(kept)
    piece = _piece(whole)
    return (piece, whole, len(bars) - len(kept)) if piece else (None, "", len(bars) or 1)


def _piece(text: str) -> Piece | None:
    try:
        return read_abc(f"X:1\n{text}")[0] if text else None
    except ValueError:
        return None


def _uneven(bars: Sequence[tuple[Any, Any]]) -> int:
    """Count the bars, (length, length of a full bar) in quarters, that are not full.

    Without a metre every bar is.
    """
    bars = [(length, length if full is None else full) for length, full in bars]
    if len(bars) < 2:
        return sum(length != full for length, full in bars)
    (first, bar), *inner, (last, full) = bars
    ends_well = last == full or (first < bar and first + last == full)
    return (first > bar) + sum(length != whole for length, whole in inner) + (not ends_well)


def _plain(key: Key) -> Key:
    return key._replace(fifths=(key.fifths + 6) % 12 - 6)


def _line(notes: Sequence[Note]) -> tuple[Note, ...]:
    """Make one line of notes: the highest of each onset, cut where the next begins."""
    highest = {n.start: n for n in sorted(notes, key=lambda n: (n.start, n.pitch))}
    ends = [*list(highest)[1:], max((n.end for n in notes), default=0)]
    return tuple(
        n._replace(duration=min(n.duration, end - n.start), velocity=DEFAULT_VELOCITY)
        for n, end in zip(highest.values(), ends, strict=True)
    )
