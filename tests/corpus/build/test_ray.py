"""The executor for many machines gives the corpus that the pool gives, and loses nothing with a machine."""

import logging
import random
import time
from pathlib import Path

import pytest

from ritornello.corpus.build.build import build_corpus
from ritornello.corpus.build.convert import convert
from ritornello.corpus.build.shards import read_shard, shards_in, write_shard
from ritornello.corpus.errors import CorpusError
from ritornello.corpus.options import BuildOptions
from ritornello.music.midi.reader import write_midi
from ritornello.music.values import Melody, Note

WITHOUT = 'needs Ray and pyarrow: pip install "ray[data]" pyarrow'


@pytest.fixture
def ray(monkeypatch):
    """Ray, not yet connected, its children importing what this process imports; shut down afterwards."""
    pytest.importorskip("pyarrow", reason=WITHOUT)
    ray = pytest.importorskip("ray", reason=WITHOUT)
    pytest.importorskip("ray.data", reason=WITHOUT)
    root = Path(__file__).resolve().parents[3] / "src"
    monkeypatch.setenv("PYTHONPATH", str(root))
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    logging.getLogger("ray").setLevel(logging.ERROR)
    yield ray
    ray.shutdown()


def folder_of(path: Path, files: int) -> Path:
    """Random tunes, copies and files that are no music."""
    path.mkdir()
    for n in range(files):
        dice = random.Random(n if n % 7 else n // 7)
        tune = Melody(tuple(Note(240 * k, 240, dice.randint(55, 80)) for k in range(30)))
        (path / f"{n:04}.mid").write_bytes(b"MThd" if n % 11 == 0 else write_midi(tune))
    (path / "book.abc").write_text("X:1\nK:C\nCDEF GABc|\n\nX:2\nK:G\nGABc defg|\n")
    (path / "notes.txt").write_text("no music")
    return path


def contents(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in out.iterdir()}


def test_ray_gives_the_same_corpus_as_the_pool_and_says_nothing_of_its_own(ray, tmp_path, capfd):
    tunes = folder_of(tmp_path / "tunes", 40)
    build_corpus(tunes, out=tmp_path / "pool" / "corpus")
    ray.init("local", num_cpus=1, include_dashboard=False, log_to_driver=False)
    logging.getLogger("ray").setLevel(logging.INFO)  # as it is outside tests
    capfd.readouterr()
    build_corpus(tunes, BuildOptions(engine="ray"), out=tmp_path / "ray" / "corpus")
    told = capfd.readouterr()
    assert (told.out, told.err) == ("", "")
    assert logging.getLogger("ray.data").getEffectiveLevel() == logging.ERROR
    assert contents(tmp_path / "ray" / "corpus") == contents(tmp_path / "pool" / "corpus")
    shards = sorted((tmp_path / "ray" / "corpus.shards").glob("*.parquet"))
    before = [shard.stat().st_mtime_ns for shard in shards]
    (tmp_path / "tunes" / "0001.mid").write_bytes((tmp_path / "tunes" / "0002.mid").read_bytes())
    again = build_corpus(
        tunes,
        BuildOptions(engine="ray", shards=str(tmp_path / "ray" / "corpus.shards")),
        out=tmp_path / "again" / "corpus",
    )
    assert [shard.stat().st_mtime_ns for shard in shards] == before
    assert len(list((tmp_path / "ray" / "corpus.shards").glob("*.parquet"))) == len(shards) + 1  # one file was new
    assert contents(tmp_path / "again" / "corpus") == contents_of_pool(tunes, tmp_path / "pool again" / "corpus")
    assert again.report[2].status == "dropped"  # the other is the first of the two now


def contents_of_pool(tunes: Path, out: Path) -> dict[str, bytes]:
    build_corpus(tunes, out=out)
    return contents(out)


def test_shards_can_be_read_by_any_program_and_give_the_rows_back(tmp_path):
    pq = pytest.importorskip("pyarrow.parquet", reason=WITHOUT)
    tunes = folder_of(tmp_path / "tunes", 2)
    files = [
        (path.name, bytes([n]) * 16, convert(path.read_bytes(), path.name, BuildOptions()))
        for n, path in enumerate(sorted(tunes.iterdir()))
    ]
    path = write_shard(str(tmp_path / "shards"), files)
    rows = {row["name"]: row for row in pq.read_table(path).to_pylist()}
    assert rows["book.abc"]["start"] == [0, 240, 480, 720, 960, 1200, 1440, 1680] * 2
    assert len(rows["0001.mid"]["pitch"]) == 30
    assert rows["notes.txt"]["pitch"] == []
    assert shards_in(str(tmp_path / "shards")) == [path]
    again = list(read_shard(str(tmp_path / "shards"), path))
    assert [(key, rows.to_bytes()) for key, rows in again] == [(key, rows.to_bytes()) for _, key, rows in files]


def test_a_damaged_shard_is_named(tmp_path):
    pytest.importorskip("pyarrow", reason=WITHOUT)
    (tmp_path / "a.parquet").write_bytes(b"PAR1 nonsense")
    with pytest.raises(CorpusError, match=r"a\.parquet: the shard is damaged.*delete it"):
        list(read_shard(str(tmp_path), str(tmp_path / "a.parquet")))


def test_without_a_place_for_shards_nothing_is_read(tmp_path):
    tunes = folder_of(tmp_path / "tunes", 1)
    with pytest.raises(CorpusError, match="a place for its shards"):
        build_corpus(tunes, BuildOptions(engine="ray"))


@pytest.mark.slow
def test_a_machine_that_dies_in_the_middle_loses_nothing(ray, tmp_path, request):
    from ray.cluster_utils import Cluster

    tunes = folder_of(tmp_path / "tunes", 600)
    build_corpus(tunes, out=tmp_path / "pool" / "corpus")
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    request.addfinalizer(cluster.shutdown)
    request.addfinalizer(ray.shutdown)  # the last one added is the first to run
    doomed = cluster.add_node(num_cpus=1)
    ray.init(address=cluster.address, log_to_driver=False)
    cluster.wait_for_nodes()
    assert ray.cluster_resources()["CPU"] == 2
    done_at_death = []

    def kill_one(done: int, total: int, name: str) -> None:
        if done >= total // 3 and not done_at_death:
            cluster.remove_node(doomed, allow_graceful=False)
            done_at_death.append(done)

    build_corpus(tunes, BuildOptions(engine="ray"), on_file=kill_one, out=tmp_path / "ray" / "corpus")
    assert done_at_death[0] < 602
    until = time.monotonic() + 60
    while sum(node["Alive"] for node in ray.nodes()) > 1 and time.monotonic() < until:
        time.sleep(0.2)  # the cluster takes its time to believe it
    assert sum(node["Alive"] for node in ray.nodes()) == 1
    assert contents(tmp_path / "ray" / "corpus") == contents(tmp_path / "pool" / "corpus")
