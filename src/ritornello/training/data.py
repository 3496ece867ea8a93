"""Training data as the network reads it: melodies end to end in parallel streams, or whole ones side by side.

Chunks never overlap and the state is carried from one chunk to the next, so every token is a target once per epoch.
Where an encoding counts down the bars of a melody, that is known for half of the melodies, drawn anew each time.
Each melody is preceded by the "nothing yet" group and moved to a random key within its range. A very long one is read
in sections, each preceded by the group before it, so that several streams read it in different places.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from ritornello.corpus.tokens import possible_shifts
from ritornello.encoding import MelodyEncoding
from ritornello.encoding.features import COUNTDOWN, countdown_column, feature_rows
from ritornello.model.alphabet import Alphabet

IGNORED = -100  # a target that is not learned
SECTION = 512  # groups, about; a melody of up to two sections is read whole
COUNTDOWN_SHARE = 0.5  # more teaches no better endings and costs a network that does not know it
KEPT_BYTES = 100_000_000  # of rows that are kept, so that features are not computed anew in every epoch


class Batch(NamedTuple):
    """A block of S streams, T recurrent steps, P parts and F feature columns, all int64.

    inputs (S, T, P): the note group before, or "nothing yet" (the vocabulary's size) in every part.
    targets (S, T, P): the note group to predict, IGNORED where nothing is to be learned.
    features (S, T, F): the features of that group, 0 where there is none.
    """

    inputs: np.ndarray
    targets: np.ndarray
    features: np.ndarray


def melody_rows(encoding: MelodyEncoding, melodies: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Lay out melodies as rows of tokens and features: (1 + groups, P + F) of int16 each.

    The first row is "nothing yet". The features of a row are those known when its group is to be predicted.
    """
    alphabet, rows = Alphabet.of(encoding), []
    parts = len(alphabet.parts)
    features = [feature_rows(encoding, tokens) for tokens in melodies] if alphabet.feature_sizes else []
    for n, tokens in enumerate(melodies):
        groups = alphabet.groups(tokens)
        row = np.zeros((1 + len(groups), parts + len(alphabet.feature_sizes)), np.int16)
        row[0, :parts] = alphabet.nothing
        row[1:, :parts] = groups
        if features:
            row[1:, parts:] = features[n]
        rows.append(row)
    return rows


def batch_of(rows: np.ndarray, alphabet: Alphabet) -> Batch:
    """Split rows, (S, T + 1, P + F), into inputs and the targets that follow them.

    "Nothing yet" is an input only, as is an id that is written as its complement, ~id.
    """
    parts = len(alphabet.parts)
    rows = rows.astype(np.int64)
    ids, targets = rows[:, :-1, :parts], rows[:, 1:, :parts].copy()
    targets[(targets == alphabet.nothing) | (targets < 0)] = IGNORED
    return Batch(np.where(ids < 0, ~ids, ids), targets, rows[:, 1:, parts:])


def lead_in(encoding: MelodyEncoding, tokens: np.ndarray) -> Batch:
    """Lay out a melody, or the end of a long one, to compute the state after it."""
    [rows] = melody_rows(encoding, [tokens])
    rows = rows[-2 * SECTION :]
    return batch_of(np.concatenate([rows, rows[:1]])[None], Alphabet.of(encoding))  # the last row is a target alone


def whole_melodies(encoding: MelodyEncoding, melodies: Sequence[np.ndarray], max_steps: int) -> Iterator[Batch]:
    """Group melodies of like length into batches of about `max_steps` recurrent steps."""
    alphabet = Alphabet.of(encoding)
    nothing = [alphabet.nothing] * len(alphabet.parts) + [0] * len(alphabet.feature_sizes)
    batches: list[list[np.ndarray]] = []
    for rows in sorted(melody_rows(encoding, melodies), key=len):
        if not batches or (len(batches[-1]) + 1) * len(rows) > max_steps:
            batches.append([])
        batches[-1].append(rows)
    for batch in batches:
        block = np.tile(np.array(nothing, np.int16), (len(batch), len(batch[-1]), 1))  # (S, T + 1, P + F)
        for padded, rows in zip(block, batch, strict=True):
            padded[: len(rows)] = rows
        yield batch_of(block, alphabet)


class Streams:
    """Endless chunks of `melodies`, token arrays of one encoding, in a random order and random keys.

    streams: how many are read side by side. seed: fixes order and keys. lowest, highest: pitches that transposing
    does not leave (a melody that lies outside them already is not moved further out).
    """

    def __init__(
        self,
        melodies: Sequence[np.ndarray],
        encoding: MelodyEncoding,
        streams: int,
        seed: int,
        lowest: int = 0,
        highest: int = 127,
    ):
        self._melodies = melodies
        self._encoding = encoding
        self._alphabet = Alphabet.of(encoding)
        self._shifts = [possible_shifts(encoding, m, lowest, highest) for m in melodies]
        self._sections = [section for n, m in enumerate(melodies) for section in _sections(n, self._alphabet, m)]
        self._random = np.random.default_rng(seed)
        self._order: list[int] = []
        columns = len(self._alphabet.parts) + len(self._alphabet.feature_sizes)
        self._waiting = [np.zeros((0, columns), np.int64) for _ in range(streams)]
        self._taken = 0
        self._rows: dict[tuple[int, int], np.ndarray] = {}  # by melody and shift
        self._kept_bytes = 0  # of these
        names = [feature.name for feature in encoding.features]
        self._countdown = len(self._alphabet.parts) + names.index(COUNTDOWN) if COUNTDOWN in names else None
        self._countdowns: dict[int, np.ndarray] = {}  # by melody

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
        return batch_of(np.stack(chunk), self._alphabet)

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
        shift = int(self._random.choice(self._shifts[index]))
        if (index, shift) not in self._rows:
            if self._kept_bytes > KEPT_BYTES:
                self._rows.clear()
                self._kept_bytes = 0
            moved = self._encoding.transpose(self._melodies[index], shift)
            [self._rows[index, shift]] = melody_rows(self._encoding, [moved])
            self._kept_bytes += self._rows[index, shift].nbytes
        rows = self._rows[index, shift][first : stop + 1]
        if first:
            rows = rows.copy()
            parts = len(self._alphabet.parts)
            rows[0, :parts] = ~rows[0, :parts]  # of the section before
        if self._countdown is not None and self._random.random() < COUNTDOWN_SHARE:
            if index not in self._countdowns:
                self._countdowns[index] = countdown_column(self._encoding, self._melodies[index])
            rows = rows.copy()  # what is kept stays unknown
            rows[1:, self._countdown] = self._countdowns[index][first:stop]
        return rows


def _sections(index: int, alphabet: Alphabet, tokens: np.ndarray) -> list[tuple[int, int, int]]:
    """Divide a melody into sections of about equal length: index, first group, last + 1."""
    groups = len(alphabet.groups(tokens))
    count = groups // SECTION if groups > 2 * SECTION else 1
    places = [groups * n // count for n in range(count + 1)]
    return [(index, first, stop) for first, stop in pairwise(places)]
