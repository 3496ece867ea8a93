"""The engine that needs NumPy alone: networks, updates and results of `TorchEngine`, in float32 on the CPU."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from ritornello.encoding import MelodyEncoding
from ritornello.model.alphabet import Alphabet
from ritornello.model.blas import limit_blas
from ritornello.model.memory import FIRST_WEIGHT
from ritornello.model.options import SIDE_SPREAD, NetworkOptions
from ritornello.training.data import IGNORED, Batch, lead_in, whole_melodies
from ritornello.training.memory import Memory
from ritornello.training.numpy.gradients import Masks, Pass, State, weight_shapes
from ritornello.training.plan import Plan

RANDOM_VALUES = 1 << 16  # dropout is drawn from 16-bit integers: four to one draw of the generator
PIECE = 32_768  # numbers at a time: what is read and written of them stays in a core's second-level cache
BETAS = (0.9, 0.99)
EPSILON = 1e-8


class NumpyEngine:
    """A network in training, in place of `TorchEngine`. dtype: float64 is for checking gradients.

    Raises ValueError for attention, another device than the CPU and another number format than fp32.
    """

    steps_per_check_batch = 4_096

    def __init__(
        self,
        network: NetworkOptions,
        encoding: MelodyEncoding,
        plan: Plan,
        before: np.ndarray | None = None,
        memory: Memory | None = None,
        dtype: type = np.float32,
    ):
        if plan.device not in ("auto", "cpu") or plan.dtype != "fp32":
            raise ValueError(f"without PyTorch training is fp32 on the cpu, not {plan.dtype} on {plan.device}")
        if network.kind != "lstm" or network.attention:
            name = "attention network" if network.kind == "lstm" else network.kind
            raise ValueError(
                f"the {name} needs PyTorch to train: pip install torch, or take the preset lstm, tiny or large"
            )
        limit_blas(plan.threads)
        self._network, self._encoding, self._alphabet = network, encoding, Alphabet.of(encoding)
        self._memory = memory
        self.dropout = network.dropout
        self._dtype = np.dtype(dtype)
        self._new_pass = partial(Pass, network, self._alphabet, self._dtype)
        shapes = weight_shapes(network, self._alphabet)
        self._shapes = np.frombuffer(json.dumps(shapes).encode(), np.uint8)
        self._weights, self._gradients = Vector(shapes, self._dtype), Vector(shapes, self._dtype)
        biases = [self._weights.places[f"lstm.{n}.bias"] for n in range(network.layers)]
        self._optimiser = AdamW(self._weights.flat, plan.weight_decay, biases)
        self._random = np.random.Generator(np.random.SFC64(plan.seed))
        self._before = lead_in(encoding, np.zeros(0, np.int64) if before is None else before)
        self._pass: Pass | None = None
        self._carried: State | None = None
        self._draw_weights()

    def update(self, batch: Batch, rate: float) -> float:
        """Update the weights from a chunk at this learning rate; return the mean nll in nats.

        Source: truncated back-propagation through time, Williams & Peng 1990; gradient norm clipped at 1, Pascanu et
        al. 2013.
        """
        if self._pass is None or self._pass.shape != batch.inputs.shape[:2]:
            self._pass = self._new_pass(*batch.inputs.shape[:2])
        passage, weights, dropout = self._pass, self._weights.named, self.dropout
        masks: Masks | None = None
        if dropout:
            shapes = [weights["entry"].shape, *(layer.output[1:].shape for layer in passage.layers)]
            masks = [dropout_mask(self._random, shape, dropout, self._dtype) for shape in shapes]
        passage.forward(weights, batch, masks, self._carried)
        count = max(1, int((batch.targets != IGNORED).sum()))
        nats = passage.backward(weights, batch, self._gradients.named, count)
        self._carried = passage.ending()
        self._optimiser.update(self._gradients.flat, rate)
        return nats / count

    def nll(self, melodies: Sequence[np.ndarray]) -> float:
        """Measure the mean nats per token over whole melodies, without dropout."""
        total, count = 0.0, 0
        beginning = self._beginning()
        for batch in whole_melodies(self._encoding, melodies, self.steps_per_check_batch, self._memory):
            passage = self._new_pass(*batch.inputs.shape[:2])
            passage.forward(self._weights.named, batch, state=beginning)
            total += passage.nats(self._weights.named, batch)
            count += int((batch.targets != IGNORED).sum())
        return total / max(1, count)

    def tensors(self) -> dict[str, np.ndarray]:
        """Return the weights as the model file keeps them, and the state to begin from, float32."""
        named = {name: _reordered(name, value) for name, value in self._file_names().items()}
        for n, (output, cell) in enumerate(self._beginning()):
            named |= {f"start.{n}.output": output[0], f"start.{n}.cell": cell[0]}
        return {name: np.array(value, np.float32) for name, value in named.items()}

    def load(self, tensors: Mapping[str, np.ndarray]) -> None:
        """Take a model file's weights; forget AdamW's moments and the carried state.

        Raises ValueError where one is missing or its shape does not fit.
        """
        for name, target in self._file_names().items():
            value = np.asarray(tensors.get(name, np.zeros(0)))
            if value.shape != target.shape:
                raise ValueError(f"{name} has shape {value.shape}, this network needs {target.shape}")
            target[:] = _reordered(name, value)
        self._optimiser.forget()
        self._carried = None

    def state(self) -> dict[str, np.ndarray]:
        """Return all that is needed to resume to the bit: weights, moments, carried and RNG state."""
        optimiser = self._optimiser
        named = {"weights": self._weights.flat, "mean": optimiser.mean, "square": optimiser.square}
        random = json.dumps(self._random.bit_generator.state, default=np.ndarray.tolist)
        named |= {"updates": np.array(optimiser.updates), "shapes": self._shapes}
        named["random"] = np.frombuffer(random.encode(), np.uint8)
        for n, (output, cell) in enumerate(self._carried or []):
            named |= {f"carried.{n}.output": output, f"carried.{n}.cell": cell}
        return {name: value.copy() for name, value in named.items()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Resume from a state of the same network. Raises ValueError for another network's."""
        if not np.array_equal(state.get("shapes", ()), self._shapes):
            raise ValueError("the checkpoint is another network's: resume with the same preset and encoding")
        optimiser = self._optimiser
        for name, own in (("weights", self._weights.flat), ("mean", optimiser.mean), ("square", optimiser.square)):
            own[:] = state[name]
        optimiser.updates = int(state["updates"])
        random = json.loads(np.asarray(state["random"], np.uint8).tobytes())
        random["state"]["state"] = np.array(random["state"]["state"], np.uint64)
        self._random.bit_generator.state = random
        self._carried = None
        if "carried.0.output" in state:
            layers = range(self._network.layers)
            self._carried = [(state[f"carried.{n}.output"].copy(), state[f"carried.{n}.cell"].copy()) for n in layers]

    def _beginning(self) -> State:
        """Compute the state after the melody `before`: output and cell of each layer, (1, H)."""
        passage = self._new_pass(*self._before.inputs.shape[:2])
        passage.forward(self._weights.named, self._before)
        return passage.ending()

    def _draw_weights(self) -> None:
        """Draw weights spread as PyTorch's are; forget gates open (Jozefowicz et al. 2015)."""
        width = self._network.width
        for name, value in self._weights.named.items():
            if name.startswith("memory"):
                _draw_gate(self._random, name, value)
                continue
            if name.endswith(("entry", "embedding")):
                value[:] = self._random.standard_normal(value.shape)
            elif name.startswith("lstm") and name.endswith("bias"):
                value[width : 2 * width] = 1
            elif name == "mix":
                value[:] = 1
            else:
                inputs = self._network.chain if name.startswith("output.1") else width
                value[:] = self._random.uniform(-(inputs**-0.5), inputs**-0.5, value.shape)
        self._weights.named["entry"][self._alphabet.size + 1 :] *= SIDE_SPREAD

    def _file_names(self) -> dict[str, np.ndarray]:
        """Return views of the weights by their names in the model file, gates in this order."""
        named = dict(self._weights.named)
        entry = named.pop("entry")
        edges = np.cumsum([self._alphabet.size + 1, *self._alphabet.features])
        embedding, *side = np.split(entry, edges[:-1])
        return {"embedding": embedding} | {f"side.{n}": table for n, table in enumerate(side)} | named


def _draw_gate(random: np.random.Generator, name: str, value: np.ndarray) -> None:
    """Draw a weight of a gate over memory, spread as PyTorch's is."""
    if name.endswith(".level"):
        value[:] = FIRST_WEIGHT
        value[-1] = 1
    elif name.endswith(".evidence"):
        value[:] = random.uniform(-(value.shape[1] ** -0.5), value.shape[1] ** -0.5, value.shape)


class Vector:
    """Named arrays that are views of one `flat` vector, in the order of `shapes`."""

    def __init__(self, shapes: Mapping[str, Sequence[int]], dtype: np.dtype):
        sizes = {name: math.prod(shape) for name, shape in shapes.items()}
        self.flat = np.zeros(sum(sizes.values()), dtype)
        self.named: dict[str, np.ndarray] = {}
        self.places: dict[str, slice] = {}
        at = 0
        for name, size in sizes.items():
            self.places[name] = slice(at, at + size)
            self.named[name] = self.flat[at : at + size].reshape(shapes[name])
            at += size


class AdamW:
    """Adam with decoupled weight decay, and clipping of the gradient's norm at 1.

    doubled: places in the vector of numbers that stand for a sum of two equal parameters. Such a sum moves twice as
    far and counts twice in the norm, as when PyTorch trains its LSTM's two biases.
    Source: Loshchilov & Hutter 2019, "Decoupled Weight Decay Regularization"; clipping, Pascanu et al. 2013.
    """

    def __init__(self, weights: np.ndarray, decay: float, doubled: Sequence[slice] = ()):
        self.weights, self.decay, self.doubled = weights, decay, doubled
        self.mean, self.square = np.zeros_like(weights), np.zeros_like(weights)
        self.updates = 0
        self._pieces = [slice(at, at + PIECE) for at in range(0, len(weights), PIECE)]
        self._scratch = np.empty((2, min(PIECE, len(weights))), weights.dtype)

    def forget(self) -> None:
        """Reset the moments; keep the weights."""
        self.mean[:], self.square[:], self.updates = 0, 0, 0

    def update(self, gradient: np.ndarray, rate: float) -> None:
        """Take a step down the gradient, an array like the weights, clipped to a norm of 1."""
        self.updates += 1
        square = float(np.dot(gradient, gradient))
        square += sum(float(np.dot(gradient[place], gradient[place])) for place in self.doubled)
        clip = min(1.0, 1.0 / (math.sqrt(square) + 1e-6))
        step = rate / (1 - BETAS[0] ** self.updates)
        root = 1 / math.sqrt(1 - BETAS[1] ** self.updates)  # makes that of the mean square an unbiased estimate
        shrink = 1 - rate * self.decay
        before = [self.weights[place] * shrink for place in self.doubled]
        for piece in self._pieces:
            mean, square_mean, weights = self.mean[piece], self.square[piece], self.weights[piece]
            one, two = self._scratch[:, : len(weights)]
            np.multiply(gradient[piece], clip, one)
            np.multiply(one, one, two)
            one -= mean
            one *= 1 - BETAS[0]
            mean += one
            two -= square_mean
            two *= 1 - BETAS[1]
            square_mean += two
            np.sqrt(square_mean, two)
            two *= root
            two += EPSILON
            np.divide(mean, two, one)
            one *= step
            weights *= shrink
            weights -= one
        for place, kept in zip(self.doubled, before, strict=True):
            self.weights[place] += self.weights[place] - kept


def dropout_mask(random: np.random.Generator, shape: tuple[int, ...], dropout: float, dtype: np.dtype) -> np.ndarray:
    """Draw a mask: 0 with the probability of `dropout`, else scaled so that the mean stays 1."""
    drawn = np.frombuffer(random.bytes(2 * math.prod(shape)), np.uint16)
    silent = round(dropout * RANDOM_VALUES)
    scale = dtype.type(RANDOM_VALUES / (RANDOM_VALUES - silent))
    return np.multiply(drawn >= silent, scale, dtype=dtype).reshape(shape)


def _reordered(name: str, value: np.ndarray) -> np.ndarray:
    """Swap the last two of four gates: from the file's order i, f, g, o to i, f, o, g, or back."""
    if not name.startswith("lstm."):
        return value
    i, f, third, fourth = np.split(value, 4)
    return np.concatenate([i, f, fourth, third])
