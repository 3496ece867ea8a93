"""Play a user's own sound font with the FluidSynth program, where it is installed."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ritornello.music.values import Part, Timeline

TAIL_SECONDS = 4.0  # let the last note ring in the font's own release
SILENCE = 1e-4  # of the peak: what is quieter than -80 dB at the end is cut off
TIMEOUT_SECONDS = 600


def play_soundfont(
    parts: Sequence[Part], timeline: Timeline, soundfont: str | Path, sample_rate: int
) -> NDArray[np.float32]:
    """Render parts with FluidSynth, without reverb and chorus, every part with its own program.

    Returns (samples, 2) float32, not normalised; closing rests are kept.
    Raises OSError, in one line, if the font or the program is not there, or it fails or plays nothing.
    """
    import soundfile

    if not Path(soundfont).is_file():
        raise OSError(f"{soundfont}: there is no such sound font; give an .sf2 or .sf3 file")
    program = shutil.which("fluidsynth")
    if program is None:
        raise OSError("FluidSynth is not installed, and only it plays sound fonts: install it, or leave the font out")
    with open(soundfont, "rb") as file:
        head = file.read(12)
    if (head[:4], head[8:]) != (b"RIFF", b"sfbk"):  # FluidSynth would take another font instead, in silence
        raise OSError(f"{soundfont}: FluidSynth cannot play it: not a sound font; give an .sf2 or .sf3 file")
    with tempfile.TemporaryDirectory() as folder:
        midi, sound = Path(folder) / "music.mid", Path(folder) / "sound.wav"
        _write_midi(parts, timeline, midi)
        options = ["-ni", "-R", "0", "-C", "0", "-g", "0.5", "-r", str(sample_rate), "-T", "wav", "-O", "float"]
        command = [program, *options, "-F", str(sound), str(Path(soundfont).resolve()), str(midi)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False)
        except subprocess.TimeoutExpired:
            raise OSError(f"{soundfont}: FluidSynth did not finish in {TIMEOUT_SECONDS} s") from None
        errors = [line for line in done.stderr.splitlines() if "error" in line.lower()]
        if done.returncode or errors:
            raise OSError(f"{soundfont}: FluidSynth cannot play it: {(errors or ['it failed without a word'])[0]}")
        stereo, _ = soundfile.read(sound, dtype="float32", always_2d=True)
    if not stereo.any() and any(part.notes for part in parts):
        raise OSError(f"{soundfont}: this sound font plays nothing for these instruments; try another")
    return _trimmed(stereo, round(timeline.seconds(timeline.length) * sample_rate))


def _write_midi(parts: Sequence[Part], timeline: Timeline, path: Path) -> None:
    """Write all parts as MIDI; a silent last event keeps FluidSynth playing through the tail."""
    from symusic import ControlChange, Note, Score, Tempo, Track

    score: Any = Score(timeline.ticks_per_quarter)
    for tempo in timeline.tempos:
        score.tempos.append(Tempo(tempo.tick, tempo.qpm))
    for part in parts:
        track: Any = Track(part.name, part.program, part.is_drum)
        for note in part.notes:
            track.notes.append(Note(note.start, note.duration, note.pitch, note.velocity))
        tail = TAIL_SECONDS * timeline.tempos[-1].qpm / 60 * timeline.ticks_per_quarter
        track.controls.append(ControlChange(timeline.length + round(tail), 1, 0))
        score.tracks.append(track)
    score.dump_midi(str(path))


def _trimmed(wave: NDArray[np.float32], length: int) -> NDArray[np.float32]:
    """Trim sound (samples, channels) to where it has died away, but no shorter than `length`."""
    level = np.abs(wave).max(axis=1, initial=0)
    audible = np.flatnonzero(level > SILENCE * level.max(initial=0))
    end = max(length, int(audible[-1]) + 1 if len(audible) else 0)
    return np.pad(wave[:end], ((0, max(0, end - len(wave))), (0, 0)))
