"""Play music as sound: a NumPy sampler over the piano bank, or a user's sound font in FluidSynth."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ritornello.atomic import write_bytes
from ritornello.music.values import Melody, Note, Piece, Timeline
from ritornello.render.audio_file import FORMATS, encode_audio
from ritornello.render.bank import play_key

SAMPLE_RATES = range(8000, 192001)
MAX_SECONDS = 3600.0  # 600 MB as an array

SHORTEST_SECONDS = 0.06  # a damper needs time to fall: shorter notes sound this long
RELEASE_SECONDS = 0.3  # until a released note has lost 60 dB
TAIL_SECONDS = 0.4  # where it ends: 80 dB down, faded to nothing over the last FADE_SECONDS
FADE_SECONDS = 0.02

LOUDNESS_DB = -20.0  # root mean square of the sounding parts, relative to full scale
HIGHEST_PEAK_DB, LOWEST_PEAK_DB = -2.0, -11.0  # a decibel inside -1 and -12, which lossy formats may use up
BLOCK_SECONDS = 0.1
GATE_DB = -20.0  # blocks this far below the loudest do not count as sounding


def render_wave(
    music: Melody | Piece, sample_rate: int = 44100, soundfont: str | Path | None = None
) -> NDArray[np.float32]:
    """Play a melody, or all parts of a piece together, as mono sound.

    Every note begins at its time to the sample; the end is where the timeline ends or the last note has died away,
    whichever is later. Levels are evened out between melodies and the peak lies between -12 and -1 dBFS. Music
    without notes is silence of its timeline's length. The bank is a piano: every program sounds as one, and
    percussion parts are left out, because their pitches name drums (give a `soundfont` to hear them).
    sample_rate: 8000 to 192000. soundfont: an SF2 or SF3 file, played by the FluidSynth program.
    Returns (samples,) float32.
    Raises ValueError if there is nothing to play (no notes and no length; percussion alone), over an hour of music,
    or a rate out of range; OSError if the sound font or FluidSynth is not there or fails.
    """
    if sample_rate not in SAMPLE_RATES:
        raise ValueError(f"sample_rate must be {SAMPLE_RATES[0]} to {SAMPLE_RATES[-1]}, not {sample_rate}")
    _check_playable(music, with_drums=soundfont is not None)
    if soundfont is not None:
        from ritornello.render.fluidsynth import play_soundfont

        return _levelled(play_soundfont(music, soundfont, sample_rate), sample_rate)
    return _levelled(_mixed(_pitched_notes(music), music.timeline, sample_rate), sample_rate)


def save_audio(
    music: Melody | Piece,
    path: str | Path,
    sample_rate: int = 44100,
    soundfont: str | Path | None = None,
    maker: str = "",
    replace: bool = False,
) -> None:
    """Render to a .wav, .flac, .ogg or .mp3 file by suffix, whole or not at all.

    maker, replace: which file it may replace, as of `atomic.write_files`.
    Raises as `render_wave`; ValueError for another suffix; OSError where the file cannot be written.
    """
    suffix = Path(path).suffix.lower().lstrip(".")
    if suffix not in FORMATS:
        raise ValueError(f"{path}: unknown kind of sound file; name it {', '.join('.' + f for f in FORMATS)}")
    content = encode_audio(render_wave(music, sample_rate, soundfont), suffix, sample_rate)
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
            raise ValueError(f"{name}: percussion only, which the piano bank cannot sound; give a sound font")


def _pitched_notes(music: Melody | Piece) -> Sequence[Note]:
    if isinstance(music, Melody):
        return music.notes
    return [note for part in music.parts if not part.is_drum for note in part.notes]


def _mixed(notes: Sequence[Note], timeline: Timeline, sample_rate: int) -> NDArray[np.float32]:
    """Mix all notes, each at its own time. (samples,)"""
    release = _release(sample_rate)
    spans = [_span(note, timeline, sample_rate) for note in notes]
    length = round(timeline.seconds(timeline.length) * sample_rate)
    wave = np.zeros(max([length, *(start + held + len(release) for start, held in spans)]), np.float32)
    for note, (start, held) in zip(notes, spans, strict=True):
        wave[start : start + held + len(release)] += _sound(note, held, release, sample_rate)
    return wave


def _span(note: Note, timeline: Timeline, sample_rate: int) -> tuple[int, int]:
    """Find the sample at which a note starts, and how many samples it is held."""
    start = timeline.seconds(note.start)
    held = max(timeline.seconds(note.end) - start, SHORTEST_SECONDS)
    return round(start * sample_rate), round(held * sample_rate)


def _sound(note: Note, held: int, release: NDArray[np.float32], sample_rate: int) -> NDArray[np.float32]:
    """Play one note from its attack through `held` samples to the end of its release. (samples,)

    Velocity v is loudness and colour: v^1.5 in amplitude (12 dB between 20 and 50, or between 50 and 127), and
    brighter in proportion, as a hammer that strikes harder excites more high partials.
    """
    force = note.velocity / 127
    sound = play_key(note.pitch, held + len(release), force, sample_rate)
    sound *= np.float32(force**1.5)
    sound[held:] *= release
    return sound


def _release(sample_rate: int) -> NDArray[np.float32]:
    """Make the curve of the damper: an exponential, then a short fade to nothing."""
    seconds = np.arange(round(TAIL_SECONDS * sample_rate), dtype=np.float32) / sample_rate
    fade = np.clip((TAIL_SECONDS - seconds) / FADE_SECONDS, 0, 1)
    return (10 ** (-3 * seconds / RELEASE_SECONDS) * fade).astype(np.float32)


def _levelled(wave: NDArray[np.float32], sample_rate: int) -> NDArray[np.float32]:
    """Bring the sounding parts to LOUDNESS_DB, as far as the peak stays between its bounds.

    One gain for the whole: nothing is limited or clipped, so dynamics and timbre stay. Silence stays silence.
    """
    peak = float(np.abs(wave).max(initial=0))
    if peak == 0:
        return wave
    gain = 10 ** (LOUDNESS_DB / 20) / _loudness(wave, sample_rate)
    return wave * np.float32(np.clip(gain, 10 ** (LOWEST_PEAK_DB / 20) / peak, 10 ** (HIGHEST_PEAK_DB / 20) / peak))


def _loudness(wave: NDArray[np.float32], sample_rate: int) -> float:
    """Compute the root mean square of the blocks within GATE_DB of the loudest one.

    The gating of ITU-R BS.1770 without its ear-shaped filter, which a piano alone does not need.
    """
    size = round(BLOCK_SECONDS * sample_rate)
    blocks = np.pad(wave, (0, -len(wave) % size)).reshape(-1, size)
    energy = np.einsum("bs,bs->b", blocks, blocks) / size
    sounding = energy[energy >= energy.max() * 10 ** (GATE_DB / 10)]
    return float(np.sqrt(sounding.mean()))
