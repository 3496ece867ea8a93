"""The steps of other programs, which the bench times beside ours, compute a network of the same weights."""

import numpy as np
import pytest
from benchmarks.live import rivals

TOKENS = (3, 0, 10, 3)
WEIGHTS = rivals.draw_weights(width=8, layers=2, size=11)


def by_hand(tokens):
    """Compute the probabilities after each token, by the equations of the LSTM."""
    states = [(np.zeros(8), np.zeros(8)) for _ in WEIGHTS.layers]
    found = []
    for token in tokens:
        seen = WEIGHTS.embedding[token]
        for n, (into, recurrent, bias) in enumerate(WEIGHTS.layers):
            hidden, cell = states[n]
            i, f, g, o = np.split(into @ seen + recurrent @ hidden + bias, 4)
            cell = cell / (1 + np.exp(-f)) + np.tanh(g) / (1 + np.exp(-i))
            states[n] = (np.tanh(cell) / (1 + np.exp(-o)), cell)
            seen = states[n][0]
        logits = WEIGHTS.output @ seen
        found.append(np.exp(logits) / np.exp(logits).sum())
    return found


@pytest.mark.parametrize("name", rivals.RIVALS)
def test_another_program_computes_the_same_network(name):
    make, packages = rivals.RIVALS[name]
    for package in packages:
        pytest.importorskip(package)
    step = make(WEIGHTS)
    for token, right in zip(TOKENS, by_hand(TOKENS), strict=True):
        np.testing.assert_allclose(step(token)[0], right, atol=1e-5)


def test_what_is_not_installed_is_said_in_one_line_and_left_out(monkeypatch, capsys):
    monkeypatch.setattr(rivals, "find_spec", lambda package: None)
    assert rivals.rival_steps(WEIGHTS) == {}
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "not timed beside ours: pip install torch",
        "not timed beside ours: pip install onnxruntime onnx",
    ]
