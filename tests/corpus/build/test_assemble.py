"""From rows to a corpus: copies of copies, books that hold new and old, and the report on disk."""

import random

import pytest

from ritornello.corpus.build.build import Assembly
from ritornello.corpus.build.convert import convert
from ritornello.corpus.find.find import Source
from ritornello.corpus.options import BuildOptions
from ritornello.music.midi.reader import write_midi
from ritornello.music.values import Melody, Note

DICE = random.Random(5)
TUNE = [DICE.randint(55, 80) for _ in range(40)]
VARIANT = [*TUNE[:34], 60, 71, 62, 73, 64, 75]
BOOK = "X:1\nT:Old\nL:1/4\nM:4/4\nK:C\nCDEF|GABc|dcBA|GFED|\n\nX:2\nT:New\nL:1/4\nM:4/4\nK:C\nGEcG|AFdA|BGeB|cecC|\n"


def midi(pitches: list[int]) -> bytes:
    return write_midi(Melody(tuple(Note(480 * n, 480, p) for n, p in enumerate(pitches))))


def built(files: dict[str, bytes], **options):
    asked = BuildOptions(**options)
    rows = [convert(content, name, asked) for name, content in files.items()]
    return Assembly([Source(name, name) for name in files], rows.__getitem__, asked).corpus()


def test_the_copy_of_a_variant_that_went_is_told_beside_the_tune_that_stays():
    up = [p + 3 for p in VARIANT]
    corpus = built({"tune.mid": midi(TUNE), "variant.mid": midi(VARIANT), "up.mid": midi(up)})
    assert [p.source for p in corpus.pieces] == ["tune.mid"]
    assert [line.reason for line in corpus.report] == ["ok", "duplicate", "duplicate"]
    assert [line.duplicates[0]["twin"] for line in corpus.report[1:]] == ["tune.mid", "tune.mid"]
    assert corpus.report[2].duplicates[0]["semitones"] == 3


def test_a_book_with_an_old_tune_and_a_new_one_is_kept_and_names_the_old_one():
    old = BOOK.split("\n\n")[0].encode()
    corpus = built({"old.abc": old, "book.abc": BOOK.encode(), "again.abc": BOOK.encode()})
    assert [p.source for p in corpus.pieces] == ["old.abc", "book.abc#2"]
    assert [line.status for line in corpus.report] == ["kept", "kept", "dropped"]
    assert [kin["source"] for kin in corpus.report[1].duplicates] == ["book.abc#1"]
    assert [kin["twin"] for kin in corpus.report[2].duplicates] == ["old.abc", "book.abc#2"]


@pytest.mark.parametrize("options", [{"keep_copies": True}, {"split": "last:0.5"}])
def test_copies_stay_where_they_are_asked_for(options):
    corpus = built({"a.mid": midi(TUNE), "b.mid": midi(TUNE)}, **options)
    assert [p.source for p in corpus.pieces] == ["a.mid", "b.mid"]
    assert len({p.family for p in corpus.pieces}) == 1


def test_files_are_taken_as_far_as_they_are_there():
    options = BuildOptions()
    rows = {"a": convert(midi(TUNE), "a.mid", options)}
    asked = []

    def rows_of(place):
        asked.append(place)
        return rows["a"]

    assembly = Assembly([Source("a.mid", "a.mid")] * 3, rows_of, options)
    assembly.advance(lambda place: place != 1)
    assert asked == [0]
