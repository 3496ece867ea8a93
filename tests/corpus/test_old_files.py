"""Files written before notes had a `part`: a corpus, a journal and a shard load as part 0, and keep their digests.

`fixtures/old` holds what the program of commit 7e40e58 made of `book.abc` and `steps.npy`.
"""

import shutil
from pathlib import Path

import numpy as np
import pytest

from ritornello.corpus.build.rows import FileRows, Journal, content_key
from ritornello.corpus.errors import CorpusError
from ritornello.corpus.options import BuildOptions
from ritornello.corpus.pieces import NOTE_DTYPE
from ritornello.corpus.store import Corpus

OLD = Path(__file__).parents[1] / "fixtures" / "old"
FINGERPRINT = "3353c38f7a4c44a8953725869a55be9b6ccb4140eb7916bfb6d43681c57ac89b"


def test_an_old_corpus_loads_and_keeps_its_fingerprint():
    assert "part" not in np.load(OLD / "corpus" / "notes.npy").dtype.names
    corpus = Corpus.load(OLD / "corpus")
    assert corpus.notes.dtype == NOTE_DTYPE
    assert corpus.notes["part"].tolist() == [0] * 20
    assert corpus.notes[:2].tolist() == [(0, 480, 60, 80, 0), (480, 480, 62, 80, 0)]
    assert [len(m.notes) for m in corpus.melodies()] == [8, 7, 5]
    assert corpus.fingerprint == FINGERPRINT


def test_saved_anew_it_has_parts_and_the_same_fingerprint_and_digests(tmp_path):
    Corpus.load(OLD / "corpus").save(tmp_path / "new")
    assert np.load(tmp_path / "new" / "notes.npy").dtype == NOTE_DTYPE
    assert (tmp_path / "new" / "pieces.jsonl").read_bytes() == (OLD / "corpus" / "pieces.jsonl").read_bytes()
    assert Corpus.load(tmp_path / "new").fingerprint == FINGERPRINT


def test_parts_count_in_fingerprint_and_digest(tmp_path):
    corpus = Corpus.load(OLD / "corpus")
    corpus.notes["part"][3] = 1
    assert Corpus(corpus.notes, corpus.pieces, steps=corpus.steps).fingerprint != FINGERPRINT
    corpus.save(tmp_path / "parts")
    assert Corpus.load(tmp_path / "parts").notes["part"].tolist() == [0, 0, 0, 1, *[0] * 16]
    notes = corpus.notes.copy()
    notes["part"][3] = 2
    np.save(tmp_path / "parts" / "notes.npy", notes)
    with pytest.raises(CorpusError, match=r"book\.abc#1 have changed"):
        Corpus.load(tmp_path / "parts")


def with_header_of_today(path):
    """Put the records of the old journal behind the header of a new one, which names version and options."""
    with Journal(path, BuildOptions(), 2):
        pass
    *header, _ = path.read_bytes().split(b"\n", 2)
    *_, records = (OLD / "journal").read_bytes().split(b"\n", 2)
    path.write_bytes(b"\n".join([*header, records]))


def test_a_journal_of_other_options_is_begun_anew(tmp_path):
    shutil.copy(OLD / "journal", tmp_path / "journal")  # of before a metre could be given
    with Journal(tmp_path / "journal", BuildOptions(), 2) as journal:
        assert not journal.take_up(0, content_key("book.abc", (OLD / "book.abc").read_bytes()))


def test_rows_of_an_old_journal_are_taken_up(tmp_path):
    with_header_of_today(tmp_path / "journal")
    names = ["book.abc", "steps.npy"]
    with Journal(tmp_path / "journal", BuildOptions(), 2) as journal:
        assert [journal.take_up(n, content_key(name, (OLD / name).read_bytes())) for n, name in enumerate(names)] == [
            True
        ] * 2
        book, steps = journal.rows(0), journal.rows(1)
    assert book.corpus.notes.dtype == steps.corpus.notes.dtype == NOTE_DTYPE
    assert book.corpus.notes.tolist() == Corpus.load(OLD / "corpus").notes[:15].tolist()
    assert len(steps.corpus.steps) == 12
    assert FileRows.from_bytes(steps.to_bytes()).corpus.notes.tolist() == steps.corpus.notes.tolist()


def test_an_old_shard_is_read(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    from ritornello.corpus.build.shards import read_shard, write_shard

    with_header_of_today(tmp_path / "journal")
    with Journal(tmp_path / "journal", BuildOptions(), 1) as journal:
        key = content_key("book.abc", (OLD / "book.abc").read_bytes())
        assert journal.take_up(0, key)
        path = write_shard(str(tmp_path), [("book.abc", key, journal.rows(0))])
        parquet.write_table(parquet.read_table(path).drop_columns(["part"]), path)
        ((_, rows),) = read_shard(str(tmp_path), path)
        assert rows.corpus.notes.tolist() == journal.rows(0).corpus.notes.tolist()
