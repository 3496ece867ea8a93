"""Values on disk are the values that went in."""

from __future__ import annotations

import threading

import pytest

from ritornello.corpus.find.find import Source
from ritornello.corpus.report import RECENT, SHOWN, FileReport, Lines, dropped, lines_of

MANY = [Source(f"in/{n}.mid", f"in/{n}.mid") for n in range(2 * RECENT + 7)]


def sources(values) -> Lines[Source]:
    return Lines(list, Source.from_list, values)


def reports(length: int) -> Lines[FileReport]:
    return Lines(FileReport.to_dict, FileReport.from_dict, length=length)


def report(n: int) -> FileReport:
    return FileReport(f"{n}.mid", "kept", "ok", losses={"notes_cut_short": n}, warnings=(("unsure_pick", "part 2"),))


def test_any_value_can_be_asked_for_in_any_order():
    odd = [
        Source("b\udce9.mid", "b\udce9.mid"),  # a byte that is no UTF-8
        Source("a.zip/é.mid", "a.zip", 3),
        Source("a.zip/x", "a.zip", 4, ("not_music", "a name without an ending is not read")),
    ]
    listed = sources(iter([*odd, *MANY]))
    assert len(listed) == len(MANY) + 3
    assert list(listed) == [*odd, *MANY]
    assert [listed[n] for n in (2000, 0, -1, 2)] == [MANY[1997], odd[0], MANY[-1], odd[2]]
    assert listed[1:3] == tuple(odd[1:])


def test_printed_are_the_first_lines_and_how_many_more_there_are():
    listed = reports(1030)
    for n in range(1030):
        listed.put(n, report(n))
    first, *_, last, more = str(listed).splitlines()
    assert (first, last, more) == (str(report(0)), str(report(SHOWN - 1)), "... and 1,010 more")
    assert str(sources(MANY[:1])) == str(MANY[0])


@pytest.mark.parametrize("index", [len(MANY), -len(MANY) - 1])
def test_past_the_end_there_is_nothing(index):
    with pytest.raises(IndexError):
        sources(MANY)[index]


def test_threads_that_read_at_once_get_what_they_asked_for():
    listed, wrong = sources(MANY), []

    def read(step: int) -> None:
        wrong.extend(place for place in range(0, len(MANY), step) if listed[place] != MANY[place])

    threads = [threading.Thread(target=read, args=(step,)) for step in (7, 31, 97, 255)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_values_come_back_in_the_order_of_their_places():
    lines = reports(3)
    for n in (2, 0, 1):
        lines.put(n, report(n))
    assert list(lines) == [report(0), report(1), report(2)]
    assert lines == (report(0), report(1), report(2))
    assert lines[1:] == (report(1), report(2))
    assert lines[-1] == report(2)


def test_a_value_can_be_written_anew():
    lines = reports(2)
    lines.put(0, report(0))
    lines.put(1, report(1))
    assert lines[0] == report(0)
    lines.put(0, dropped("0.mid", "no_notes"))
    assert [entry.reason for entry in lines] == ["no_notes", "ok"]
    assert lines != (report(0), report(1))


def test_values_in_memory_and_on_disk_are_written_alike():
    strange = dropped("b\udce9.mid", "no_notes")
    lines = reports(2)
    lines.put(0, report(0))
    lines.put(1, strange)
    written = list(lines_of(lines, FileReport.to_dict))
    assert written == list(lines_of([report(0), strange], FileReport.to_dict))
    assert written[1].isascii()
    assert all(line.endswith(b"}\n") for line in written)
