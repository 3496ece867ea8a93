"""chorale: four voices on a grid of sixteenths, one token for each voice at each step, from soprano to bass.

A token moves the voice to a new note, id - 64 semitones from its note before (its first note is written as its
pitch), holds what the voice sings, or rests; a repeated note is a move by 0. The metre stands before the first step,
two tokens, and wherever another one begins. Music starts on a barline: before a pick-up all voices rest. `end` comes
where the soprano of a further step would.

    metre_4 over_4 | 69 64 60 45 | hold hold hold hold | 66 hold 66 63 | ... | end

Without bars (`barred` False) there is no metre, and places are counted from the first step in bars of sixteen: for
music of which nobody says where its bars begin.

With `given`, ("soprano",), the network also sees what the soprano sings at this step, which note comes next and when,
and where its phrase ends. That is unknown (0) unless a caller sets a tracker's `soprano`.

Moves rather than pitches: what is learned in one key is known in all.

Sources: chorales voice by voice on sixteenths, Huang et al. 2018 (arXiv 1809.04281); how long each voice has held its
note as an input, Peracha 2019 (arXiv 1911.11775).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, ClassVar

import numpy as np

from ritornello.encoding.features import Aspect, Feature
from ritornello.encoding.protocol import Encoded
from ritornello.encoding.vocabulary import LATEST, MetreTable, Vocabulary, bar_lengths, first_beats, metre_table
from ritornello.encoding.vocabulary import metre_changes as changes_of
from ritornello.encoding.voices.echo import ECHO, LINE, RECENT
from ritornello.encoding.voices.relations import COLUMNS, chorale_aspects
from ritornello.encoding.voices.tracker import (
    FIRST_METRE,
    HOLD,
    REST,
    SAME,
    ChoraleTracker,
    Soprano,
    chorale_features,
    soprano_ahead,
    transposed_rows,
)
from ritornello.music.lines import VOICES
from ritornello.music.values import TICKS_PER_QUARTER, Melody, Metre, Note, Part, Piece, Tempo, Timeline

CHOIR = (73, 68, 71, 42)  # flute, oboe, clarinet, cello
PER_QUARTER = 4
GIVEN = ("soprano",)
INPUTS = (ECHO, LINE, RECENT)  # that an encoding may have or not
GIVEN_SHARE = 0.5
KEPT_ROWS = 2048  # pieces whose features are kept
RANGES = ((55, 84), (50, 77), (43, 72), (36, 67))
"""Lowest and highest pitch of each voice in legal music: those of 360 hymns and chorales, and a little more."""


@dataclass(frozen=True)
class ChoraleEncoding:
    """Four voices.

    barred: with metres. given: () or ("soprano",). inputs: what a piece remembers
    of itself (see `echo`). ranges: lowest and highest pitch of each voice.
    """

    barred: bool = True
    given: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    relations: tuple[str, ...] = ()
    ranges: tuple[tuple[int, int], ...] = RANGES
    name = "chorale"
    keeps = "voices"
    memory: ClassVar[tuple[str, ...]] = ()
    is_keyed = False
    pitch_range = (0, 127)
    ticks_per_quarter = PER_QUARTER

    def __post_init__(self) -> None:
        given = (self.given,) if isinstance(self.given, str) else tuple(self.given)
        ranges = tuple((int(low), int(high)) for low, high in self.ranges)
        if set(given) - set(GIVEN):
            raise ValueError(f"what is given may be the soprano, not {', '.join(sorted(set(given) - set(GIVEN)))}")
        if len(ranges) != len(VOICES) or any(not 0 <= low <= high <= 127 for low, high in ranges):
            raise ValueError(f"ranges are a lowest and a highest pitch, 0 to 127, of four voices, not {self.ranges}")
        names = (self.inputs,) if isinstance(self.inputs, str) else tuple(self.inputs)
        if unknown := sorted(set(names) - set(INPUTS)):
            raise ValueError(f"chorale has no input {unknown[0]!r}; it has {', '.join(INPUTS)}")
        relations = tuple(self.relations)
        if unknown := sorted(set(relations) - set(COLUMNS)):
            raise ValueError(f"chorale has no relation {unknown[0]!r}; it has {', '.join(COLUMNS)}")
        object.__setattr__(self, "relations", tuple(name for name in COLUMNS if name in relations))
        object.__setattr__(self, "given", given)
        object.__setattr__(self, "inputs", tuple(name for name in INPUTS if name in names))
        object.__setattr__(self, "ranges", ranges)

    @cached_property
    def metres(self) -> MetreTable:
        """The metres that it names."""
        return metre_table(LATEST)

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The token table."""
        metres = (*self.metres.first_rows, *self.metres.second_rows) if self.barred else ()
        return Vocabulary.of(
            ("move", 128, f"the voice begins a note, id - {SAME} semitones from the one before"),
            ("hold", 1, "what the voice sings goes on"),
            ("rest", 1, "the voice is silent"),
            *metres,
            ("end", 1, "the music is over"),
        )

    @property
    def parts(self) -> tuple[int, ...]:
        """One part: every token is a group."""
        return (self.vocabulary.size,)

    @cached_property
    def end(self) -> int:
        """Id of the `end` token."""
        return self.vocabulary["end"]

    @cached_property
    def features(self) -> tuple[Feature, ...]:
        """The inputs besides the tokens (see `tracker`)."""
        return chorale_features(self.barred, bool(self.given), self.inputs, "degree" in self.relations)

    @cached_property
    def aspects(self) -> tuple[Aspect, ...]:
        """The meanings of tokens, given features (see `relations`)."""
        return chorale_aspects(self.relations, tuple(f.name for f in self.features), self.vocabulary.size)

    @cached_property
    def bars(self) -> list[int]:
        """Steps in a full bar of each metre."""
        return bar_lengths(self.metres, PER_QUARTER)

    @cached_property
    def beats(self) -> list[int]:
        """Steps in the first beat of a bar of each metre."""
        return first_beats(self.metres, PER_QUARTER)

    def to_dict(self) -> dict[str, Any]:
        """Return what `make_encoding` needs to build this encoding again."""
        plain: dict[str, Any] = {"name": self.name, "barred": self.barred}
        plain |= {"given": list(self.given)} if self.given else {}
        plain |= {name: list(getattr(self, name)) for name in ("inputs", "relations") if getattr(self, name)}
        return plain | ({} if self.ranges == RANGES else {"ranges": [list(each) for each in self.ranges]})

    def encode(self, music: Piece | Melody) -> Encoded:
        """Encode a piece of four voices, its parts from soprano to bass.

        Raises ValueError for other than four parts, a part that sounds several notes at once, or a note off the grid.
        """
        pitches, starts, metres = voices_of(music, self)
        return Encoded(self.write(pitches, starts, metres))

    def write(
        self, pitches: np.ndarray, starts: np.ndarray | None = None, metres: Sequence[tuple[int, int]] = ()
    ) -> np.ndarray:
        """Write steps as tokens, (length,) int16.

        pitches: (steps, 4), -1 for silence. starts: (steps, 4) of bool, where a note begins; None: where the pitch
        changes. metres: step and index of each. Raises ValueError for a leap of more than five octaves.
        """
        before = np.vstack([np.full((1, 4), -1), pitches[:-1]])
        starts = (pitches != before if starts is None else starts) & (pitches >= 0)
        moves = pitches - last_sung(pitches)
        if (np.abs(moves[starts]) >= SAME).any():
            voice = int(np.argmax((np.abs(moves) >= SAME) & starts) % 4)
            raise ValueError(f"the {VOICES[voice].lower()} leaps by {SAME} semitones or more")
        tokens = np.where(pitches < 0, REST, np.where(starts, moves + SAME, HOLD)).reshape(-1)
        for step, index in sorted(metres, reverse=True) if self.barred else ():
            tokens = np.insert(tokens, 4 * step, self.metre_tokens(index))
        return np.append(tokens, self.end).astype(np.int16)

    def read(self, tokens: np.ndarray) -> tuple[np.ndarray, np.ndarray, list[tuple[int, int]]]:
        """Read tokens as steps: pitches, starts and metres, as `write` takes them.

        A last step that is not complete is left out; a hold of nothing is silence. A pitch may lie beyond 0-127 in
        tokens that no rules have made.
        """
        tokens = np.asarray(tokens, np.int64)
        is_voice = tokens <= REST
        steps = tokens[is_voice][: is_voice.sum() // 4 * 4].reshape(-1, 4)
        starts = steps < HOLD
        changes = np.where(
            steps == HOLD, 0, 1 + np.arange(len(steps))[:, None]
        )  # row of the last note or rest, from 1
        last = np.maximum.accumulate(changes, 0)
        is_sung = np.vstack([np.zeros((1, 4), bool), starts])[last, np.arange(4)]
        pitches = np.where(is_sung, SAME + np.where(starts, steps - SAME, 0).cumsum(0), -1)
        place_of = np.append(0, is_voice.cumsum()) // 4
        second = FIRST_METRE + len(self.metres.first_rows)
        uppers = np.flatnonzero((tokens >= FIRST_METRE) & (tokens < second) & self.barred)
        lowers = range(second, self.end)
        metres = [
            (int(place_of[at]), self.metres.index(int(tokens[at]) - FIRST_METRE, int(tokens[at + 1]) - second))
            for at in uppers
            if at + 1 < len(tokens) and tokens[at + 1] in lowers
        ]
        return pitches, starts, metres

    def decode(self, tokens: Sequence[int] | np.ndarray, title: str = "", qpm: float = 120.0) -> Piece:
        """Decode tokens to a piece of four parts.

        Raises ValueError for an id outside the vocabulary, or moves beyond the pitches 0-127.
        """
        tokens = np.asarray(tokens, np.int64)
        self.vocabulary.check(tokens)
        pitches, starts, metres = self.read(tokens)
        if pitches.size and not -1 <= pitches.min() <= pitches.max() <= 127:
            raise ValueError("the voices move beyond the pitches 0-127")
        ticks = math.lcm(TICKS_PER_QUARTER, PER_QUARTER) // PER_QUARTER
        first = self.metres.numbers[metres[0][1] if metres else -1]
        opening = int(np.argmax((pitches >= 0).any(1))) if (pitches >= 0).any() else 0
        bar = 4 * PER_QUARTER * first[0] // first[1]
        late = opening if self.barred and opening < bar else 0  # a pick-up
        named = {0: Metre(0, *first)} | ({(bar - late) * ticks: Metre((bar - late) * ticks, *first)} if late else {})
        for step, index in metres[1:]:
            named[(step - late) * ticks] = Metre((step - late) * ticks, *self.metres.numbers[index])
        timeline = Timeline(
            ticks * PER_QUARTER, (len(pitches) - late) * ticks, tuple(named[t] for t in sorted(named)),
            tempos=(Tempo(0, qpm),),
        )  # fmt: skip
        parts = []
        for voice, (name, program) in enumerate(zip(VOICES, CHOIR, strict=True)):
            sung, begins = pitches[:, voice], starts[:, voice]
            edges = np.append(np.flatnonzero(begins | (np.diff(sung, prepend=-1) != 0)), len(sung))
            notes = tuple(
                Note(int(at - late) * ticks, int(stop - at) * ticks, int(sung[at]))
                for at, stop in zip(edges[:-1], edges[1:], strict=True)
                if sung[at] >= 0
            )
            parts.append(Part(notes, name, program))
        return Piece(tuple(parts), timeline, title)

    def tracker(self) -> ChoraleTracker:
        """Start the rules of one piece."""
        return ChoraleTracker(self)

    def ahead(self, tokens: np.ndarray) -> Soprano:
        """Read the soprano of a whole piece, for a tracker's `soprano`."""
        pitches, starts, _ = self.read(tokens)
        return soprano_ahead(pitches[:, 0], starts[:, 0])

    def transpose(self, tokens: np.ndarray, semitones: int) -> np.ndarray:
        """Transpose a piece: the first note of each voice.

        Raises ValueError if a pitch leaves 0-127.
        """
        sung = self.pitches(tokens)
        if len(sung) and not 0 <= sung.min() + semitones <= sung.max() + semitones <= 127:
            raise ValueError(f"{semitones} semitones take a pitch out of 0-127")
        moved = tokens.copy()
        voices = np.flatnonzero(tokens <= REST)
        for voice in range(4):
            notes = voices[voice::4][tokens[voices[voice::4]] < HOLD]
            moved[notes[:1]] += semitones
        return moved

    def pitches(self, tokens: np.ndarray) -> np.ndarray:
        """List the pitches of the notes in the order of the tokens."""
        pitches, starts, _ = self.read(tokens)
        return pitches[starts]

    def variants(self, tokens: np.ndarray, lowest: int, highest: int) -> list[int]:
        """List the semitones, -6 to 5, that leave every voice in its range; 0 is always one."""
        pitches = self.read(tokens)[0]
        voices = [pitches[:, voice][pitches[:, voice] >= 0] for voice in range(4)]
        room = [(low - v.min(), high - v.max()) for v, (low, high) in zip(voices, self.ranges, strict=True) if len(v)]
        return [k for k in range(-6, 6) if k == 0 or all(down <= k <= up for down, up in room)]

    def vary(self, tokens: np.ndarray, variant: int) -> np.ndarray:
        """Transpose a piece by one of `variants`."""
        return self.transpose(tokens, variant)

    def feature_rows(self, tokens: np.ndarray, known: bool = False) -> np.ndarray:
        """Compute the features of each token, (length, F) int16, as a tracker does.

        known: whether the soprano is. A transposition is found from what another key of the piece gave.
        """
        tokens = np.asarray(tokens, np.int64)
        notes = self.pitches(tokens)
        down = int(notes.min()) if len(notes) else 0
        lowered = self.transpose(tokens, -down)
        rows = transposed_rows(_rows(self, lowered.tobytes(), known), self.features, down)
        opening = tokens[: self._opening(tokens)]  # until each voice has sung, features depend on the key
        rows[: len(opening)] = tracked_rows(self, opening, self.ahead(tokens) if known else None)
        return rows

    def _opening(self, tokens: np.ndarray) -> int:
        """Count the tokens up to the first notes of all four voices."""
        voices = np.flatnonzero(tokens <= REST)
        firsts = [voices[n::4][tokens[voices[n::4]] < HOLD][:1] for n in range(4)]
        return max((int(first[0]) + 1 if len(first) else len(tokens) for first in firsts), default=0)

    def given_rows(self, tokens: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """Compute the features of each token for training: with the soprano for half of the pieces."""
        return self.feature_rows(tokens, bool(self.given) and random.random() < GIVEN_SHARE)

    def headings(self, music: Piece) -> list[np.ndarray]:
        """Encode a piece under its one header."""
        return [self.encode(music).tokens]

    def metre_of(self, tokens: np.ndarray) -> tuple[int, int]:
        """Read the metre at the beginning, (4, 4) where none is named."""
        metres = self.read(np.asarray(tokens[:2]))[2]
        return self.metres.numbers[metres[0][1] if metres else -1]

    def begin(self, metre: str) -> tuple[int, ...]:
        """Return the tokens that name `metre`. Raises ValueError for a metre without any."""
        return self.metre_tokens(self.metres.named(metre)) if self.barred else ()

    def metre_tokens(self, index: int) -> tuple[int, ...]:
        """List the tokens of a metre by its index."""
        firsts = (FIRST_METRE, FIRST_METRE + len(self.metres.first_rows))
        return tuple(first + place for first, place in zip(firsts, self.metres.tokens(index), strict=True))


def last_sung(pitches: np.ndarray) -> np.ndarray:
    """Find the pitch that each voice sang before each step, (steps, 4); SAME where it has none."""
    steps = np.arange(1, 1 + len(pitches))[:, None]
    last = np.maximum.accumulate(np.where(pitches >= 0, steps, 0), 0)
    before = np.vstack([np.zeros((1, 4), np.int64), last[:-1]])
    return np.vstack([np.full((1, 4), SAME), pitches])[before, np.arange(4)]


@lru_cache(maxsize=KEPT_ROWS)
def _rows(encoding: ChoraleEncoding, content: bytes, known: bool) -> np.ndarray:
    """Compute the features of a piece, its tokens as bytes of int64."""
    tokens = np.frombuffer(content, np.int64)
    return tracked_rows(encoding, tokens, encoding.ahead(tokens) if known else None)


def tracked_rows(encoding: ChoraleEncoding, tokens: np.ndarray, soprano: Soprano | None) -> np.ndarray:
    """Compute the features of each token by a tracker, (length, F) int16."""
    tracker, rows = encoding.tracker(), []
    tracker.soprano = soprano
    for token in tokens.tolist():
        rows.append(tracker.features())
        tracker.advance(token)
    return np.array(rows, np.int16).reshape(len(tokens), len(encoding.features))


def voices_of(
    music: Piece | Melody, encoding: ChoraleEncoding
) -> tuple[np.ndarray, np.ndarray, list[tuple[int, int]]]:
    """Lay four voices on steps.

    Returns pitches, starts, and metres by step and index, as `ChoraleEncoding.write` takes them.
    Raises ValueError naming what is not four single lines on the grid.
    """
    if isinstance(music, Melody):
        raise ValueError("it is a single line, and the chorale encoding writes four voices")
    timeline = music.timeline
    if len(music.parts) != len(VOICES):
        raise ValueError(f"it has {len(music.parts)} parts, and the chorale encoding writes four voices")
    late = steps_of(timeline.bar_ticks(timeline.metre) - timeline.pickup, timeline) if timeline.pickup else 0
    end = max((n.end for part in music.parts for n in part.notes), default=0)
    length = late + steps_of(end, timeline)
    pitches, starts = np.full((length, 4), -1), np.zeros((length, 4), bool)
    for voice, part in enumerate(music.parts):
        reached = 0
        for note in part.notes:
            if note.start < reached:
                raise ValueError(f"the {VOICES[voice].lower()} sings two notes at once at tick {note.start}")
            reached = note.end
            begin, stop = late + steps_of(note.start, timeline), late + steps_of(note.end, timeline)
            pitches[begin:stop, voice], starts[begin, voice] = note.pitch, True
    metres = [(0, encoding.metres.index_of(*timeline.metre[1:3]))]
    metres += [(late + steps_of(tick, timeline), index) for tick, index in changes_of(timeline, encoding.metres)]
    return pitches, starts, metres


def steps_of(ticks: Any, timeline: Timeline) -> int:
    """Count ticks in steps. Raises ValueError for a time off the grid."""
    steps, rest = divmod(ticks * PER_QUARTER, timeline.ticks_per_quarter)
    if rest:
        raise ValueError(f"tick {ticks} of {timeline.ticks_per_quarter} to the quarter lies off the sixteenths")
    return int(steps)
