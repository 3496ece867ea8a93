"""Tunes in groups of two tokens, what and for how long: everything that `note` and `interval` share.

    begin_<metre>, pick-up         (tie, length)*  where the pick-up has no length of its own in the table
    key_<mode> tonic, octave       `interval` alone
    pitch | rest, length           (tie, length)*  where the note or rest has no length of its own in the table
    end                            alone

Lengths are those of `durations`; "none" stands for no pick-up. Rests after the last note are not kept, nor changes of
metre. A tune in "other" is read as 4/4, without a pick-up that would fill such a bar.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ritornello.encoding.durations import DURATIONS, LENGTHS, TICKS, spelled
from ritornello.encoding.echoes import checked_echoes
from ritornello.encoding.group_layout import HIGHEST_TONIC, LOWEST_TONIC, Ids, Laid, spans_of, tonic_near, upbeat_of
from ritornello.encoding.group_side import side_rows
from ritornello.encoding.group_tracker import GroupTracker
from ritornello.encoding.metres import (
    BEGIN_ROWS,
    METRES,
    bar_lengths,
    begin_id,
    first_beats,
    metre_numbers,
)
from ritornello.encoding.protocol import Echo, Encoded, SideInput
from ritornello.encoding.side_inputs import BARS_AGO, checked, side_list
from ritornello.encoding.vocabulary import Vocabulary
from ritornello.music.keys import estimate_key, key_of
from ritornello.music.values import DEFAULT_VELOCITY, TICKS_PER_QUARTER, Key, Melody, Metre, Note, Tempo, Timeline

OCTAVES = 13  # of the reference tonic, from pitch -12 on


@dataclass(frozen=True)
class GroupEncoding:
    """What the two encodings share; each says by itself its name and how it writes pitches."""

    inputs: tuple[str, ...] = ()
    echoes: tuple[Echo, ...] = ()
    pitch_range = (0, 127)

    @property
    def name(self) -> str:
        """Its name in ENCODINGS."""
        raise NotImplementedError

    @property
    def pitch_row(self) -> tuple[str, int, str]:
        """The row of the notes' ids, the first of the table."""
        raise NotImplementedError

    @property
    def lowest(self) -> int:
        """What id 0 stands for, above what pitches are counted from."""
        return 0

    @property
    def is_keyed(self) -> bool:
        """Whether a group of the header names the key and the octave that pitches are counted from."""
        return False

    @property
    def is_chained(self) -> bool:
        """Whether they are counted from the note before."""
        return False

    def __post_init__(self) -> None:
        object.__setattr__(self, "inputs", checked(self.inputs))
        object.__setattr__(self, "echoes", checked_echoes(self.echoes))

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The token table."""
        keys = [(f"key_{mode}", 12, f"the tune is in {mode}; its tonic, 0 for C") for mode in ("major", "minor")]
        octave = ("octave", OCTAVES, "of the tonic that pitches are counted from; 0 for pitches -12 to -1")
        return Vocabulary.of(
            self.pitch_row,
            ("rest", 1, "silence"),
            ("tie", 1, "what the group before began goes on"),
            *BEGIN_ROWS,
            *(keys if self.is_keyed else []),
            ("end", 1, "the tune is over"),
            ("none", 1, "no pick-up"),
            *((f"quarters_{value}", 1, f"lasts {value} quarter notes") for value in DURATIONS),
            *([octave] if self.is_keyed else []),
        )

    @cached_property
    def ids(self) -> Ids:
        """First ids of the rows of the table."""
        table = self.vocabulary
        begin, second = table["begin_2/4"], table["none"]
        length = second + 1
        return Ids(
            table["rest"], table["tie"], begin, begin + len(METRES), table["end"], second, length,
            length + len(DURATIONS), table.size,
        )  # fmt: skip

    @property
    def end(self) -> int:
        """Id of the `end` token."""
        return self.ids.end

    @property
    def parts(self) -> tuple[int, ...]:
        """What, and for how long."""
        return (self.ids.second, self.ids.size - self.ids.second)

    @property
    def side(self) -> tuple[SideInput, ...]:
        """The columns of `inputs`; what stood a bar ago is a group: an id of part 0 and a length."""
        return side_list(self.inputs, self.parts[0], len(DURATIONS))

    @property
    def ticks_per_quarter(self) -> int:
        """Unit of the tracker's time."""
        return TICKS

    def options(self) -> dict[str, Any]:
        """What `make_encoding` needs to build this encoding again."""
        plain = {"name": self.name, "inputs": list(self.inputs)}
        return plain | ({"echoes": [echo.name for echo in self.echoes]} if self.echoes else {})

    def encode(self, melody: Melody) -> Encoded:
        """Melody to tokens. Exact, unless a length has no spelling: then all times are rounded to 1/24 quarter.

        A pick-up that has none is rounded likewise, by itself: then no note keeps its place in the bar.
        """
        ids, metre = self.ids, melody.timeline.metre.name
        index = METRES.index(metre) if metre in METRES else len(METRES) - 1
        upbeat = upbeat_of(melody, int(self.bars[index]))
        spans, losses = spans_of(melody, upbeat)
        tokens = self._pieces(ids.begin + index, upbeat) if upbeat else [ids.begin + index, ids.second]
        base = 0
        if self.is_keyed:
            header, base = self._key_group(melody)
            tokens += header
        at = 0
        for start, end, pitch in spans:
            if start > at:
                tokens += self._pieces(ids.rest, start - at)
            tokens += self._pieces(pitch - base - self.lowest, end - start)
            at, base = end, pitch if self.is_chained else base
        return Encoded(np.array([*tokens, ids.end], np.int16), losses)

    def headings(self, melody: Melody) -> list[np.ndarray]:
        """The melody's tokens under each octave that its header may name (see `protocol.Encoding`).

        `encode` names the highest, a reference next to the lowest note; under a lower one a tune that goes on may
        still go lower. Counted from the note before it may anyway: then `encode`'s is the only one.
        """
        tokens = self.encode(melody).tokens
        found = self.laid(tokens).key
        if found is None or self.is_chained:
            return [tokens]
        _, reference, group = found
        return [self._lowered(tokens, group, octaves) for octaves in range((reference - LOWEST_TONIC) // 12 + 1)]

    def decode(self, tokens: Sequence[int] | np.ndarray, title: str = "", qpm: float = 120.0) -> Melody:
        """Tokens to melody; header and end may be missing, half a group at the end is left out.

        Raises ValueError for an id outside the vocabulary, or of another part than the one that is due.
        """
        laid = self.laid(tokens)
        events = np.flatnonzero(laid.starts)
        edges = np.append(laid.time[events], laid.time[-1]) - laid.time[events[0] if len(events) else -1]
        upbeat = int(laid.upbeat[-1])
        unit = TICKS // TICKS_PER_QUARTER
        unit = 1 if (edges % unit).any() or upbeat % unit else unit
        notes = tuple(
            Note(int(start) // unit, int(end - start) // unit, int(pitch), DEFAULT_VELOCITY)
            for start, end, pitch in zip(edges[:-1], edges[1:], laid.pitch[events], strict=True)
            if 0 <= pitch <= 127 and end > start
        )
        metres = [Metre(0, *metre_numbers(laid.metre))]
        if 0 < upbeat < self.bars[laid.metre]:
            metres.append(metres[0]._replace(tick=upbeat // unit))
        keys = (key_of(laid.key[0] % 12, "minor" if laid.key[0] >= 12 else "major"),) if laid.key else ()
        timeline = Timeline(TICKS // unit, int(edges[-1]) // unit, tuple(metres), keys, (Tempo(0, qpm),))
        return Melody(notes, timeline, title)

    def tracker(self, batch: int) -> GroupTracker:
        """Rules and place in the bar for `batch` tunes at once."""
        return GroupTracker(self, batch)

    def transpose(self, tokens: np.ndarray, semitones: int) -> np.ndarray:
        """The same tune `semitones` higher. Raises ValueError if a pitch leaves 0-127."""
        pitches = self.pitches(tokens)
        if len(pitches) and not 0 <= pitches.min() + semitones <= pitches.max() + semitones <= 127:
            raise ValueError(f"{semitones} semitones take a pitch out of 0-127")
        return self._moved(np.array(tokens), semitones)

    def pitches(self, tokens: np.ndarray) -> np.ndarray:
        """Pitches of the tune's notes in order."""
        laid = self.laid(tokens)
        return laid.pitch[laid.is_note]

    def onsets(self, tokens: np.ndarray) -> np.ndarray:
        """Indices of the tokens that start a note."""
        return np.flatnonzero(np.asarray(tokens) < self.ids.rest)

    def metre_of(self, tokens: np.ndarray) -> tuple[int, int]:
        """Metre that a token sequence begins with, (4, 4) where it says none or "other"."""
        return metre_numbers(int(tokens[0]) - self.ids.begin if len(tokens) else -1)

    def begin(self, metre: str) -> int:
        """Id of the token that begins a tune in `metre`. Raises ValueError for a metre without one."""
        return begin_id(self.vocabulary, metre)

    def side_inputs(self, tokens: np.ndarray) -> np.ndarray:
        """(groups, columns) int16: what is known before each group (see `protocol.Encoding`)."""
        groups = (len(tokens) + 1) // 2
        if not self.remembers:
            return np.zeros((groups, 0), np.int16)
        return side_rows(self, self.laid(tokens))[:groups]

    def laid(self, tokens: Sequence[int] | np.ndarray) -> Laid:
        """The tune's whole groups up to its end. Raises ValueError for an id out of place or outside the table."""
        what, second = self._split(np.asarray(tokens, np.int64))
        ids = self.ids
        is_note, is_tie = what < ids.rest, what == ids.tie
        starts = is_note | (what == ids.rest)
        opening = int(starts.argmax()) if starts.any() else len(what)
        ticks = self._second_ticks[second - ids.second]
        header = np.where(is_tie | (what >= ids.begin) & (what < ids.key), ticks, 0)
        header[opening:] = 0
        ticks = np.where(starts | is_tie, ticks, 0)
        ticks[:opening] = 0
        metre = int(what[0]) - ids.begin if len(what) and ids.begin <= what[0] < ids.key else -1
        upbeat = np.append(0, header.cumsum())
        time = (-upbeat) % self.bars[metre] + np.append(0, ticks.cumsum())
        index = np.where((second >= ids.length) & (second < ids.octave), second - ids.length, -1)
        key = self._found_key(what, second)
        pitch = self._sounded(what, is_note, 0 if key is None else key[1])
        return Laid(what, index, is_note, starts, ticks, pitch, time, upbeat, metre, key)

    @cached_property
    def bars(self) -> np.ndarray:
        """Ticks in a bar of each of METRES; at -1, where no metre is known, of "other"."""
        return bar_lengths(TICKS)

    @cached_property
    def beats(self) -> np.ndarray:
        """Ticks in the first beat of each of METRES; at -1 of "other"."""
        return first_beats(TICKS)

    @cached_property
    def ago(self) -> tuple[str, ...]:
        """Those of the inputs and echoes that look back so many bars."""
        asked = {*self.inputs, *(echo.name for echo in self.echoes)}
        return tuple(name for name in BARS_AGO if name in asked)

    @property
    def remembers(self) -> bool:
        """Whether anything is asked of what has been."""
        return bool(self.inputs or self.echoes)

    @cached_property
    def _second_ticks(self) -> np.ndarray:
        """Ticks of each id of part 1."""
        ticks = np.zeros(self.parts[1], np.int64)
        ticks[1 : 1 + len(LENGTHS)] = LENGTHS
        return ticks

    def _split(self, tokens: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Ids of part 0 and of part 1, (groups,) each."""
        ids = self.ids
        outside = (tokens < 0) | (tokens >= ids.size)
        if outside.any():
            raise ValueError(f"token {tokens[outside][0]} is outside this vocabulary (0 to {ids.size - 1})")
        ends = np.flatnonzero(tokens == ids.end)
        tokens = tokens[: ends[0]] if len(ends) else tokens
        wrong = (tokens >= ids.second) != (np.arange(len(tokens)) % 2 == 1)
        if wrong.any():
            place = int(wrong.argmax())
            due = "a length" if place % 2 else "a note, a rest or what begins a tune"
            raise ValueError(f"token {place} is {self.vocabulary.name_of(int(tokens[place]))} where {due} is due")
        whole = len(tokens) // 2 * 2
        return tokens[0:whole:2], tokens[1:whole:2]

    def _pieces(self, what: int, ticks: int) -> list[int]:
        """A group that begins, and as many tied to it as `ticks` need."""
        first, *rest = spelled(ticks) or ()
        tokens = [what, self.ids.length + first]
        for index in rest:
            tokens += [self.ids.tie, self.ids.length + index]
        return tokens

    def _key_group(self, melody: Melody) -> tuple[list[int], int]:
        """The tokens that name the key and its octave, and the reference tonic's pitch.

        That is the tonic nearest to the lowest note; to the first where pitches are counted from the note before.
        """
        key = melody.timeline.key or estimate_key(melody.notes)[0]
        pitches = [n.pitch for n in melody.notes] or [60]
        reference = tonic_near(pitches[0] if self.is_chained else min(pitches), key.tonic)
        return self._key_tokens(reference, key), reference

    def _lowered(self, tokens: np.ndarray, group: int, octaves: int) -> np.ndarray:
        """The same notes counted from a reference so many octaves lower; group: that of the key."""
        told = tokens.copy()
        told[self.onsets(tokens)] += 12 * octaves
        told[2 * group + 1] -= octaves
        return told

    def _key_tokens(self, reference: int, key: Key) -> list[int]:
        return [self.ids.key + 12 * (key.mode == "minor") + reference % 12, self.ids.octave + reference // 12 + 1]

    def _found_key(self, what: np.ndarray, second: np.ndarray) -> tuple[int, int, int] | None:
        if not self.is_keyed:
            return None
        ids = self.ids
        places = np.flatnonzero((what >= ids.key) & (what < ids.end) & (second >= ids.octave))
        if not len(places):
            return None
        key = int(what[places[0]]) - ids.key
        return key, 12 * (int(second[places[0]]) - ids.octave - 1) + key % 12, int(places[0])

    def _sounded(self, what: np.ndarray, is_note: np.ndarray, reference: int) -> np.ndarray:
        """Pitch that each group starts, -1 for none."""
        offsets = what + self.lowest
        if self.is_chained:
            offsets = np.where(is_note, offsets, 0).cumsum()
        return np.where(is_note, offsets + reference, -1)

    def _moved(self, tokens: np.ndarray, semitones: int) -> np.ndarray:
        """`transpose` for pitches that are known to stay within 0-127."""
        if not self.is_keyed:
            return np.where(tokens < self.ids.rest, tokens + semitones, tokens).astype(tokens.dtype)
        found = self.laid(tokens).key
        if found is None:
            raise ValueError("these tokens name no key: there is nothing to transpose")
        key, reference, group = found
        reference += semitones
        if not LOWEST_TONIC <= reference <= HIGHEST_TONIC:
            raise ValueError(f"{semitones} semitones take the tonic out of its octaves")
        mode = "minor" if key >= 12 else "major"
        tokens[2 * group : 2 * group + 2] = self._key_tokens(reference, Key(0, 0, mode))
        return tokens
