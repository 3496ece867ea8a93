"""note and interval: an event, then its duration; any metre, triplets, pick-ups, ties over barlines.

    metre_<upper>, over_<lower>    the metre; anywhere in the melody where another begins
    pickup, duration               (tie, duration)*  where there is a pick-up
    key_<mode> tonic, octave       `interval`; of `note` with_key alone, with "named" for the octave
    pitch | rest, duration         (tie, duration)*  where the note or rest has no duration of its own in the table
    end                            alone

Durations are those of `durations`. What sounds when a metre begins is tied after it. Rests after the last note are
not kept. A melody in "other" is read as 4/4, without a pick-up that would fill such a bar.

    note      metre_3 over_4 | pickup quarters_1 | 67 quarters_1 | 72 quarters_3/2 | 74 quarters_1/2 | ... | end
    interval  metre_4 over_4 | key_major 7, octave 6 | offset 6 quarters_1 | offset 8 quarters_1 | ... | end

Version 1, of older models, knows METRES alone and no changes of them: `begin_3/4 quarters_1` begins a melody, with
its pick-up or "none"; and of modes major and minor.

`interval` writes relative pitches: a melody and its transposition are one sequence but for the header, which names
the key and, once, the octave. Relative to the key, an offset is counted in semitones from the reference tonic: 12 x
octave + degree, where the degree in semitones above the tonic gives step and alteration (in major 0 2 4 5 7 9 11 are
the scale, the others altered). Id n is the offset n - 6. The reference is the tonic nearest to the lowest note, which
lies 6 semitones below to 5 above it. Relative to the note before, id n is the interval n - 127; the first note is
counted from the tonic nearest to itself. The key is the melody's own, in any of seven modes, else the major or minor
one that its notes suggest; decoding is exact whichever it is. Enharmonic keys count as one (C sharp as D flat major).

Source: notes rather than steps from folk-rnn (Sturm et al. 2016, "Music transcription modelling and composition using
deep learning", arXiv 1604.08723).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ritornello.encoding.durations import DURATIONS, LENGTHS, TICKS, spelled
from ritornello.encoding.features import Feature, checked_inputs, feature_list
from ritornello.encoding.memory import checked_sources
from ritornello.encoding.note_layout import (
    ABOVE_KEY,
    ABOVE_PREVIOUS,
    ABSOLUTE,
    HIGHEST_TONIC,
    LOWEST_TONIC,
    Groups,
    Ids,
    PitchRow,
    spans_of,
    tonic_near,
    upbeat_of,
)
from ritornello.encoding.note_tracker import NoteTracker
from ritornello.encoding.protocol import Encoded
from ritornello.encoding.vocabulary import (
    LATEST,
    MetreTable,
    Vocabulary,
    bar_lengths,
    key_rows,
    metre_changes,
    metre_table,
    unnamed_metres,
)
from ritornello.music.keys import estimate_key, key_of, plain_key
from ritornello.music.values import (
    DEFAULT_VELOCITY,
    MODES,
    TICKS_PER_QUARTER,
    Key,
    Melody,
    Metre,
    Note,
    Tempo,
    Timeline,
)

OCTAVES = 13  # of the reference tonic, from pitch -12 on
KEYS = [key_of(tonic, mode) for mode in MODES for tonic in range(12)]  # as the header's ids count them


@dataclass(frozen=True)
class NoteEncoding:
    """Absolute pitches: ids 0 to 127. inputs: of `features.INPUTS`. version: 1 or 2.

    with_key: the header names the key, which the features follow then.
    """

    inputs: tuple[str, ...] = ()
    version: int = LATEST
    with_key: bool = False
    name = "note"
    keeps = "melody"
    memory = tuple[str, ...]()  # contexts of absolute pitches would be others in each key
    pitch_range = (0, 127)

    def __post_init__(self) -> None:
        object.__setattr__(self, "inputs", checked_inputs(self.inputs))

    @cached_property
    def metres(self) -> MetreTable:
        """The metres that it names."""
        return metre_table(self.version)

    @cached_property
    def modes(self) -> tuple[str, ...]:
        """The modes that a header may name."""
        return tuple(MODES)[: 2 if self.metres.is_listed else None]

    @cached_property
    def pitch_row(self) -> PitchRow:
        """How pitches are written."""
        return ABSOLUTE

    @property
    def is_keyed(self) -> bool:
        """Whether the header names the key and the octave that pitches are counted from."""
        return self.pitch_row.is_keyed

    @cached_property
    def names_key(self) -> bool:
        """Whether the header names the key."""
        return self.is_keyed or self.with_key

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The token table."""
        octave = ("octave", OCTAVES, "of the tonic that pitches are counted from; 0 for pitches -12 to -1")
        is_listed = self.metres.is_listed
        return Vocabulary.of(
            self.pitch_row[:3],
            ("rest", 1, "silence"),
            ("tie", 1, "what the group before began goes on"),
            *self.metres.first_rows,
            *([] if is_listed else [("pickup", 1, "the tune begins so long before its first barline")]),
            *(key_rows(self.modes) if self.names_key else []),
            ("end", 1, "the tune is over"),
            *([("none", 1, "no pick-up")] if is_listed else self.metres.second_rows),
            *((f"quarters_{value}", 1, f"lasts {value} quarter notes") for value in DURATIONS),
            *([octave] if self.is_keyed else [("named", 1, "the key is named")] if self.with_key else []),
        )

    @cached_property
    def ids(self) -> Ids:
        """First ids of the rows of the table."""
        table, metres = self.vocabulary, self.metres
        begin, second = table[metres.first_rows[0][0]], table["end"] + 1
        pickup = begin + len(metres.first_rows)
        length = second + max(1, len(metres.second_rows))
        return Ids(
            table["rest"], table["tie"], begin, pickup, pickup + (not metres.is_listed), table["end"], second, length,
            length + len(DURATIONS), table.size,
        )  # fmt: skip

    @cached_property
    def end(self) -> int:
        """Id of the `end` token."""
        return self.ids.end

    @cached_property
    def parts(self) -> tuple[int, ...]:
        """Event, and duration."""
        return (self.ids.second, self.ids.size - self.ids.second)

    @property
    def features(self) -> tuple[Feature, ...]:
        """The columns of `inputs`; a bar ago was a group: an id of part 0 and a duration."""
        modes = 2 if self.is_keyed or not self.with_key else len(self.modes)
        return feature_list(self.inputs, self.parts[0], len(DURATIONS), self.metres, modes)

    @property
    def ticks_per_quarter(self) -> int:
        """Unit of the tracker's time."""
        return TICKS

    @cached_property
    def bars(self) -> list[int]:
        """Ticks in a bar of each metre; at -1, where none is known, of "other"."""
        return bar_lengths(self.metres, TICKS)

    def to_dict(self) -> dict[str, Any]:
        """Return what `make_encoding` needs to build this encoding again."""
        plain: dict[str, Any] = {"name": self.name, "inputs": list(self.inputs)}
        plain |= {} if self.version == 1 else {"version": self.version}
        return plain | ({"with_key": True} if self.with_key else {})

    def encode(self, melody: Melody) -> Encoded:
        """Encode a melody: exact, unless a duration has no spelling.

        Then all times are rounded to 1/24 quarter.
        A pick-up that has none is rounded likewise, by itself: then no note keeps its place in the bar.
        """
        ids, row, timeline = self.ids, self.pitch_row, melody.timeline
        index = self.metres.index_of(*timeline.metre[1:3])
        upbeat = upbeat_of(melody, self.bars[index])
        spans, changes, losses = spans_of(melody, upbeat, metre_changes(timeline, self.metres))
        if self.metres.is_listed:
            tokens = self._pieces(ids.begin + index, upbeat) if upbeat else [ids.begin + index, ids.second]
        else:
            tokens = self.metre_tokens(index) + (self._pieces(ids.pickup, upbeat) if upbeat else [])
        base = 0
        if self.with_key and not self.is_keyed:
            key = timeline.key or estimate_key(melody.notes)[0]
            tokens += [ids.key + self.key_place(key), ids.octave]
        if self.is_keyed:  # the reference: the tonic nearest to the lowest note, to the first where they are chained
            key = timeline.key or estimate_key(melody.notes)[0]
            pitches = [n.pitch for n in melody.notes] or [60]
            base = tonic_near(pitches[0] if row.is_chained else min(pitches), key.tonic)
            tokens += self._key_tokens(base, key)
        at = 0
        for start, end, pitch in spans:
            if start > at:
                tokens += self._stretch(ids.rest, at, start, changes)
            tokens += self._stretch(pitch - base - row.lowest, start, end, changes)
            at, base = end, pitch if row.is_chained else base
        return Encoded(np.array([*tokens, ids.end], np.int16), losses + unnamed_metres(timeline, self.metres))

    def headings(self, melody: Melody) -> list[np.ndarray]:
        """Encode a melody under each octave that its header may name.

        `encode` names the highest, a reference next to the lowest note; under a lower one a melody that goes on may
        still go lower. Counted from the note before it may anyway: then there is that of `encode` alone.
        """
        tokens = self.encode(melody).tokens
        key = self.groups(tokens).key
        if key is None or self.pitch_row.is_chained or not self.is_keyed:
            return [tokens]
        _, reference, group = key
        found = []
        for octaves in range((reference - LOWEST_TONIC) // 12 + 1):
            lowered = tokens.copy()
            lowered[self.onsets(tokens)] += 12 * octaves
            lowered[2 * group + 1] -= octaves
            found.append(lowered)
        return found

    def decode(self, tokens: Sequence[int] | np.ndarray, title: str = "", qpm: float = 120.0) -> Melody:
        """Decode tokens to a melody.

        Header and end may be missing, half a group at the end is left out.
        Raises ValueError for an id outside the vocabulary, or of another part than the one that is due.
        """
        groups = self.groups(tokens)
        events = np.flatnonzero(groups.starts)
        opening = groups.time[events[0] if len(events) else -1]
        edges = np.append(groups.time[events], groups.time[-1]) - opening
        upbeat = int(groups.upbeat[-1])
        changes = {int(groups.time[group] - opening): index for group, index in groups.changes}
        unit = TICKS // TICKS_PER_QUARTER
        unit = 1 if (edges % unit).any() or any(tick % unit for tick in (upbeat, *changes)) else unit
        starts, lengths = edges[:-1] // unit, np.diff(edges) // unit
        notes = tuple(
            Note(start, length, pitch, DEFAULT_VELOCITY)
            for start, length, pitch in zip(starts.tolist(), lengths.tolist(), groups.pitch[events].tolist())
            if 0 <= pitch <= 127 and length > 0
        )
        begun = {upbeat: groups.metre} if 0 < upbeat < self.bars[groups.metre] else {}
        begun = {0: groups.metre} | begun | changes
        metres = tuple(Metre(tick // unit, *self.metres.numbers[index]) for tick, index in sorted(begun.items()))
        keys = (KEYS[groups.key[0]],) if groups.key else ()
        timeline = Timeline(TICKS // unit, int(edges[-1]) // unit, metres, keys, (Tempo(0, qpm),))
        return Melody(notes, timeline, title)

    def tracker(self) -> NoteTracker:
        """Start the rules of one melody."""
        return NoteTracker(self)

    def transpose(self, tokens: np.ndarray, semitones: int) -> np.ndarray:
        """Transpose a melody. Raises ValueError if a pitch leaves 0-127."""
        groups = self.groups(tokens)
        pitches = groups.pitch[groups.is_note]
        if len(pitches) and not 0 <= pitches.min() + semitones <= pitches.max() + semitones <= 127:
            raise ValueError(f"{semitones} semitones take a pitch out of 0-127")
        if not self.is_keyed:
            moved = np.where(tokens < self.ids.rest, tokens + semitones, tokens).astype(tokens.dtype)
            named = (tokens >= self.ids.key) & (tokens < self.ids.end)
            moved[named] += (tokens[named] - self.ids.key + semitones) % 12 - (tokens[named] - self.ids.key) % 12
            return moved
        if groups.key is None:
            raise ValueError("these tokens name no key: there is nothing to transpose")
        key, reference, group = groups.key
        reference += semitones
        if not LOWEST_TONIC <= reference <= HIGHEST_TONIC:
            raise ValueError(f"{semitones} semitones take the tonic out of its octaves")
        moved = tokens.copy()
        moved[2 * group : 2 * group + 2] = self._key_tokens(reference, Key(0, 0, self.modes[key // 12]))
        return moved

    def pitches(self, tokens: np.ndarray) -> np.ndarray:
        """List the pitches of the notes in order."""
        groups = self.groups(tokens)
        return groups.pitch[groups.is_note]

    def onsets(self, tokens: np.ndarray) -> np.ndarray:
        """Find the indices of the tokens that start a note."""
        return np.flatnonzero(np.asarray(tokens) < self.ids.rest)

    def metre_of(self, tokens: np.ndarray) -> tuple[int, int]:
        """Read the metre at the beginning, (4, 4) where none is named or "other"."""
        first, second = [*map(int, tokens[:2]), -1, -1][:2]
        return self.metres.numbers[self.metre_index(first, second)]

    def begin(self, metre: str) -> tuple[int, ...]:
        """Return the tokens that name `metre`. Raises ValueError for a metre without any."""
        index = self.metres.named(metre)
        return (self.ids.begin + index,) if self.metres.is_listed else tuple(self.metre_tokens(index))

    def metre_tokens(self, index: int) -> list[int]:
        """List the tokens of a metre by its index (version 2)."""
        upper, lower = self.metres.tokens(index)
        return [self.ids.begin + upper, self.ids.second + lower]

    def metre_index(self, event: int, second: int) -> int:
        """Find the index of the metre that a group names, -1 for none."""
        ids = self.ids
        if not ids.begin <= event < ids.pickup or not (self.metres.is_listed or ids.second <= second < ids.length):
            return -1
        return self.metres.index(event - ids.begin, second - ids.second)

    def groups(self, tokens: Sequence[int] | np.ndarray) -> Groups:
        """Read the whole groups up to the end.

        Raises ValueError for an id out of place or outside the table.
        """
        event, second = self._split(np.asarray(tokens, np.int64))
        ids = self.ids
        is_note, is_tie = event < ids.rest, event == ids.tie
        starts = is_note | (event == ids.rest)
        opening = int(starts.argmax()) if starts.any() else len(event)
        ticks = self._second_ticks[second - ids.second]
        header = np.where(is_tie | (event >= ids.begin) & (event < ids.key), ticks, 0)
        header[opening:] = 0
        ticks = np.where(starts | is_tie, ticks, 0)
        ticks[:opening] = 0
        metres = np.flatnonzero((event >= ids.begin) & (event < ids.pickup)).tolist()
        metre = self.metre_index(int(event[0]), int(second[0])) if len(event) else -1
        later = [
            (group, self.metre_index(int(event[group]), int(second[group]))) for group in metres if group > opening
        ]
        changes = [] if self.metres.is_listed else later
        upbeat = np.append(0, header.cumsum())
        time = (-upbeat) % self.bars[metre] + np.append(0, ticks.cumsum())
        named = (event >= ids.key) & (event < ids.end) & (second >= ids.octave)  # nowhere in `note`
        key = None
        if named.any():
            group = int(named.argmax())
            place = int(event[group]) - ids.key
            reference = 12 * (int(second[group]) - ids.octave - 1) + place % 12 if self.is_keyed else 0
            key = place, reference, group
        offsets = event + self.pitch_row.lowest
        if self.pitch_row.is_chained:
            offsets = np.where(is_note, offsets, 0).cumsum()
        pitch = np.where(is_note, offsets + (key[1] if key else 0), -1)
        return Groups(event, is_note, starts, ticks, pitch, time, upbeat, metre, changes, key)

    @cached_property
    def _second_ticks(self) -> np.ndarray:
        """Ticks of each id of part 1."""
        ticks = np.zeros(self.parts[1], np.int64)
        ticks[self.ids.length - self.ids.second :][: len(LENGTHS)] = LENGTHS
        return ticks

    def _split(self, tokens: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Split tokens into ids of part 0 and of part 1, (groups,) each."""
        ids = self.ids
        self.vocabulary.check(tokens)
        ends = np.flatnonzero(tokens == ids.end)
        tokens = tokens[: ends[0]] if len(ends) else tokens
        wrong = (tokens >= ids.second) != (np.arange(len(tokens)) % 2 == 1)
        if wrong.any():
            place = int(wrong.argmax())
            due = "a length" if place % 2 else "a note, a rest or what begins a tune"
            raise ValueError(f"token {place} is {self.vocabulary.name_of(int(tokens[place]))} where {due} is due")
        whole = len(tokens) // 2 * 2
        return tokens[0:whole:2], tokens[1:whole:2]

    def _pieces(self, event: int, ticks: int) -> list[int]:
        """Write an event, and as many ties as `ticks` need."""
        first, *rest = spelled(ticks) or ()
        tokens = [event, self.ids.length + first]
        for index in rest:
            tokens += [self.ids.tie, self.ids.length + index]
        return tokens

    def _stretch(self, event: int, start: int, end: int, changes: list[tuple[int, int]]) -> list[int]:
        """Write an event from start to end, and the changes of metre before its end."""
        tokens = []
        while changes and changes[0][0] < end:
            tick, index = changes.pop(0)
            if tick > start:
                tokens += self._pieces(event, tick - start)
                event, start = self.ids.tie, tick
            tokens += self.metre_tokens(index)
        return tokens + self._pieces(event, end - start)

    def key_place(self, key: Key) -> int:
        """Find the place of a key among the 12 of each mode; for one without a name the plain key's."""
        known = key if key.mode in self.modes else plain_key(key)
        return 12 * self.modes.index(known.mode) + known.tonic

    def _key_tokens(self, reference: int, key: Key) -> list[int]:
        place = self.key_place(key) // 12 * 12 + reference % 12
        return [self.ids.key + place, self.ids.octave + reference // 12 + 1]


@dataclass(frozen=True)
class IntervalEncoding(NoteEncoding):
    """Relative pitches. relative_to: "key" or "previous". memory: of `memory.SOURCES`.

    inputs, version: as of `NoteEncoding`.
    """

    relative_to: str = "key"
    memory: tuple[str, ...] = ()
    name = "interval"

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "memory", checked_sources(self.memory))
        if self.relative_to not in ("key", "previous"):
            raise ValueError(f'relative_to must be "key" or "previous", not {self.relative_to!r}')

    @cached_property
    def pitch_row(self) -> PitchRow:
        """How pitches are written."""
        return ABOVE_KEY if self.relative_to == "key" else ABOVE_PREVIOUS

    def to_dict(self) -> dict[str, Any]:
        """Return what `make_encoding` needs to build this encoding again."""
        plain = {**super().to_dict(), "relative_to": self.relative_to}
        return plain | ({"memory": list(self.memory)} if self.memory else {})
