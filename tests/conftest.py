"""What the tests of several rooms share: where the data lies, a tiny corpus, a tiny network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

from ritornello.corpus.pieces import CorpusPiece
from ritornello.corpus.store import Corpus, corpus_of
from ritornello.model.lstm import NumpyLstm
from ritornello.music.values import Melody, Metre, Note, Timeline

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared" / "data"

settings.register_profile("repeatable", deadline=None, derandomize=True, max_examples=60)
settings.load_profile("repeatable")


@pytest.fixture(scope="session")
def repo_root() -> Path:
    """The folder that holds src, tests and pyproject.toml."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Callable[[str], Path]:
    """A function from a name under ../shared/data to its path; the test is skipped where it is absent."""

    def find(name: str) -> Path:
        path = SHARED / name
        if not path.exists():
            pytest.skip(f"needs the shared data: no ../shared/data/{name}")
        return path

    return find


def random_tensors(vocabulary: int, width: int = 16, layers: int = 2, seed: int = 0, scale: float = 0.6) -> dict:
    """Weights of a network under the names of the model file, drawn from a normal distribution, float32."""
    random = np.random.default_rng(seed)

    def normal(*shape: int) -> np.ndarray:
        return (random.standard_normal(shape) * scale).astype(np.float32)

    tensors = {"embedding": normal(vocabulary + 1, width)}
    for n in range(layers):
        tensors[f"lstm.{n}.input"] = normal(4 * width, width)
        tensors[f"lstm.{n}.recurrent"] = normal(4 * width, width)
        tensors[f"lstm.{n}.bias"] = normal(4 * width)
    return tensors | {"output.weight": normal(vocabulary, width), "output.bias": normal(vocabulary)}


@pytest.fixture(scope="session")
def make_network() -> Callable[..., NumpyLstm]:
    """A function from (vocabulary, width, layers, seed, scale, dtype) to a network of random weights."""

    def make(vocabulary: int, *, dtype: type = np.float32, **options) -> NumpyLstm:
        return NumpyLstm(random_tensors(vocabulary, **options), dtype)

    return make


@pytest.fixture(scope="session")
def make_tensors() -> Callable[..., dict]:
    """A function from (vocabulary, width, layers, seed, scale) to random weights by name."""
    return random_tensors


def little_tune(root: int, metre: tuple[int, int] = (4, 4)) -> Melody:
    """Up and down five notes of a major scale in quarters, four bars."""
    quarters = 4 * 4 * metre[0] // metre[1]
    steps = (0, 2, 4, 5, 7, 5, 4, 2)
    notes = tuple(Note(480 * n, 480, root + steps[n % 8]) for n in range(quarters))
    return Melody(notes, Timeline(480, 480 * quarters, (Metre(0, *metre),)))


@pytest.fixture
def tiny_corpus() -> Corpus:
    """Ten little tunes: eight to learn from, one each to check and to test with."""
    splits = ["train"] * 8 + ["validation", "test"]
    pieces = []
    for n, split in enumerate(splits):
        source, metre = f"tune{n}.abc", (3, 4) if n % 2 else (4, 4)
        pieces.append(
            (CorpusPiece(source, (), licence="CC0-1.0", family=source, split=split), [little_tune(55 + n, metre)])
        )
    return corpus_of(pieces)
