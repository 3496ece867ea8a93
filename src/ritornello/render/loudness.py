"""Measure loudness as the ear takes it: ITU-R BS.1770-4, by spectra instead of recursive filters."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

HOP_SECONDS, HOPS = 0.1, 4  # gating blocks of 400 ms, a new one every 100 ms
ABSOLUTE_GATE, RELATIVE_GATE = -70.0, -10.0  # LUFS; LU below the mean of what passes the first gate
OFFSET_DB = -0.691  # makes a sine of 997 Hz at full scale -3.01 LUFS

# A high shelf for the head, a high pass for the ear (the tables of its annex 1, for 48,000 samples a second)
_FILTERS = (
    ((1.53512485958697, -2.69169618940638, 1.19839281085285), (1.0, -1.69065929318241, 0.73248077421585)),
    ((1.0, -2.0, 1.0), (1.0, -1.99004745483398, 0.99007225036621)),
)
_FILTER_RATE = 48000
_HIGHEST_HERTZ = 16000.0  # the shelf is flat from here on


def integrated_loudness(wave: NDArray[np.float32], sample_rate: int) -> float:
    """Measure the gated loudness of a whole sound, in LUFS; -inf where nothing passes the gate.

    wave: (samples, channels); shorter ones are padded to one block of 400 ms.
    Source: ITU-R BS.1770-4, annex 1; each hop of 100 ms is weighted by its own spectrum.
    """
    hop = round(HOP_SECONDS * sample_rate)
    hops = max(-(-len(wave) // hop), HOPS)
    energy = np.zeros(hops)
    for channel in wave.T:
        padded = np.zeros(hops * hop, np.float32)
        padded[: len(channel)] = channel
        energy += mean_square(padded.reshape(hops, hop), sample_rate)
    blocks = np.convolve(energy, np.full(HOPS, 1 / HOPS), "valid")
    loud = blocks[blocks > _energy(ABSOLUTE_GATE)]
    if len(loud):
        loud = loud[loud > loud.mean() * 10 ** (RELATIVE_GATE / 10)]
    return OFFSET_DB + 10 * float(np.log10(loud.mean())) if len(loud) else -np.inf


def mean_square(wave: NDArray[np.floating], sample_rate: int) -> NDArray[np.float64]:
    """Compute the mean square, weighted for the ear, of the last axis. (..., samples) -> (...)."""
    spectrum = np.fft.rfft(wave)
    power = spectrum.real**2 + spectrum.imag**2
    return power @ _weights(wave.shape[-1], sample_rate)


@lru_cache(maxsize=8)
def _weights(size: int, sample_rate: int) -> NDArray[np.float64]:
    """Compute what each bin of a spectrum counts for the mean square.

    Returns (bins,). Source: Parseval's theorem.
    """
    hertz = np.minimum(np.arange(size // 2 + 1) * sample_rate / size, _HIGHEST_HERTZ)
    delay = np.exp(-2j * np.pi * hertz / _FILTER_RATE)
    gain = np.ones(len(hertz))
    for above, below in _FILTERS:
        gain *= np.abs(np.polyval(above[::-1], delay) / np.polyval(below[::-1], delay)) ** 2
    gain *= 2 / size**2
    gain[0] /= 2
    if size % 2 == 0:
        gain[-1] /= 2
    return gain


def _energy(lufs: float) -> float:
    return 10 ** ((lufs - OFFSET_DB) / 10)
