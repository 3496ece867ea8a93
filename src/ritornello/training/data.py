"""Training data as the network reads it: melodies end to end in parallel streams, or whole ones side by side.

Chunks never overlap and the state is carried from one chunk to the next, so every token is a target once per epoch.
Where an encoding counts down the bars of a melody, that is known for half of the melodies, drawn anew each time; and
the chords of melodies that have some for a quarter.
Each melody is preceded by the "nothing yet" group and moved to a random key within its range; other music is varied
as its encoding has it. A very long one is read in sections, each preceded by the group before it, so that several
streams read it in different places.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from ritornello.corpus.tokens import variants_of, varied
from ritornello.encoding import Encoding
from ritornello.encoding.features import (
    CHORD,
    CHORD_COLUMNS,
    COUNTDOWN,
    Harmony,
    chord_columns,
    countdown_column,
    feature_rows,
)
from ritornello.encoding.memory import levels
from ritornello.model.alphabet import Alphabet
from ritornello.model.memory import Recalled
from ritornello.training.memory import Memory, Recollection

IGNORED = -100  # a target that is not learned
SECTION = 512  # groups, about; a melody of up to two sections is read whole
COUNTDOWN_SHARE = 0.5  # more teaches no better endings and costs a network that does not know it
CHORD_SHARE = 0.25  # of the melodies that have chords; with more a network that does not know them expects less well
OPEN_SHARE = 0.25  # of these, whose next chord is not known, as on stage
KEPT_BYTES = 100_000_000  # of rows that are kept, so that features are not computed anew in every epoch


class Batch(NamedTuple):
    """A block of S streams, T recurrent steps, P parts and F features, all int64.

    inputs (S, T, P): the note group before, or "nothing yet" (the vocabulary's size) in every part.
    targets (S, T, P): the note group to predict, IGNORED where nothing is to be learned.
    features (S, T, F): the features of that group, 0 where there is none.
    memory: of each part what is recalled for those groups, their rows counted stream by stream; () without memory.
    """

    inputs: np.ndarray
    targets: np.ndarray
    features: np.ndarray
    memory: tuple[Recalled, ...] = ()

    def between(self, start: int, stop: int) -> Batch:
        """Cut out the steps from start to stop."""
        steps = self.inputs.shape[1]
        stop = min(stop, steps)
        inputs, targets, features = (values[:, start:stop] for values in (self.inputs, self.targets, self.features))
        return Batch(inputs, targets, features, tuple(_cut(each, steps, start, stop) for each in self.memory))


def _cut(recalled: Recalled, steps: int, start: int, stop: int) -> Recalled:
    """Keep what is recalled for the steps from start to stop of each stream."""
    stream, step = np.divmod(recalled.row, steps)
    kept = (start <= step) & (step < stop)
    levels = recalled.evidence.shape[1:]
    return Recalled(
        stream[kept] * (stop - start) + step[kept] - start,
        recalled.token[kept],
        recalled.level[kept],
        recalled.gain[kept],
        recalled.evidence.reshape(-1, steps, *levels)[:, start:stop].reshape(-1, *levels),
    )


def melody_rows(encoding: Encoding, melodies: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Lay out melodies as rows of tokens and features: (1 + groups, P + F) of int16 each.

    The first row is "nothing yet". The features of a row are those known when its group is to be predicted.
    """
    alphabet, rows = Alphabet.of(encoding), []
    parts = len(alphabet.parts)
    features = [feature_rows(encoding, tokens) for tokens in melodies] if alphabet.features else []
    for n, tokens in enumerate(melodies):
        groups = alphabet.groups(tokens)
        row = np.zeros((1 + len(groups), parts + len(alphabet.features)), np.int16)
        row[0, :parts] = alphabet.nothing
        row[1:, :parts] = groups
        if features:
            row[1:, parts:] = features[n]
        rows.append(row)
    return rows


def batch_of(rows: np.ndarray, alphabet: Alphabet, recollection: Recollection | None = None) -> Batch:
    """Split rows, (S, T + 1, P + F), into inputs and the targets that follow them.

    "Nothing yet" is an input only, as is an id that is written as its complement, ~id. recollection: where there is
    memory, of the groups whose numbers the rows have in one column more, -1 for none.
    """
    parts, columns = len(alphabet.parts), len(alphabet.parts) + len(alphabet.features)
    rows = rows.astype(np.int64)
    ids, targets = rows[:, :-1, :parts], rows[:, 1:, :parts].copy()
    targets[(targets == alphabet.nothing) | (targets < 0)] = IGNORED
    memory = recollection.recall(rows[:, 1:, columns].ravel()) if recollection else ()
    return Batch(np.where(ids < 0, ~ids, ids), targets, rows[:, 1:, parts:columns], memory)


def numbered(rows: np.ndarray, first: int | None) -> np.ndarray:
    """Number the groups of a melody's rows in one column more.

    first: number of the first group; None where there is no memory.
    """
    if first is None:
        return rows
    numbers = np.arange(first - 1, first - 1 + len(rows))
    numbers[0] = -1
    return np.column_stack([rows, numbers])


def lead_in(encoding: Encoding, tokens: np.ndarray) -> Batch:
    """Lay out a melody, or the end of a long one, to compute the state after it."""
    [rows] = melody_rows(encoding, [tokens])
    rows = rows[-2 * SECTION :]
    return batch_of(np.concatenate([rows, rows[:1]])[None], Alphabet.of(encoding))  # the last row is a target alone


def whole_melodies(
    encoding: Encoding, melodies: Sequence[np.ndarray], max_steps: int, memory: Memory | None = None
) -> Iterator[Batch]:
    """Group melodies of like length into batches of about `max_steps` recurrent steps."""
    alphabet = Alphabet.of(encoding)
    recollection = memory.recollect(melodies) if memory else None
    firsts = list(recollection.firsts) if recollection else [None] * len(melodies)
    nothing = [alphabet.nothing] * len(alphabet.parts) + [0] * len(alphabet.features) + [-1] * bool(recollection)
    batches: list[list[np.ndarray]] = []
    known = [numbered(*each) for each in zip(melody_rows(encoding, melodies), firsts, strict=True)]
    for rows in sorted(known, key=len):
        if not batches or (len(batches[-1]) + 1) * len(rows) > max_steps:
            batches.append([])
        batches[-1].append(rows)
    for batch in batches:
        block = np.tile(np.array(nothing, np.int64), (len(batch), len(batch[-1]), 1))  # (S, T + 1, P + F)
        for padded, rows in zip(block, batch, strict=True):
            padded[: len(rows)] = rows
        yield batch_of(block, alphabet, recollection)


class Streams:
    """Endless chunks of `melodies`, token arrays of one encoding, in a random order and random keys.

    streams: how many are read side by side. seed: fixes order and keys. lowest, highest: pitches that transposing
    does not leave (a melody that lies outside them already is not moved further out). recollection: of these
    melodies, for an encoding with memory. harmonies: the chords of each, None where it has none; () for none at all.
    """

    def __init__(
        self,
        melodies: Sequence[np.ndarray],
        encoding: Encoding,
        streams: int,
        seed: int,
        lowest: int = 0,
        highest: int = 127,
        recollection: Recollection | None = None,
        harmonies: Sequence[Harmony | None] = (),
    ):
        assert not recollection or len(recollection.firsts) == len(melodies)
        assert not harmonies or len(harmonies) == len(melodies)
        self._melodies, self._recollection = melodies, recollection
        self._encoding = encoding
        self._alphabet = Alphabet.of(encoding)
        self._variants = [variants_of(encoding, m, lowest, highest) for m in melodies]
        self._sections = [section for n, m in enumerate(melodies) for section in _sections(n, self._alphabet, m)]
        self._random = np.random.default_rng(seed)
        self._order: list[int] = []
        columns = len(self._alphabet.parts) + len(self._alphabet.features) + bool(recollection)
        self._waiting = [np.zeros((0, columns), np.int64) for _ in range(streams)]
        self._taken = 0
        self._rows: dict[tuple[int, int], np.ndarray] = {}  # by melody and variant
        self._kept_bytes = 0  # of these
        names = [feature.name for feature in encoding.features]
        self._countdown = len(self._alphabet.parts) + names.index(COUNTDOWN) if COUNTDOWN in names else None
        self._countdowns: dict[int, np.ndarray] = {}  # by melody
        self._harmonies = harmonies if CHORD in names and any(harmonies) else ()
        self._chords = len(self._alphabet.parts) + names.index(CHORD) if self._harmonies else None
        self._chord_columns: dict[tuple[int, int], np.ndarray] = {}  # by melody and variant
        self._given_rows = getattr(encoding, "given_rows", None) if encoding.features else None

    @property
    def tokens(self) -> int:
        """Tokens of all melodies: an epoch."""
        return sum(map(len, self._melodies))

    @property
    def epochs(self) -> float:
        """How often each group was read, on average."""
        sizes = [1 + stop - first for _, first, stop in self._sections]  # rows
        rounds = -(-self._taken // len(sizes))
        taken = rounds * sum(sizes) - sum(sizes[index] for index in self._order)
        waiting = sum(max(0, len(rows) - 1) for rows in self._waiting)
        return (taken - waiting) / sum(sizes)

    def chunk(self, steps: int) -> Batch:
        """Read the next `steps` groups of every stream; a target is the group after its input.

        An input is "nothing yet" where its target is the first group of a melody.
        """
        chunk = []
        for n, rows in enumerate(self._waiting):
            while len(rows) <= steps:
                rows = np.concatenate([rows, self._next_section()])
            chunk.append(rows[: steps + 1])
            self._waiting[n] = rows[steps:]  # the last row is the first of the next chunk
        batch = batch_of(np.stack(chunk), self._alphabet, self._recollection)
        return self._without_endings(batch) if "ending" in self._alphabet.memory else batch

    def _without_endings(self, batch: Batch) -> Batch:
        """Forget what memory has of endings where the countdown is unknown."""
        place = None if self._countdown is None else self._countdown - len(self._alphabet.parts)
        is_known = (np.zeros(batch.inputs.shape[:2]) if place is None else batch.features[:, :, place]).ravel() > 0
        kept = []
        for part, recalled in enumerate(batch.memory):
            of_endings = np.array([level.source == "ending" for level in levels(self._alphabet.memory, part)])
            recalled.evidence[~is_known[:, None] & of_endings] = 0
            stays = is_known[recalled.row] | ~of_endings[recalled.level]
            row, token, level, gain = (values[stays] for values in recalled[:4])
            kept.append(Recalled(row, token, level, gain, recalled.evidence))
        return batch._replace(memory=tuple(kept))

    def state(self) -> dict[str, np.ndarray | int | str]:
        """Return what is needed to resume: order, RNG state, and the rows that wait."""
        waiting = {f"waiting.{n}": rows.copy() for n, rows in enumerate(self._waiting)}
        random = json.dumps(self._random.bit_generator.state)
        return {"order": np.array(self._order, np.int64), "taken": self._taken, "random": random, **waiting}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Resume from a state of streams over the same melodies. Raises ValueError for another."""
        names = [f"waiting.{n}" for n in range(len(self._waiting))]
        if not set(names) <= state.keys() or f"waiting.{len(names)}" in state:
            raise ValueError(f"the checkpoint is not one of {len(names)} streams: begin a new run")
        order = np.asarray(state["order"]).tolist()
        if any(index >= len(self._sections) for index in order):
            raise ValueError(f"the checkpoint is not one of these {len(self._melodies)} melodies: begin a new run")
        self._waiting = [np.array(state[name], np.int64) for name in names]
        self._order, self._taken = order, int(state["taken"])
        self._random.bit_generator.state = json.loads(str(state["random"]))

    def _next_section(self) -> np.ndarray:
        """Draw a section, mostly a whole melody, and its key; all come once before any again."""
        if not self._order:
            self._order = self._random.permutation(len(self._sections)).tolist()
        self._taken += 1
        index, first, stop = self._sections[self._order.pop()]
        variant = int(self._random.choice(self._variants[index]))
        if (index, variant) not in self._rows:
            if self._kept_bytes > KEPT_BYTES:
                self._rows.clear()
                self._kept_bytes = 0
            changed = varied(self._encoding, self._melodies[index], variant)
            [self._rows[index, variant]] = melody_rows(self._encoding, [changed])
            self._kept_bytes += self._rows[index, variant].nbytes
        number = self._recollection.firsts[index] if self._recollection else None
        rows = numbered(self._rows[index, variant], number)[first : stop + 1]
        if first:
            rows = rows.copy()
            parts = len(self._alphabet.parts)
            rows[0, :parts] = ~rows[0, :parts]  # of the section before
        if self._countdown is not None and self._random.random() < COUNTDOWN_SHARE:
            if index not in self._countdowns:
                self._countdowns[index] = countdown_column(self._encoding, self._melodies[index])
            rows = rows.copy()  # what is kept stays unknown
            rows[1:, self._countdown] = self._countdowns[index][first:stop]
        if self._chords is not None:
            share = self._random.random()
            if share < CHORD_SHARE and self._harmonies[index]:
                known = 1 if share < OPEN_SHARE * CHORD_SHARE else len(CHORD_COLUMNS)
                columns = self._known_chords(index, variant)[first:stop, :known]
                rows = rows.copy()
                rows[1:, self._chords : self._chords + known] = columns
        if self._given_rows is not None:
            parts, features = len(self._alphabet.parts), len(self._alphabet.features)
            tokens = varied(self._encoding, self._melodies[index], variant)
            rows = rows.copy()
            rows[1:, parts : parts + features] = self._given_rows(tokens, self._random)[first:stop]
        return rows

    def _known_chords(self, index: int, variant: int) -> np.ndarray:
        """Compute the columns of a melody's chords, (groups, 3), which move with it.

        Where its header names the key they are those of all its transpositions.
        """
        variant = 0 if getattr(self._encoding, "is_keyed", False) else variant
        if (index, variant) not in self._chord_columns:
            harmony = self._harmonies[index]
            assert harmony is not None
            tokens = varied(self._encoding, self._melodies[index], variant) if variant else self._melodies[index]
            self._chord_columns[index, variant] = chord_columns(self._encoding, tokens, harmony.transposed(variant))
        return self._chord_columns[index, variant]


def _sections(index: int, alphabet: Alphabet, tokens: np.ndarray) -> list[tuple[int, int, int]]:
    """Divide a melody into sections of about equal length: index, first group, last + 1."""
    groups = len(alphabet.groups(tokens))
    count = groups // SECTION if groups > 2 * SECTION else 1
    places = [groups * n // count for n in range(count + 1)]
    return [(index, first, stop) for first, stop in pairwise(places)]
