"""Networks of weights made up in a test: their options and alphabet follow from the shapes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ritornello.encoding.memory import levels
from ritornello.model.alphabet import Alphabet
from ritornello.model.file import NETWORKS
from ritornello.model.network import Network, State
from ritornello.model.options import NetworkOptions

MEMORIES = (("own",), ("corpus",), ("own", "corpus"), ("own", "corpus", "ending"))


def alphabet_of(tensors: Mapping[str, np.ndarray]) -> Alphabet:
    """Read the alphabet off the shapes of weights."""
    names = ("output.0.bias", "output.1.bias") if "output.0.bias" in tensors else ("output.bias",)
    features = sum(name.startswith("side.") for name in tensors)
    count = len(tensors.get("memory.0.level", ()))
    memory = next(m for m in ((), *MEMORIES) if count == (len(levels(m, 0)) + 1 if m else 0))
    return Alphabet(
        tuple(len(tensors[name]) for name in names),
        tuple(len(tensors[f"side.{n}"]) for n in range(features)),
        memory,
    )


def options_of(tensors: Mapping[str, np.ndarray]) -> NetworkOptions:
    """Read the options off the shapes of weights."""
    chain = len(tensors["chain.input"]) if "chain.input" in tensors else 128
    if "block.0.distance" in tensors:
        (reach, head), (_, width) = tensors["block.0.distance"].shape, tensors["embedding"].shape
        layers = sum(name.endswith(".distance") for name in tensors)
        return NetworkOptions(layers, width, attention=reach, chain=chain, kind="transformer", heads=width // head)
    return NetworkOptions(
        layers=sum(name.endswith(".recurrent") for name in tensors),
        width=tensors["lstm.0.recurrent"].shape[1],
        embedding=tensors["embedding"].shape[1],
        attention=len(tensors.get("attention.place", ())),
        chain=chain,
        mixed="mix" in tensors,
    )


def network_of(tensors: Mapping[str, np.ndarray], dtype: type = np.float32) -> Network:
    """Build the network of these weights."""
    options = options_of(tensors)
    return NETWORKS[options.kind](dict(tensors), options, alphabet_of(tensors), dtype)


def step(
    network: Network, tokens: np.ndarray, state: State, features: np.ndarray | None = None
) -> tuple[np.ndarray, State]:
    """Feed tokens and return logits of the whole vocabulary, -inf for parts that are not due, and the new state."""
    state = network.feed(tokens, state, features)
    due, first = network.logits(state), network.alphabet.firsts[state.part]
    logits = np.full((len(due), network.alphabet.size), -np.inf, due.dtype)
    logits[:, first : first + due.shape[1]] = due
    return logits, state


def assert_played_alike(
    playing: Network, tunes: Sequence[np.ndarray], rows: np.ndarray, expected: np.ndarray
) -> None:
    """Check that tunes played one after another get the logits of training, of parts of 9 and 6 ids.

    tunes: (groups, 2) each. rows: tokens and features of all groups, 15 for nothing. expected: (groups, 9 + 6). What
    is recurrent goes on from tune to tune, what looks back begins afresh.
    """
    row, layers = 0, playing.start(1).layers
    for tune in tunes:
        state = playing.start(1)._replace(layers=layers)
        for n, group in enumerate([[15], *tune.tolist()]):
            for token in group:
                logits, state = step(playing, np.array([token]), state, rows[row + 1, 2:][None])
            np.testing.assert_allclose(logits[0, :9], expected[row, :9], atol=1e-4)
            if n < len(tune):
                given_first, _ = step(playing, tune[n, :1], state)
                np.testing.assert_allclose(given_first[0, 9:], expected[row, 9:], atol=1e-4)
            row += 1
        layers = state.layers
    assert row == len(expected)


class Indifferent:
    """A network that finds every token as likely as every other, or leans to some by so many nats."""

    def __init__(self, encoding, leaning: Mapping[int, float] | None = None):
        self.alphabet = Alphabet.of(encoding)
        self.started: list[int] = []
        self._logits = np.zeros(self.alphabet.size, np.float32)
        for token, lean in (leaning or {}).items():
            self._logits[token] = lean

    def start(self, batch: int) -> State:
        self.started.append(batch)
        nothing = np.zeros((batch, 1), np.float32)
        return State(((nothing, nothing),), len(self.alphabet.parts) - 1)

    def feed(self, tokens: np.ndarray, state: State, features: np.ndarray | None = None) -> State:
        assert len(tokens) == len(state.layers[0][0])
        return state._replace(part=(state.part + 1) % len(self.alphabet.parts), seen=state.layers[0][0])

    def logits(self, state: State) -> np.ndarray:
        own = self._logits[slice(*self.alphabet.firsts[state.part : state.part + 2])]
        return np.tile(own, (len(state.seen), 1))
