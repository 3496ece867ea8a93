"""Play any pitch from the sample bank: twenty recorded piano keys in one Ogg file.

piano.json names, for each key: `pitch`; `cents`, how sharp it was recorded; `gain`, which makes all keys equally
loud; `start` and `length`, its frames in piano.ogg; `loop_start`, counted from `start`: a note that outlasts the
recording goes round from there to its end, `loop_gain` times as loud each time. Made by scripts/make_bank.py.
"""

from __future__ import annotations

import io
import json
from functools import cache, lru_cache
from importlib.resources import files
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

BANK = files("ritornello") / "data" / "bank"
_GUARD = 8  # frames kept on either side of a key, for the interpolation
_FADE_IN = 8  # frames; a quarter of a millisecond takes the step out of the first sample


class Recording(NamedTuple):
    """One key of the bank. wave: float32 (frames,), `_GUARD` frames more than `length` on either side."""

    pitch: float  # as it sounds, 60 is middle C
    wave: NDArray[np.float32]
    length: int
    loop_start: int
    loop_gain: float


@cache
def load_bank() -> tuple[tuple[Recording, ...], int]:
    """Load the recorded keys from low to high, and their sample rate. Decoded once, some 50 ms."""
    import soundfile

    index = json.loads((BANK / "piano.json").read_text("utf-8"))
    sound, rate = soundfile.read(io.BytesIO((BANK / "piano.ogg").read_bytes()), dtype="float32")
    return tuple(_recording(key, sound) for key in index["keys"]), rate


def _recording(key: dict, sound: NDArray[np.float32]) -> Recording:
    start, length = key["start"], key["length"]
    wave = sound[start - _GUARD : start + length + _GUARD] * np.float32(key["gain"])
    wave[:_GUARD] = 0
    wave[_GUARD : _GUARD + _FADE_IN] *= np.arange(_FADE_IN, dtype=np.float32) / _FADE_IN
    return Recording(key["pitch"] + key["cents"] / 100, wave, length, key["loop_start"], key["loop_gain"])


def play_key(pitch: int, frames: int, brightness: float, sample_rate: int) -> NDArray[np.float32]:
    """Sound a key that is held down for `frames` samples.

    pitch: 0-127. brightness: 0 (felt) to 1 (as recorded).
    Returns (frames,) float32: the nearest recording, resampled by cubic interpolation to pitch and rate.
    """
    recordings, rate = load_bank()
    # of two equally near, the higher: lowering keeps within what was recorded
    nearest = min(range(len(recordings)), key=lambda i: (abs(round(recordings[i].pitch) - pitch), -i))
    recording = recordings[nearest]
    step = 2 ** ((pitch - recording.pitch) / 12) * rate / sample_rate  # frames of the recording a sample
    needed = min(int(frames * step) + 2 * _GUARD, len(recording.wave))
    bright, dark = (wave[:needed] for wave in _voices(nearest, sample_rate, step >= 1))
    return _resample(dark + np.float32(brightness) * (bright - dark), recording, step, frames)


@lru_cache(maxsize=64)
def _voices(nearest: int, sample_rate: int, may_alias: bool) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Filter a recording for a hard touch (as it is) and a soft one (darker overtones).

    The filters have no phase, so that the two can be mixed. Where the recording is read faster than it was
    made, frequencies that would alias are removed from both.
    """
    recordings, rate = load_bank()
    recording = recordings[nearest]
    spectrum = np.fft.rfft(recording.wave, _fast_length(len(recording.wave)))
    hertz = np.linspace(0, rate / 2, len(spectrum), dtype=np.float32)
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
        sound *= np.float32(recording.loop_gain) ** passes.astype(np.float32)
    return sound
