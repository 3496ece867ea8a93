"""What a run will cost before it begins: sizes, memory, time."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from ritornello.model.options import NetworkOptions
from ritornello.train.plan import Plan
from ritornello.train.training import Training

COPIES = 5  # of each weight in fp32: itself, its slope, two moments of the optimiser, and one while saving
GATES = 12  # numbers kept for each cell and step until the way back: gates, cells, outputs and their slopes


@dataclass(frozen=True)
class Sizes:
    """weights: numbers in the network. bytes: of weights and optimiser, of one update's activations, and of the
    program itself as it is now (0 where the system does not say). seconds: 0 where nothing was measured."""

    weights: int
    train_melodies: int
    train_tokens: int
    held_out_melodies: int
    tokens_per_update: int
    updates_per_epoch: float
    epochs: float
    weight_bytes: int
    activation_bytes: int
    program_bytes: int
    updates_per_second: float
    seconds: float

    @property
    def memory_bytes(self) -> int:
        """All together."""
        return self.weight_bytes + self.activation_bytes + self.program_bytes


def sizes(training: Training, updates_per_second: float) -> Sizes:
    """The sizes of a run that is ready to go. updates_per_second: as measured."""
    plan, material = training.plan, training.material
    weights = sum(v.size for name, v in training.tensors().items() if not name.startswith("start."))
    tokens = plan.tokens_per_update
    return Sizes(
        weights=weights,
        train_melodies=len(material.melodies),
        train_tokens=material.tokens,
        held_out_melodies=len(material.held_out),
        tokens_per_update=tokens,
        updates_per_epoch=material.tokens / tokens,
        epochs=plan.updates * tokens / material.tokens,
        weight_bytes=4 * COPIES * weights,
        activation_bytes=activation_bytes(training.network, training.encoding.vocabulary.size, plan),
        program_bytes=_resident(),
        updates_per_second=updates_per_second,
        seconds=plan.updates / updates_per_second if updates_per_second else 0.0,
    )


def activation_bytes(network: NetworkOptions, vocabulary_size: int, plan: Plan) -> int:
    """What an update keeps between its way forward and its way back, in fp32: layers, logits and their slopes."""
    per_token = network.layers * GATES * network.width + 2 * network.embedding + 4 * vocabulary_size
    return 4 * per_token * plan.streams * plan.bptt_steps


def _resident() -> int:
    """Most memory that this process has held so far."""
    try:
        import resource
    except ImportError:  # Windows
        return 0
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024
