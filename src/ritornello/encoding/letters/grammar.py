"""The grammar of ABC letter by letter: which characters keep a tune readable, and its bars full.

The rules are a small machine. Its state is what of an item is written so far (a field, a tuplet's numbers, a length)
and the place in the bar; what may follow is looked up by that. Times are counted in 64ths (a quarter is 16): all
values that the writer uses are whole numbers of them, so that whatever is left of a bar can be filled.

- A barline stands where a bar is full; the first bar may be a pick-up, and the bar that completes it may be the last.
- A length is one note value, dotted once or twice, that fits the bar. Tuplets are completed in it.
- What a tie holds on is the same note, with the sign that it needs; no pitch leaves 0-127.
- Another metre begins after a barline, and a note or rest follows a change of metre or key.
- A tune ends on a barline, after a note.

What the grammar does not allow but a tune has (a short bar in its middle, a length of unquantised playing) is
followed as far as it can be; after the next barline the rules hold again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import copy
from functools import cache, lru_cache
from itertools import product
from typing import Self

import numpy as np

from ritornello.music.abc.fields import parse_key_field
from ritornello.music.abc.writer import VALUES, written_key, written_length
from ritornello.music.beats import bar_quarters, metre_named, normal_for
from ritornello.music.values import MODES, Key

QUARTER = 16  # 64ths
CHARACTERS = "\nMLK:0123456789/+ABCDEFGabcdefg',^_=-z(|[]#hilmnoprxy"
END = len(CHARACTERS)
LENGTHS = {int(value * QUARTER): written_length(value) for value in VALUES if (value * QUARTER).denominator == 1}
TUPLETS = (3, 5, 7, 9, 11, 13, 15)
MOST_IN_TUPLET = 12
SIGNS = {2: "^^", 1: "^", 0: "=", -1: "_", -2: "__"}
ALTERS = {sign: alter for alter, sign in SIGNS.items()}
SEMITONES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_LOWEST, _HIGHEST = 2, 125  # of the letters alone: signs and keys move a note by two semitones at most


def _metre_names() -> Iterator[str]:
    """List the metres of the grammar: 1 to 16 over 1 to 32, and sums of twos, threes and fours."""
    for upper, lower in product(range(1, 17), (1, 2, 4, 8, 16, 32)):
        yield f"{upper}/{lower}"
    for count in range(2, 6):
        for groups in product("234", repeat=count):
            if sum(map(int, groups)) <= 16:
                yield from ("+".join(groups) + f"/{lower}" for lower in (4, 8, 16))


def _key_names() -> list[str]:
    return [*(written_key(Key(0, fifths, mode)) for fifths in range(-7, 8) for mode in MODES), "none"]


METRES = tuple(f"M:{name}\n" for name in _metre_names())
UNIT = ("L:1/8\n",)
KEYS = tuple(f"K:{name}\n" for name in _key_names())
METRE_CHANGES = tuple(f"[M:{name[2:-1]}]" for name in METRES)
KEY_CHANGES = tuple(f"[K:{name[2:-1]}]" for name in KEYS)


@lru_cache(maxsize=1 << 14)
def going_on(written: str, whole: tuple[str, ...]) -> str:
    """List the characters by which some of the whole items go on after what is written."""
    place = len(written)
    return "".join(sorted({each[place] for each in whole if len(each) > place and each.startswith(written)}))


@cache
def completable(odd: int, left: int, done: int, most: int) -> bool:
    """Tell whether `left` more values complete a tuplet.

    It is complete at a multiple of `odd`, not sooner, up to `most` 64ths. done: the values so far, as written.
    """
    return any(fits_tuplet(odd, left, done, most, value) for value in LENGTHS) if left else done % odd == 0


@cache
def fits_tuplet(odd: int, left: int, done: int, most: int, value: int) -> bool:
    """Tell whether a value may be the next of `left` in a tuplet (see `completable`)."""
    total = done + value
    if total > most or (total % odd == 0) != (left == 1):
        return False
    return completable(odd, left - 1, total, most)


@cache
def lengths(room: int, tuplet: tuple[int, int, int]) -> tuple[str, ...]:
    """List the lengths that fit.

    room: 64ths left in the bar. tuplet: odd, values left, sum so far; 0s outside one.
    """
    odd, left, done = tuplet
    if not odd:
        return tuple(text for value, text in LENGTHS.items() if value <= room)
    most = room * odd // normal_for(odd)
    return tuple(text for value, text in LENGTHS.items() if fits_tuplet(odd, left, done, most, value))


@cache
def tuplets(room: int) -> tuple[str, ...]:
    """List the openings of tuplets that can be completed in the room left."""
    return tuple(
        "(3" if (odd, count) == (3, 3) else f"({odd}:{normal_for(odd)}:{count}"
        for odd in TUPLETS
        for count in range(2, MOST_IN_TUPLET + 1)
        if completable(odd, count, 0, room * odd // normal_for(odd))
    )


_VALUES = {text: value for value, text in LENGTHS.items()}
_NO_TUPLET = (0, 0, 0)
FIELD, ITEM, SIGN, LENGTH, TUPLET, BAR, CLOSED, ASTRAY = range(8)
"""What is being written: a field; nothing, where an item may begin; a sign; a note or rest after its letter; a
tuplet's numbers; a barline; the last of them; or something that the grammar does not know."""


@cache
def mask_of(characters: str, ends: bool) -> np.ndarray:
    """Mask the ids of some characters, and of `end`, (vocabulary,) of bool; not to be changed."""
    mask = np.zeros(END + 1, bool)
    mask[[CHARACTERS.index(each) for each in characters]] = True
    mask[END] = ends
    return mask


class AnyLetter:
    """The rules without a grammar: any letter may follow any, a tune ends where the network says so."""

    part = 0
    until = -1

    def __init__(self) -> None:
        self.begun = self.done = False

    def legal(self) -> np.ndarray:
        """Tell which ids may come next, (vocabulary,) of bool."""
        return mask_of("" if self.done else CHARACTERS, self.begun and not self.done)

    def features(self) -> list[int]:
        """Return no features."""
        return []

    def advance(self, token: int) -> None:
        """Go on by one token."""
        self.begun, self.done = True, self.done or token == END

    def copy(self) -> Self:
        """Return rules that go on from here by themselves."""
        return copy(self)


class Grammar:
    """The rules of one melody in ABC (see `protocol.Rules`).

    last_bar: after how many bars, a pick-up not counted, the tune is to end; 0 for any. bars: how many are complete.
    notes: note heads so far.
    """

    part = 0
    until = -1

    def __init__(self) -> None:
        self.done = False
        self.last_bar = self.bars = self.notes = 0
        self._doing, self._written, self._whole = FIELD, "", METRES  # written: of an item of one of several kinds
        self._keys = KEYS
        self._full = self._room = 0  # 64ths of a bar of the metre in force, and left in this bar
        self._is_first, self._pickup = True, 0  # 64ths of the pick-up, once that bar is over
        self._changed = ""  # fields that stand before the next item
        self._tuplet = _NO_TUPLET
        self._sign, self._name = "", ("z", 0)  # letter and octave, 0 for that of middle C
        self._alter = 0
        self._held: tuple[str, int, int] | None = None  # letter, octave, alteration of what a tie holds on
        self._key: Mapping[str, int] = {}
        self._in_bar: Mapping[str, int] = {}

    def ask(self, bars: int | None = None, metre: str | None = None, key: Key | None = None) -> None:
        """Ask for so many bars, for a metre to begin in and for a key; None for any.

        Raises ValueError for a metre that the grammar does not know.
        """
        self.last_bar = bars or 0
        if metre is not None and f"M:{metre}\n" not in METRES:
            raise ValueError(
                f"no such metre in text: {metre!r}; write beats and their value, as in 3/4, 6/8 or 3+2+2/8"
            )
        self._whole = METRES if metre is None else (f"M:{metre}\n",)
        self._keys = KEYS if key is None else (f"K:{written_key(key)}\n",)

    def legal(self) -> np.ndarray:
        """Tell which ids may come next, (vocabulary,) of bool."""
        return mask_of(self.characters(), self._doing == CLOSED and not self.done)

    def features(self) -> list[int]:
        """Return no features."""
        return []

    def copy(self) -> Self:
        """Return rules that go on from here by themselves."""
        return copy(self)

    def characters(self) -> str:
        """List the characters that may come next; none where the tune is over."""
        if self._doing == FIELD:
            return going_on(self._written, self._whole)
        if self._doing == TUPLET:
            more = going_on(self._written, self._whole)
            return more + ("".join(self._notes()) if self._written in self._whole else "")
        if self._doing == SIGN:
            return self._after_sign()
        if self._doing == LENGTH:
            return self._after_letter()
        if self._doing in (ITEM, BAR):
            return self._items()
        return CHARACTERS if self._doing == ASTRAY and not self.done else ""

    def advance(self, token: int) -> None:
        """Go on by one token, whether it is legal or not."""
        if self.done or token == END:
            self.done = True
            return
        letter = CHARACTERS[token]
        if self._doing != ASTRAY and letter not in self.characters():
            self._doing = ASTRAY
        if self._doing == ASTRAY:
            self._stray(letter)
        elif self._doing == FIELD or (self._doing == TUPLET and letter in "0123456789:"):
            self._written += letter
            if self._doing == FIELD and self._written in self._whole:
                self._take_field()
        elif self._doing == LENGTH and letter in "',":
            self._name = self._name[0], self._name[1] + (1 if letter == "'" else -1)
        elif self._doing == LENGTH and letter in "0123456789/":
            self._written += letter
        elif self._doing == LENGTH and letter == "-":
            held = (*self._name, self._alter)
            self._complete()
            self._held = held
        else:
            self._begin(letter)

    def _begin(self, letter: str) -> None:
        """Begin an item; what was being written is complete."""
        if self._doing == LENGTH:
            self._complete()
        elif self._doing == TUPLET:
            numbers = [int(number) for number in self._written[1:].split(":")]
            self._tuplet = numbers[0], numbers[-1], 0
        if letter in "^_=":
            self._sign, self._doing = (self._sign if self._doing == SIGN else "") + letter, SIGN
        elif letter == "|":
            self._take_barline()
        elif letter == "]":
            self._doing = CLOSED
        elif letter == "(":
            self._doing, self._written, self._whole = TUPLET, letter, tuplets(self._room)
        elif letter == "[":
            self._doing, self._written, self._whole = FIELD, letter, self._changes()
        else:
            self._take_letter(letter)

    def _take_letter(self, letter: str) -> None:
        """Begin a note or rest."""
        name = letter.upper()
        self._alter = self._in_bar.get(name, self._key.get(name, 0))
        if self._doing == SIGN:
            self._alter = ALTERS[self._sign]
            self._in_bar = {**self._in_bar, name: self._alter}
        self._doing, self._written, self._changed = LENGTH, "", ""
        self._name = ("z", 0) if letter == "z" else (name, int(letter.islower()))
        self.notes += letter != "z"

    def _complete(self) -> None:
        """Complete a note or rest: its length is read."""
        value, (odd, left, done) = _VALUES[self._written], self._tuplet
        if not odd:
            self._room -= value
        elif left > 1:
            self._tuplet = odd, left - 1, done + value
        else:
            self._room -= (done + value) * normal_for(odd) // odd
            self._tuplet = _NO_TUPLET
        self._doing, self._held = ITEM, None

    def _take_barline(self) -> None:
        """End a bar: a pick-up, a full one, or what a pick-up leaves, after which there is no room."""
        is_short, self._in_bar, self._doing = self._room > 0, {}, BAR
        self.bars += not (is_short and self._is_first)
        if is_short and self._is_first:
            self._pickup = self._full - self._room
        self._room = 0 if is_short and not self._is_first else self._full
        self._is_first = False

    def _take_field(self) -> None:
        """Take a field whose last character is written."""
        is_change, (letter, value) = self._written[0] == "[", self._written.strip("[]\n").split(":")
        if letter == "M":
            self._full = self._room = int(bar_quarters(metre_named(value)) * QUARTER)
        elif letter == "K":
            signature = parse_key_field(value)
            self._key, self._in_bar = signature.alterations if signature else {}, {}
        if is_change:
            self._changed, self._doing = self._changed + letter, ITEM
        else:
            self._whole = {"M": UNIT, "L": self._keys}.get(letter, ())
            self._doing = ITEM if letter == "K" else FIELD
        self._written = ""

    def _items(self) -> str:
        """List the characters that may begin an item, where one may begin."""
        found = self._notes()
        if self._tuplet[0]:
            return found
        if self._is_over():
            return "]"
        if self._room:
            found += ("(" if tuplets(self._room) else "") + ("[" if self._changes() else "")
        else:
            found = ""
        if self._doing == BAR:
            return found + ("]" if self.notes and self.bars and not self._held and not self.last_bar else "")
        return found + ("|" if not self._changed and self._may_close_bar() else "")

    def _is_over(self) -> bool:
        """Tell whether the barline before this place has to be the last."""
        return self._doing == BAR and (not self._room or (self.last_bar > 0 and self.bars >= self.last_bar))

    def _may_close_bar(self) -> bool:
        """Tell whether a barline may stand here."""
        is_last = self.last_bar in (0, self.bars + 1)
        if not self._room:
            return not (self._held and self.last_bar and is_last) and (
                self.notes > 0 or not self.last_bar or not is_last
            )
        if self._is_first:
            return self._room < self._full
        return self._room == self._pickup and is_last and self.notes > 0 and not self._held

    def _changes(self) -> tuple[str, ...]:
        """List the changes that may stand here: of the metre after a barline, then of the key."""
        if "K" in self._changed or (self._is_first and self._room == self._full):
            return ()
        return (METRE_CHANGES if self._doing == BAR else ()) + KEY_CHANGES

    def _notes(self) -> str:
        """List the characters that may begin a note or rest, of the one that a tie leads to if any."""
        if self._held is None:
            return "ABCDEFGabcdefg^_=z"
        name, octave, alter = self._held
        letter = name.lower() if octave > 0 else name
        return (letter if self._in_bar.get(name, self._key.get(name, 0)) == alter else "") + SIGNS[alter][0]

    def _after_sign(self) -> str:
        """List the characters that may follow a sign."""
        if self._held is None:
            return "ABCDEFGabcdefg" + (self._sign if self._sign in "^_" else "")
        name, octave, alter = self._held
        return (name.lower() if octave > 0 else name) if SIGNS[alter] == self._sign else self._sign

    def _after_letter(self) -> str:
        """List the characters that may follow a note or rest and what of its length is written."""
        name, octave = self._name
        if self._held is not None and octave != self._held[1]:
            return "'" if octave > 0 else ","
        found = going_on(self._written, lengths(self._room, self._tuplet))
        if name != "z" and not self._written and self._held is None:
            pitch = 60 + 12 * octave + SEMITONES[name]
            found += "'" if octave > 0 and pitch + 12 <= _HIGHEST else ""
            found += "," if octave <= 0 and pitch - 12 >= _LOWEST else ""
        if self._written not in lengths(self._room, self._tuplet):
            return found
        after = copy(self)
        after._complete()
        found += after._items()
        after._held = (name, octave, self._alter)
        return found + ("-" if name != "z" and after._items() else "")

    def _stray(self, letter: str) -> None:
        """Follow what the grammar does not know to the next barline, and begin anew there."""
        if letter != "|":
            self.notes += letter.upper() in SEMITONES
            return
        self._full = self._full or 4 * QUARTER
        self._room, self._is_first, self._in_bar, self._held, self._changed = self._full, False, {}, None, ""
        self._tuplet, self._doing = _NO_TUPLET, BAR
        self.bars += 1
