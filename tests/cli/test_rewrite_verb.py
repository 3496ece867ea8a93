"""`rewrite` writes versions of bars, says what it wrote, and refuses what is not there in one line."""

import json

import pytest
from outputs import names_in

from ritornello.cli.tunes.rewrite import bars_of
from ritornello.music.files import read

NOTES = "C4 D4 E4 F4 G4:2 E4:2 F4 E4 D4 E4 C4:4"


def test_versions_are_written_and_listed(command, tmp_path):
    out = tmp_path / "v"
    words = "--bars", "2-3", "-n", "2", "--seed", "4", "-f", "mid", "-f", "abc", "--json", "-o", out
    done = command("rewrite", NOTES, *words)
    assert done.status == 0
    listed = json.loads(done.out)
    assert [entry["index"] for entry in listed] == list(range(len(listed)))
    assert sorted(names_in(out)) == sorted(
        f"seed4-00{n + 1}.{kind}" for n in range(len(listed)) for kind in ("abc", "mid")
    )
    [piece] = read(out / "seed4-001.mid")
    quarter = piece.timeline.ticks_per_quarter
    notes = [(n.start / quarter, n.duration / quarter, n.pitch) for n in piece.parts[0].notes]
    assert notes[:4] == [(0, 1, 60), (1, 1, 62), (2, 1, 64), (3, 1, 65)]
    assert notes[-1] == (12, 4, 60)
    assert "bars 2-3" in (out / "seed4-001.abc").read_text()


@pytest.mark.parametrize(
    ("bars", "words"),
    [
        ("2-9", "bars must lie in 1 to 4, the first before the last, not 2-9"),
        ("second", "not bars: 'second'; write the first and the last one, as in 5-8"),
    ],
)
def test_bars_that_are_not_there_are_one_line(command, tmp_path, bars, words):
    status, _, err = command("rewrite", NOTES, "--bars", bars, "-o", tmp_path / "v")
    assert (status, err.count("\n")) == (1, 1)
    assert words in err
    assert not (tmp_path / "v").exists()


def test_a_file_that_is_not_there_is_one_line(command, tmp_path):
    status, _, err = command("rewrite", tmp_path / "none.mid", "--bars", "1-2", "-o", tmp_path / "v")
    assert (status, err.count("\n")) == (1, 1)


@pytest.mark.parametrize(("text", "bars"), [("5-8", (5, 8)), ("4", (4, 4)), (" 1 to 2 ", (1, 2)), ("3..4", (3, 4))])
def test_bars_are_read(text, bars):
    assert bars_of(text) == bars
