"""corpus explain: what was picked, beside what was left, with reasons; in words, values and on a page."""

import io
import json
import os
import re
import zipfile
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from midi_bytes import midi_file, on, track

from ritornello.corpus.build.build import build_corpus
from ritornello.corpus.errors import CorpusError
from ritornello.corpus.options import BuildOptions
from ritornello.music.midi.reader import write_midi
from ritornello.music.values import Key, Melody, Metre, Note, Part, Piece, Timeline
from ritornello.reports.corpora.explain import as_text, explain, explain_piece, headline, text_roll
from ritornello.reports.corpora.explain_page import explanation_page, roll_svg

TUNE = [67, 69, 71, 72, 74, 72, 71, 69, 67, 71, 74, 79, 78, 76, 74, 71, 72, 69, 67, 66, 67, 67]


def song(source="song.mid"):
    """A tune with a name, chords below it, drums, and an empty track."""
    tune = tuple(Note(480 * i, 480, p) for i, p in enumerate(TUNE))
    chords = tuple(Note(960 * i, 960, p) for i in range(11) for p in (43, 47, 50))
    drums = tuple(Note(480 * i, 120, 36) for i in range(22))
    parts = (Part(chords, "Piano"), Part(tune, "Melody", 73), Part(drums, "Kit", is_drum=True), Part((), "Conductor"))
    timeline = Timeline(480, 480 * 24, (Metre(0, 3, 4),), (Key(0, 1, "major"),))
    return Piece(parts, timeline, "A <song>", "", source)


@pytest.fixture
def found():
    return explain_piece(song(), BuildOptions())


def test_every_part_is_told_with_its_verdict(found):
    assert [(p.number, p.name, p.notes, p.verdict) for p in found.parts] == [
        (1, "Piano", 33, "left"),
        (2, "Melody", 22, "picked"),
        (3, "Kit", 22, "percussion"),
        (4, "Conductor", 0, "empty"),
    ]
    assert (found.parts[1].lowest, found.parts[1].highest, found.parts[1].instrument) == (66, 79, "pipe")
    assert (found.parts[2].lowest, found.parts[2].share, found.parts[2].instrument) == (None, None, "drums")


def test_competing_parts_have_shares_and_reasons(found):
    piano, melody = found.parts[:2]
    assert melody.share > 0.9 > 0.1 > piano.share
    assert melody.share + piano.share == pytest.approx(1.0)
    assert len(melody.reasons) >= 2
    assert dict(melody.reasons)["name"] == -dict(piano.reasons)["name"] > 0


def test_a_doubling_part_is_told_as_such():
    piece = song()
    doubled = Piece((*piece.parts[:2], Part(piece.parts[1].notes, "Strings", 48)), piece.timeline, "", "", "d.mid")
    verdicts = [p.verdict for p in explain_piece(doubled, BuildOptions()).parts]
    assert verdicts[1:] == ["picked", "doubles part 2"]


def test_asking_for_a_track_changes_what_is_picked_and_keeps_the_scores():
    found = explain_piece(song(), BuildOptions(pick="track:Piano"))
    assert [p.verdict for p in found.parts[:2]] == ["picked", "left"]
    assert found.parts[1].share > found.parts[0].share
    assert [len(c.melody.notes) for c in found.choices] == [11]


def test_where_nothing_can_be_picked_the_reason_and_the_remedy_are_told():
    piece = song()
    found = explain_piece(Piece(piece.parts[2:], piece.timeline, "", "", "drums.mid"), BuildOptions())
    assert found.refusal[0] == "drums_only"
    assert "add a part with pitches" in as_text(found)
    assert found.to_dict()["status"] == "dropped"
    short = explain_piece(song(), BuildOptions(least_notes=30))
    assert short.refusal == ("too_short", "22 notes")
    assert "use least_notes=22" in as_text(short)


def test_the_words_tell_choice_parts_and_picture(found):
    text = as_text(found, 88)
    assert text.startswith("song.mid: A <song>, 3/4, G major, 120 quarters a minute, 8 bars")
    assert "picked part 2 of 4 (Melody): 22 notes" in text
    assert re.search(r">  2 Melody: 22 notes, F♯4 to G5, pipe, \d+ %, picked", text)
    assert "   1 Piano: 33 notes, G2 to D3, piano" in text
    assert max(len(line) for line in as_text(found, 60).splitlines() if "song.mid" not in line) <= 60


def test_the_roll_in_words_has_blocks_above_dots(found):
    roll = text_roll(found, 70)
    picked = [i for i, line in enumerate(roll) if "█" in line]
    left = [i for i, line in enumerate(roll) if "·" in line]
    assert max(picked) < min(left)  # every note of the tune is above every chord
    assert sum("█" in {line[5 + column] for line in roll if len(line) > 5 + column} for column in range(60)) >= 55
    assert text_roll(explain_piece(Piece((Part(()),)), BuildOptions())) == []


def test_values_are_plain_and_whole(found):
    value = json.loads(json.dumps(found.to_dict()))
    assert (value["source"], value["title"], value["status"]) == ("song.mid", "A <song>", "kept")
    assert value["picked"][0]["part"] == 2
    assert value["picked"][0]["notes"] == 22
    assert value["picked"][0]["why"]
    assert [p["verdict"] for p in value["parts"]] == ["left", "picked", "percussion", "empty"]


class Sound(HTMLParser):
    """Counts elements that are left open, and collects what could fetch something."""

    VOID = ("meta", "link", "br", "rect", "path", "use", "polygon", "ellipse", "polyline")

    def __init__(self):
        super().__init__()
        self.open, self.fetched, self.tags = [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.fetched += [v for k, v in attrs if k in ("src", "href") and not str(v).startswith(("#", "data:"))]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag


def check(page):
    sound = Sound()
    sound.feed(page)
    assert (sound.open, sound.fetched) == ([], [])
    assert "script" not in sound.tags
    assert "default-src 'none'" in page
    return sound


def test_the_page_shows_staff_and_roll_and_every_part(found):
    page = explanation_page([found], "in/song.mid")
    check(page)
    assert len(re.findall(r'<svg [^>]*class="staff"', page)) == 2  # for wide and for narrow screens
    assert page.count("data-note=") == 2 * 22
    assert "A &lt;song&gt;" in page
    assert "<song>" not in page
    contest = page.split('<ol class="contest">')[1]
    assert [contest.count(word) for word in ("picked", "left", "percussion", "empty")] == [1, 1, 1, 1]
    assert explanation_page([found], "in/song.mid") == page


def test_the_roll_has_the_notes_that_were_picked_and_those_that_were_left(found):
    roll = roll_svg(found, found.piece)
    boxes = {kind: d.count("M") for kind, d in re.findall(r'class="([a-z-]+-notes)" d="([^"]*)"', roll)}
    assert boxes == {"left-notes": 33, "lost-notes": 22, "picked-notes": 22}  # drums are not drawn


CONTENT = write_midi(Melody(tuple(Note(480 * i, 480, p) for i, p in enumerate(TUNE))))
ONLY_DRUMS = midi_file(track(*[(240, on(36, channel=9)) for _ in range(16)]))


def refusals(file, **options):
    """What is found of each file below `file`: its reason where it is refused, else "kept"."""
    found = explain(file, BuildOptions(**options))
    shown = [one.source.removeprefix(str(file)).lstrip("/\\") for one in found]
    return {name: one.refusal[0] if one.refusal else "kept" for name, one in zip(shown, found, strict=True)}


def test_a_file_is_explained_and_arrays_are_kept_as_they_are(tmp_path):
    (tmp_path / "a.mid").write_bytes(CONTENT)
    assert [len(one.choices[0].melody.notes) for one in explain(tmp_path / "a.mid")] == [22]
    np.save(tmp_path / "steps.npy", np.array([60, 128, 62, 128] * 8))
    (arrays,) = explain(tmp_path / "steps.npy")
    assert arrays.is_kept
    assert "steps.npy: kept: 16 notes (token arrays, convention " in as_text(arrays)
    assert "nothing is picked" in as_text(arrays)


def test_every_member_of_an_archive_is_told_of_whatever_stands_before_it(tmp_path):
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("w.mid", CONTENT)
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.writestr("../up.mid", CONTENT)
        archive.writestr("read me.txt", "hello")
        archive.writestr("broken.mid", CONTENT[:60])
        archive.writestr("page.mid", "<html>not found</html>")
        archive.writestr("drums.mid", ONLY_DRUMS)
        archive.writestr("empty.abc", "")
        archive.writestr("x.mid", CONTENT)
        archive.writestr("in.zip", inner.getvalue())
    assert refusals(tmp_path / "all.zip") == {
        "../up.mid": "unsafe_name",
        "read me.txt": "not_music",
        "broken.mid": "unreadable",
        "page.mid": "wrong_kind",
        "drums.mid": "drums_only",
        "empty.abc": "empty_file",
        "x.mid": "kept",
        "in.zip/w.mid": "kept",
    }


def test_tunes_of_a_book_in_an_archive_keep_their_numbers(tmp_path):
    book = "\n".join(f"X:{n}\nT:{n}\nK:C\n{'CDEF GABc|' * n}\n" for n in (1, 2))
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.writestr("b.abc", book)
    assert refusals(tmp_path / "all.zip") == {"b.abc#1": "kept", "b.abc#2": "kept"}


def test_it_says_what_a_build_does_of_every_file(tmp_path):
    long_rest = Melody(tuple(Note(480 * (i + 40 * (i > 5)), 480, p) for i, p in enumerate(TUNE[11::-1])))
    files = {
        "a.mid": CONTENT,
        "d.mid": ONLY_DRUMS,
        "rest.mid": write_midi(long_rest),
        "t.xyz": b"?",
        "z.mid": b"MThd",
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    built = build_corpus(tmp_path, BuildOptions(rest_bars=2.0, least_notes=8)).report
    reasons = {os.path.basename(line.path): line.reason for line in built}
    assert reasons["rest.mid"] == "too_short"  # six notes on each side of the rest
    assert refusals(tmp_path, rest_bars=2.0, least_notes=8) == {
        n: "kept" if r == "ok" else r for n, r in reasons.items()
    }


def test_doubts_about_the_whole_file_are_told_once(tmp_path):
    stuck = track(*[(480, on(p)) for p in TUNE])
    (tmp_path / "a.mid").write_bytes(midi_file(stuck) + b"junk")
    (found,) = explain(tmp_path / "a.mid")
    assert [code for code, _ in found.remarks] == ["trailing_bytes", "endless_notes"]
    assert "doubt: endless_notes (22 notes never switched off" in as_text(found)
    assert [remark["reason"] for remark in found.to_dict()["remarks"]] == ["trailing_bytes", "endless_notes"]
    assert "22 notes never switched off" in explanation_page([found], "a.mid")


def test_a_file_that_cannot_be_shown_has_its_reason_in_words_values_and_on_the_page(tmp_path):
    (tmp_path / "x<y.mid").write_bytes(b"<html>")
    (found,) = explain(tmp_path / "x<y.mid")
    assert re.search(
        r"x<y\.mid: nothing picked: wrong_kind \(.*\); the content is not what the name says", as_text(found)
    )
    value = found.to_dict()
    assert (value["status"], value["refusal"]["reason"], value["parts"]) == ("dropped", "wrong_kind", [])
    page = explanation_page([found], "x<y.mid")
    check(page)
    assert "x&lt;y.mid" in page
    assert "<y.mid" not in page


def test_what_does_not_exist_is_said(tmp_path):
    with pytest.raises(CorpusError, match="no such file"):
        explain(tmp_path / "gone.mid")


def test_the_soprano_of_a_hymn_is_picked_from_four_parts(repo_root):
    (found,) = explain(repo_root / "tests/fixtures/hymns/Jesus_Shall_Reign-Duke_Street.abc")
    assert [p.verdict for p in found.parts] == ["picked", "left", "left", "left"]
    check(explanation_page([found], "hymn.abc"))


def test_every_metre_of_a_piece_is_told():
    changes = Timeline(480, 480 * 24, (Metre(0, 4, 4), Metre(1920, 3, 4), Metre(4800, 6, 8), Metre(7680, 4, 4)))
    assert headline(replace(song(), timeline=changes)).startswith("4/4, 3/4 and 6/8, no key stated")
