"""report.html: what is in a corpus, counted by hand, in a page that stands alone."""

import re

import pytest
from test_explain import check

from ritornello.atomic import write_text
from ritornello.corpus.embedded import embedded
from ritornello.corpus.pieces import CorpusPiece
from ritornello.corpus.report import FileReport, dropped
from ritornello.corpus.store import Corpus, corpus_of
from ritornello.music.values import Key, Melody, Metre, Note, Tempo, Timeline
from ritornello.reports.corpora import charts
from ritornello.reports.corpora.describe import describe
from ritornello.reports.corpora.outliers import outliers
from ritornello.reports.corpora.page import report_page


def tune(root=60, notes=16, length=480, qpm=120.0):
    """Up and down a scale in even notes."""
    steps = (0, 2, 4, 5, 7, 5, 4, 2)
    line = tuple(Note(length * i, length, root + steps[i % 8]) for i in range(notes))
    return Melody(line, Timeline(480, length * notes, (Metre(0, 4, 4),), (Key(0, 0),), (Tempo(0, qpm),)))


def corpus(tunes, report=()):
    pieces = [(CorpusPiece(name, (), name.title(), family=name), [melody]) for name, melody in tunes.items()]
    made = corpus_of(pieces)
    return Corpus(made.notes, made.pieces, tuple(report))


def usual(count=20):
    return {f"in/t{i}.mid": tune(55 + i % 6, 16 + i % 4) for i in range(count)}


@pytest.mark.parametrize(
    ("name", "odd", "why"),
    [
        ("long", tune(60, 400), "notes: 400; half of all tunes: 17 to 19"),
        ("low", tune(28), "lies around A♭1"),
        ("fast", tune(qpm=400.0), "tempo 400 quarters a minute; half of all tunes: 120"),
        (
            "drone",
            Melody(tuple(Note(480 * i, 480, 60) for i in range(16))),
            "one pitch alone takes 100 % of the notes",
        ),
        (
            "played",
            Melody(tuple(Note(483 * i + 7, 400, 60 + i % 6) for i in range(16))),
            "off sixteenths and triplets",
        ),
        ("gap", Melody((*tune().notes, Note(480 * 60, 480, 64))), "longest rest 44 quarters; half of all tunes: 0"),
    ],
)
def test_a_tune_unlike_the_others_stands_out_with_the_reason(name, odd, why):
    found = outliers(corpus({**usual(), name: odd}))
    assert found[0].piece.source == name
    assert any(why in said for said in found[0].why)


def test_among_like_tunes_or_few_nothing_stands_out():
    assert outliers(corpus(usual())) == []
    assert outliers(corpus({"a": tune(), "b": tune(28, 400)})) == []
    assert outliers(corpus({"silent": Melody(())})) == []


def test_a_rest_before_the_next_tune_is_not_in_the_one_before():
    late = Melody(tuple(n._replace(start=n.start + 480 * 90) for n in tune().notes))
    tunes = {**usual(), "before": tune(), "late": late, "after": tune()}
    assert outliers(corpus(tunes)) == []


def test_one_reason_does_not_crowd_out_the_others():
    many = {**usual(60), **{f"long{i}": tune(60, 400 + i) for i in range(9)}, "fast": tune(qpm=400.0)}
    assert sorted(o.piece.source for o in outliers(corpus(many)))[0] == "fast"
    assert len(outliers(corpus(many))) == 4


def test_the_song_of_a_single_tone_stands_out_of_the_embedded_corpus():
    """Cornelius's "Ein Ton" stays on one note from end to end, as its title says."""
    assert outliers(embedded("songs"))[0].piece.title in ("Ein Ton", "Clair de lune")
    assert "Ein Ton" in [o.piece.title for o in outliers(embedded("songs"))[:2]]


REPORT = [
    FileReport("in/t0.mid", "kept", "ok", pieces=1, melodies=1, notes=16, warnings=(("unsure_pick", "part 1 52%"),)),
    dropped("in/<bad>.mid", "unreadable", "broken & bent"),
    dropped("in/few.mid", "too_short", "3 notes"),
    dropped(
        "in/copy.mid", "duplicate", "same tune as in/t0.mid, 5 semitones up",
        duplicates=({"source": "in/copy.mid", "twin": "in/t0.mid", "kind": "transposed", "semitones": 5,
                     "stretch": "1", "run_notes": 16, "coverage": 1.0},),
    ),
]  # fmt: skip


def test_the_page_stands_alone_and_is_the_same_each_time():
    made = corpus({**usual(), "odd": tune(30, 300)}, REPORT)
    page = report_page(made)
    check(page)
    assert page == report_page(made)
    assert "<h1>in</h1>" in page
    assert "<h1>mine</h1>" in report_page(made, "mine")


def test_the_page_is_written_into_the_folder_also_for_a_name_that_is_no_text(tmp_path):
    write_text(tmp_path / "report.html", report_page(corpus(usual(), [dropped("in/\udcff.mid", "empty_file")])))
    assert r"\udcff.mid" in (tmp_path / "report.html").read_text("utf-8")


def test_outliers_come_first_then_contents_then_what_was_left_out_then_families():
    page = report_page(corpus({**usual(), "odd": tune(30, 300)}, REPORT))
    heads = re.findall(r"<h2>(.*?)</h2>", page)
    assert heads == ["What stands out", "What is in it", "What was left out, and what would help", "Families"]
    assert page.index("Odd</h3>") < page.index("What is in it")


def test_what_was_left_out_is_told_with_remedies_and_escaped():
    page = report_page(corpus(usual(), REPORT))
    assert "in/&lt;bad&gt;.mid" in page
    assert "broken &amp; bent" in page
    assert "<bad>" not in page
    assert "To keep it, use least_notes=3." in page
    assert "<code>unsure_pick</code> · kept, with a doubt" in page
    assert "look at it with" not in page  # the sentence begins with a capital, its command is code
    assert "Look at it with <code>rito.explain_file(FILE)</code>" in page
    assert "in/copy.mid (left out): same tune as t0.mid, 5 semitones up" in page


def test_figures_are_counted():
    page = report_page(corpus({f"t{i}": tune(60, 16) for i in range(10)}, [FileReport("t", "kept", "ok")]))
    metadata = dict(re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", page))
    assert metadata["tunes"] == "10"
    assert metadata["notes"] == "160"
    assert metadata["of music"] == "1 min"  # ten times sixteen quarters at 120
    assert (metadata["files read"], metadata["left out"]) == ("1", "0")
    assert 'title="C4: 20 notes, 12 %"' in page
    assert 'title="quarter: 160"' in page
    assert 'title="4: 10 melodies"' in page  # bars
    assert 'title="120: 10 melodies"' in page  # tempo
    assert 'title="C major: 10"' in page


def test_a_corpus_of_nearly_nothing_has_a_page():
    for tunes in ({"one": Melody((Note(0, 480, 60),))}, {"silent": Melody(())}):
        check(report_page(corpus(tunes)))


def test_scales_gather_what_is_rare_at_their_ends():
    html = charts.scale_columns({**{10 + i: 50 for i in range(20)}, 900: 1}, "melodies")
    titles = re.findall(r'title="([^"]*)"', html)
    assert len(titles) <= charts.COLUMNS
    assert titles[0] == "10: 50 melodies"
    assert titles[-1] == "29 and more: 51 melodies"
    assert sum(int(re.search(r": ([\d,]+) ", t)[1]) for t in titles) == 1001


def test_bars_name_note_values_and_gather_the_rest():
    html = charts.name_bars({f"{n}/7": 1 for n in range(1, 12)} | {"1": 50, "3/2": 20}, charts.length_name)
    assert html.count("<li") == charts.ROWS + 1
    assert "<b>dotted quarter</b>" in html
    assert "4 others" in html
    assert charts.length_name("5/2") == "5/2 quarters"
    assert charts.even_lengths({"1": 3, "481/480": 2, "1/480": 1}) == {"1/12": 1, "1": 5}


def test_every_histogram_of_the_embedded_corpus_adds_up():
    told = describe(embedded("hymns"))
    assert sum(told["lengths"].values()) == sum(told["tempos"].values()) == told["melodies"]
    page = report_page(embedded("hymns"), "hymns")
    check(page)
    notes = [int(n.replace(",", "")) for n in re.findall(r'title="[A-G][♯♭]?-?\d+: ([\d,]+) notes', page)]
    assert sum(notes) == told["notes"]
