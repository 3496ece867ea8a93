"""Play music as sound: a NumPy sampler over the sample banks in a small room, or a user's font in FluidSynth."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import log10, prod, sqrt
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ritornello.atomic import write_bytes
from ritornello.music.values import Melody, Note, Part, Piece, Timeline
from ritornello.render.audio_file import FORMATS, encode_audio
from ritornello.render.bank import instrument_of, load_instrument, play_key
from ritornello.render.loudness import integrated_loudness

SAMPLE_RATES = range(8000, 192001)
MAX_SECONDS = 3600.0  # 600 MB as an array

SHORTEST_SECONDS = 0.06  # a damper needs time to fall: shorter notes sound this long
ATTACK_SECONDS = 0.001  # in which a note sets in from nothing
TAIL = 4 / 3  # of a release's 60 dB: 80 dB down, a note is faded to nothing over the last FADE_SECONDS
FADE_SECONDS = 0.02
TOUCH_SECONDS, TOUCH = (
    0.008,
    0.85,
)  # the damper comes down a little before the end: a tone that swells there has no step
WIDTH = 0.6  # how far the outermost of several parts stand to the sides; 1 is in one ear alone

LOUDNESS_LUFS = -20.0
HIGHEST_PEAK_DB = -3.0  # true peaks between the samples, and what lossy formats add, stay under -1

# The room: shifts, products and sums alone, no filter that rings on, so that silence stays silence
WET_DB = -16.0  # energy of all reflections together, relative to the direct sound
_BLOCK = 1 << 15  # samples at a time, which stay in the processor's cache

# Each stage repeats what the one before it gave, at these milliseconds and gains: 4 * 4 * 4 * 3 reflections an ear.
# The first stage averages over 90 microseconds: walls and air swallow what is above some 5 kHz.
_AIR = ((0.0, 0.25), (0.03, 0.25), (0.06, 0.25), (0.09, 0.25))
_STAGES = (
    (
        _AIR,
        ((5.1, 0.9), (8.3, -0.6), (13.7, 0.5), (16.1, 0.4)),
        ((0.0, 1.0), (3.1, -0.8), (7.9, 0.65), (11.3, -0.5)),
        ((0.0, 1.0), (17.3, 0.7), (29.9, -0.6), (47.1, 0.4)),
        ((0.0, 1.0), (59.3, 0.4), (97.9, -0.2)),
    ),
    (
        _AIR,
        ((5.9, 0.9), (7.7, 0.6), (12.1, -0.5), (17.9, 0.4)),
        ((0.0, 1.0), (3.7, 0.8), (7.1, -0.65), (12.7, -0.5)),
        ((0.0, 1.0), (15.7, -0.7), (31.3, 0.6), (44.9, 0.4)),
        ((0.0, 1.0), (55.1, -0.4), (101.9, 0.2)),
    ),
)
_LONGEST_SECONDS = 0.001 * max(sum(stage[-1][0] for stage in stages) for stages in _STAGES)


def render_wave(
    music: Melody | Piece,
    sample_rate: int = 44100,
    soundfont: str | Path | None = None,
    program: int = 0,
    is_mono: bool = False,
) -> NDArray[np.float32]:
    """Play a melody, or all parts of a piece together, as stereo sound in a small room.

    Every note begins at its time to the sample; the end is where the timeline ends or the last note and its echo have
    died away, whichever is later. All music is equally loud, -20 LUFS (ITU-R BS.1770-4), as far as its peak stays
    under -3 dBFS. Music without notes is silence of its timeline's length. Eleven instruments of the banks sound for
    all programs; several parts stand beside each other. Percussion parts are left out, because their pitches name
    drums (give a `soundfont` to hear them).
    sample_rate: 8000 to 192000. soundfont: an SF2 or SF3 file, played by the FluidSynth program.
    program: General MIDI program 0-127 of a melody; the parts of a piece have their own. is_mono: one channel.
    Returns (samples, 2) float32; (samples, 1) where `is_mono`.
    Raises ValueError if there is nothing to play (no notes and no length; percussion alone), over an hour of music,
    or a rate or a program out of range; OSError if the sound font or FluidSynth is not there or fails.
    """
    if sample_rate not in SAMPLE_RATES:
        raise ValueError(f"sample_rate must be {SAMPLE_RATES[0]} to {SAMPLE_RATES[-1]}, not {sample_rate}")
    if not 0 <= program <= 127:
        raise ValueError(f"program must be 0 to 127, not {program}")
    _check_playable(music, with_drums=soundfont is not None)
    parts = music.parts if isinstance(music, Piece) else (Part(music.notes, program=program),)
    if soundfont is not None:
        from ritornello.render.fluidsynth import play_soundfont

        played = play_soundfont(parts, music.timeline, soundfont, sample_rate)
        return _levelled(played.mean(axis=1, keepdims=True) if is_mono else played, sample_rate)
    sounding = [part for part in parts if part.notes and not part.is_drum]
    return _levelled(_mixed(sounding, music.timeline, sample_rate, 1 if is_mono else 2).T, sample_rate)


def save_audio(
    music: Melody | Piece,
    path: str | Path,
    sample_rate: int = 44100,
    soundfont: str | Path | None = None,
    maker: str = "",
    replace: bool = False,
    program: int = 0,
) -> None:
    """Render to a .wav, .flac, .ogg or .mp3 file by suffix, whole or not at all.

    maker, replace: which file it may replace, as of `atomic.write_files`. program: as of `render_wave`.
    Raises as `render_wave`; ValueError for another suffix; OSError where the file cannot be written.
    """
    suffix = Path(path).suffix.lower().lstrip(".")
    if suffix not in FORMATS:
        raise ValueError(f"{path}: unknown kind of sound file; name it {', '.join('.' + f for f in FORMATS)}")
    content = encode_audio(render_wave(music, sample_rate, soundfont, program), suffix, sample_rate)
    write_bytes(path, content, maker, replace)


def _check_playable(music: Melody | Piece, with_drums: bool) -> None:
    name = music.source or music.title or "this music"
    length = music.timeline.seconds(music.timeline.length)
    if length == 0:
        raise ValueError(f"{name}: nothing to play, no notes and no length")
    if length > MAX_SECONDS:
        raise ValueError(f"{name}: lasts {length:.0f} s; sound is made of up to {MAX_SECONDS:.0f} s, so cut it first")
    if isinstance(music, Piece) and not with_drums:
        sounding = [part for part in music.parts if part.notes]
        if sounding and all(part.is_drum for part in sounding):
            raise ValueError(f"{name}: percussion only, which the sample banks cannot sound; give a sound font")


def _mixed(parts: Sequence[Part], timeline: Timeline, sample_rate: int, channels: int) -> NDArray[np.float32]:
    """Mix all parts, each on its place from left to right, and their room. (channels, samples)"""
    played = [_played(part, timeline, sample_rate) for part in parts]
    length = round(timeline.seconds(timeline.length) * sample_rate)
    wave = np.zeros(
        (channels, max([length, *(len(sound) + room_samples(sample_rate) for sound in played)])), np.float32
    )
    middle = np.zeros(max([0, *map(len, played)]), np.float32)
    for i, sound in enumerate(played):
        place = WIDTH * (2 * i / (len(played) - 1) - 1) if len(played) > 1 and channels > 1 else 0.0
        for channel, side in zip(wave, (-1, 1), strict=False):
            channel[: len(sound)] += sound if place == 0 else sound * np.float32(sqrt(1 + side * place))
        middle[: len(sound)] += sound
    add_room(middle, wave, sample_rate)
    return wave


def _played(part: Part, timeline: Timeline, sample_rate: int) -> NDArray[np.float32]:
    """Play the notes of a part, each at its own time, to the end of the last release. (samples,)"""
    instrument = instrument_of(part.program)
    release = _release(load_instrument(instrument).release_seconds, sample_rate)
    spans = [_span(note, timeline, sample_rate) for note in part.notes]
    wave = np.zeros(max(start + held + len(release) for start, held in spans), np.float32)
    for note, (start, held) in zip(part.notes, spans, strict=True):
        wave[start : start + held + len(release)] += _sound(note, held, release, sample_rate, instrument)
    return wave


def _span(note: Note, timeline: Timeline, sample_rate: int) -> tuple[int, int]:
    """Find the sample at which a note starts, and how many samples it is held."""
    start = timeline.seconds(note.start)
    held = max(timeline.seconds(note.end) - start, SHORTEST_SECONDS)
    return round(start * sample_rate), round(held * sample_rate)


def _sound(
    note: Note, held: int, release: NDArray[np.float32], sample_rate: int, instrument: str
) -> NDArray[np.float32]:
    """Play one note from its attack through `held` samples to the end of its release. (samples,)

    Velocity v is loudness and colour: v^1.5 in amplitude (12 dB between 20 and 50, or between 50 and 127), and
    brighter in proportion, as a hammer that strikes harder excites more high partials.
    """
    force = note.velocity / 127
    sound = play_key(note.pitch, held + len(release), force, sample_rate, instrument)
    sound *= np.float32(force * sqrt(force))
    rise = round(ATTACK_SECONDS * sample_rate)
    sound[:rise] *= np.arange(rise, dtype=np.float32) / np.float32(rise)
    touch = round(TOUCH_SECONDS * sample_rate)
    sound[held - touch : held] *= np.linspace(1, TOUCH, touch, dtype=np.float32)
    sound[held:] *= release
    return sound


@lru_cache(maxsize=16)
def _release(seconds: float, sample_rate: int) -> NDArray[np.float32]:
    """Make the curve of the damper from its touch on: an exponential, then a short fade."""
    time = np.arange(1, round(TAIL * seconds * sample_rate) + 1) / sample_rate
    fade = np.clip((TAIL * seconds - time) / FADE_SECONDS, 0, 1)
    return (TOUCH * 10 ** (-3 * time / seconds) * fade).astype(np.float32)


def _levelled(wave: NDArray[np.float32], sample_rate: int) -> NDArray[np.float32]:
    """Bring a sound to LOUDNESS_LUFS, as far as its peak stays under HIGHEST_PEAK_DB.

    wave: (samples, channels). One gain for the whole: nothing is limited or clipped, so dynamics and timbre stay.
    Silence stays silence. One channel counts as the two that it is heard from.
    """
    peak = max(float(wave.max(initial=0)), -float(wave.min(initial=0)))
    if peak == 0:
        return np.ascontiguousarray(wave)
    loudness = integrated_loudness(wave, sample_rate) + (10 * log10(2) if wave.shape[1] == 1 else 0)
    # in hundredths of a decibel: the last digits of a sum differ between processors
    gain_db = round(min(LOUDNESS_LUFS - loudness, HIGHEST_PEAK_DB - 20 * log10(peak)), 2)
    return np.multiply(wave, np.float32(10 ** (gain_db / 20)), order="C")


def room_samples(sample_rate: int) -> int:
    """Count the samples for which the room goes on after the sound."""
    return int(_LONGEST_SECONDS * sample_rate) + 8


def add_room(sound: NDArray[np.float32], direct: NDArray[np.float32], sample_rate: int) -> None:
    """Add the reflections of a sound to its channels, in place.

    sound: (samples,), the source in the middle. direct: (channels, samples), one or two of them, longer than the
    source's last sound by `room_samples`, or the end is lost.
    """
    for channel, stages in zip(direct, _STAGES, strict=False):
        # averaging and mixing of taps leaves their energies summed, but for the air that takes from the highs alone
        energy = prod(sum(gain * gain for _, gain in stage) for stage in stages[1:])
        level = np.float32(sqrt(10 ** (WET_DB / 10) / energy))
        taps = [[(round(0.001 * ms * sample_rate), np.float32(gain)) for ms, gain in stage] for stage in stages]
        for start in range(0, len(sound), _BLOCK):
            wave = sound[start : start + _BLOCK] * level
            for stage in taps:
                wave = _repeated(wave, stage)
            room = channel[start : start + len(wave)]
            room += wave[: len(room)]


def _repeated(wave: NDArray[np.float32], taps: list[tuple[int, np.float32]]) -> NDArray[np.float32]:
    """Sum delayed copies of a wave, each with its gain: (samples and the longest delay,)."""
    longer = np.zeros(len(wave) + taps[-1][0], np.float32)
    for delay, gain in taps:
        longer[delay : delay + len(wave)] += gain * wave
    return longer
