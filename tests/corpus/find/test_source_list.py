"""Sources on disk are the sources that went in."""

from __future__ import annotations

import threading

import pytest

from ritornello.corpus.find.source_list import BLOCK, NameList, SourceList
from ritornello.corpus.find.sources import Source

MANY = [Source(f"in/{n}.mid", f"in/{n}.mid") for n in range(10 * BLOCK + 7)]


def test_any_source_can_be_asked_for_in_any_order() -> None:
    odd = [
        Source("b\udce9.mid", "b\udce9.mid"),  # a byte that is no UTF-8
        Source("a.zip/é.mid", "a.zip", 3),
        Source("a.zip/x", "a.zip", 4, ("not_music", "a name without an ending is not read")),
    ]
    listed = SourceList(iter([*odd, *MANY]))
    assert len(listed) == len(MANY) + 3
    assert list(listed) == [*odd, *MANY]
    assert [listed[n] for n in (BLOCK * 9, 0, -1, 2)] == [MANY[BLOCK * 9 - 3], odd[0], MANY[-1], odd[2]]
    assert listed[1:3] == tuple(odd[1:])
    assert NameList(listed)[2] == "a.zip/x"
    assert NameList(listed)[:2] == ("b\udce9.mid", "a.zip/é.mid")


@pytest.mark.parametrize("index", [len(MANY), -len(MANY) - 1])
def test_past_the_end_there_is_nothing(index: int) -> None:
    with pytest.raises(IndexError, match=f"source {index} of {len(MANY)}"):
        SourceList(MANY)[index]


def test_threads_that_read_at_once_get_what_they_asked_for() -> None:
    listed, wrong = SourceList(MANY), []

    def read(step: int) -> None:
        wrong.extend(place for place in range(0, len(MANY), step) if listed[place] != MANY[place])

    threads = [threading.Thread(target=read, args=(step,)) for step in (7, 31, 97, 255)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
