"""The MuseScore reader on small scores written by hand in formats 2 and 3, and on what is not a score."""

from __future__ import annotations

import zipfile
from fractions import Fraction
from io import BytesIO

import pytest

from ritornello.music.musescore.reader import parse_score, scan_musescore
from ritornello.music.musescore.repeats import Jump, WrittenBar, playing_order
from ritornello.music.values import Key, Metre, Piece, Tempo

TIE_NEXT_BAR = (
    '<Spanner type="Tie"><Tie/><next><location><measures>1</measures><fractions>{}</fractions></location></next>'
    "</Spanner>"
)
VOLTA = (
    '<Spanner type="Volta"><Volta><endings>{}</endings>{}</Volta>'
    "<next><location><measures>1</measures></location></next></Spanner>"
)
TIE_ENDS = '<Spanner type="Tie"><prev><location><measures>-1</measures></location></prev></Spanner>'


def score(*staves: str, version: str = "3.01", parts: str = "", tags: str = "") -> bytes:
    body = "".join(f'<Staff id="{i}">{staff}</Staff>' for i, staff in enumerate(staves, 1))
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<museScore version="{version}"><Score><Division>480</Division>'
        f"{tags}{parts}{body}</Score></museScore>"
    ).encode()


def bar(*voices: str, head: str = "", length: str = "") -> str:
    attribute = f' len="{length}"' if length else ""
    return f"<Measure{attribute}>{head}{''.join(f'<voice>{v}</voice>' for v in voices)}</Measure>"


def time(numerator: int, denominator: int, more: str = "") -> str:
    return f"<TimeSig>{more}<sigN>{numerator}</sigN><sigD>{denominator}</sigD></TimeSig>"


def note(kind: str, *pitches: int, more: str = "", inside: str = "", dots: int = 0) -> str:
    heads = "".join(f"<Note>{inside}<pitch>{p}</pitch></Note>" for p in pitches)
    return f"<Chord>{f'<dots>{dots}</dots>' if dots else ''}<durationType>{kind}</durationType>{more}{heads}</Chord>"


def rest(kind: str, more: str = "") -> str:
    return f"<Rest><durationType>{kind}</durationType>{more}</Rest>"


FULL_REST = rest("measure", "<duration>4/4</duration>")


def tuplet(actual: int, normal: int, *inside: str) -> str:
    head = f"<Tuplet><normalNotes>{normal}</normalNotes><actualNotes>{actual}</actualNotes></Tuplet>"
    return head + "".join(inside) + "<endTuplet/>"


def piece(content: bytes, repeats: str = "unfold") -> Piece:
    ((found,), _) = scan_musescore(content, "song.mscx", repeats)
    return found


def bar_faults(content: bytes) -> list[str]:
    return [fault for staff in parse_score(content)[1] for fault in staff.faults]


def sounds(found: Piece, part: int = 0) -> list[tuple[Fraction, Fraction, int]]:
    """Onset and duration in quarters, pitch."""
    ticks = found.timeline.ticks_per_quarter
    return [(Fraction(n.start, ticks), Fraction(n.duration, ticks), n.pitch) for n in found.parts[part].notes]


def test_notes_of_format_3_follow_one_another_with_dots_and_rests():
    staff = bar(time(4, 4) + note("quarter", 60, dots=1) + rest("eighth") + note("half", 62, 65))
    assert sounds(piece(score(staff))) == [(0, Fraction(3, 2), 60), (2, 2, 62), (2, 2, 65)]


def test_a_tie_over_the_barline_makes_one_note_in_format_3():
    first = bar(time(2, 4) + note("quarter", 60) + note("quarter", 64, inside=TIE_NEXT_BAR.format("-1/4")))
    second = bar(note("quarter", 64, inside=TIE_ENDS) + note("quarter", 65))
    assert sounds(piece(score(first + second))) == [(0, 1, 60), (1, 2, 64), (3, 1, 65)]


def test_a_tie_from_one_staff_to_another_stays_on_the_first():
    there = (
        '<Spanner type="Tie"><next><location><staves>1</staves><fractions>1/4</fractions></location></next></Spanner>'
    )
    upper = bar(time(2, 4) + note("quarter", 60, inside=there) + rest("quarter"))
    lower = bar(time(2, 4) + rest("quarter") + note("quarter", 60, inside=TIE_ENDS))
    found = piece(score(upper, lower))
    assert sounds(found, 0) == [(0, 2, 60)]
    assert sounds(found, 1) == []


def test_format_2_has_ties_by_number_and_voices_by_tick_and_track():
    tied, below = note("quarter", 74, inside='<Tie id="3"/>'), note("eighth", 60, more="<track>1</track>")
    first = f"<Measure>{time(2, 4)}{note('quarter', 72)}{tied}<tick>240</tick>{below}</Measure>"
    end = note("half", 74, inside='<endSpanner id="3"/>')
    second = f"<Measure>{end}</Measure>"
    found = sounds(piece(score(first + second, version="2.06")))
    assert found == [(0, 1, 72), (Fraction(1, 2), Fraction(1, 2), 60), (1, 3, 74)]


def test_a_tick_inside_a_tuplet_of_format_2_means_the_exact_place():
    seven = '<Tuplet id="1"><normalNotes>4</normalNotes><actualNotes>7</actualNotes></Tuplet>'
    upper = seven + note("16th", 72, more="<Tuplet>1</Tuplet>") * 7
    lower = f"<tick>69</tick>{note('16th', 60, more='<Tuplet>1</Tuplet><track>1</track>')}"  # 480 / 7 = 68.57
    found = sounds(piece(score(f"<Measure>{time(1, 4)}{upper}{lower}</Measure>", version="2.06")))
    assert (Fraction(1, 7), Fraction(1, 7), 60) in found


@pytest.mark.parametrize("version", ["2.06", "3.01"])
def test_a_triplet_inside_a_quintuplet_is_exact(version):
    if version == "3.01":
        inner = tuplet(3, 2, note("16th", 61), note("16th", 62), note("16th", 63))
        staff = bar(time(1, 2) + tuplet(5, 4, note("eighth", 60), inner, *[note("eighth", 64)] * 3))
    else:
        five = '<Tuplet id="1"><normalNotes>4</normalNotes><actualNotes>5</actualNotes></Tuplet>'
        three = '<Tuplet id="2"><normalNotes>2</normalNotes><actualNotes>3</actualNotes><Tuplet>1</Tuplet></Tuplet>'
        inside = three + "".join(note("16th", p, more="<Tuplet>2</Tuplet>") for p in (61, 62, 63))
        eighth = "<Tuplet>1</Tuplet>"
        notes = note("eighth", 60, more=eighth) + inside + note("eighth", 64, more=eighth) * 3
        staff = f"<Measure>{time(1, 2)}{five}{notes}</Measure>"
    found = piece(score(staff, version=version))
    assert found.timeline.ticks_per_quarter % 15 == 0
    assert sounds(found)[:4] == [
        (0, Fraction(2, 5), 60),
        (Fraction(2, 5), Fraction(2, 15), 61),
        (Fraction(8, 15), Fraction(2, 15), 62),
        (Fraction(2, 3), Fraction(2, 15), 63),
    ]
    assert sounds(found)[-1] == (Fraction(8, 5), Fraction(2, 5), 64)
    assert bar_faults(score(staff, version=version)) == []


def test_a_septuplet_gets_ticks_in_which_it_is_whole():
    staff = bar(time(1, 4) + tuplet(7, 4, *[note("16th", 60)] * 7))
    found = piece(score(staff))
    assert found.timeline.ticks_per_quarter == 3360
    assert [n.start for n in found.parts[0].notes] == [0, 480, 960, 1440, 1920, 2400, 2880]


def test_grace_notes_take_no_time_and_are_left_out():
    grace = note("16th", 71, more="<acciaccatura/>") + note("16th", 73, more="<grace16after/>")
    assert sounds(piece(score(bar(time(1, 4) + grace + note("quarter", 72))))) == [(0, 1, 72)]


def test_a_note_that_is_not_to_be_played_is_left_out_but_keeps_its_place():
    silent = note("quarter", 60, inside="<play>0</play>")
    unseen = note("quarter", 62, inside="<visible>0</visible>")
    assert sounds(piece(score(bar(time(2, 4) + silent + unseen)))) == [(1, 1, 62)]


def test_each_chord_of_a_two_note_tremolo_lasts_its_own_half():
    half = "<duration>1/4</duration>"
    staff = bar(time(2, 4) + note("half", 60, more=half + "<Tremolo/>") + note("half", 67, more=half))
    old_half = note("half", 60, more='<duration z="1" n="4"/>')
    old = f"<Measure>{time(2, 4)}{old_half}{old_half}</Measure>"
    assert sounds(piece(score(staff))) == [(0, 1, 60), (1, 1, 67)]
    assert sounds(piece(score(old, version="2.06"))) == [(0, 1, 60), (1, 1, 60)]


def test_a_second_voice_may_skip_by_location():
    voice = "<location><fractions>1/4</fractions></location>" + note("quarter", 55)
    assert sounds(piece(score(bar(time(3, 4) + note("half", 60, dots=1), voice)))) == [(0, 3, 60), (1, 1, 55)]


def test_an_octave_line_moves_the_notes_under_it_and_nothing_else():
    line = (
        '<Spanner type="Ottava"><Ottava><subtype>8va</subtype></Ottava>'
        "<next><location><fractions>1/4</fractions></location></next></Spanner>"
    )
    staff = bar(time(3, 4) + note("quarter", 60) + line + note("quarter", 60) + note("quarter", 60))
    assert [pitch for _, _, pitch in sounds(piece(score(staff)))] == [60, 72, 60]


def test_a_local_time_signature_stretches_its_staff_only():
    upper = bar(time(2, 4) + note("quarter", 60) * 2)
    stretch = "<stretchN>3</stretchN><stretchD>2</stretchD>"
    lower = bar(time(6, 8, stretch) + note("eighth", 48) * 6)
    found = piece(score(upper, lower))
    assert found.timeline.metres == (Metre(0, 2, 4),)
    assert [onset for onset, _, _ in sounds(found, 1)] == [Fraction(i, 3) for i in range(6)]


def test_a_pick_up_and_a_change_of_metre_re_anchor_the_bars():
    bars = (
        bar(time(4, 4) + note("quarter", 60), length="1/4")
        + bar(note("whole", 62))
        + bar(time(3, 4) + rest("measure", "<duration>3/4</duration>"))
    )
    timeline = piece(score(bars)).timeline
    assert timeline.metres == (Metre(0, 4, 4), Metre(480, 4, 4), Metre(2400, 3, 4))
    assert timeline.pickup == 480
    assert timeline.length == 480 * 8
    assert timeline.barlines() == [0, 480, 2400, 3840]


def test_a_bar_cut_in_two_by_a_repeat_sign_counts_as_one():
    bars = (
        bar(time(4, 4) + note("whole", 60))
        + bar(note("half", 60, dots=1), length="3/4")
        + bar(note("quarter", 62), length="1/4")
        + bar(note("whole", 64))
    )
    assert piece(score(bars)).timeline.metres == (Metre(0, 4, 4),)


def test_keys_and_tempos_are_read_where_they_stand_and_again_when_played_again():
    key = "<KeySig><accidental>{}</accidental>{}</KeySig>"
    tempo = "<Tempo><tempo>{}</tempo></Tempo>"
    first = bar(key.format(-3, "<mode>minor</mode>") + time(2, 4) + tempo.format(1.33333) + note("half", 60))
    second = bar(
        key.format(1, "") + note("quarter", 60) + tempo.format(2) + note("quarter", 62),
        head="<endRepeat>2</endRepeat>",
    )
    timeline = piece(score(first + second)).timeline
    assert timeline.keys == (Key(0, -3, "minor"), Key(960, 1), Key(1920, -3, "minor"), Key(2880, 1))
    assert timeline.tempos == (Tempo(0, 80.0), Tempo(1440, 120.0), Tempo(1920, 80.0), Tempo(3360, 120.0))


def test_a_score_that_states_no_key_is_in_c_and_at_120():
    timeline = piece(score(bar(time(1, 4) + note("quarter", 60)))).timeline
    assert timeline.keys == (Key(0, 0, "major"),)
    assert timeline.qpm == 120.0


def test_repeats_are_played_out_or_read_once():
    bars = bar(time(1, 4) + note("quarter", 60), head="<startRepeat/><endRepeat>3</endRepeat>") + bar(
        note("quarter", 62)
    )
    assert [p for _, _, p in sounds(piece(score(bars)))] == [60, 60, 60, 62]
    assert [p for _, _, p in sounds(piece(score(bars), "written"))] == [60, 62]


def test_a_tie_into_the_first_ending_strikes_again_when_the_second_ending_comes():
    volta = VOLTA.format("{}", "<endHookType>1</endHookType>")
    bars = (
        bar(time(1, 4) + note("quarter", 60, inside=TIE_NEXT_BAR.format("0/1")))
        + bar(volta.format(1) + note("quarter", 60, inside=TIE_ENDS), head="<endRepeat>2</endRepeat>")
        + bar(volta.format(2) + note("quarter", 60, inside=TIE_ENDS))
    )
    assert sounds(piece(score(bars))) == [(0, 2, 60), (2, 1, 60), (3, 1, 60)]


def test_an_ending_drawn_open_goes_on_to_the_next_sign():
    """As MuseScore 3 plays it: the third pass that the second sign asks for has no ending."""
    closed, open_ended = VOLTA.format(1, "<endHookType>1</endHookType>"), VOLTA.format(2, "")
    bars = (
        bar(time(1, 4) + note("quarter", 60))
        + bar(closed + note("quarter", 62), head="<endRepeat>2</endRepeat>")
        + bar(open_ended + note("quarter", 64))
        + bar(note("quarter", 65), head="<endRepeat>2</endRepeat>")  # belongs to the second ending
    )
    assert [p for _, _, p in sounds(piece(score(bars)))] == [60, 62, 60, 64, 65, 60]


def test_an_ending_without_passes_is_never_played_and_a_remark_names_its_bar():
    """As MuseScore 3 and 4 play it; the brackets of a song named passes 1, 2 and 2 of three."""
    closed = VOLTA.format("{}", "<endHookType>1</endHookType>")
    bars = (
        bar(time(1, 4) + note("quarter", 60))
        + bar(closed.format("1, 2") + note("quarter", 62), head="<endRepeat>3</endRepeat>")
        + bar(closed.format("{}") + note("quarter", 64))
    )
    for passes in ("2", ""):
        ((found,), remarks) = scan_musescore(score(bars.format(passes)), "song.mscx")
        assert [p for _, _, p in sounds(found)] == [60, 62, 60, 62, 60]
        assert [code for code, _ in remarks] == ["unplayed_bars"]


def test_an_ending_drawn_beyond_its_repeat_sign_ends_at_the_sign():
    wide = VOLTA.replace("<measures>1<", "<measures>2<").format(1, "<endHookType>1</endHookType>")
    bars = (
        bar(time(1, 4) + note("quarter", 60))
        + bar(wide + note("quarter", 62), head="<endRepeat>2</endRepeat>")
        + bar(note("quarter", 64))
    )
    assert [p for _, _, p in sounds(piece(score(bars)))] == [60, 62, 60, 64]


def test_a_bar_repeat_sign_plays_the_bar_before():
    bars = bar(time(2, 4) + note("quarter", 60) + note("quarter", 64)) + bar("<RepeatMeasure/>")
    assert [p for _, _, p in sounds(piece(score(bars)))] == [60, 64, 60, 64]


def test_multi_measure_rests_are_not_counted_twice():
    bars = (
        bar(time(4, 4) + FULL_REST)
        + bar(
            rest("measure", "<duration>8/4</duration>"), head="<multiMeasureRest>2</multiMeasureRest>", length="8/4"
        )
        + bar(FULL_REST)
        + bar(note("whole", 60))
    )
    assert sounds(piece(score(bars))) == [(8, 4, 60)]


def order(**signs: str) -> list[int]:
    """Bars played, counted from 1, of a row of bars described by letters: see the table below."""
    row = []
    for number, text in signs.items():
        found = WrittenBar(Fraction(int(number[1:])), Fraction(1), (1, 4))
        for sign in text.split():
            name, _, value = sign.partition("=")
            if name == "|:":
                found.repeat_start = True
            elif name == ":|":
                found.repeat_times = int(value or 2)
            elif name == "end":
                found.passes = tuple(int(n) for n in value.split(","))
            elif name == "jump":
                found.jump = Jump(*value.split(","))
            elif name == "section":
                found.closes_section = True
            else:
                found.labels += (name,)
        row.append(found)
    return [index + 1 for index in playing_order(row)]


@pytest.mark.parametrize(
    ("signs", "played"),
    [
        ({"b1": "", "b2": ""}, [1, 2]),
        ({"b1": "", "b2": "|:", "b3": ":|", "b4": ""}, [1, 2, 3, 2, 3, 4]),
        ({"b1": ":|", "b2": ":|=3"}, [1, 1, 2, 1, 2, 1, 2]),  # as MuseScore 3 does, to the sign or the beginning
        ({"b1": "|: :|", "b2": "|: :|=3"}, [1, 1, 2, 2, 2]),
        ({"b1": ":|", "b2": "", "b3": "", "b4": "end=1 :|", "b5": "end=2"}, [1, 1, 2, 3, 5]),
        ({"b1": "", "b2": "end=1 :|", "b3": "end=2 |:", "b4": ":|", "b5": ""}, [1, 2, 1, 3, 4, 3, 4, 5]),
        ({"b1": "|:", "b2": "jump=start,fine,", "b3": "fine :|", "b4": ""}, [1, 2, 3, 1, 2, 1, 2, 3]),
        ({"b1": "|:", "b2": "end=1 :|", "b3": "end=2", "b4": ""}, [1, 2, 1, 3, 4]),
        ({"b1": "", "b2": "end=1,2 :|=3", "b3": "end=3"}, [1, 2, 1, 2, 1, 3]),
        ({"b1": "end=1 :|", "b2": "end=2", "b3": "", "b4": ":|"}, [1, 2, 3, 4, 3, 4]),
        ({"b1": "", "b2": "fine", "b3": "jump=start,fine,"}, [1, 2, 3, 1, 2]),
        ({"b1": "", "b2": "segno", "b3": "jump=segno,end,", "b4": ""}, [1, 2, 3, 2, 3, 4]),
        ({"b1": "coda", "b2": "jump=start,coda,codab", "b3": "codab", "b4": ""}, [1, 2, 1, 3, 4]),
        ({"b1": "|:", "b2": "end=1 :|", "b3": "end=2 fine", "b4": "jump=start,fine,"}, [1, 2, 1, 3, 4, 1, 3]),
        ({"b1": "|: :|=3", "b2": "end=3", "b3": ""}, [1, 1, 1, 2, 3]),
        ({"b1": "", "b2": "jump=start,fine,"}, [1, 2]),  # no Fine anywhere: the jump is not taken
        # An ending is played on its own passes only, the last one, too: these as MuseScore 3 plays them.
        ({"b1": "", "b2": "end=1 :|"}, [1, 2, 1]),
        ({"b1": "", "b2": "|:", "b3": "end=1 :|=4"}, [1, 2, 3, 2]),
        ({"b1": "|:", "b2": "end=1,2 :|=3", "b3": "end=2"}, [1, 2, 1, 2, 1]),
        ({"b1": "|:", "b2": "end=1 :|", "b3": "end=2,3 :|=3"}, [1, 2, 1, 3, 1, 3, 1]),
        ({"b1": "|:", "b2": "end=1 :|=3", "b3": "end=2 :|"}, [1, 2, 1, 3, 1]),
        ({"b1": "", "b2": "end=1,2 :|=3", "b3": "end=2 :|=4", "b4": "|:"}, [1, 2, 1, 2, 1, 4]),
        ({"b1": "|:", "b2": "end=1 :|", "b3": "end=2 :|", "b4": "end=3 :|"}, [1, 2, 1, 3, 1, 4, 1]),
        ({"b1": "|:", "b2": "end=3", "b3": ":|=4"}, [1, 3, 1, 3, 1, 2, 3, 1, 3]),
        ({"b1": "", "b2": "|:", "b3": "end=1,3 :|=3", "b4": "end=2 :|", "b5": ""}, [1, 2, 3, 2, 4, 2, 3, 2, 5]),
        # A jump in an ending is taken on the last of its passes, in a repeat the last time round; a sign in an
        # ending, or in another section, is found: as MuseScore 3 and 4 play them.
        ({"b1": "fine", "b2": "|:", "b3": "end=1 :|", "b4": "end=2 jump=start,fine,"}, [1, 2, 3, 2, 4, 1]),
        ({"b1": "|:", "b2": "end=1,2 :|=3", "b3": "end=3 jump=start,end, :|", "b4": ""}, [1, 2, 1, 2, 1, 3, 1, 4]),
        ({"b1": "", "b2": "|:", "b3": "end=1 segno :|", "b4": "jump=segno,end,"}, [1, 2, 3, 2, 4, 3, 2, 4]),
        ({"b1": "", "b2": "segno section", "b3": "", "b4": "jump=segno,end,"}, [1, 2, 3, 4, 2, 3, 4]),
        ({"b1": "coda", "b2": "|: jump=start,coda,codab", "b3": "codab", "b4": ":|"}, [1, 2, 3, 4, 2, 1, 3, 4]),
        ({"b1": "section", "b2": ":|", "b3": ""}, [1, 2, 2, 3]),
        (  # of two signs of one name the jump means the nearest before it
            {
                **{"b1": "segno coda", "b2": "", "b3": "jump=segno,coda,codab", "b4": "codab"},
                **{"b5": "segno", "b6": "fine", "b7": "", "b8": "jump=segno,fine,"},
            },
            [1, 2, 3, 1, 4, 5, 6, 7, 8, 5, 6],
        ),
        (
            {
                **{"b1": "segno", "b2": "", "b3": "jump=segno,end,", "b4": ""},
                **{"b5": "coda segno", "b6": "", "b7": "jump=segno,coda,codab", "b8": "codab"},
            },
            [1, 2, 3, 1, 2, 3, 4, 5, 6, 7, 5, 8],
        ),
    ],
)
def test_the_order_of_bars_follows_the_signs(signs, played):
    assert order(**signs) == played


def test_an_instrument_on_the_channel_of_drums_is_percussion():
    parts = (
        '<Part><Staff id="1"/><Instrument><Channel><midiChannel>0</midiChannel></Channel></Instrument></Part>'
        '<Part><Staff id="2"/><Instrument><Channel><midiChannel>9</midiChannel></Channel></Instrument></Part>'
    )
    staff = bar(time(2, 4) + note("half", 60))
    assert [part.is_drum for part in piece(score(staff, staff, parts=parts)).parts] == [False, True]


def test_a_part_knows_its_instrument_and_its_syllables():
    parts = (
        '<Part><Staff id="1"/><trackName>Sopran</trackName><Instrument><longName>Soprano <i>I</i></longName>'
        '<Channel><program value="52"/></Channel></Instrument></Part>'
        '<Part><Staff id="2"/><trackName>Trommel</trackName><Instrument><useDrumset>1</useDrumset></Instrument>'
        "</Part>"
    )
    words = "<Lyrics><text>la</text></Lyrics><Lyrics><no>1</no><text>lo</text></Lyrics>"
    staff = bar(time(2, 4) + note("quarter", 60, more=words) + note("quarter", 60))
    voice, drum = piece(score(staff, bar(time(2, 4) + note("half", 38)), parts=parts)).parts
    assert (voice.name, voice.program, voice.is_drum, voice.syllables) == ("Soprano I", 52, False, 1)
    assert (drum.name, drum.is_drum, drum.syllables) == ("Trommel", True, 0)


def test_title_and_composer_come_from_the_tags_or_from_the_page():
    tags = '<metaTag name="workTitle">Six Songs</metaTag><metaTag name="movementTitle">Evening</metaTag>'
    text = "<Text><style>{}</style><text>{}</text></Text>"
    page = f"<VBox>{text.format('Title', 'Night')}{text.format('Composer', 'C. S.')}</VBox>"
    music = bar(time(1, 4) + note("quarter", 60))
    tagged = score(page + music, tags=tags)
    assert (piece(tagged).title, piece(tagged).composer) == ("Evening", "C. S.")
    assert piece(score(page + music)).title == "Night"
    assert piece(tagged).source == "song.mscx"


def test_bars_that_are_not_filled_are_found():
    short = score(bar(time(3, 4) + note("half", 60)))
    long = score(bar(time(3, 4) + note("half", 60, dots=1), note("whole", 60)))
    assert bar_faults(short) == ["staff 1, bar 1, voice 1: holds 2 quarters, the bar 3"]
    assert bar_faults(long) == ["staff 1, bar 1, voice 2: holds 4 quarters, the bar 3"]


GOOD = score(bar(time(1, 4) + note("quarter", 60)))


def packed(**files: bytes) -> bytes:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name.replace("__", "/").replace("_", "."), content)
    return buffer.getvalue()


def test_a_packed_score_is_found_by_its_container_or_as_the_only_one():
    container = b'<container><rootfiles><rootfile full-path="b.mscx"/></rootfiles></container>'
    other = score(bar(time(1, 4) + note("quarter", 71)))
    two = {"a_mscx": other, "b_mscx": GOOD}
    buffer = BytesIO(packed(**two))
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr("META-INF/container.xml", container)
    assert sounds(piece(buffer.getvalue())) == [(0, 1, 60)]
    assert sounds(piece(packed(a_mscx=GOOD, Thumbnails__thumbnail_png=b"x"))) == [(0, 1, 60)]
    with pytest.raises(ValueError, match="holds 2 scores"):
        piece(packed(**two))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            score(bar(note("quarter", 60)), version="5.00"),
            "format 5.00.*in MuseScore 5, use File > Export > MusicXML",
        ),
        (score(bar(note("quarter", 60)), version="1.14"), "format 1.14.*save it in MuseScore 3"),
        (b"<html><body/></html>", "not a MuseScore file: the outermost element is <html>"),
        (b"<museScore/>", "states no MuseScore version"),
        (GOOD[:-30], "damaged XML"),
        (packed(a_mscx=GOOD)[:200], "damaged archive"),
        (packed(a_txt=b"x"), "no score in this archive"),
        (b'<!DOCTYPE m [<!ENTITY a "aaaa">]>' + GOOD[39:], "document type declaration"),
        (packed(a_mscx=b"<a>" + b" " * (65 * 2**20)), "more than 64 MB"),
        (score(""), "holds no bar"),
        (score(bar(time(1, 4) + note("quarter", 200))), "staff 1, bar 1: pitch must be 0 to 127, not 200"),
        (score(bar(time(1, 4) + note("quaver", 60))), "staff 1, bar 1: .*quaver"),
        (score(bar(time(1, 0) + FULL_REST)), "time signature of 1/0"),
        (score(bar(time(1, 4) + FULL_REST), bar(FULL_REST) * 2), "staff 2 has 2 bars, the first staff has 1"),
        (score(bar(time(1, 4) + FULL_REST, head="<endRepeat>999999999</endRepeat>")), "more than 20000 bars"),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_line(content, message):
    with pytest.raises(ValueError, match=message) as refused:
        scan_musescore(content, "song.mscx")
    assert str(refused.value).startswith("song.mscx: ")
    assert "\n" not in str(refused.value)


def test_an_encoding_declaration_cannot_hide_a_document_type():
    hidden = b'<?xml version="1.0"?>' + '<!DOCTYPE m [<!ENTITY a "a">]><m>&a;</m>'.encode("utf-16")
    with pytest.raises(ValueError, match="damaged XML"):
        scan_musescore(hidden)


CLARINET = '<Part><Staff id="1"/><Instrument><longName>Clarinet</longName>{}</Instrument></Part>'
IN_B_FLAT = "<transposeDiatonic>-1</transposeDiatonic><transposeChromatic>-2</transposeChromatic>"
IN_A = "<transposeDiatonic>-2</transposeDiatonic><transposeChromatic>-3</transposeChromatic>"


def signature(fifths: int) -> str:
    return f"<KeySig><accidental>{fifths}</accidental></KeySig>"


def test_the_key_of_a_transposing_instrument_is_the_one_that_sounds():
    change = f"<InstrumentChange><Instrument>{IN_A}</Instrument></InstrumentChange>"
    bars = bar(signature(2) + time(1, 4) + note("quarter", 60)) + bar(signature(-3) + change + note("quarter", 60))
    keys = piece(score(bars, parts=CLARINET.format(IN_B_FLAT))).timeline.keys
    assert [(key.tick, key.fifths) for key in keys] == [(0, 0)]
    bars = bar(signature(0) + time(1, 4) + note("quarter", 60))
    assert piece(score(bars, parts=CLARINET.format(IN_A))).timeline.key == Key(0, 3)


def test_a_score_at_concert_pitch_states_keys_as_they_sound():
    bars = bar(signature(2) + time(1, 4) + note("quarter", 60))
    content = score(bars, parts=f"<Style><concertPitch>1</concertPitch></Style>{CLARINET.format(IN_B_FLAT)}")
    assert piece(content).timeline.key == Key(0, 2)


def test_an_ending_without_length_stands_over_its_bar():
    volta = '<Spanner type="Volta"><Volta><endings>{}</endings></Volta><next><location></location></next></Spanner>'
    bars = bar(time(1, 4) + note("quarter", 60))
    bars += bar(volta.format(1) + note("quarter", 62), head="<endRepeat>2</endRepeat>")
    bars += bar(volta.format(2) + note("quarter", 64)) + bar(note("quarter", 65))
    assert [p for _, _, p in sounds(piece(score(bars)))] == [60, 62, 60, 64, 65]
