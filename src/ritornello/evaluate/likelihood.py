"""How well a network expects tunes it has not seen: nats per token, bits per note, bits per quarter.

Bits per note: all the bits needed to reproduce a melody's list of (onset, duration, pitch) and its end, from
nothing, divided by its notes. The metre, which the first token names, is paid for too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from ritornello.encoding import Encoding
from ritornello.model.alphabet import Alphabet
from ritornello.model.lstm import NumpyLstm
from ritornello.music.values import Melody

MAX_BATCH = 256


@dataclass(frozen=True)
class Likelihood:
    """Sums over melodies. nats: negative log likelihood of all `tokens`; notes, and quarters from the first to
    the end of the last: what they spell."""

    nats: float
    tokens: int
    notes: int
    quarters: float

    @property
    def nll_per_token(self) -> float:
        """Nats per token."""
        return self.nats / max(1, self.tokens)

    @property
    def bits_per_note(self) -> float:
        """Bits per note, the end of each melody included."""
        return self.nats / math.log(2) / max(1, self.notes)

    @property
    def bits_per_quarter(self) -> float:
        """Bits per quarter note of time."""
        return self.nats / math.log(2) / max(1e-9, self.quarters)

    def to_dict(self) -> dict:
        """All of it by name."""
        rates = {name: getattr(self, name) for name in ("nll_per_token", "bits_per_note", "bits_per_quarter")}
        return rates | asdict(self)


def melody_nats(network: NumpyLstm, melodies: Sequence[np.ndarray], encoding: Encoding | None = None) -> np.ndarray:
    """Negative log likelihood in nats of each token sequence, whole history, (melodies,) of float64.

    encoding: what the tokens are of; may be left out where the network has no side inputs.
    """
    nats = np.zeros(len(melodies))
    order = sorted(range(len(melodies)), key=lambda n: -len(melodies[n]))
    for at in range(0, len(order), MAX_BATCH):
        rows = np.array(order[at : at + MAX_BATCH])
        nats[rows] = _batch_nats(network, [melodies[n] for n in rows], encoding)
    return nats


def measure(nats: Sequence[float] | np.ndarray, melodies: Sequence[np.ndarray], encoding: Encoding) -> Likelihood:
    """Sum nats of melodies over what they spell: tokens, notes and quarters of time."""
    quarters = sum(_quarters(encoding.decode(m)) for m in melodies)
    notes = sum(len(encoding.pitches(m)) for m in melodies)
    return Likelihood(float(np.sum(nats)), sum(len(m) for m in melodies), notes, quarters)


def _quarters(melody: Melody) -> float:
    """Time from the first note to the end of the last: the same whatever the encoding makes of an opening rest."""
    if not melody.notes:
        return 0.0
    return (melody.notes[-1].end - melody.notes[0].start) / melody.timeline.ticks_per_quarter


def _batch_nats(network: NumpyLstm, melodies: Sequence[np.ndarray], encoding: Encoding | None) -> np.ndarray:
    """The same for melodies in order of falling length; finished ones leave the batch from its end."""
    lengths = np.array([len(m) for m in melodies])
    tokens = np.zeros((len(melodies), lengths.max(initial=0)), np.int64)
    for row, melody in zip(tokens, melodies, strict=True):
        row[: len(melody)] = melody
    sides = _sides(melodies, encoding) if encoding is not None and Alphabet.of(encoding).beside else None
    nats = np.zeros(len(melodies))
    state = network.start(len(melodies))
    fed = np.full(len(melodies), network.vocabulary_size)
    for position in range(tokens.shape[1]):
        alive = int((lengths > position).sum())
        side = None if sides is None else sides[:alive, position // len(network.parts)]
        logits, state = network.step(fed[:alive], state.keep(slice(alive)), side)
        fed = tokens[:alive, position]
        nats[:alive] += _cross_entropy(logits, fed)
    return nats


def _sides(melodies: Sequence[np.ndarray], encoding: Encoding) -> np.ndarray:
    """(melodies, groups of the longest, F): the side inputs and echoes of every group."""
    rows = [encoding.side_inputs(m) for m in melodies]
    sides = np.zeros((len(rows), max(map(len, rows)), len(Alphabet.of(encoding).beside)), np.int64)
    for side, row in zip(sides, rows, strict=True):
        side[: len(row)] = row
    return sides


def _cross_entropy(logits: np.ndarray, targets: np.ndarray) -> np.ndarray:
    top = logits.max(-1, keepdims=True)
    log_total = np.log(np.exp(logits - top).sum(-1, dtype=np.float64)) + top[:, 0]
    return log_total - logits[np.arange(len(targets)), targets]
