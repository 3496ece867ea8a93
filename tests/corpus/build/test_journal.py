"""The journal of a build: what is in it is never converted twice, and a torn end is no harm."""

import pytest

from ritornello.corpus.build.rows import FileRows, Journal, content_key, journal_path
from ritornello.corpus.errors import CorpusError
from ritornello.corpus.options import BuildOptions

OPTIONS = BuildOptions()
KEYS = [content_key(f"{n}.mid", b"content") for n in range(5)]


def rows(n: int) -> bytes:
    return FileRows.refused("unreadable", f"file {n}").to_bytes()


@pytest.fixture
def path(tmp_path):
    with Journal(tmp_path / "j", OPTIONS, 5) as journal:
        for n in range(5):
            journal.put(n, KEYS[n], rows(n))
    return tmp_path / "j"


def known(path, options: BuildOptions = OPTIONS) -> list[int]:
    """Which of the five files a new run finds in the journal."""
    with Journal(path, options, 5) as journal:
        return [n for n in range(5) if journal.take_up(n, KEYS[n])]


def test_the_next_run_finds_what_the_last_one_left(path):
    with Journal(path, OPTIONS, 3) as journal:
        assert journal.take_up(2, KEYS[4])
        assert journal.rows(2).problems == (("unreadable", "file 4"),)
        assert len(journal) == 1


def test_wherever_its_end_is_torn_off_the_records_before_it_stay(path):
    whole = path.read_bytes()
    size = len(whole) - whole.rindex(b"file 0")  # less than from the first record on
    for cut in range(1, size, 11):
        path.write_bytes(whole[:-cut])
        found = known(path)
        assert found == list(range(len(found)))
        assert len(found) < 5
    path.write_bytes(whole[:10])
    assert known(path) == []


def test_a_record_that_was_damaged_ends_it(path):
    whole = bytearray(path.read_bytes())
    whole[whole.index(b"file 3")] ^= 1
    path.write_bytes(whole)
    assert known(path) == [0, 1, 2]


def test_what_comes_after_a_torn_record_is_found_again(path):
    path.write_bytes(path.read_bytes()[:-3])
    with Journal(path, OPTIONS, 5) as journal:
        journal.put(4, KEYS[4], rows(4))
    assert known(path) == [0, 1, 2, 3, 4]


def test_other_options_begin_anew_but_not_those_of_the_machine(path):
    assert known(path, BuildOptions(workers=7, strict=True)) == [0, 1, 2, 3, 4]
    assert known(path, BuildOptions(least_notes=9)) == []


def test_name_and_content_both_count():
    assert (
        len(
            {
                content_key("a", b"b"),
                content_key("a", b"c"),
                content_key("b", b"b"),
                content_key("ab", b""),
                content_key("", b"ab"),
            }
        )
        == 5
    )


def test_two_programs_do_not_write_one_corpus(path):
    pytest.importorskip("fcntl", reason="this system cannot hold a file against other programs")
    with Journal(path, OPTIONS, 5), pytest.raises(CorpusError, match="another program"):
        Journal(path, OPTIONS, 5)


def test_it_lies_beside_the_corpus(tmp_path):
    assert journal_path(tmp_path / "songs") == tmp_path / ".songs.journal"


def test_rows_that_are_none_are_told_of_their_file(tmp_path):
    with Journal(None, OPTIONS, 1) as journal:
        journal.put(0, KEYS[0], b"nonsense")
        ((reason, detail),) = journal.rows(0).problems
    assert reason == "parser_died"
    assert "impossible answer" in detail
