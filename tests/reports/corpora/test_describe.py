"""What `corpus show` says, counted by hand."""

import json
from xml.etree import ElementTree

from ritornello.corpus.embedded import embedded
from ritornello.corpus.pieces import CorpusPiece
from ritornello.corpus.store import corpus_of
from ritornello.music.values import Key, Melody, Metre, Note, Timeline
from ritornello.reports.corpora.describe import as_svg, as_text, describe


def corpus():
    waltz = Timeline(480, 2880, (Metre(0, 3, 4),), (Key(0, -2, "minor"),))
    first = Melody((Note(0, 480, 60), Note(480, 720, 62), Note(1200, 160, 60)), waltz)
    second = Melody((Note(0, 96, 72),), Timeline(96, 96))
    pieces = [
        (CorpusPiece("a", (), licence="CC0-1.0", family="x"), [first]),
        (CorpusPiece("b", (), family="y", split="test"), [second]),
    ]
    return corpus_of(pieces)


def test_counts_and_histograms():
    description = describe(corpus())
    assert (description["pieces"], description["melodies"], description["notes"]) == (2, 2, 4)
    assert description["quarters"] == 7.0
    assert description["pitches"] == {"60": 2, "62": 1, "72": 1}
    assert description["durations"] == {"1/3": 1, "1": 2, "3/2": 1}
    assert description["keys"] == {"G minor": 1, "not known": 1}
    assert description["metres"] == {"3/4": 1, "4/4": 1}
    assert description["licences"] == {"CC0-1.0": 1, "not stated": 1}
    assert description["splits"]["test"] == {"pieces": 1, "melodies": 1, "notes": 1}
    assert json.loads(json.dumps(description)) == description


def test_text_shows_every_histogram():
    text = as_text(describe(corpus()))
    assert text.startswith("2 pieces, 2 melodies, 4 notes, 7 quarters")
    for words in ("notes by pitch", "C4        2", "G minor", "3/4", "licences: CC0-1.0 (1), not stated (1)"):
        assert words in text


def test_text_fits_a_narrow_terminal():
    for width in (30, 44, 60, 80):
        text = as_text(describe(embedded("hymns")), width)
        assert max(map(len, text.splitlines())) <= width
        assert "melodies by metre" in text
    assert as_text(describe(corpus()), 200) == as_text(describe(corpus()))


def test_the_picture_is_sound_xml_with_a_bar_for_each_value():
    root = ElementTree.fromstring(as_svg(describe(corpus())))
    bars = list(root.iter("{http://www.w3.org/2000/svg}rect"))
    assert len(bars) == 1 + 3 + 3 + 2 + 2


def test_a_corpus_of_silence_can_be_described():
    silent = corpus_of([(CorpusPiece("a", ()), [Melody(())])])
    assert as_text(describe(silent)).startswith("1 piece, 1 melody, 0 notes")
    ElementTree.fromstring(as_svg(describe(silent)))
