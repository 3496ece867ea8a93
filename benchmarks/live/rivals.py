"""One step of a bare network of the same size in other programs: eager PyTorch and onnxruntime."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any, NamedTuple

import numpy as np

Step = Callable[[int], np.ndarray]
"""Feeds a token, and returns the probabilities of what follows, (1, size)."""

ONNX_OPSET, ONNX_IR = 17, 8


class Weights(NamedTuple):
    """The weights of a network of LSTM layers, float32; gates in PyTorch's order i, f, g, o.

    embedding: (size, H). layers: input (4H, H), recurrent (4H, H) and bias (4H,) of each. output: (size, H).
    """

    embedding: np.ndarray
    layers: tuple[tuple[np.ndarray, np.ndarray, np.ndarray], ...]
    output: np.ndarray


def draw_weights(width: int, layers: int, size: int, seed: int = 1) -> Weights:
    """Draw the weights of a network. size: of its alphabet."""
    dice, scale = np.random.default_rng(seed), width**-0.5

    def draw(*shape: int) -> np.ndarray:
        return dice.uniform(-scale, scale, shape).astype(np.float32)

    each = tuple((draw(4 * width, width), draw(4 * width, width), draw(4 * width)) for _ in range(layers))
    return Weights(draw(size, width), each, draw(size, width))


def torch_step(weights: Weights) -> Step:
    """Make the step of eager PyTorch, on one thread."""
    import torch

    torch.set_num_threads(1)
    width = weights.embedding.shape[1]
    embedding, lstm = torch.nn.Embedding(*weights.embedding.shape), torch.nn.LSTM(width, width, len(weights.layers))
    output = torch.nn.Linear(width, len(weights.output), bias=False)
    with torch.no_grad():
        embedding.weight.copy_(torch.from_numpy(weights.embedding))
        output.weight.copy_(torch.from_numpy(weights.output))
        for n, arrays in enumerate(weights.layers):
            for name, array in zip(("weight_ih", "weight_hh", "bias_ih"), arrays, strict=True):
                getattr(lstm, f"{name}_l{n}").copy_(torch.from_numpy(array))
            getattr(lstm, f"bias_hh_l{n}").zero_()
    state: Any = None

    @torch.inference_mode()
    def step(token: int) -> np.ndarray:
        nonlocal state
        hidden, state = lstm(embedding(torch.tensor([[token]])), state)
        return torch.softmax(output(hidden[0]), -1).numpy()

    return step


def onnx_step(weights: Weights) -> Step:
    """Make the step of onnxruntime on the processor, on one thread."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(onnx_model(weights), options, providers=["CPUExecutionProvider"])
    nothing = np.zeros((1, 1, weights.embedding.shape[1]), np.float32)
    state = {name: nothing for n in range(len(weights.layers)) for name in (f"hidden{n}", f"cell{n}")}

    def step(token: int) -> np.ndarray:
        found, *after = session.run(None, {"token": np.array([token]), **state})
        state.update(zip(state, after, strict=True))
        return found

    return step


def onnx_model(weights: Weights) -> bytes:
    """Write the network in ONNX's format: token and state go in, probabilities and state come out."""
    from onnx import TensorProto, checker, helper, numpy_helper

    width, size = weights.embedding.shape[1], len(weights.output)
    tensors = {"embedding": weights.embedding, "output": weights.output.T, "first": np.array([0])}
    nodes = [
        helper.make_node("Gather", ["embedding", "token"], ["row"]),
        helper.make_node("Unsqueeze", ["row", "first"], ["seen0"]),  # (time, batch, H)
    ]
    for n, (into, recurrent, bias) in enumerate(weights.layers):
        tensors |= {f"W{n}": _onnx_gates(into)[None], f"R{n}": _onnx_gates(recurrent)[None]}
        tensors[f"B{n}"] = np.concatenate([_onnx_gates(bias), np.zeros_like(bias)])[None]
        given = [f"seen{n}", f"W{n}", f"R{n}", f"B{n}", "", f"hidden{n}", f"cell{n}"]
        found = ["", f"hidden_after{n}", f"cell_after{n}"]
        nodes.append(helper.make_node("LSTM", given, found, hidden_size=width))
        nodes.append(helper.make_node("Identity", [f"hidden_after{n}"], [f"seen{n + 1}"]))
    nodes += [
        helper.make_node("Squeeze", [f"seen{len(weights.layers)}", "first"], ["top"]),
        helper.make_node("MatMul", ["top", "output"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=-1),
    ]
    names = [f"{part}{{}}{n}" for n in range(len(weights.layers)) for part in ("hidden", "cell")]
    before, after = (
        [helper.make_tensor_value_info(name.format(when), TensorProto.FLOAT, [1, 1, width]) for name in names]
        for when in ("", "_after")
    )
    graph = helper.make_graph(
        nodes,
        "bare",
        [helper.make_tensor_value_info("token", TensorProto.INT64, [1]), *before],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [1, size]), *after],
        [numpy_helper.from_array(np.ascontiguousarray(array), name) for name, array in tensors.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", ONNX_OPSET)], ir_version=ONNX_IR)
    checker.check_model(model)
    return model.SerializeToString()


def _onnx_gates(weights: np.ndarray) -> np.ndarray:
    """Put rows i, f, g, o in ONNX's order i, o, f, g."""
    i, f, g, o = np.split(weights, 4)
    return np.concatenate([i, o, f, g])


RIVALS: dict[str, tuple[Callable[[Weights], Step], tuple[str, ...]]] = {
    "torch": (torch_step, ("torch",)),
    "onnx": (onnx_step, ("onnxruntime", "onnx")),
}
"""Names of the rows, with what makes the step and the packages that it needs."""


def rival_steps(weights: Weights) -> dict[str, Step]:
    """Make the steps of the programs that are installed; say in one line which is not."""
    found = {}
    for name, (make, packages) in RIVALS.items():
        if missing := [package for package in packages if find_spec(package) is None]:
            print(f"not timed beside ours: pip install {' '.join(missing)}", file=sys.stderr)
        else:
            found[name] = make(weights)
    return found
