"""The live instrument in real time, from the command line."""

import json
import signal
import subprocess
import sys
import time

import pytest

PATIENCE = 60.0  # seconds
LIVE = ("--sound", "--device", "null", "--for", "0.3", "--seed", "1", "--quiet")


def test_it_plays_in_real_time_and_the_session_is_replayed(command, tmp_path):
    session = tmp_path / "evening.jsonl"
    status, _, err = command("jam", "grid", "--mode", "autonomous", *LIVE, "--session", session)
    assert (status, err) == (0, "")
    assert json.loads(session.read_text().splitlines()[-1])["end"] >= 0.3
    assert "bit for bit" in command("jam", "--replay", session)[1]


def test_a_performance_without_a_note_is_no_error(command):
    status, out, err = command("jam", "grid", "--mode", "follow", *LIVE)
    assert (status, err) == (0, "")
    assert "you played 0 notes, the machine 0 notes" in out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--preset", "nonsense"), "there is no preset 'nonsense'"),
        (("--thru", "a"), '--thru is written "IN > OUT"'),
        (("--midi-in", "a, channel 99"), "is not understood at 'channel 99'"),
    ],
)
def test_what_cannot_be_connected_is_named_in_a_line(command, words, message):
    status, _, err = command("jam", "grid", *LIVE, *words)
    assert status == 1
    assert message in err
    assert err.count("\n") == 1


def test_a_sound_device_that_is_not_there_is_named_and_it_plays_on(command):
    status, out, _ = command("jam", "grid", "--mode", "follow", "--device", "no such", "--for", "0.3")
    assert status == 0
    assert out.count("there is no sound device 'no such'") == 1


def test_ctrl_c_ends_the_performance_and_its_files_are_written(tmp_path):
    session, out = tmp_path / "evening.jsonl", tmp_path / "evening.mid"
    words = ("grid", "--mode", "autonomous", "--device", "null", "--for", "120", "--seed", "1", "--qpm", "240")
    process = subprocess.Popen(
        [sys.executable, "-m", "ritornello", "jam", *words, "--session", session, "-o", out],
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    deadline = time.monotonic() + PATIENCE
    while not (session.is_file() and '"note_on"' in session.read_text()) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    assert "you played 0 notes, the machine" in process.communicate(timeout=PATIENCE)[0]
    assert process.returncode == 0
    assert "end" in json.loads(session.read_text().splitlines()[-1])
    assert out.read_bytes().startswith(b"MThd")
