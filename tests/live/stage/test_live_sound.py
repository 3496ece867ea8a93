"""The sample bank as an instrument that is played live."""

import time

import numpy as np
import pytest

pytest.importorskip("miniaudio", reason="needs miniaudio")
from ritornello.live.stage.messages import PANIC
from ritornello.live.stage.sound import SAMPLE_RATE, Sampler, SoundPort

FRAMES = 441
PATIENCE = 20.0


def blocks(sampler, count):
    return np.concatenate([sampler.block(FRAMES) for _ in range(count)])


@pytest.fixture
def sampler():
    return Sampler(is_prepared=False)


def test_silence_before_and_sound_after(sampler):
    assert not blocks(sampler, 5).any()
    sampler.play(b"\x90\x3c\x64")
    wave = blocks(sampler, 20)
    assert 0.02 < np.abs(wave).max() <= 1
    assert np.abs(wave[:2]).max() < 0.02  # it sets in without a click


def test_the_pitch_is_the_key_s(sampler):
    sampler.play(b"\x90\x45\x64")  # A at 440 Hz
    wave = blocks(sampler, 100)
    spectrum = np.abs(np.fft.rfft(wave * np.hanning(len(wave))))
    hertz = np.fft.rfftfreq(len(wave), 1 / SAMPLE_RATE)
    assert hertz[spectrum.argmax()] == pytest.approx(440, rel=0.01)


def test_louder_keys_are_louder(sampler):
    sampler.play(b"\x90\x3c\x20")
    soft = np.abs(blocks(sampler, 20)).max()
    sampler.play(b"\x80\x3c\x00")
    blocks(sampler, 40)
    sampler.play(b"\x90\x3c\x7f")
    assert np.abs(blocks(sampler, 20)).max() > 3 * soft


def test_a_key_that_goes_up_fades_without_a_step_and_is_forgotten(sampler):
    sampler.play(b"\x90\x3c\x64")
    before = blocks(sampler, 10)
    sampler.play(b"\x90\x3c\x00")
    after = blocks(sampler, 20)
    step = np.abs(np.diff(np.concatenate([before[-50:], after]))).max()
    assert step < 3 * np.abs(np.diff(before)).max()
    assert sampler.sounding == 0
    assert not sampler.block(FRAMES).any()


def test_panic_ends_all_and_a_thousand_notes_stay_in_bounds(sampler):
    for i in range(1000):
        sampler.play(bytes((0x90 | i % 16, 40 + i % 40, 127)))
    assert sampler.sounding <= 32
    assert np.abs(blocks(sampler, 5)).max() <= 1
    for message in PANIC:
        sampler.play(message)
    blocks(sampler, 20)
    assert sampler.sounding == 0


def test_the_silent_device_plays_with_little_delay():
    port = SoundPort("null")
    until = time.monotonic() + PATIENCE
    while not port._sampler.delays:
        assert time.monotonic() < until
        port.send(b"\x90\x3c\x64")
        port.send(b"\x80\x3c\x00")
        time.sleep(0.02)
    assert 10 <= port.delay_ms < 1000
    port.close()


def test_a_device_that_is_not_there_is_named():
    with pytest.raises((OSError, ValueError), match="no sound device"):
        SoundPort("no such device")


def test_another_program_is_another_instrument_as_soon_as_it_is_loaded(sampler):
    sampler.play(b"\x90\x3c\x64")
    piano = blocks(sampler, 20)
    sampler.play(b"\x80\x3c\x00")
    blocks(sampler, 60)
    sampler.play(b"\xc0\x49")  # a flute
    until = time.monotonic() + PATIENCE
    while sampler._kit[0] == "piano" and time.monotonic() < until:
        time.sleep(0.01)
    sampler.play(b"\x90\x3c\x64")
    flute = blocks(sampler, 20)
    alike = np.abs(np.corrcoef(piano, flute)[0, 1])
    assert alike < 0.9
    assert np.abs(flute).max() > 0.01
