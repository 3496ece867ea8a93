"""Play sound on this machine's loudspeakers, through miniaudio (extra `live`)."""

from __future__ import annotations

import os
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ritornello.wording import filled

SILENT = "null"  # the device that takes time but makes no sound
NOT_TRIED = ("NULL", "CUSTOM", "JACK")  # libjack tries to start a server in this process, and may bring it down
BUFFER_MS = 100
REST_SECONDS = 0.4  # of silence after the end: what waits in the device's buffers is heard to its end
NO_SOUND = "there is no sound device here: connect one, or write a sound file ({save}) and play that elsewhere"
NO_MINIAUDIO = "playing needs miniaudio: pip install miniaudio"


def play_wave(wave: NDArray[np.float32], sample_rate: int, device: str | None = None) -> None:
    """Play a wave and return at its end; Ctrl-C stops it, raised once the device is closed.

    wave: (samples,) or (samples, channels), -1 to 1. device: part of the name of a sound device, "null" for one that
    is silent; None is the system's own.
    Raises ImportError where miniaudio is missing, OSError where there is no sound device, ValueError for a device
    that is not there; each says what to do.
    """
    output = open_device(1 if wave.ndim == 1 else wave.shape[1], sample_rate, device)
    over = threading.Event()
    try:
        stream = _stream(wave, round(REST_SECONDS * sample_rate), over)
        next(stream)
        output.start(stream)
        while not over.wait(0.1):  # in short turns, so that Windows notices Ctrl-C
            pass
    finally:
        output.close()


def open_device(channels: int, sample_rate: int, device: str | None = None, buffer_ms: int = BUFFER_MS) -> Any:
    """Open a sound device of miniaudio's. buffer_ms: of its buffer.

    device, errors: as of `play_wave`.
    """
    miniaudio = _miniaudio()
    with _no_chatter():
        return _open(miniaudio, channels, sample_rate, device, buffer_ms)


def _miniaudio() -> Any:
    try:
        import miniaudio
    except ImportError:
        raise ImportError(NO_MINIAUDIO) from None
    return miniaudio


def _open(miniaudio: Any, channels: int, sample_rate: int, device: str | None, buffer_ms: int) -> Any:
    """Open a sound device. Miniaudio itself falls back on a silent one, which is refused here."""
    enabled = sorted(miniaudio.get_enabled_backends(), key=lambda backend: backend.value)  # miniaudio's own order
    backends, found = [backend for backend in enabled if backend.name not in NOT_TRIED], None
    try:
        if device == SILENT:
            backends = [miniaudio.Backend.NULL]
        elif device is not None:
            found = _named(miniaudio.Devices(backends).get_playbacks(), device)
        return miniaudio.PlaybackDevice(
            miniaudio.SampleFormat.FLOAT32,
            channels,
            sample_rate,
            buffer_ms,
            device_id=found,
            backends=backends,
            app_name="ritornello",
        )
    except miniaudio.MiniaudioError:
        raise OSError(filled(NO_SOUND)) from None


def _named(devices: list[dict[str, Any]], name: str) -> Any:
    for device in devices:
        if name.lower() in device["name"].lower():
            return device["id"]
    names = ", ".join(device["name"] for device in devices)
    raise ValueError(f"there is no sound device {name!r}; there is {names or 'none'}")


def _stream(wave: NDArray[np.float32], rest: int, over: threading.Event) -> Generator[bytes, int, None]:
    """Give the device as many samples as it asks for: the wave, then `rest` of silence."""
    wanted, at = (yield b""), 0
    wave = np.ascontiguousarray(wave, np.float32)
    while at < len(wave) + rest:
        block = wave[at : at + wanted]
        missing = np.zeros((wanted - len(block), *wave.shape[1:]), np.float32)
        at += wanted
        wanted = yield np.concatenate([block, missing]).tobytes()
    over.set()
    while True:  # the device asks on until it is closed
        wanted = yield bytes(wanted * wave.strides[0])


@contextmanager
def _no_chatter() -> Iterator[None]:
    """Silence standard error below Python: ALSA writes a page there where it finds no card."""
    try:
        kept = os.dup(2)
    except OSError:  # closed, so nothing is written there
        yield
        return
    try:
        with suppress(OSError), open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
