"""Gates over memory: what levels suggest (see `encoding.memory`) is added to the logits, each with a weight. NumPy.

Tensors of part P (L levels, G units of the gate, H inputs of the part's softmax):

    memory.P.evidence   (G, 3L)    of each level: log(1 + n) / 3, log(1 + t) / 2, and whether t is 1
    memory.P.seen       (G, H)     the softmax's input
    memory.P.bias       (G,)
    memory.P.gate       (L + 1, G)
    memory.P.level      (L + 1,)

n and t: how many followers were counted in the level's context, and how many of them are distinct. With z = tanh(
evidence + seen + bias) and w = level + gate @ z, the network's own logits are multiplied by the last weight, and each
token's is raised by the sum over levels of weight x gain.

Sources: gating of experts by their evidence, Mahoney 2005 (PAQ); neural cache, Grave et al. 2016 (arXiv 1612.04426).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

UNITS = 24
FIRST_WEIGHT = 0.2  # of each level before training
LIKELY = 64  # followers, about, that are as likely as each other where nothing was counted
RAREST = 1 / 100  # share of its context's followers below which a follower in the corpus is not suggested
EVIDENCE_STEP = 0.05  # log(1 + 180,000) is 242 of these


def gains_of(counts: np.ndarray, distinct: np.ndarray) -> np.ndarray:
    """Compute the gains of followers, log(1 + c / (t q)) (see `encoding.memory`)."""
    return np.log1p(counts * np.float32(LIKELY) / distinct)


def evidence_of(numbers: np.ndarray) -> np.ndarray:
    """Compute log(1 + n) of numbers of followers, in whole EVIDENCE_STEPs, uint8."""
    return np.rint(np.log1p(numbers) / EVIDENCE_STEP).astype(np.uint8)


class Recalled(NamedTuple):
    """What the levels of one part suggest for N note groups, E entries in all.

    row, token, level, gain: (E,); the group, an id within the part, and how much the level raises it. evidence:
    (N, L, 2), of n and t, in EVIDENCE_STEPs.
    """

    row: np.ndarray
    token: np.ndarray
    level: np.ndarray
    gain: np.ndarray
    evidence: np.ndarray


ONE = int(evidence_of(np.ones(1))[0])


def memory_shapes(levels: Sequence[int], inputs: Sequence[int]) -> dict[str, tuple[int, ...]]:
    """Name the weights of the gates with their shapes. levels, inputs: of each part."""
    shapes: dict[str, tuple[int, ...]] = {}
    for part, (count, width) in enumerate(zip(levels, inputs, strict=False)):
        name = f"memory.{part}"
        shapes |= {f"{name}.evidence": (UNITS, 3 * count), f"{name}.seen": (UNITS, width), f"{name}.bias": (UNITS,)}
        shapes |= {f"{name}.gate": (count + 1, UNITS), f"{name}.level": (count + 1,)}
    return shapes


def gate_inputs(evidence: np.ndarray) -> np.ndarray:
    """Scale evidence, (N, L, 2), to what the gate sees, (N, 3L)."""
    found = np.empty((len(evidence), 3, evidence.shape[1]), np.float32)
    np.multiply(evidence[:, :, 0], np.float32(EVIDENCE_STEP / 3), found[:, 0])
    np.multiply(evidence[:, :, 1], np.float32(EVIDENCE_STEP / 2), found[:, 1])
    np.equal(evidence[:, :, 1], ONE, found[:, 2])
    return found.reshape(len(evidence), -1)


class Gate:
    """The gate of one part as it plays."""

    def __init__(self, weights: Mapping[str, np.ndarray], part: int, dtype: np.dtype):
        name = f"memory.{part}"
        self._evidence, self._seen, self._gate = (
            np.ascontiguousarray(weights[f"{name}.{each}"].T, dtype) for each in ("evidence", "seen", "gate")
        )
        self._bias, self._level = weights[f"{name}.bias"].astype(dtype), weights[f"{name}.level"].astype(dtype)

    def open(self, logits: np.ndarray, seen: np.ndarray, recalled: Recalled, dials: np.ndarray | None) -> np.ndarray:
        """Return the logits, (N, ids), raised by what is recalled.

        seen: (N, H), the softmax's input. dials: (L,) by which the weights of levels are multiplied, None for 1.
        """
        units = gate_inputs(recalled.evidence) @ self._evidence
        units += seen @ self._seen
        units += self._bias
        np.tanh(units, units)
        weights = units @ self._gate
        weights += self._level
        if dials is not None:
            weights[:, :-1] *= dials
        logits = logits * weights[:, -1:]
        raised = weights.take(recalled.row * weights.shape[1] + recalled.level)
        raised *= recalled.gain
        places = recalled.row * logits.shape[1] + recalled.token
        logits += np.bincount(places, raised, logits.size).reshape(logits.shape)
        return logits
