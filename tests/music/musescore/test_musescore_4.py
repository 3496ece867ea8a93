"""The MuseScore reader on small scores of format 4: files written by hand, their right values written out here.

How the program writes format 4 is read from its sources (engraving/rw: write/twrite.cpp, read460/measureread.cpp).
"""

from __future__ import annotations

import zipfile
from fractions import Fraction
from io import BytesIO
from pathlib import Path

import pytest

from ritornello.music.files import read
from ritornello.music.musescore.reader import scan_musescore
from ritornello.music.values import Key, Metre, Piece, Tempo

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "musescore_4"
STYLE = '<?xml version="1.0" encoding="UTF-8"?>\n<museScore version="4.60">\n  <Style>{}</Style>\n  </museScore>\n'
CONCERT_PITCH = STYLE.format("<concertPitch>1</concertPitch>")
QUARTER_REST = "<Rest><durationType>quarter</durationType></Rest>"
THIRD = Fraction(1, 3)

Sounding = list[tuple[Fraction | int, Fraction | int, int]]


def piece(content: bytes, repeats: str = "unfold") -> Piece:
    ((found,), remarks) = scan_musescore(content, "song.mscx", repeats)
    assert remarks == []
    return found


def fixture(name: str) -> Piece:
    return piece((FIXTURES / name).read_bytes())


def sounds(found: Piece, part: int = 0) -> Sounding:
    """Onset and duration in quarters, pitch."""
    ticks = found.timeline.ticks_per_quarter
    return [(Fraction(n.start, ticks), Fraction(n.duration, ticks), n.pitch) for n in found.parts[part].notes]


def pitches(found: Piece, part: int = 0) -> list[int]:
    return [pitch for _, _, pitch in sounds(found, part)]


def packed(score: bytes, style: str = STYLE.format(""), container: bool = True, excerpt_first: bool = False) -> bytes:
    """An archive as MuseScore 4 writes it: the container names the style first, which begins like a score."""
    excerpt = "Excerpts/1_Violin/1_Violin.mscx"
    names = ["score_style.mss", "song.mscx", excerpt, "Excerpts/1_Violin/1_Violin.mss"]
    if excerpt_first:
        names = [excerpt, *(name for name in names if name != excerpt)]
    names += ["Thumbnails/thumbnail.png", "audiosettings.json", "viewsettings.json"]
    rows = "".join(f'<rootfile full-path="{name}"/>' for name in names)
    other = score.replace(b"<pitch>", b"<pitch>0")  # the excerpt must not be read: it would fail
    contents: dict[str, str | bytes] = dict.fromkeys(names, "{}")
    contents |= {"score_style.mss": style, "song.mscx": score, excerpt: other.replace(b"</Measure>", b"")}
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, contents[name])
        if container:
            archive.writestr("META-INF/container.xml", f"<container><rootfiles>{rows}</rootfiles></container>")
    return buffer.getvalue()


TUNE: Sounding = [
    (0, 1, 67),  # pick-up
    (1, 3, 69),
    (4, 1, 71),  # its grace note is left out
    *[(5 + i * THIRD, THIRD, pitch) for i, pitch in enumerate((71, 72, 74))],
    (6, 2, 74),  # tied into the first ending
    (8, 2, 72),
    (10, 3, 69),
    (13, 1, 71),
    *[(14 + i * THIRD, THIRD, pitch) for i, pitch in enumerate((71, 72, 74))],
    (15, 2, 74),  # and, across the jump, into the second
    (17, 2, 67),
    (19, 2, 67),
]


def test_a_tune_has_its_pick_up_ties_tuplets_endings_and_no_grace_notes():
    found = fixture("tune.mscx")
    ticks = found.timeline.ticks_per_quarter
    assert sounds(found) == TUNE
    assert found.timeline.length == 21 * ticks
    assert found.timeline.pickup == ticks
    assert found.timeline.metres == (Metre(0, 3, 4), Metre(ticks, 3, 4))
    assert found.timeline.keys == (Key(0, 1, "major"),)
    assert found.timeline.tempos == (Tempo(0, 90.0),)
    assert (found.parts[0].name, found.parts[0].program) == ("Violin", 40)


def test_the_title_comes_from_the_page_and_placeholders_are_no_title():
    found = fixture("tune.mscx")
    assert (found.title, found.composer) == ("The Small Reel", "")


@pytest.mark.parametrize(("container", "excerpt_first"), [(True, False), (True, True), (False, False)])
def test_an_archive_is_read_for_its_score_not_for_its_style_or_excerpts(container, excerpt_first):
    tune = (FIXTURES / "tune.mscx").read_bytes()
    assert sounds(piece(packed(tune, container=container, excerpt_first=excerpt_first))) == TUNE


def test_an_archive_on_disk_is_read_by_its_name(tmp_path):
    path = tmp_path / "song.mscz"
    path.write_bytes(packed((FIXTURES / "tune.mscx").read_bytes()))
    assert [sounds(found) for found in read(path)] == [TUNE]


def test_jumps_count_on_whichever_staff_they_stand_and_staves_need_no_numbers():
    found = fixture("jumps-on-the-lower-staff.mscx")
    assert [part.name for part in found.parts] == ["Voice", "Cello"]
    assert pitches(found, 0) == [60, 62, 64, 65, 67, 62, 64, 69]  # D.S. al Coda
    assert pitches(found, 1) == [48, 50, 52, 53, 55, 50, 52, 57]


@pytest.mark.parametrize(
    ("signs", "played"),
    [
        (["", "", "", "", "start coda codab"], [1, 2, 3, 4, 5, 1, 2, 3, 4, 5]),  # neither To Coda nor Coda
        (["", "", "coda", "", "start coda codab", ""], [1, 2, 3, 4, 5, 1, 2, 3]),  # no Coda
        (["", "", "start fine ", ""], [1, 2, 3, 1, 2, 3, 4]),  # no Fine
        (["", "", "segno fine ", "fine"], [1, 2, 3, 4]),  # no Segno: nowhere to go
    ],
)
def test_a_jump_whose_signs_are_missing_plays_on_as_well_as_it_can(signs, played):
    bars = ""
    for number, sign in enumerate(signs, 1):
        mark = f"<Marker><label>{sign}</label></Marker>" if sign else ""
        if " " in sign:
            to, until, then = sign.split(" ")
            where = f"<jumpTo>{to}</jumpTo><playUntil>{until}</playUntil><continueAt>{then}</continueAt>"
            mark = f"<Jump>{where}</Jump>"
        metre = "<TimeSig><sigN>1</sigN><sigD>4</sigD></TimeSig>" if number == 1 else ""
        note = f"<Chord><durationType>quarter</durationType><Note><pitch>{60 + number}</pitch></Note></Chord>"
        bars += f"<Measure>{mark}<voice>{metre}{note}</voice></Measure>"
    score = f'<museScore version="4.20"><Score><Staff id="1">{bars}</Staff></Score></museScore>'
    ((found,), _) = scan_musescore(score.encode())
    assert [pitch - 60 for pitch in pitches(found)] == played


def test_a_transposing_instrument_sounds_as_stored_and_its_key_is_the_sounding_one():
    found = fixture("clarinet.mscx")
    assert pitches(found) == [60, 63, 62, 61, 62]
    assert found.timeline.keys == (Key(0, -3, "minor"), Key(4 * 480, 2, "major"))  # the courtesy key is no change


def test_a_written_key_alone_is_moved_to_the_sounding_one_unless_the_style_shows_concert_pitch():
    clarinet = (FIXTURES / "clarinet-4.0.mscx").read_bytes()
    assert piece(clarinet).timeline.keys == (Key(0, -5, "major"),)
    assert piece(packed(clarinet)).timeline.keys == (Key(0, -5, "major"),)
    assert piece(packed(clarinet, CONCERT_PITCH)).timeline.keys == (Key(0, -3, "major"),)


def test_bar_repeat_signs_play_one_two_or_four_bars_again():
    played = [60, 60, 62, 64, 62, 64, 62, 64, 62, 64, 65]
    assert pitches(fixture("measure-repeats.mscx")) == played
    content = (FIXTURES / "measure-repeats.mscx").read_text(encoding="utf-8")
    voice = content[
        content.index("<voice>", content.index("<measureRepeatCount>")) : content.index("</MeasureRepeat>")
    ]
    both = content.replace(voice, f"{voice}</MeasureRepeat></voice>{voice}", 1)  # two voices show one sign
    assert pitches(piece(both.encode())) == played


def test_voices_may_leave_gaps_ties_cross_voices_and_rests_of_many_bars_count_once():
    assert sounds(fixture("voices.mscx")) == [(0, 2, 72), (1, 1, 76), (7, 1, 74)]


@pytest.mark.parametrize(
    ("version", "mark", "is_change"),
    [("4.40", "", False), ("4.50", "<isCourtesy>1</isCourtesy>", False), ("4.50", "", True), ("4.70", "", True)],
)
def test_signatures_at_the_end_of_a_bar_change_or_announce(version, mark, is_change):
    chord = "<Chord><durationType>{}</durationType><Note><pitch>60</pitch></Note></Chord>"
    metre, key = (
        "<TimeSig><sigN>{}</sigN><sigD>4</sigD>{}</TimeSig>",
        "<KeySig><concertKey>{}</concertKey>{}</KeySig>",
    )
    first = (
        key.format(1, "") + metre.format(2, "") + chord.format("half") + metre.format(4, mark) + key.format(-1, mark)
    )
    second = chord.format("whole" if is_change else "half")
    bars = "".join(f"<Measure><voice>{voice}</voice></Measure>" for voice in (first, second, second))
    score = f'<Score><Staff id="1">{bars}</Staff></Score>'
    timeline = piece(f'<museScore version="{version}">{score}</museScore>'.encode()).timeline
    assert timeline.metres == (Metre(0, 2, 4), *([Metre(960, 4, 4)] if is_change else []))
    assert timeline.keys == (Key(0, 1), *([Key(960, -1)] if is_change else []))


def test_a_tie_may_name_the_note_that_it_comes_from():
    note = "<Chord><durationType>quarter</durationType><Note><eid>{}</eid>{}<pitch>60</pitch></Note></Chord>"
    tie = "<Tie><startElement>A_A</startElement><endElement>B_B</endElement><eid>T_T</eid></Tie>"
    notes = note.format("A_A", "") + note.format("B_B", tie) + note.format("C_C", "")
    body = f"<TimeSig><sigN>3</sigN><sigD>4</sigD></TimeSig>{notes}"
    score = f"<Score><Staff><Measure><voice>{body}</voice></Measure></Staff></Score>"
    assert sounds(piece(f'<museScore version="4.70">{score}</museScore>'.encode())) == [(0, 2, 60), (2, 1, 60)]


def test_each_chord_of_a_tremolo_lasts_its_own_half_and_lines_for_the_octave_move_what_they_cover():
    chord = "<Chord><durationType>half</durationType>{}<Note><pitch>{}</pitch></Note>{}</Chord>"
    own_half, tremolo = "<duration>1/4</duration>", "<TremoloTwoChord><subtype>c16</subtype></TremoloTwoChord>"
    line = "<Ottava><subtype>8vb</subtype><eid>O_O</eid></Ottava>"
    octave = (
        f'<Spanner type="Ottava">{line}<next><location><fractions>1/2</fractions></location></next></Spanner>'
        + chord.format("", 72, "")
        + '<Spanner type="Ottava"><prev><location><fractions>-1/2</fractions></location></prev></Spanner>'
    )
    notes = chord.format(own_half, 60, tremolo) + chord.format(own_half, 67, "") + octave + chord.format("", 72, "")
    body = f"<TimeSig><sigN>6</sigN><sigD>4</sigD></TimeSig>{notes}"
    score = f'<Score><Staff id="1"><Measure><voice>{body}</voice></Measure></Staff></Score>'
    found = piece(f'<museScore version="4.50">{score}</museScore>'.encode())
    assert sounds(found) == [(0, 1, 60), (1, 1, 67), (2, 2, 60), (4, 2, 72)]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (("<dots>1</dots>", ""), "staff 1, bar 2, voice 1: holds 2 quarters, the bar 3"),
        (('<Measure len="2/4">', "<Measure>"), "staff 1, bar 6, voice 1: holds 2 quarters, the bar 3"),
        (("<durationType>half</durationType>", "<durationType>whole</durationType>"), "bar 2, voice 1: holds 6 q"),
        (('version="4.60"', 'version="5.00"'), "format 5.00; formats 2 to 4 can be read: in MuseScore 5, use File"),
    ],
)
def test_a_bar_that_is_not_filled_is_refused_in_one_line(wrong, message):
    broken = (FIXTURES / "tune.mscx").read_text(encoding="utf-8").replace(*wrong)
    with pytest.raises(ValueError, match=message) as refused:
        scan_musescore(broken.encode(), "song.mscx")
    assert str(refused.value).startswith("song.mscx: ")
    assert "\n" not in str(refused.value)


def test_a_voice_that_runs_over_its_bar_is_refused():
    voices = (FIXTURES / "voices.mscx").read_text(encoding="utf-8")
    begins = voices.index("<location><fractions>1/4</fractions></location>")
    longer = voices[:begins] + voices[begins:].replace("<durationType>quarter", "<durationType>half", 1)
    with pytest.raises(ValueError, match="staff 1, bar 1, voice 2: holds 3 quarters, the bar 2"):
        scan_musescore(longer.encode())
    beyond = voices[:begins] + voices[begins:].replace("</Chord>", f"</Chord>{QUARTER_REST}", 1)
    with pytest.raises(ValueError, match="staff 1, bar 1: voice 2 has a note or rest at quarter 2, outside its bar"):
        scan_musescore(beyond.encode())


def test_lines_and_ties_that_are_not_to_be_played_change_nothing():
    tune = (FIXTURES / "tune.mscx").read_text(encoding="utf-8")
    cut = tune.replace("<Tie></Tie>", "<Tie><play>0</play></Tie>").replace("<tempo>1.5", "<play>0</play><tempo>1.5")
    found = piece(cut.encode())
    assert sounds(found)[6:8] == [(6, 1, 74), (7, 1, 74)]
    assert found.timeline.tempos == (Tempo(0, 120.0),)
    without = tune.replace("<Volta>", "<Volta><play>0</play>")  # endings that count for nothing are bars like others
    assert pitches(piece(without.encode())) == [67, *[69, 71, 71, 72, 74, 74, 72] * 2, 74, 67, 67]
