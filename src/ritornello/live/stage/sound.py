"""The sample bank as an instrument that is played live, through miniaudio."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Generator
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ritornello.live.stage.messages import PROGRAM, Parser
from ritornello.live.values import ALL_NOTES_OFF, ALL_SOUND_OFF
from ritornello.render.bank import instrument_of, load_instrument, play_key
from ritornello.render.play import open_device

SAMPLE_RATE = 44100
BUFFER_MS = 10
VOICES = 32  # at once; the oldest gives way
HELD_SECONDS = 8.0  # of a key that stays down, as it is recorded; then it has died away
FADE_SECONDS = 0.12  # of a key that goes up
LEVEL = 0.3
KEPT = 512  # delays, for the percentiles
BRIGHT = 0.8

Kit = tuple[str, dict[int, NDArray[np.float32]]]
"""An instrument of the bank, and its keys that are ready."""


class Voice:
    """A note that sounds. wave: (samples,). gain: of its velocity."""

    def __init__(self, key: tuple[int, int], wave: NDArray[np.float32], gain: float, at: float):
        self.key, self.wave, self.gain, self.at = key, wave, gain, at
        self.place = 0
        self.fade_left = -1  # samples until it has faded away; -1 while its key is down

    def mix(self, block: NDArray[np.float32], fade: int) -> bool:
        """Add the next samples to a block; returns whether there are more.

        fade: samples from a key that goes up to silence.
        """
        part = self.wave[self.place : self.place + len(block)] * np.float32(self.gain)
        self.place += len(block)
        if self.fade_left >= 0:
            left = (self.fade_left - np.arange(len(part), dtype=np.float32)) / fade
            part *= np.maximum(left, 0) ** 2
            self.fade_left = max(self.fade_left - len(block), 0)
        block[: len(part)] += part
        return self.place < len(self.wave) and self.fade_left != 0


class Sampler:
    """Mixes the notes that are played into blocks of samples.

    All keys are prepared on a thread from the middle outwards; a key that is not ready yet is made when it is struck.
    """

    def __init__(self, program: int = 0, sample_rate: int = SAMPLE_RATE, is_prepared: bool = True):
        self._rate = sample_rate
        self._release = max(round(FADE_SECONDS * sample_rate), 1)
        self._kit: Kit = (instrument_of(program), {})
        load_instrument(self._kit[0])
        self._voices: list[Voice] = []
        self._lock = threading.Lock()
        self._parser = Parser()
        self.delays: deque[float] = deque(maxlen=KEPT)  # seconds from a message to the block that it is in
        self._key(60)
        if is_prepared:
            threading.Thread(target=self._prepare, daemon=True).start()

    def change(self, program: int) -> None:
        """Play with another instrument as soon as it is loaded; what sounds goes on as it is."""

        def load() -> None:
            instrument = instrument_of(program)
            if instrument != self._kit[0]:
                load_instrument(instrument)
                self._kit = (instrument, {})
                self._prepare()

        threading.Thread(target=load, daemon=True).start()

    def _prepare(self) -> None:
        kit = self._kit
        for pitch in sorted(range(24, 109), key=lambda pitch: abs(pitch - 66)):
            if kit is not self._kit:  # another instrument has been chosen
                return
            self._key(pitch)
            time.sleep(0.005)  # the rest of the process plays meanwhile

    def _key(self, pitch: int) -> NDArray[np.float32]:
        instrument, waves = self._kit
        if pitch not in waves:
            frames = round(HELD_SECONDS * self._rate)
            wave = play_key(pitch, frames, BRIGHT, self._rate, instrument)
            rise = min(round(0.001 * self._rate), len(wave))
            wave[:rise] *= np.linspace(0, 1, rise, dtype=np.float32)
            waves[pitch] = wave
        return waves[pitch]

    def play(self, message: bytes) -> None:
        """Take a MIDI message: notes, programs, and controllers that end all notes."""
        now = time.perf_counter()
        if message[0] & 0xF0 == PROGRAM:
            self.change(message[1])
            return
        for event in self._parser.feed(message, now):
            key = (event.channel, event.number)
            if event.kind == "note_on":
                voice = Voice(key, self._key(event.number), LEVEL * (event.value / 127) ** 1.5, now)
                with self._lock:
                    self._voices = [*self._voices[-VOICES + 1 :], voice]
            elif event.kind == "note_off":
                self._let_go(lambda voice, key=key: voice.key == key)
            elif event.kind == "control" and event.number in (ALL_NOTES_OFF, ALL_SOUND_OFF):
                self._let_go(lambda voice, channel=event.channel: voice.key[0] == channel)

    def _let_go(self, fits: Any) -> None:
        with self._lock:
            for voice in self._voices:
                if voice.fade_left < 0 and fits(voice):
                    voice.fade_left = self._release

    def block(self, frames: int) -> NDArray[np.float32]:
        """Make the next samples: (frames,) float32, limited softly to -1 to 1."""
        block = np.zeros(frames, np.float32)
        now = time.perf_counter()
        with self._lock:
            for voice in self._voices:
                if voice.place == 0:
                    self.delays.append(now - voice.at)
            self._voices = [voice for voice in self._voices if voice.mix(block, self._release)]
        return np.tanh(block)

    @property
    def sounding(self) -> int:
        """Number of voices that sound."""
        return len(self._voices)


class SoundPort:
    """A sound device as an output for MIDI messages. device, errors: as of `render.play.play_wave`."""

    def __init__(self, device: str | None = None, program: int = 0):
        self._device = open_device(1, SAMPLE_RATE, device, BUFFER_MS)
        try:
            self._sampler = Sampler(program)
            stream = self._stream()
            next(stream)
            self._device.start(stream)
        except BaseException:
            self._device.close()
            raise

    def _stream(self) -> Generator[bytes, int, None]:
        frames = yield b""
        while True:
            frames = yield self._sampler.block(frames).tobytes()

    def send(self, message: bytes) -> None:
        """Play a MIDI message."""
        self._sampler.play(message)

    @property
    def delay_ms(self) -> float:
        """99th percentile of the time from a message to its sound: waiting for a block, and the device's buffer."""
        delays = sorted(self._sampler.delays)
        waited = delays[min(len(delays) * 99 // 100, len(delays) - 1)] if delays else 0.0
        return 1000 * waited + BUFFER_MS

    def close(self) -> None:
        """Stop the device."""
        with suppress(Exception):
            self._device.close()
