"""Melodies as trainers read them: groups of tokens, what is to be foreseen, and what is known beside them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from ritornello.encoding import Encoding
from ritornello.model.alphabet import Alphabet

IGNORED = -100  # a target that teaches nothing


class Batch(NamedTuple):
    """A block of S streams, T recurrent steps, P parts and F columns beside them, all int64.

    inputs (S, T, P): the group before, or "nothing yet" (the vocabulary's size) in every place.
    targets (S, T, P): the group to foresee, IGNORED where nothing is to be learned.
    side (S, T, F): the encoding's side inputs for that group, and its echoes; 0 where there is none.
    """

    inputs: np.ndarray
    targets: np.ndarray
    side: np.ndarray


def melody_rows(encoding: Encoding, tokens: np.ndarray) -> np.ndarray:
    """A melody ready to be laid in a stream: (1 + groups, P + F) of int64.

    The first row is "nothing yet". The columns after the parts are what is known when that group is to be foreseen.
    """
    alphabet = Alphabet.of(encoding)
    groups = alphabet.groups(tokens)
    rows = np.zeros((1 + len(groups), len(alphabet.parts) + len(alphabet.beside)), np.int64)
    rows[0, : len(alphabet.parts)] = alphabet.nothing
    rows[1:, : len(alphabet.parts)] = groups
    if alphabet.beside:
        rows[1:, len(alphabet.parts) :] = encoding.side_inputs(tokens)
    return rows


def batch_of(rows: np.ndarray, alphabet: Alphabet) -> Batch:
    """Rows as of `melody_rows`, (S, T + 1, P + F), as inputs and what follows them."""
    parts = len(alphabet.parts)
    targets = rows[:, 1:, :parts].copy()
    # "Nothing yet" is an input only: where it would be a target, nothing is learned.
    targets[targets == alphabet.nothing] = IGNORED
    return Batch(rows[:, :-1, :parts], targets, rows[:, 1:, parts:])


def whole_melodies(encoding: Encoding, melodies: Sequence[np.ndarray], max_steps: int) -> Iterator[Batch]:
    """Every melody from its beginning, those of like length side by side; about `max_steps` places in a batch."""
    alphabet = Alphabet.of(encoding)
    nothing = [alphabet.nothing] * len(alphabet.parts) + [0] * len(alphabet.beside)
    for some in _of_like_length([melody_rows(encoding, m) for m in melodies], max_steps):
        block = np.tile(np.array(nothing, np.int64), (len(some), len(some[-1]), 1))
        for row, melody in zip(block, some, strict=True):
            row[: len(melody)] = melody
        yield batch_of(block, alphabet)


def random_batch(alphabet: Alphabet, streams: int, steps: int) -> Batch:
    """A full block of noise, for measuring how fast a trainer is."""
    random = np.random.default_rng(0)
    sizes = [*alphabet.parts, *alphabet.beside]
    first = [alphabet.first(n) for n in range(len(alphabet.parts))] + [0] * len(alphabet.beside)
    columns = [low + random.integers(0, size, (streams, steps + 1)) for low, size in zip(first, sizes, strict=True)]
    return batch_of(np.stack(columns, 2), alphabet)


def _of_like_length(melodies: Sequence[np.ndarray], max_steps: int) -> list[list[np.ndarray]]:
    """Melodies of like length together, so that padding costs little."""
    batches: list[list[np.ndarray]] = []
    for melody in sorted(melodies, key=len):
        if not batches or (len(batches[-1]) + 1) * len(melody) > max_steps:
            batches.append([])
        batches[-1].append(melody)
    return batches
