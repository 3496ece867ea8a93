"""The report on a screen: rows, the table in columns, and the files that want attention."""

import pytest
from report_lines import REPORT, kept

from ritornello.corpus.report import dropped, remedy
from ritornello.reports.corpora.summary import screen, summarise, table
from ritornello.wording import on_the_command_line


def test_rows_count_each_reason_kept_first_then_the_commonest():
    assert [(r.status, r.reason, r.files, r.example) for r in summarise(REPORT).rows] == [
        ("kept", "ok", 2, "a.mid"),
        ("doubt", "unsure_pick", 1, "b.mid"),
        ("dropped", "too_short", 2, "c.mid"),
        ("dropped", "drums_only", 1, "e.mid"),
        ("dropped", "duplicate", 1, "f.mid"),
    ]
    assert summarise(REPORT).rows[2].remedy == remedy("too_short")  # the two want different numbers


def test_the_table_is_in_columns_where_there_is_room():
    lines = table(summarise(REPORT), 80).splitlines()
    assert lines[0].split() == ["files", "reason", "what", "would", "help"]
    assert lines[1].split() == ["2", "ok", "2", "melodies,", "100", "notes"]
    assert [line.split()[:3] for line in lines if "dropped" in line] == [
        ["2", "dropped", "too_short"],
        ["1", "dropped", "drums_only"],
        ["1", "dropped", "duplicate"],
    ]
    column = lines[0].index("reason")
    assert all(line[column - 1] == " " for line in lines)


@pytest.mark.parametrize("width", [24, 40, 63, 64, 80, 120])
def test_nothing_is_wider_than_the_screen(width):
    with on_the_command_line():
        lines = screen(REPORT, width).splitlines()
    assert max(map(len, lines)) <= width


def test_without_a_screen_a_line_for_a_file_stays_one_line():
    long = dropped("f" * 300, "unreadable", "w " * 100)
    assert str(long) in screen([long])


def test_a_large_report_tells_only_what_wants_attention_and_not_more_than_twenty_files():
    many = [kept(f"k{i}.mid") for i in range(500)] + [dropped(f"d{i}.mid", "empty_file") for i in range(30)]
    lines = screen(many).splitlines()
    assert sum(line.startswith("dropped") for line in lines) == 20
    assert "... and 10 more, in report.jsonl" in lines
    assert not any(line.startswith("kept") for line in lines)
    assert "k0.mid" in screen(many[:3])


def test_a_screen_tells_of_as_many_files_as_it_is_asked_to():
    report = [dropped(f"{n}.mid", "empty_file") for n in range(30)]
    assert "... and 10 more, in report.jsonl" in screen(report)
    assert "report.jsonl" not in screen(report, most=30)
    assert "29.mid" in screen(report, most=30)
