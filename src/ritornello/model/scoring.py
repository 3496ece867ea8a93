"""Whole melodies scored at once: the network goes from note group to note group, all else is computed side by side.

The time that a melody takes grows with its length alone. What comes out is what a player pays who is fed and asked
token by token (`players.py`), but for rounding.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ritornello.encoding import Encoding
from ritornello.encoding.features import Harmony, feature_rows
from ritornello.encoding.memory import Sizes
from ritornello.model.network import Network, State, cross_entropy
from ritornello.model.suggestions import BLOCK, Suggestions, read_events, suggest

MOST_MELODIES = 512  # side by side
CHUNK = 1_024  # note groups whose logits are computed together


def sequence_nats(
    network: Network,
    encoding: Encoding,
    sequences: Sequence[np.ndarray],
    ends: np.ndarray | None = None,
    harmonies: Sequence[Harmony | None] = (),
) -> np.ndarray:
    """Sum the negative log likelihood of token sequences in nats, (sequences,).

    Each is scored from its beginning, with its whole history. ends: ticks at which each is over, for a network that
    counts down, (sequences,); None where nothing is to be given away. harmonies: the chords of each, likewise; ().
    Raises ValueError for a network of another encoding.
    """
    return np.array([nats.sum() for nats in token_nats(network, encoding, sequences, ends, harmonies)])


def token_nats(
    network: Network,
    encoding: Encoding,
    sequences: Sequence[np.ndarray],
    ends: np.ndarray | None = None,
    harmonies: Sequence[Harmony | None] = (),
) -> list[np.ndarray]:
    """Compute what each token of each sequence costs in nats, (tokens,) each.

    Arguments and errors are those of `sequence_nats`.
    """
    alphabet = network.alphabet
    found = [np.zeros(len(tokens)) for tokens in sequences]
    for n, logits in logits_of(network, encoding, sequences, ends, harmonies):
        for part, rows in enumerate(logits):
            ids = sequences[n][part :: len(alphabet.parts)].astype(np.int64) - alphabet.firsts[part]
            found[n][part :: len(alphabet.parts)] = cross_entropy(rows[: len(ids)], ids)
    return found


def logits_of(
    network: Network,
    encoding: Encoding,
    sequences: Sequence[np.ndarray],
    ends: np.ndarray | None = None,
    harmonies: Sequence[Harmony | None] = (),
) -> Iterator[tuple[int, list[np.ndarray]]]:
    """Compute the logits before each token of whole sequences.

    Yields the index of each sequence, the longest first, with its logits of each part, (groups, parts[part]).
    Arguments and errors are those of `sequence_nats`.
    """
    network.alphabet.check(encoding)
    groups = [network.alphabet.groups(tokens) for tokens in sequences]
    blocks: list[list[int]] = []
    for n in sorted(range(len(sequences)), key=lambda n: -len(groups[n])):
        if not blocks or len(blocks[-1]) == MOST_MELODIES or sum(len(groups[each]) for each in blocks[-1]) > BLOCK:
            blocks.append([])
        blocks[-1].append(n)
    for block in blocks:
        starts = np.cumsum([len(groups[n]) for n in block])[:-1]
        until = [-1] * len(block) if ends is None else ends[block].tolist()
        known = [harmonies[n] if harmonies else None for n in block]
        found = _block_logits(
            network, encoding, [sequences[n] for n in block], [groups[n] for n in block], until, known
        )
        yield from zip(block, map(list, zip(*(np.split(rows, starts) for rows in found), strict=True)), strict=True)


def _block_logits(
    network: Network,
    encoding: Encoding,
    sequences: Sequence[np.ndarray],
    groups: Sequence[np.ndarray],
    until: Sequence[int],
    harmonies: Sequence[Harmony | None],
) -> list[np.ndarray]:
    """Compute the logits of sequences of falling length.

    Returns of each part (G, ids): the groups stand end to end, melody by melody.
    """
    alphabet = network.alphabet
    features = [feature_rows(encoding, *each) for each in zip(sequences, until, harmonies, strict=True)]
    seen, ids = _read(network, groups, features), np.concatenate(groups)
    memory: list[Suggestions] = []
    if alphabet.memory:
        events, sizes = read_events(encoding, sequences, None, until), Sizes.of(encoding)
        memory = [suggest(events, sizes, part, alphabet.memory, network.counts) for part in (0, 1)]
    found = []
    for part, size in enumerate(alphabet.parts):
        logits = np.zeros((len(ids), size), seen.dtype)
        for at in range(0, len(ids), CHUNK):
            rows = np.arange(at, min(at + CHUNK, len(ids)))
            state = State((), part, ids[rows, 0] if part else None, seen[rows])
            recalled = memory[part].recall(rows) if memory else None
            logits[rows] = network.logits(state) if recalled is None else network.logits(state, recalled)
        found.append(logits)
    return found


def _read(network: Network, groups: Sequence[np.ndarray], features: Sequence[np.ndarray]) -> np.ndarray:
    """Compute the input of the softmaxes before each group, (G, S), melody by melody.

    groups, features: of each melody, the longest first, (groups, parts) and (groups, F).
    """
    alphabet = network.alphabet
    lengths = np.array([len(each) for each in groups], np.int64)
    firsts = lengths.cumsum() - lengths
    tokens, sides = np.concatenate(groups), np.concatenate(features)
    state, seen = network.start(len(groups)), np.zeros((0, 1), np.float32)
    for place in range(lengths.max(initial=0)):
        alive = int((lengths > place).sum())
        rows = firsts[:alive] + place
        state = state.keep(slice(alive))
        known = sides[rows] if alphabet.features else None
        if place == 0:
            state = network.feed(np.full(alive, alphabet.nothing), state, known)
        else:
            for each in tokens[rows - 1].T:
                state = network.feed(each, state, known)
        assert state.seen is not None
        if place == 0:
            seen = np.empty((len(tokens), state.seen.shape[1]), state.seen.dtype)
        seen[rows] = state.seen
    return seen
