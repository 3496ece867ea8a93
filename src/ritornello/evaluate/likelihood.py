"""How well a network expects tunes it has not seen: nats per token, bits per note, bits per quarter.

Nothing is given away: a network that counts down the bars of a tune, or knows its chords, scores without knowing
them, unless asked.
Bits per note: all the bits needed to reproduce a melody's list of (onset, duration, pitch) and its end, from
nothing, divided by its notes. The metre, which the first token names, is paid for too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ritornello.corpus.tokens import count_notes
from ritornello.encoding import Encoding, is_melodic
from ritornello.encoding.features import Harmony, length_of
from ritornello.model.network import Network
from ritornello.model.scoring import sequence_nats


@dataclass(frozen=True)
class Likelihood:
    """Sums over melodies. nats: negative log likelihood of all `tokens`; notes, and quarters from the first to
    the end of the last: what they spell. Of music without bars quarters are 0 and no figure is made of them."""

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
        """Return sums and rates by name."""
        names = ("nll_per_token", "bits_per_note", *(["bits_per_quarter"] if self.quarters else []))
        sums = {name: value for name, value in asdict(self).items() if name != "quarters" or value}
        return {name: getattr(self, name) for name in names} | sums


def melody_nats(
    network: Network,
    melodies: Sequence[np.ndarray],
    encoding: Encoding,
    with_countdown: bool = False,
    harmonies: Sequence[Harmony | None] = (),
) -> np.ndarray:
    """Sum the negative log likelihood of each token sequence.

    with_countdown: the network knows how many bars are left. harmonies: the chords of each that it knows. Returns
    nats, (melodies,) of float64, with the whole history of each as context.
    """
    ends = np.array([length_of(encoding, tokens) for tokens in melodies]) if with_countdown else None
    return sequence_nats(network, encoding, melodies, ends, harmonies)


def measure(nats: Sequence[float] | np.ndarray, melodies: Sequence[np.ndarray], encoding: Encoding) -> Likelihood:
    """Sum nats of melodies over what they spell: tokens, notes and quarters of time."""
    quarters = sum(_quarters(encoding.decode(m)) for m in melodies) if is_melodic(encoding) else 0.0
    return Likelihood(float(np.sum(nats)), sum(len(m) for m in melodies), count_notes(encoding, melodies), quarters)


def _quarters(melody: Any) -> float:
    """Measure the time from the first note of a melody to the end of the last."""
    if not melody.notes:
        return 0.0
    return (melody.notes[-1].end - melody.notes[0].start) / melody.timeline.ticks_per_quarter
