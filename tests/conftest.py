"""What the tests of several rooms share: where the data lies, a tiny corpus, a tiny network."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import settings
from networks import network_of

from ritornello.corpus.options import BuildOptions
from ritornello.corpus.pieces import CorpusPiece
from ritornello.corpus.store import Corpus, corpus_of
from ritornello.encoding.memory import levels, needs_counts
from ritornello.model.counts import counts_to_tensors, nothing_counted
from ritornello.model.memory import memory_shapes
from ritornello.model.network import Network
from ritornello.music.values import Melody, Metre, Note, Timeline

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared" / "data"
NO_SKIPS = os.environ.get("RITORNELLO_NO_SKIPS") == "1"
AS_ROOT = "the superuser may write anywhere"  # which nothing that is installed would change
NO_MOUNT = "mounting a small disk is refused here"  # nor this
NOT_TO_BE_HELPED = (AS_ROOT, NO_MOUNT)
WITHOUT_DATA = "../shared/data"  # stands in the reason of every skip for want of the data, and of no other

# Tests run side by side: threads that wait for one another must not hold a core meanwhile.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

settings.register_profile("repeatable", deadline=None, derandomize=True, max_examples=60)
settings.load_profile("repeatable")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as under nohup: no child would hear Ctrl-C either
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def repo_root() -> Path:
    """The folder that holds src, tests and pyproject.toml."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Callable[[str], Path]:
    """A function from a name under ../shared/data to its path; the test is skipped where it is absent.

    Tests that use it are marked `shared_data`, and have to be listed in shared_data_tests.txt.
    """

    def find(name: str) -> Path:
        path = SHARED / name
        if not path.exists():
            pytest.skip(f"needs the shared data: no {WITHOUT_DATA}/{name}")
        return path

    return find


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run each test in an empty folder of its own: what two of them write by one name is not one file."""
    monkeypatch.chdir(tmp_path)


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name bytes by their argument: archives hold the time at which they are made, and processes compare names."""
    return argname if isinstance(val, bytes) else None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what reads the shared data; let one process run all tests for which a file prepares something once."""
    for item in items:
        if "shared_data" in getattr(item, "fixturenames", ()):
            item.add_marker("shared_data")
        fixtures = getattr(item, "_fixtureinfo", None)
        scopes = {found[-1].scope for found in fixtures.name2fixturedefs.values()} if fixtures else set()
        if "module" in scopes and not item.get_closest_marker("xdist_group"):
            item.add_marker(pytest.mark.xdist_group(item.path.relative_to(ROOT).as_posix()))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item):
    """Let no skip pass that should not be one."""
    return _honest((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector):
    """The same for a file that is skipped as a whole."""
    return _honest((yield))


def _honest(report):
    """Turn a skip into a failure: for a missing program where RITORNELLO_NO_SKIPS=1 (in CI, which installs them
    all), and for the data where the data is there."""
    if not report.skipped or hasattr(report, "wasxfail"):
        return report
    reason = str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr)
    is_wrong = (
        SHARED.is_dir() if WITHOUT_DATA in reason else NO_SKIPS and not any(r in reason for r in NOT_TO_BE_HELPED)
    )
    if is_wrong:
        report.outcome, report.longrepr = "failed", f"not to be skipped here: {reason}"
    return report


def pytest_terminal_summary(terminalreporter) -> None:
    """Say how many tests read the shared data."""
    ran = [
        r
        for r in terminalreporter.getreports("passed") + terminalreporter.getreports("failed")
        if r.when == "call" and "shared_data" in r.keywords
    ]
    left = [r for r in terminalreporter.getreports("skipped") if "shared_data" in r.keywords]
    where = "is here" if SHARED.is_dir() else f"is not here ({WITHOUT_DATA})"
    terminalreporter.write_line(f"the shared data {where}: {len(ran)} tests read it, {len(left)} skipped")


def random_tensors(
    vocabulary: int,
    width: int = 16,
    layers: int = 2,
    seed: int = 0,
    scale: float = 0.6,
    second: int = 0,
    side: tuple[int, ...] = (),
    attention: int = 0,
    memory: tuple[str, ...] = (),
    heads: int = 0,
) -> dict:
    """Weights of a network under the names of the model file, drawn from a normal distribution, float32.

    second: how many of the vocabulary's ids are a second part. side: sizes of side inputs. attention: its reach.
    memory: its sources; of the corpus nothing was counted. heads: of a transformer, 0 for an LSTM.
    """
    random = np.random.default_rng(seed)

    def normal(*shape: int) -> np.ndarray:
        return (random.standard_normal(shape) * scale).astype(np.float32)

    tensors = {"embedding": normal(vocabulary + 1, width)}
    for n in range(layers if heads else 0):
        names = dict.fromkeys(("query", "key", "value", "context"), (width, width))
        names |= {"query_bias": (width,), "distance": (attention, width // heads)}
        names |= {"inner": (4 * width, width), "inner_bias": (4 * width,)}
        names |= {"outer": (width, 4 * width), "outer_bias": (width,)}
        tensors |= {f"block.{n}.{name}": normal(*shape) for name, shape in names.items()}
    for n in range(0 if heads else layers):
        tensors[f"lstm.{n}.input"] = normal(4 * width, width)
        tensors[f"lstm.{n}.recurrent"] = normal(4 * width, width)
        tensors[f"lstm.{n}.bias"] = normal(4 * width)
    tensors |= {f"side.{n}": normal(size, width) for n, size in enumerate(side)}
    seen, first = 2 * width if attention and not heads else width, vocabulary - second
    if attention and not heads:
        tensors |= {"attention.key": normal(8, width), "attention.query": normal(8, width)}
        tensors |= {"attention.vector": normal(8), "attention.place": normal(attention)}
    if memory:
        for name, shape in memory_shapes([len(levels(memory, part)) for part in (0, 1)], (seen, 12)).items():
            tensors[name] = normal(*shape) / shape[-1] ** 0.5
    if needs_counts(memory):
        tensors |= counts_to_tensors(nothing_counted())
    if not second:
        return tensors | {"output.weight": normal(vocabulary, seen), "output.bias": normal(vocabulary)}
    tensors |= {"output.0.weight": normal(first, seen), "output.0.bias": normal(first)}
    tensors |= {"chain.input": normal(12, seen), "chain.embedding": normal(first, 12)}
    return tensors | {"output.1.weight": normal(second, 12), "output.1.bias": normal(second)}


@pytest.fixture(scope="session")
def make_network() -> Callable[..., Network]:
    """A function from (vocabulary, dtype, and what random_tensors takes) to a network of random weights."""

    def make(vocabulary: int, *, dtype: type = np.float32, **options) -> Network:
        return network_of(random_tensors(vocabulary, **options), dtype)

    return make


@pytest.fixture(scope="session")
def make_tensors() -> Callable[..., dict]:
    """A function from what random_tensors takes to random weights by name."""
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


class Outcome(NamedTuple):
    """What a command left: exit status, standard output, standard error."""

    status: int
    out: str
    err: str


@pytest.fixture
def command(capsys) -> Callable[..., Outcome]:
    """A function that runs a command in this process: command("generate", model, "-o", folder)."""
    from ritornello.cli import main

    def run(*words: object) -> Outcome:
        capsys.readouterr()
        status = main([str(word) for word in words])
        return Outcome(status, *capsys.readouterr())

    return run


@pytest.fixture(scope="session")
def little_model(tmp_path_factory) -> Path:
    """A run folder with a model of random weights that knows the default grid; made without torch."""
    from ritornello.encoding import Grid
    from ritornello.model.file import ModelFile, save_model
    from ritornello.model.options import NetworkOptions

    encoding = Grid()
    folder = tmp_path_factory.mktemp("little-run")
    tensors = random_tensors(encoding.vocabulary.size, scale=0.3)
    metadata = {"corpus": {"compass": [55, 79]}}
    save_model(folder / "model.safetensors", ModelFile(tensors, NetworkOptions(2, 16, 16), encoding, metadata))
    return folder


@pytest.fixture(scope="session")
def hymn_folder(tmp_path_factory) -> Path:
    """A folder with ten of the hymns in the repository and nothing else."""
    folder = tmp_path_factory.mktemp("my_midi_folder")
    for path in sorted((ROOT / "tests/fixtures/hymns").glob("*.abc"))[:10]:
        (folder / path.name).write_bytes(path.read_bytes())
    return folder


@pytest.fixture(scope="session")
def hymn_corpus(tmp_path_factory, hymn_folder) -> Path:
    """A corpus built from them, the last fifth to test with."""
    from ritornello.corpus.build.build import build_corpus

    path = tmp_path_factory.mktemp("corpus") / "hymns"
    build_corpus(hymn_folder, BuildOptions(split="last:0.2")).save(path)
    return path


@pytest.fixture(scope="session")
def make_training_short() -> Callable[[pytest.MonkeyPatch], None]:
    """A function that makes `minutes` of training a second, given or not, and the embedded corpus its hymns.

    Given minutes are those of one thread.
    """

    def shorten(patch: pytest.MonkeyPatch) -> None:
        from ritornello.corpus import embedded as home
        from ritornello.training import plan
        from ritornello.training.plan import TrainOptions

        checked, load = TrainOptions.__post_init__, home.embedded

        def one_second(options: TrainOptions) -> None:
            checked(options)
            if options.minutes is not None:
                for name, value in (("minutes", 0.02), ("threads", 1), ("dtype", "fp32")):
                    object.__setattr__(options, name, value)

        patch.setattr(TrainOptions, "__post_init__", one_second)
        patch.setattr(plan, "DEFAULT_MINUTES", 0.02)
        patch.setattr(home, "embedded", lambda name="all": load("hymns" if name == "all" else name))

    return shorten
