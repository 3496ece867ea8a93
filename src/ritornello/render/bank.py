"""Play any pitch of eleven instruments from the sample banks: some ten recorded keys each, an Ogg file an instrument.

bank.json names, for each instrument: `program`, of General MIDI; `sample_rate`; `release_seconds`, until a released
note has lost 60 dB; and for each of its `keys`: `pitch`; `cents`, how sharp it was recorded; `gain`, which makes
all keys of all instruments equally loud; `start` and `length`, its frames in the Ogg file; `loop_start`, counted
from `start`: a note that outlasts the recording goes round from there to its end, `loop_gain` times as loud each
time (1 of wind, bow and organ). Made by scripts/make_bank.py.
"""

from __future__ import annotations

import io
import json
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

BANK = files("ritornello") / "data" / "bank"
_GUARD = 8  # frames kept before a key, for the interpolation
_BEYOND = 512  # frames of the next time round kept after it, so that filters do not end where the loop does
_SEAM = 256  # frames at most in which the end of a loop becomes what stands before its start

# The instrument that sounds for a program of General MIDI: the first whose number is not below it
_UP_TO = (
    (5, "piano"), (7, "harpsichord"), (15, "celesta"), (23, "organ"), (39, "guitar"),
    (41, "violin"), (43, "cello"), (44, "violin"), (47, "guitar"), (51, "violin"), (54, "organ"), (55, "piano"),
    (63, "trumpet"), (67, "clarinet"), (70, "oboe"), (71, "clarinet"), (79, "flute"),
    (87, "clarinet"), (95, "organ"), (103, "celesta"), (108, "guitar"), (109, "oboe"), (110, "violin"),
    (111, "oboe"), (119, "celesta"), (127, "piano"),
)  # fmt: skip


class Recording(NamedTuple):
    """One key of a bank.

    wave: float32 (frames,), `_GUARD` frames before its `length` and `_BEYOND` after it.
    """

    pitch: float  # as it sounds, 60 is middle C
    wave: NDArray[np.float32]
    length: int
    loop_start: int
    loop_gain: float


class Instrument(NamedTuple):
    """The recorded keys of an instrument, from low to high, at `sample_rate` frames a second."""

    keys: tuple[Recording, ...]
    sample_rate: int
    release_seconds: float


def instrument_of(program: int) -> str:
    """Name the instrument of the banks that is nearest to a General MIDI program.

    program: 0-127. Basses, harps and drums of pitch are among the guitar, the celesta and the piano.
    """
    return next(name for last, name in _UP_TO if program <= last)


@cache
def load_instrument(name: str) -> Instrument:
    """Load the recorded keys of an instrument. Decoded once, some 50 ms."""
    import soundfile

    index = _index()[name]
    sound, rate = soundfile.read(io.BytesIO((BANK / f"{name}.ogg").read_bytes()), dtype="float32")
    return Instrument(tuple(_recording(key, sound) for key in index["keys"]), rate, index["release_seconds"])


@cache
def _index() -> dict[str, Any]:
    return json.loads((BANK / "bank.json").read_text("utf-8"))["instruments"]


def _recording(key: dict, sound: NDArray[np.float32]) -> Recording:
    """Cut a key from the sound of all, and close its loop: without a step, and without a mean."""
    start, length, loop_start = key["start"], key["length"], key["loop_start"]
    wave = sound[start - _GUARD : start + length + _BEYOND] * np.float32(key["gain"])
    inside, gain = wave[_GUARD:-_BEYOND], np.float32(key["loop_gain"])
    seam = min(_SEAM, loop_start, (length - loop_start) // 2)
    fade = np.arange(1, seam + 1, dtype=np.float32) / np.float32(seam + 1)
    end = inside[length - seam :]
    end += (gain * inside[loop_start - seam : loop_start] - end) * fade
    mean = np.float32(round(float(inside[loop_start:].mean(dtype=np.float64)), 7))
    inside -= mean * np.minimum(np.arange(length, dtype=np.float32) / np.float32(max(loop_start, 1)), np.float32(1))
    wave[:_GUARD] = 0
    passes = 1 + np.arange(_BEYOND) // (length - loop_start)
    wave[-_BEYOND:] = np.resize(inside[loop_start:], _BEYOND) * (key["loop_gain"] ** passes).astype(np.float32)
    return Recording(key["pitch"] + key["cents"] / 100, wave, length, loop_start, key["loop_gain"])


def play_key(
    pitch: int, frames: int, brightness: float, sample_rate: int, instrument: str = "piano"
) -> NDArray[np.float32]:
    """Sound a key that is held down for `frames` samples.

    pitch: 0-127. instrument: as named by `instrument_of`. brightness: 0 (felt) to 1 (as recorded).
    Returns (frames,) float32: the nearest recording, resampled by cubic interpolation to pitch and rate.
    """
    recordings, rate, _ = load_instrument(instrument)
    # of two equally near, the higher: lowering keeps within what was recorded
    nearest = min(range(len(recordings)), key=lambda i: (abs(round(recordings[i].pitch) - pitch), -i))
    recording = recordings[nearest]
    step = 2 ** ((pitch - recording.pitch) / 12) * rate / sample_rate  # frames of the recording a sample
    needed = min(int(frames * step) + 2 * _GUARD, len(recording.wave))
    bright, dark = (wave[:needed] for wave in _voices(instrument, nearest, sample_rate, step >= 1))
    return _resample(dark + np.float32(brightness) * (bright - dark), recording, step, frames)


@lru_cache(maxsize=128)
def _voices(
    instrument: str, nearest: int, sample_rate: int, may_alias: bool
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Filter a recording for a hard touch (as it is) and a soft one (darker overtones).

    The filters have no phase, so that the two can be mixed. Where the recording is read faster than it was
    made, frequencies that would alias are removed from both.
    """
    recordings, rate, _ = load_instrument(instrument)
    recording = recordings[nearest]
    spectrum = np.fft.rfft(recording.wave.astype(np.float64), _fast_length(len(recording.wave)))
    hertz = np.linspace(0, rate / 2, len(spectrum))
    fundamental = 440 * 2 ** ((recording.pitch - 69) / 12)
    dark = 1 / (1 + (hertz / max(3 * fundamental, 1200)) ** 2)
    limit = np.clip((0.5 * sample_rate - hertz) / (0.1 * sample_rate), 0, 1) if may_alias else 1
    size = len(recording.wave)
    bright_wave = np.fft.irfft(spectrum * limit)[:size].astype(np.float32) if may_alias else recording.wave
    return bright_wave, np.fft.irfft(spectrum * (dark * limit))[:size].astype(np.float32)


def _fast_length(size: int) -> int:
    """Find the next length of the form 2^n or 3 * 2^n, at which Fourier transforms are fast."""
    power = 1 << (size - 1).bit_length()
    return power * 3 // 4 if power * 3 // 4 >= size else power


def _resample(wave: NDArray[np.float32], recording: Recording, step: float, frames: int) -> NDArray[np.float32]:
    """Read `wave` at every `step` frames, round the loop, by Catmull-Rom's cubic."""
    place = np.arange(frames) * step
    passes = None
    if frames * step >= recording.length:
        loop = recording.length - recording.loop_start
        passes = np.maximum((place - recording.loop_start) // loop, 0)
        place -= passes * loop
    whole = place.astype(np.int32)
    x = (place - whole).astype(np.float32)
    whole += _GUARD
    before, here, after, later = (wave.take(whole + offset) for offset in (-1, 0, 1, 2))
    cubic = 3 * (here - after) + later - before
    square = 2 * before - 5 * here + 4 * after - later
    sound = here + 0.5 * x * (after - before + x * (square + x * cubic))
    if passes is not None:
        sound *= (recording.loop_gain**passes).astype(np.float32)
    return sound
