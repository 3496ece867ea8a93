"""Hearing a file: on a silent device, on none, without miniaudio, and stopped by Ctrl-C."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import ritornello as rito
from ritornello.render import play as player
from ritornello.render.play import SILENT, play_wave

pytest.importorskip("miniaudio", reason="needs miniaudio: pip install miniaudio")


@pytest.fixture
def tune(tmp_path) -> Path:
    """A file of two short notes."""
    path = tmp_path / "tune.abc"
    path.write_text("X:1\nT:Two\nM:2/4\nL:1/4\nQ:1/4=600\nK:C\nCE|\n")
    return path


@pytest.fixture
def heard(monkeypatch):
    """What the device is given, block by block."""
    blocks: list[bytes] = []
    stream = player._stream

    def listened(*arguments):
        blocks_of = stream(*arguments)
        wanted = yield next(blocks_of)
        while True:
            try:
                blocks.append(blocks_of.send(wanted))
            except StopIteration:
                return
            wanted = yield blocks[-1]

    monkeypatch.setattr(player, "_stream", listened)
    return blocks


@pytest.mark.parametrize("channels", [(), (2,)])
def test_the_device_is_given_the_whole_wave_and_then_silence(heard, channels):
    wave = np.random.default_rng(0).uniform(-1, 1, (8000, *channels)).astype(np.float32)
    play_wave(wave, 44100, SILENT)
    given = np.frombuffer(b"".join(heard), np.float32).reshape(-1, *channels)
    assert np.array_equal(given[:8000], wave)
    assert not given[8000:].any()
    assert len(given) >= 8000 + player.REST_SECONDS * 44100


def test_a_file_is_played_and_says_nothing_where_there_is_no_terminal(command, tune, heard):
    assert command("play", tune, "--device", SILENT) == (0, "", "")
    assert np.frombuffer(b"".join(heard), np.float32).max() > 0.1


def test_a_tune_a_melody_and_a_piece_play(heard, little_model, tune):
    melody = rito.load_corpus("hymns").melodies()[0]
    short = rito.read(tune)[0]
    composed = rito.load_model(little_model).generate(bars=2, seed=1, qpm=400)
    rito.play(short, device=SILENT)
    composed.play(SILENT)
    assert len(heard) > 2
    with pytest.raises(ValueError, match="no sound device 'nowhere'"):
        rito.play(melody, device="nowhere")


def test_a_tune_is_played_by_its_own_instrument(little_model, monkeypatch):
    waves = []
    monkeypatch.setattr(player, "play_wave", lambda wave, *given: waves.append(wave))
    for program in (0, 40):
        rito.load_model(little_model).generate(bars=2, seed=1, qpm=400, program=program).play(SILENT)
    assert not np.array_equal(*(wave[:20000] for wave in waves))


def test_a_device_that_is_not_there_is_one_line(command, tune):
    status, out, err = command("play", tune, "--device", "nowhere")
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert "there is no sound device 'nowhere'" in err or "no sound device here" in err


def test_without_a_sound_device_one_line_says_what_to_do(command, tune, monkeypatch):
    import miniaudio

    def none(*arguments, **options):
        os.write(2, b"ALSA lib: a page of chatter\n")
        raise miniaudio.MiniaudioError("failed to init device", -401)

    monkeypatch.setattr(miniaudio, "PlaybackDevice", none)
    status, out, err = command("play", tune)
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert "there is no sound device here" in err
    assert "ritornello render" in err


def test_a_silent_device_is_never_taken_for_a_real_one(monkeypatch):
    import miniaudio

    taken = []
    monkeypatch.setattr(miniaudio, "PlaybackDevice", lambda *a, **options: taken.append(options["backends"]))
    player.open_device(1, 44100, None)
    assert miniaudio.Backend.NULL not in taken[0]


def test_without_miniaudio_one_line_says_how_to_get_it(command, tune, monkeypatch):
    monkeypatch.setitem(sys.modules, "miniaudio", None)
    status, out, err = command("play", tune)
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert "pip install miniaudio" in err


@pytest.mark.parametrize("content", [b"", b"MThd", b"no music"])
def test_what_is_no_music_is_one_line(command, tmp_path, content):
    (tmp_path / "bad.mid").write_bytes(content)
    status, out, err = command("play", tmp_path / "bad.mid")
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert "bad.mid" in err


def test_ctrl_c_stops_it_cleanly(tmp_path):
    path = tmp_path / "long.abc"
    path.write_text("X:1\nM:4/4\nL:1/1\nQ:1/4=60\nK:C\n" + "C|" * 60 + "\n")
    code = "import sys; from ritornello.render import play as p; real = p.play_wave\n"
    code += "def told(*a):\n    print('begins', flush=True); real(*a)\n"
    code += "p.play_wave = told; from ritornello.cli import main; sys.exit(main())"
    words = [sys.executable, "-c", code, "play", str(path), "--device", SILENT]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as program:
        assert program.stdout.readline() == "begins\n"
        time.sleep(0.5)
        program.send_signal(signal.SIGINT)
        _, err = program.communicate(timeout=60)
    assert (program.returncode, err.count("\n")) == (130, 1), err
    assert "interrupted" in err


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="this system has no pseudo terminals")
@pytest.mark.parametrize("verb", ["play", "generate"])
def test_a_terminal_shows_abc_and_roll(tune, little_model, tmp_path, verb):
    words = {
        "play": ["play", str(tune), "--device", SILENT],
        "generate": ["generate", str(little_model), "--bars", "2", "--seed", "1", "-o", str(tmp_path / "out")],
    }
    ours, theirs = os.openpty()
    program = [sys.executable, "-m", "ritornello", *words[verb]]
    subprocess.run(program, stdout=theirs, stderr=subprocess.PIPE, check=True, env={**os.environ, "COLUMNS": "80"})
    os.close(theirs)
    shown = b""
    while b := _read(ours):
        shown += b
    text = shown.decode("utf-8")
    assert "X:1" in text
    assert "K:" in text
    assert "│" in text


def _read(terminal: int) -> bytes:
    """Read from a pseudo terminal; nothing where the other end is closed."""
    try:
        return os.read(terminal, 65536)
    except OSError:
        return b""
