"""The rules of note groups: which events and durations may follow, and the place that a melody has reached."""

from __future__ import annotations

from copy import copy
from functools import lru_cache
from typing import Any, NamedTuple, Self

import numpy as np

from ritornello.encoding.durations import AFTER, COARSE, DURATIONS, LENGTHS, LONGEST, MAY_TIE, SHORTEST_TIE, TICKS
from ritornello.encoding.features import (
    BARS_AGO,
    UNKNOWN_CHORDS,
    Harmony,
    Past,
    count_down,
    input_values,
    metrical,
)
from ritornello.encoding.note_layout import BELOW, HIGHEST_TONIC, LOWEST_TONIC, ROOMY, Ids, PitchRow
from ritornello.encoding.protocol import UNREADABLE
from ritornello.encoding.tuplets import (
    FRAMES,
    NO_TUPLET,
    PLAIN,
    Frames,
    Rule,
    begun,
    completing,
    found,
    gone_on,
    is_in_one_beat,
    keeping,
    rules_at,
)
from ritornello.encoding.vocabulary import bar_lengths, first_beats, tick_edges
from ritornello.music.keys import plain_key
from ritornello.music.values import MODES, Key

COUNT = len(DURATIONS)
TICKS_OF = LENGTHS.tolist()  # of each duration
STATE_AFTER = AFTER.tolist()
TIE_FROM = SHORTEST_TIE.tolist()
MINOR = [Key(0, 0, mode).is_minor for mode in MODES]
ENDLESS = 1 << 39  # ticks
PLACES = 512  # in a bar, 24ths of a quarter note
TABLES = 4096  # rows kept of each kind


class NoteTracker:
    """The rules of one melody in note groups (see `protocol.Place`); time and notes change when a group is whole.

    Legal is what `encode` could have written (but for a key that the notes speak against, and, where pitches are
    relative to it, an octave that they speak against): a tie only where the duration before could not have been
    longer and the two are not one duration of the table, or after a metre that begins meanwhile; no rest after a
    rest, no end after a rest or before the first note; no two metres at a time; pick-ups shorter than a bar; pitches
    of 0-127.
    """

    def __init__(self, encoding: Any):
        self.encoding = encoding
        self.ids: Ids = encoding.ids
        self.row: PitchRow = encoding.pitch_row
        self._tables = tables_of(encoding)
        self.time = self.entry = self.onset = self.opening = self.notes = self.part = 0
        self.until = -1
        self.harmony: Harmony | None = None
        self.since = self.bars_before = 0  # where the metre in force began, and the bars until then
        self.bar, self.beat = self._tables.bars[-1], self._tables.beats[-1]  # of "other", where none is known
        self.begun = self.done = self._is_ready = False  # ready: the header is whole as far as it must be
        self.sounding = -1
        self._event = -1  # of the group whose duration is due
        self._state = 0  # of the table of ties
        self._tuplet: Frames = ()  # not yet complete
        self._opened = 0  # ticks at which the last tuplet began
        self._is_closed = False  # a tuplet of several beats has just been completed: it ends here
        self._entered = 0  # ticks at which what sounds, or the rest, began
        self._resumes = False  # a metre has just begun: what sounds may be tied by any duration
        self._has_pickup = False
        self._started = False  # a note or rest has come: ties no longer lengthen the pick-up
        self._upbeat = 0
        self._metre = self._key = self._plain_key = -1
        self._base = 0  # the pitch that others are counted from
        self._last = -1  # pitch of the last note
        self._past = Past()

    def legal(self) -> np.ndarray:
        """Tell which ids of the due part may come next, (parts[part],) of bool."""
        if self.part:
            return self._legal_durations()
        return self._events(True, True, True, True, True)

    def finishable(self, last_bar_start: int, end: int, least: int = 1) -> np.ndarray:
        """Tell which legal ids of the due part lead to an end (see `protocol.Place`)."""
        mask = self._finishable(last_bar_start, end, least, self._tuplet)
        if self._tuplet and not mask.any():  # given notes left no room for what completes it
            mask = self._finishable(last_bar_start, end, least, None)
        return mask

    def _finishable(self, last_bar_start: int, end: int, least: int, tuplet: Frames | None) -> np.ndarray:
        """Tell which legal ids lead to an end.

        tuplet: what must be completed first; None for no rule of tuplets.
        """
        time, state, started, sounds = self.time, self._state, self._started, self.sounding >= 0
        left, until, held = end - time, last_bar_start - time, time - self.onset
        left = left if left < LONGEST + least else LONGEST + least  # from here on all durations fit: fewer tables
        until = -1 if until < 0 else until if until < LONGEST else LONGEST
        ids, event = self.ids, self._event
        rule = open_rule = None
        if tuplet is not None:
            place, edges = (time - self.since) % self.bar, self._tables.edges[self._metre]
            room = min(self.bar - place, FRAMES[-1], end - time - least)
            if tuplet:
                rule = open_rule = completing(tuplet, room)
            else:
                rule, open_rule = rules_at(place, room, edges)
                if self._entered % PLAIN:  # from inside a tuplet over a barline into another one
                    open_rule = NO_TUPLET
        if self.part and event < ids.rest:
            return self._tables.both(self._legal_durations(), closing(left, until, least, 0, rule).mask)
        late = LONGEST + 1 if self.notes else min(self.bar - time, LONGEST + 1)
        rest = rest_fits(left, least, late, rule if self.notes else open_rule)
        if sounds:
            tied = closing(left, until, least, held if held < least else least, open_rule)
        else:
            tied = rest_fits(left, least, late, open_rule)
        if self.part == 0:
            notes = closing(left, until, least, 0, rule).any
            end_fits = until < 0 <= left and held >= least and not tuplet
            tie = not started or ((tied.any if self._resumes else tied.after[state]) and not self._is_closed)
            metre = left > 0 and self.notes > 0 and self._is_at_barline()
            return self._events(notes, rest.any and until > 0, tie, end_fits, metre)
        if event >= ids.begin or (event == ids.tie and not started):
            return self._tables.both(self._legal_durations(), readable_upbeats(self._upbeat))
        return self._tables.both(self._legal_durations(), (tied if event == ids.tie else rest).mask)

    def _events(self, notes: bool, rest: bool, tie: bool, end: bool, metre: bool) -> np.ndarray:
        """Mask the events by the rules; the arguments switch off kinds of them."""
        if self.done:
            return self._tables.events(None, False, False, False, False, False, False)
        ready = self._is_ready
        since = self.since or self.bar - 1  # a first bar that another metre cuts short would be a pick-up
        changes = metre and self._started and self.time > since and not self._tables.metres.is_listed
        return self._tables.events(
            (self._base, self.notes == 0) if ready and notes else None,
            ready and rest and not (self._started and self.sounding < 0),
            tie and (self._resumes or TIE_FROM[self._state] < self._tie_limit()),
            not self.begun or changes,
            self.begun and not self._has_pickup and self._key < 0 and not self._started,
            self.begun and not ready,
            ready and end and self.notes > 0 and self.sounding >= 0 and not self._resumes,
        )

    def _is_at_barline(self) -> bool:
        """Tell whether a bar ends here."""
        return (self.time - self.since) % self.bar == 0

    def _legal_durations(self) -> np.ndarray:
        ids, event, tables = self.ids, self._event, self._tables
        if event >= ids.key:
            return tables.octaves((event - ids.key) % 12)
        if event >= ids.pickup:
            return tables.durations(False, self.bar, -1)
        if event >= ids.begin:
            if tables.metres.is_listed:
                return tables.durations(True, tables.bars[event - ids.begin], -1)
            is_again = self._started and self._is_at_barline()
            spare = tables.metres.spare_lower(self._metre, event - ids.begin) if is_again else -1
            return tables.lower_figures(event - ids.begin, spare)
        if event == ids.tie and not self._resumes:
            return tables.durations(False, self._tie_limit(), self._state)
        return tables.durations(False, ENDLESS, -1)

    def heading(self, pitches: np.ndarray, key: Key | None, is_learned: bool = False) -> np.ndarray | None:
        """Tell which ids of the due part fit a key and leave room, (ids,); None where all do."""
        ids = self.ids
        if not self.encoding.names_key:
            return None
        if self.part == 0:
            return None if key is None else self._tables.keys((key,) if is_learned else (key, plain_key(key)))
        if self._event < ids.key or not self.row.is_keyed:
            return None
        return self._tables.roomiest((self._event - ids.key) % 12, pitches.tobytes())

    def landings(self) -> np.ndarray | None:
        """List the places in the bar that the ids of the due part lead to, (ids,).

        Coded as by `context`, -1 for none; None where no duration of a note, a rest, a tie or a pick-up is due.
        """
        event, ids = self._event, self.ids
        if not self.part or not self.begun:
            return None
        if not self._started and event in (ids.pickup, ids.tie):
            return None if ids.pickup == ids.key else self._tables.landings(self._metre, -self._upbeat, -1)
        if event >= ids.begin:
            return None
        return self._tables.landings(self._metre, (self.time - self.since) % self.bar, 1)

    def pitches(self) -> np.ndarray:
        """List the pitch that each id of the due part starts, (parts[part],) int16, -1 for none."""
        if self.part or not self._is_ready:
            return no_pitches(self.encoding.parts[self.part])
        return self._tables.pitches(self._base, self.notes == 0)

    def features(self) -> list[int]:
        """Compute the features of the next group (see `features.py`)."""
        encoding, past, time, bar = self.encoding, self._past, self.time, self.bar
        first = self._base + self.row.lowest  # pitch of id 0
        highest = self.ids.rest - 1
        ago = {}
        for name, bars in self._tables.bars_ago.items():
            found = ago[name] = past.at(time - bars * bar)
            if found[2] >= 0:  # only after illegal tokens can it be out of reach: then the nearest id
                ago[name] = (min(max(found[2] - first, 0), highest), found[1], found[2])
        key = self._plain_key if self.row.is_keyed else self._key if encoding.names_key else past.key()
        metres, metre, in_bar = self._tables.metres, self._metre, (0, 0)
        if metre >= 0:
            in_bar = metrical(metres.divisions[metre], (time - self.since) % bar, bar, self.beat, TICKS)
        to_go = count_down(self.until, self.since, time, bar)
        chords = UNKNOWN_CHORDS
        if self.harmony is not None and self._is_ready:
            reference = self._base if self.row.is_chained else self._key if self.row.is_keyed else 0
            chords = self.harmony.values(time, reference, TICKS)
        metre_values = self._tables.metre_values(metre)
        return input_values(encoding.inputs, in_bar, metre_values, key, self._last, ago, to_go, chords)

    def context(self) -> tuple[int, int, int, int]:
        """Compute what memory asks for.

        They are place in the bar, id that repeats the last note, bar, and countdown.
        (-1, -1, 0, 0) in the header; -1 for the id before the first note. A place is a metre and 24ths of a quarter.
        """
        if not self._is_ready:
            return -1, -1, 0, 0
        since = self.time - self.since
        place = place_code(self._metre, since % self.bar)
        last = self._last - self._base - self.row.lowest if self.notes else -1
        to_go = count_down(self.until, self.since, self.time, self.bar)
        return place, last, self.bars_before + since // self.bar, to_go

    def advance(self, token: int) -> None:
        """Go on by one token."""
        ids = self.ids
        if token < ids.second:
            self.done = self.done or token == ids.end
            self._event = -1 if token == ids.end else token
            self.part = 0 if token == ids.end else 1
        else:
            if self._event >= 0:
                self._close(self._event, token)
            self._event, self.part = -1, 0

    def _close(self, event: int, token: int) -> None:
        """Complete a group: what it began takes its time."""
        ids = self.ids
        index = token - ids.length
        is_duration = 0 <= index < COUNT
        ticks = TICKS_OF[index] if is_duration else 0
        index = index if is_duration else 0
        is_tied = event == ids.tie and not self._resumes
        self._state = STATE_AFTER[self._state if is_tied else 0][index] if is_duration else 0
        self._resumes = False
        if event < ids.rest:
            pitch = event + self.row.lowest + self._base
            self.opening = self.opening if self.notes else self.time
            self.onset, self.sounding, self._last, self._started = self.time, pitch, pitch, True
            self._entered = self.time
            self.notes += 1
            self._base = pitch if self.row.is_chained else self._base
        elif event == ids.rest:
            self.sounding, self._started, self._entered = -1, True, self.time
        elif event != ids.tie or not self._started:
            self._header(event, token, ticks)
            return
        if self._tables.bars_ago:
            self._past.add(self.time, (event, index, self._last if event < ids.rest else -1))
        if self._tables.follows_key and self.sounding >= 0:
            self._past.sound(self.sounding, ticks)
        self._is_closed = False
        if self._tuplet or ticks % PLAIN:
            place, edges = (self.time - self.since) % self.bar, self._tables.edges[self._metre]
            if self._tuplet:
                self._tuplet = gone_on(self._tuplet, (place + ticks) % self.bar, ticks, edges)
                first = (self._opened - self.since) % self.bar
                self._is_closed = not self._tuplet and not is_in_one_beat(first, place + ticks, edges)
            else:
                is_open = event == ids.tie or not self.notes  # no note begins with it
                self._tuplet, self._opened = begun(place, ticks, edges, is_open), self.time
        self.time += ticks

    def _header(self, event: int, token: int, ticks: int) -> None:
        """Take metre, pick-up or key from a group before the first note or rest."""
        ids, tables = self.ids, self._tables
        if self._started:
            if ids.begin <= event < ids.pickup and not tables.metres.is_listed:
                self.bars_before += -((self.since - self.time) // self.bar)
                self.since, self._resumes = self.time, True
                self._metre = self.encoding.metre_index(event, token)
                self.bar, self.beat = tables.bars[self._metre], tables.beats[self._metre]
            return
        if ids.begin <= event < ids.pickup:
            self._metre, self.begun = self.encoding.metre_index(event, token), True
            self._upbeat += ticks
        elif event == ids.pickup < ids.key:
            self._has_pickup = True
            self._upbeat += ticks
        elif event == ids.tie:
            self._upbeat += ticks
        elif token >= ids.octave:
            self._key = event - ids.key
            self._plain_key = self._key % 12 + 12 * MINOR[self._key // 12]
            self._base = 12 * (token - ids.octave - 1) + self._key % 12 if self.row.is_keyed else 0
        self._is_ready = self.begun and (self._key >= 0 or not self._tables.names_key)
        self.bar, self.beat = tables.bars[self._metre], tables.beats[self._metre]
        self.time = self.entry = -self._upbeat % self.bar
        self._tuplet = found(self.time, tables.edges[self._metre])

    def copy(self) -> Self:
        """Return rules that go on from here by themselves."""
        other = copy(self)
        other._past = self._past.copy()
        return other

    def _tie_limit(self) -> int:
        """Count the ticks that a tied piece must stay below: a pick-up is shorter than its bar."""
        return ENDLESS if self._started else self.bar - self._upbeat


def place_code(metre: int, ticks: int) -> int:
    """Code a place in the bar, in ticks, as memory counts it: a metre and 24ths of a quarter."""
    return PLACES * (metre + 1) + min(ticks * COARSE // TICKS, PLACES - 1)


class Fitting(NamedTuple):
    """Durations that fit: a mask, (durations,) of bool; whether any does; and any that may be tied, by state."""

    mask: np.ndarray
    any: bool
    after: list[bool]

    @classmethod
    def of(cls, mask: np.ndarray) -> Fitting:
        """Sum up a mask, which becomes read-only."""
        return cls(_frozen(mask), bool(mask.any()), (MAY_TIE & mask).any(1).tolist())


@lru_cache(maxsize=TABLES)
def closing(left: int, until: int, least: int, held: int, rule: Rule | None = None) -> Fitting:
    """Tell which durations of a note let a melody close, with it or after a further note.

    left, until: ticks to the latest end and to the last bar. least: ticks that the last note must last. held: ticks
    that the note has lasted. rule: of tuplets.
    """
    room = left - LENGTHS
    closes = (until < LENGTHS) & (LENGTHS + held >= least)
    return Fitting.of((room >= 0) & (closes | (room >= least)) & (True if rule is None else keeping(rule)))


@lru_cache(maxsize=TABLES)
def rest_fits(left: int, least: int, late: int, rule: Rule | None = None) -> Fitting:
    """Tell which durations of a rest leave room for a note.

    late: ticks by which the first note must start. rule: of tuplets.
    """
    return Fitting.of((left - LENGTHS >= least) & (late > LENGTHS) & (True if rule is None else keeping(rule)))


@lru_cache(maxsize=TABLES)
def readable_upbeats(upbeat: int) -> np.ndarray:
    """Mask durations that lengthen a pick-up of so many ticks to one that can be written.

    (durations,) of bool.
    """
    return _frozen(is_written(upbeat + LENGTHS))


def is_written(upbeat: np.ndarray) -> np.ndarray:
    """Tell whether pick-ups of so many ticks can be written: without a 128th note."""
    return (upbeat % (PLAIN // 2) > 0) | (upbeat % PLAIN == 0)


class NoteTables:
    """What the rules of one encoding look up: rows of ids by state, made once, and what its features ask for.

    bars, beats, edges: ticks of a bar, of its first beat and of all its beats in each of `metres`; at -1 of "other".
    bars_ago: inputs that look back so many bars. follows_key: one needs the key, and no header names it.
    """

    def __init__(self, encoding: Any):
        self._encoding, self._ids = encoding, encoding.ids
        self._row, self.metres = encoding.pitch_row, encoding.metres
        first = self._ids.length - self._ids.second
        self._lengths = slice(first, first + COUNT)
        self.bars, self.beats = bar_lengths(self.metres, TICKS), first_beats(self.metres, TICKS)
        self.edges = tick_edges(self.metres, TICKS)
        inputs = encoding.inputs
        self.bars_ago = {name: bars for name, bars in BARS_AGO.items() if name in inputs}
        self.names_key = encoding.names_key
        self.follows_key = not self.names_key and ("key" in inputs or "degree" in inputs)
        self._both: dict[tuple[int, int], tuple[np.ndarray, np.ndarray, np.ndarray]] = {}

    @lru_cache(maxsize=TABLES)  # noqa: B019 - there are as many of these as encodings
    def metre_values(self, metre: int) -> tuple[int, ...]:
        """List the values of the features of a metre (see `MetreTable.values`)."""
        return self.metres.values(metre)

    @lru_cache(maxsize=TABLES)  # noqa: B019
    def durations(self, none: bool, limit: int, state: int) -> np.ndarray:
        """Mask part 1 where a duration is due.

        Those below `limit` ticks, of a tie those of its state.
        none: whether "none" may come. state: -1 where nothing is tied.
        """
        mask = np.zeros(self._ids.size - self._ids.second, bool)
        mask[0] = none
        mask[self._lengths] = (limit > LENGTHS) & (MAY_TIE[state] if state >= 0 else True)
        return _frozen(mask)

    @lru_cache(maxsize=TABLES)  # noqa: B019
    def landings(self, metre: int, place: int, direction: int) -> np.ndarray:
        """List the places that each id of part 1 leads to, (ids,).

        -1 for none that could be told, UNREADABLE for a pick-up with a 128th note.
        place: ticks in the bar. direction: 1, or -1 for a pick-up, which counts from the barline back. A place that
        is no whole number of 24ths of a quarter is told by its code only where no 32nd or triplet has that one.
        """
        found = np.full(self._ids.size - self._ids.second, -1)
        ticks = (place + direction * LENGTHS) % self.bars[metre]
        below = ticks * COARSE // TICKS
        is_told = (ticks * COARSE % TICKS == 0) | ((below % 3 > 0) & (below % 4 > 0))
        is_readable = (direction > 0) | is_written(ticks)
        codes = np.where(is_told, [place_code(metre, tick) for tick in ticks.tolist()], -1)
        found[self._lengths] = np.where(is_readable, codes, UNREADABLE)
        return _frozen(found)

    @lru_cache(maxsize=TABLES)  # noqa: B019
    def lower_figures(self, upper: int, spare: int) -> np.ndarray:
        """Mask part 1 where the lower figure of a metre is due (see `MetreTable.lower_mask`)."""
        mask = np.zeros(self._ids.size - self._ids.second, bool)
        mask[: self._lengths.start] = self.metres.lower_mask(upper, spare)
        return _frozen(mask)

    @lru_cache(maxsize=TABLES)  # noqa: B019
    def octaves(self, tonic: int) -> np.ndarray:
        """Mask part 1 where the octave of a tonic, 0 for C, is due."""
        ids = self._ids
        mask = np.zeros(ids.size - ids.second, bool)
        if not self._row.is_keyed:
            mask[ids.octave - ids.second :] = True
            return _frozen(mask)
        references = 12 * (np.arange(ids.size - ids.octave) - 1) + tonic
        mask[ids.octave - ids.second :] = (references >= LOWEST_TONIC) & (references <= HIGHEST_TONIC)
        return _frozen(mask)

    @lru_cache(maxsize=TABLES)  # noqa: B019
    def keys(self, wanted: tuple[Key, ...]) -> np.ndarray:
        """Mask part 0: of the ids that name a key, those of the keys wanted alone."""
        ids, encoding = self._ids, self._encoding
        mask = np.ones(ids.second, bool)
        mask[ids.key : ids.end] = False
        mask[[ids.key + encoding.key_place(key) for key in wanted]] = True
        return _frozen(mask)

    @lru_cache(maxsize=TABLES)  # noqa: B019
    def roomiest(self, tonic: int, allowed: bytes) -> np.ndarray:
        """Mask the octaves of a tonic, 0 for C, that have most room among allowed pitches.

        allowed: (128,) of bool, as bytes. Room: semitones from the lowest pitch within reach of a reference to the
        highest; none where a melody's lowest note (the first one where pitches are counted from the note before)
        would not lie among them.
        """
        ids = self._ids
        open_to, floor = np.flatnonzero(np.frombuffer(allowed, bool)), 12 * (np.arange(ids.size - ids.octave) - 1)
        floor += tonic - BELOW
        lowest = open_to[np.minimum(open_to.searchsorted(floor), len(open_to) - 1)]
        room = np.full_like(lowest, ROOMY) if self._row.is_chained else np.minimum(open_to[-1] - lowest, ROOMY)
        room = np.where((floor <= lowest) & (lowest < floor + 12), room, -1)
        mask = np.ones(ids.size - ids.second, bool)
        mask[ids.octave - ids.second :] = room == room.max()
        return _frozen(mask)

    def both(self, legal: np.ndarray, fits: np.ndarray) -> np.ndarray:
        """Mask part 1 by a row of `durations` and one of (durations,), both kept.

        Found again by identity.
        """
        key = (id(legal), id(fits))
        found = self._both.get(key)
        if found is None:
            mask = legal.copy()
            mask[self._lengths] &= fits
            if len(self._both) == TABLES:
                self._both.clear()
            found = self._both[key] = (legal, fits, _frozen(mask))
        return found[2]

    @lru_cache(maxsize=TABLES)  # noqa: B019
    def events(
        self,
        pitched: tuple[int, bool] | None,
        rest: bool,
        tie: bool,
        begins: bool,
        pickup: bool,
        keys: bool,
        end: bool,
    ) -> np.ndarray:
        """Mask part 0 by kind of event.

        pitched: reference and whether the first note is due, None for no notes.
        """
        ids = self._ids
        mask = np.zeros(ids.second, bool)
        if pitched is not None:
            mask[: ids.rest] = self.pitches(*pitched)[: ids.rest] >= 0
        mask[ids.rest], mask[ids.tie], mask[ids.end] = rest, tie, end
        mask[ids.begin : ids.pickup], mask[ids.pickup : ids.key], mask[ids.key : ids.end] = begins, pickup, keys
        return _frozen(mask)

    @lru_cache(maxsize=TABLES)  # noqa: B019
    def pitches(self, base: int, is_first: bool) -> np.ndarray:
        """List the pitch of each id of part 0 above a reference, int16, -1 for none in 0-127.

        A first interval is as short as the reference allows.
        """
        ids, row = self._ids, self._row
        offsets = np.arange(row.lowest, row.lowest + ids.rest)
        legal = (base + offsets >= 0) & (base + offsets <= 127)
        if row.is_chained and is_first:
            legal &= (offsets >= -BELOW) & (offsets < 12 - BELOW)
        out = np.full(ids.second, -1, np.int16)
        out[: ids.rest] = np.where(legal, base + offsets, -1)
        return _frozen(out)


_kept_tables = lru_cache(maxsize=8)(NoteTables)  # one for each encoding


def tables_of(encoding: Any) -> NoteTables:
    """Find the tables of an encoding among the last ones, or make them."""
    try:
        hash(encoding)
    except TypeError:
        return NoteTables(encoding)
    return _kept_tables(encoding)


@lru_cache(maxsize=8)
def no_pitches(size: int) -> np.ndarray:
    """List no pitch for any of so many ids, int16."""
    return _frozen(np.full(size, -1, np.int16))


def _frozen(table: np.ndarray) -> np.ndarray:
    """Make a table read-only."""
    table.flags.writeable = False
    return table
