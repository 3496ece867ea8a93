"""ritornello jam on the virtual clock: a file plays with a model, the session is kept, and computed anew."""

import pytest

from ritornello.music.files import read, write
from ritornello.music.values import Melody, Note, Timeline


@pytest.fixture
def tune(tmp_path):
    notes = tuple(Note(480 * n, 480, pitch) for n, pitch in enumerate((60, 62, 64, 65, 67, 65, 64)))
    write(Melody(notes, Timeline(length=3840)), tmp_path / "tune.mid")
    return tmp_path / "tune.mid"


@pytest.mark.parametrize("mode", ["call-response", "follow"])
def test_a_file_is_answered_kept_and_computed_anew(command, little_model, tune, tmp_path, mode):
    session, out, again = tmp_path / "a.session", tmp_path / "a.mid", tmp_path / "b.mid"
    words = ("--mode", mode, "--play", tune, "--seed", 1, "--virtual-time")
    made = command("jam", little_model, *words, "--session", session, "-o", out)
    assert (made.status, made.err) == (0, "")
    assert "you played 7 notes" in made.out
    [piece] = read(out)
    assert len(piece.parts[0].notes) == 7
    replayed = command("jam", "--replay", session, "-o", again)
    assert "the same answers, bit for bit" in replayed.out
    assert out.read_bytes() == again.read_bytes()


def test_without_a_connection_it_is_said_that_nothing_sounds(command, little_model):
    words = ("jam", little_model, "--mode", "autonomous", "--for", 4, "--seed", 1)
    assert "nothing is connected, so nobody waits and nothing sounds" in command(*words).out
    assert "nothing is connected" not in command(*words, "--virtual-time").out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--virtual-time",), "how long it plays"),
        (("--virtual-time", "--for", -1), "seconds must be more than 0"),
        (("--virtual-time", "--for", 5, "--mode", "solo"), "mode must be one of call-response"),
        (("--virtual-time", "--for", 5, "--metre", "0/4"), "not a metre"),
        (("--virtual-time", "--for", 5, "-o", "a.txt"), "a performance is written to .mid"),
        (("--virtual-time", "--play", "missing.mid"), "missing.mid: no such file"),
        (("--replay", "missing.session"), "missing.session"),
        (("--replay", "missing.session", "--preset", "duet"), "leave the other options out"),
        (("--replay", "missing.session", "--midi-in", "Keys"), "leave the other options out"),
        (("--virtual-time", "--for", 5, "--midi-in", "Keys"), "nothing can be connected"),
        (("--virtual-time", "--for", 5, "--screen"), "nothing can be connected"),
    ],
)
def test_what_cannot_be_played_is_refused_in_one_line(command, little_model, words, message):
    model = () if "--replay" in words else (little_model,)
    made = command("jam", *model, *words)
    assert made.status in (1, 2)
    assert message in made.err
    assert made.err.count("\n") == 1
