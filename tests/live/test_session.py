"""A session: written line by line, read again, replayed bit for bit, and made music of."""

import json
import re
from fractions import Fraction
from html import unescape
from random import Random

import pytest
from tests.support.scripted_line import ScriptedLine
from tests.support.virtual_stage import keys, played
from tests.support.virtual_stage import sounded as on_and_off

from ritornello.api.live import Jam, Models, jam
from ritornello.api.live import replay as jam_again
from ritornello.api.model import load_model
from ritornello.live.beat import TICKS
from ritornello.live.dials import WAYS, Dials
from ritornello.live.engine import Engine
from ritornello.live.line import Line
from ritornello.live.rehearsal import differences, rehearse, replay
from ritornello.live.score import Performance, answers_of, performance_of, piece_of
from ritornello.live.session import Heading, Session, SessionFile, read_session
from ritornello.live.values import Event, LineNote
from ritornello.model.file import digest
from ritornello.music.files import scan_content
from ritornello.music.keys import key_name
from ritornello.music.midi.reader import write_midi_piece
from ritornello.music.session import BeatMap, Place, sounded
from ritornello.music.values import Metre, Note, Tempo, Timeline

PHRASE = ((0, 1, 60), (1, 1, 62), (2, 1, 64))


def heading(mode="call-response", **dials):
    return Heading("songs", "0" * 64, 5, Dials(mode=mode, qpm=60, **dials))


def perform(path, mode="call-response", events=None, **dials):
    """Play with a phrase, keep it in a file, and return the session that was read from it."""
    head = heading(mode, **dials)
    file = SessionFile(path, head)
    engine = Engine(ScriptedLine(), head.dials, head.seed, file.add)
    file.close(rehearse(engine, Performance(events or keys(*PHRASE), 4.0, 60, "4/4")))
    return read_session(path)


def again(session):
    kept = Session(session.heading)
    return replay(Engine(ScriptedLine(), session.heading.dials, session.heading.seed, kept.add), session, kept)


@pytest.mark.parametrize("mode", WAYS)
def test_a_session_is_replayed_bit_for_bit(tmp_path, mode):
    events = [*keys(*PHRASE), Event(1.5, "dial", value=0.3, name="temperature"), Event(2.5, "snapshot", name="a")]
    session = perform(tmp_path / "a.session", mode, sorted(events, key=lambda e: e.time), swing=0.7)
    assert session.played
    assert again(session) == []


def of_a_preset(tmp_path, primer, **options):
    preset = tmp_path / "p.toml"
    preset.write_text(f'primer = "{primer}"\n[dials]\nmode = "autonomous"' if primer else "")
    path = tmp_path / "a.session"
    return jam(preset=preset, session=path, seconds=20, seed=3, replace=True, **options), path


def test_a_preset_s_primer_is_what_the_machine_goes_on_from(tmp_path):
    primed, path = of_a_preset(tmp_path, "D4 F#4 A4:2 D4 F#4 A4:2", mode="autonomous")
    assert primed.session.heard[0].kind == "prime"
    assert [note[:3] for note in primed.session.heard[0].value[:3]] == [[0, 24, 62], [24, 24, 66], [48, 48, 69]]
    assert jam_again(path).differences == ()
    other, _ = of_a_preset(tmp_path, "", mode="autonomous")
    assert primed.piece.parts[1].notes != other.piece.parts[1].notes


def test_a_primer_takes_the_place_of_what_was_just_played(make_line):
    line = make_line(1)
    line.heard([LineNote(Fraction(n), Fraction(1), 60) for n in range(8)])
    line.prime([(24 * n, 24, 72, 80) for n in range(3)], Fraction(8))  # one bar of 4/4
    assert [(e.start, e.pitch) for e in line._history.entries] == [
        *((24 * n, 60) for n in range(4)),
        *((24 * n, 72) for n in range(4, 7)),
    ]
    fresh = make_line(2)
    fresh.prime([(24 * n, 24, pitch, 80) for n, pitch in enumerate((62, 64, 66, 67, 69, 71, 73, 74))], Fraction(8))
    assert key_name(fresh.key) == "D major"
    with pytest.raises(ValueError, match="a primer has notes"):
        line.prime([(0, 0, 60, 80)], Fraction(8))


def test_another_model_plays_on_without_a_gap_and_is_replayed(tmp_path):
    path = tmp_path / "a.session"
    models, dials = Models(), Dials(mode="autonomous", qpm=120, answer_bars=8)
    default = load_model()
    head = Heading(default.name, digest(default.file.tensors), 4, dials)
    file = SessionFile(path, head)
    engine = Engine(Line.of(default.file, 4, dials), dials, 4, file.add, change=models.change)
    sha256 = models.load("songs")
    before = engine.play.line
    out = played(engine, [Event(6.1, "model", name="songs", value=sha256)], 14)
    assert engine.play.line is not before
    engine.hear(Event(14, "stop"))
    file.close(14)
    notes = [note for note in on_and_off(out) if note[0] < 14]
    gaps = [later[0] - max(note[1] for note in notes[: n + 1]) for n, later in enumerate(notes[1:])]
    assert max(gaps) <= 1.01  # a half note's rest at most; 8 bars of 2 seconds without one of the session's silences
    assert jam_again(path).differences == ()
    path.write_text(path.read_text().replace(sha256, "0" * 64))
    with pytest.raises(ValueError, match="another model than songs"):
        jam_again(path)


def test_a_session_changed_by_hand_gives_other_answers(tmp_path):
    path = tmp_path / "a.session"
    perform(path, "follow")
    path.write_text(path.read_text().replace('"heard": "note_on", "n": 62', '"heard": "note_on", "n": 63'))
    assert again(read_session(path)) == [
        "at 1.000 s, pitch 58: played then, not now",
        "at 1.000 s, pitch 59: played now, not then",
    ]


def test_differences_are_listed_in_the_order_of_time():
    before = [Event(10.0, "note_on", 60, 80), Event(9.5, "note_on", 62, 80)]
    now = [Event(2.0, "note_on", 64, 80), Event(9.5, "note_on", 61, 80)]
    assert differences(before, now) == [
        "at 2.000 s, pitch 64: played now, not then",
        "at 9.500 s, pitch 61: played now, not then",
        "at 9.500 s, pitch 62: played then, not now",
        "at 10.000 s, pitch 60: played then, not now",
    ]


def test_a_file_that_was_cut_off_is_a_session_up_to_there(tmp_path):
    path = tmp_path / "a.session"
    whole = perform(path)
    content = path.read_bytes()
    path.write_bytes(content[: content.index(b'"end"') - 30])
    session = read_session(path)
    assert (session.end, session.heard) == (None, whole.heard[: len(session.heard)])
    assert len(session.played) > 3
    assert again(session) == []


def test_every_line_is_on_the_disk_before_the_end(tmp_path):
    file = SessionFile(tmp_path / "a.session", heading())
    file.add("heard", Event(0.5, "note_on", 60, 80), 0.5, 60)
    assert read_session(tmp_path / "a.session").heard == [Event(0.5, "note_on", 60, 80)]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "not a session of ritornello jam"),
        ("MThd", "not a session of ritornello jam"),
        ("[1]\n", "not a session of ritornello jam"),
        ('{"loss": 3}\n', "not a session of ritornello jam"),
        ("HEAD{}\n", "line 2 of this session is broken: 'played' is missing"),
        ('HEAD{"t": 1, "heard": "sneeze"}\n', "line 2 of this session is broken: no such event: 'sneeze'"),
        ('HEAD{"t": 1, "heard": "note_on", "n": 128}\n', "n must be 0 to 127, not 128"),
        ('HEAD{"t": 1, "heard": "note_on", "n": 60, "v": "f"}\n', "v must be 0 to 127, not f"),
        ('HEAD{"t": "x", "heard": "tap"}\n', "line 2 of this session is broken"),
        ("HEADoops\n", "line 2 of this session is broken"),
    ],
)
def test_a_broken_session_is_refused_with_its_line(tmp_path, content, message):
    path = tmp_path / "a.session"
    path.write_text(content.replace("HEAD", json.dumps(heading().to_dict()) + "\n"))
    with pytest.raises(ValueError, match=message):
        read_session(path)


def test_a_session_is_a_piece_of_two_parts_where_it_was_played(tmp_path):
    piece = piece_of(perform(tmp_path / "a.session"))
    player, machine = piece.parts
    assert [(n.start, n.duration, n.pitch) for n in player.notes] == [(0, 960, 60), (960, 960, 62), (1920, 960, 64)]
    assert [(n.start, n.pitch) for n in machine.notes] == [(3840, 72), (4800, 74), (5760, 76), (6720, 77)]
    assert (player.name, machine.name, piece.timeline.qpm) == ("player", "machine", 60)


def test_a_piece_follows_tempo_and_metre_of_the_performance(tmp_path):
    events = [*keys((0, 1, 60), (1, 1, 62)), Event(2.0, "dial", value=120, name="qpm")]
    events += [
        Event(2.0, "dial", value="3/4", name="metre"),
        Event(3.0, "note_on", 64, 80),
        Event(3.5, "note_off", 64),
    ]
    piece = piece_of(perform(tmp_path / "a.session", "follow", events))
    assert [n.start for n in piece.parts[0].notes] == [0, 960, 4 * 960]
    assert [(t.tick, t.qpm) for t in piece.timeline.tempos] == [(0, 60), (1920, 120)]
    assert [(m.tick, m.name) for m in piece.timeline.metres] == [(0, "4/4"), (3840, "3/4")]


def clock_of(tempos, jitter):
    """A MIDI clock: (seconds, qpm) one after another, each tick early or late by up to `jitter` seconds."""
    dice, time, end = Random(1), 0.02, 0.02
    events = [Event(0.0, "start")]
    for seconds, qpm in tempos:
        end += seconds
        while time < end:
            events.append(Event(time + dice.uniform(-jitter, jitter), "clock"))
            time += 60 / (TICKS * qpm)
    return events


@pytest.mark.parametrize("jitter", [0.0, 0.002])
@pytest.mark.parametrize(
    "tempos",
    [
        pytest.param([(10, 84), (10, 96), (10, 70)], id="steps"),
        pytest.param([(1, 80 + 2 * n) for n in range(30)], id="faster and faster"),
        pytest.param([(30, 90)], id="steady"),
    ],
)
def test_replay_and_render_keep_the_tempos_of_a_clock(tmp_path, tempos, jitter):
    head = Heading("songs", "0" * 64, 5, Dials(mode="autonomous", qpm=84))
    file = SessionFile(tmp_path / "a.session", head)
    played(Engine(ScriptedLine(), head.dials, head.seed, file.add), clock_of(tempos, jitter), 30)
    file.close(30)
    session = read_session(tmp_path / "a.session")
    assert again(session) == []
    times = [on for on, *_ in sounded(session.played)]
    assert len(times) > 20
    for piece in (piece_of(session), scan_content((tmp_path / "a.session").read_bytes(), "a.session")[0][0]):
        found = [piece.timeline.seconds(note.start) for note in piece.parts[1].notes]
        aside = [at - time - (found[0] - times[0]) for at, time in zip(found, times, strict=True)]
        assert max(map(abs, aside)) < 0.03  # nothing adds up; but a note lies where it was meant when it was planned
        assert len(piece.timeline.tempos) < 50
    again_from_file = scan_content(write_midi_piece(piece), "a.mid")[0][0]
    last = again_from_file.timeline.seconds(again_from_file.parts[-1].notes[-1].start)
    assert last == pytest.approx(found[-1], abs=0.03)  # without the wait for the first tick, which is no music


def test_a_tempo_that_was_foreseen_gives_way_to_the_one_that_came():
    places = [Place(0, 0, 60, True), Place(1, 1, 60), Place(3, 3, 60), Place(2, 2, 60, True), Place(3, 4, 120, True)]
    beats = BeatMap(places)
    assert [beats.at(time) for time in (0, 1, 2, 2.5, 3, 4)] == [0, 1, 2, 3, 4, 6]
    assert beats.tempos() == (Tempo(0, 60), Tempo(2 * 960, 120))


def test_the_time_of_a_beat_that_stands_still_is_left_out():
    beats = BeatMap([Place(0, 0, 60, True), Place(2, 2, 60, True), Place(9, 2, 60, True), Place(10, 3, 60, True)])
    assert beats.tempos() == (Tempo(0, 60),)
    assert beats.at(5) == 2


def test_a_page_and_a_notebook_show_what_was_heard_and_what_was_played(tmp_path):
    made = Jam(perform(tmp_path / "a.session"))
    made.save(tmp_path / "a.html")
    for page in ((tmp_path / "a.html").read_text("utf-8"), made._repr_html_()):
        shown = unescape(page)
        assert [len({*re.findall(rf'data-note="{part}:(\d+)"', shown)}) for part in (0, 1)] == [3, 4]
        assert re.search(r"player.*machine", shown, re.DOTALL)


def test_answers_are_listed_by_bar(tmp_path):
    assert answers_of(perform(tmp_path / "a.session")) == [(2.0, 1.0, 4)]


def test_a_silence_ends_what_sounds_and_drops_what_was_to_come():
    events = [Event(1, "note_on", 60, 80), Event(2, "note_off", 60), Event(3, "note_on", 62, 80)]
    events += [Event(4, "note_off", 62), Event(1.5, "silence"), Event(1.6, "note_on", 64, 80)]
    assert sounded(events) == [(1, 1.5, 60, 80), (1.6, 4, 64, 80)]


def test_a_file_plays_with_its_tempos_and_its_pick_up():
    timeline = Timeline(480, 2400, (Metre(0, 3, 4), Metre(480, 3, 4)), tempos=(Tempo(0, 60), Tempo(1920, 120)))
    performance = performance_of([Note(0, 480, 60), Note(480, 1440, 62), Note(1920, 480, 64)], timeline)
    assert [(e.time, e.kind, e.number) for e in performance.events if e.kind == "note_on"] == [
        (2.0, "note_on", 60),
        (3.0, "note_on", 62),
        (6.0, "note_on", 64),
    ]
    assert [(e.time, e.value) for e in performance.events if e.kind == "dial"] == [(6.0, 120)]
    assert (performance.qpm, performance.metre) == (60, "3/4")
