"""Music that a program holds in memory, of this library and of others, as pieces, and melodies as music21 scores.

No other library is imported unless the object is its own. What it writes as MIDI or MusicXML is read as a file of it
would be, so that ties, repeats, drums and metres mean the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from io import BytesIO
from numbers import Integral, Real
from typing import Any

import numpy as np

from ritornello.music.files import scan_content
from ritornello.music.values import (
    DEFAULT_VELOCITY,
    NO_IMPRINT,
    TICKS_PER_QUARTER,
    Imprint,
    Melody,
    Note,
    Part,
    Piece,
)

TAKEN = (
    "a Melody or Piece, a music21 stream, a symusic score, a PrettyMIDI, a list of pitches (each a quarter long, "
    "None for a rest), or an array of notes: start, duration, pitch and perhaps velocity of each, in quarters"
)
FIELDS = ("start", "duration", "pitch", "velocity")
MAX_QUARTERS = 100_000  # as in MIDI files
M21_TITLES = ("Music21 Fragment", "Music21")  # what music21 writes where there is no title, and no composer


def pieces_of(music: Any, name: str) -> list[Piece]:
    """Turn music in memory into pieces: one, or any number of an Opus of music21.

    music: a Melody or Piece; a music21 stream, symusic score or PrettyMIDI; notes as an array of numbers, (notes, 3)
    or (notes, 4), of start, duration, pitch and perhaps velocity, times in quarters; notes as a list of Note or a
    structured array with these names, whose times are ticks of 480 a quarter where they are whole numbers; pitches
    as a list or array of whole numbers, each a quarter long, None for a rest; notes as a list of tuples are as an
    array. name: what messages call it.
    Raises TypeError for anything else, saying what is taken; ValueError that begins with the name where it holds no
    music that can be read.
    """
    libraries = {cls.__module__.partition(".")[0] for cls in type(music).__mro__}
    try:
        if isinstance(music, Piece):
            return [replace(music, source=name)]
        if isinstance(music, Melody):
            piece = Piece((Part(music.notes),), music.timeline, music.title, "", name)
            return [replace(piece, states_rhythm=True, chords=music.chords)]
        if "music21" in libraries and hasattr(music, "flatten"):
            return _of_music21(music, name)
        if "symusic" in libraries and hasattr(music, "dumps_midi"):
            if not music.note_num():  # it writes a file without tracks, which counts as damaged
                raise ValueError("no notes")
            return [replace(piece, source=name) for piece in _of_bytes(music.to("tick").dumps_midi(), f"{name}.mid")]
        if "pretty_midi" in libraries and hasattr(music, "write"):
            buffer = BytesIO()
            music.write(buffer)
            return [replace(piece, source=name) for piece in _of_bytes(buffer.getvalue(), f"{name}.mid")]
        notes = _notes(music)
    except ValueError as error:
        message = re.sub(rf"^{re.escape(name)}\.\w+: ", "", str(error))
        raise ValueError(f"{name}: {' '.join(message.split())}") from None
    except (RuntimeError, AttributeError, LookupError, ArithmeticError) as error:  # of the library that wrote it
        raise ValueError(
            f"{name}: cannot be written ({type(error).__name__}: {' '.join(str(error).split())})"
        ) from None
    if notes is None:
        raise TypeError(f"{name} is of the type {type(music).__name__}, which holds no melody; taken is {TAKEN}")
    return [Piece((Part(notes),), source=name)]


def is_melody(music: Any) -> bool:
    """Tell whether a value is one piece of music in memory, and not a list of several."""
    if isinstance(music, list):
        return any(value is not None for value in music) and all(
            value is None or isinstance(value, Integral | tuple) for value in music
        )
    return not isinstance(music, tuple | set | Iterator) and not (
        isinstance(music, np.ndarray) and music.dtype == object
    )


def to_music21(melody: Melody, imprint: Imprint = NO_IMPRINT) -> Any:
    """Convert a melody to a score of music21.

    It is what music21 reads in the melody's MusicXML, with the exact tempos.
    imprint: as in a file; the composer is the score's.
    Raises ImportError, naming the package to install, where music21 is missing.
    """
    try:
        from music21 import converter
        from music21.tempo import MetronomeMark
    except ImportError:
        raise ImportError("to_music21 needs music21: pip install music21") from None
    from ritornello.music.scores.writer import write_musicxml

    score = converter.parse(write_musicxml(melody, imprint), format="musicxml")
    for mark, tempo in zip(score.recurse().getElementsByClass(MetronomeMark), melody.timeline.tempos, strict=False):
        mark.setQuarterBPM(tempo.qpm)  # it is a whole number in print
    return score


def from_music21(stream: Any) -> Piece:
    """Convert a stream of music21 to a piece; of an Opus, its first score.

    Raises TypeError for anything else, ValueError where it holds no notes.
    """
    libraries = {cls.__module__.partition(".")[0] for cls in type(stream).__mro__}
    if "music21" not in libraries or not hasattr(stream, "flatten"):
        raise TypeError(f"from_music21 takes a stream of music21, not {type(stream).__name__}")
    return pieces_of(stream, "the stream")[0]


def _of_music21(stream: Any, name: str) -> list[Piece]:
    """Read the MusicXML that music21 writes of a stream; of each score of an Opus."""
    from music21.musicxml.m21ToXml import GeneralObjectExporter

    pieces = []
    is_opus = "Opus" in stream.classes
    scores = list(stream.getElementsByClass("Stream")) if is_opus else [stream]
    for number, score in enumerate(scores, 1):
        source = f"{name}#{number}" if len(scores) > 1 else name
        for piece in _of_bytes(GeneralObjectExporter(score).parse(), f"{name}.musicxml"):
            title, composer = ("" if text in M21_TITLES else text for text in (piece.title, piece.composer))
            pieces.append(replace(piece, title=title, composer=composer, source=source))
    return pieces


def _of_bytes(content: bytes, name: str) -> list[Piece]:
    return scan_content(content, name)[0]


def _has_rests(music: Any) -> bool:
    """Tell whether music is a list of pitches with None for rests."""
    if not isinstance(music, list) or all(value is not None for value in music):
        return False
    return all(value is None or isinstance(value, Integral) for value in music)


def _around_rests(pitches: Sequence[int | None]) -> tuple[Note, ...]:
    """Make notes of pitches, None for a rest, each a quarter long. Raises ValueError."""
    places = [place for place, pitch in enumerate(pitches) if pitch is not None]
    if not places:
        raise ValueError("there is no note in it")
    notes = _notes([pitches[place] for place in places]) or ()
    return tuple(n._replace(start=place * n.duration) for n, place in zip(notes, places, strict=True))


def _notes(music: Any) -> tuple[Note, ...] | None:
    """Make notes of numbers; None for what holds no notes. Raises ValueError."""
    if isinstance(music, list) and music and all(isinstance(value, Note) for value in music):
        return tuple(music)
    if _has_rests(music):
        return _around_rests(music)
    if isinstance(music, list) and is_melody(music):
        music = np.array(music) if len({np.size(value) for value in music}) == 1 else None
    if isinstance(music, list) and music and all(isinstance(value, Real) for value in music):
        odd = next(value for value in music if value % 1)
        raise ValueError(f"pitches are whole numbers, 0 to 127, each a quarter long; not {odd}")
    if isinstance(music, list | np.ndarray) and not len(music):
        raise ValueError("there is no note in it")
    if not isinstance(music, np.ndarray) or not music.size:
        return None
    if names := music.dtype.names:
        if not {*FIELDS[:3]} <= {*names}:
            return None
        is_ticks = np.issubdtype(music.dtype["start"], np.integer)
        return _of_columns([music[name] for name in FIELDS if name in names], 1 if is_ticks else TICKS_PER_QUARTER)
    if music.ndim == 2 and music.shape[1] in (3, 4) and np.issubdtype(music.dtype, np.number):
        return _of_columns(list(music.T), TICKS_PER_QUARTER)
    if music.ndim != 1 or not np.issubdtype(music.dtype, np.integer):
        return None
    if music.min() < 0 or music.max() > 127:
        raise ValueError(
            f"pitches are 0 to 127, not {music.min()} to {music.max()}; tokens of the exercise are read from .npz "
            "and .npy files"
        )
    quarter = TICKS_PER_QUARTER
    return tuple(Note(n * quarter, quarter, pitch) for n, pitch in enumerate(music.tolist()))


def _of_columns(columns: Sequence[np.ndarray], ticks: int) -> tuple[Note, ...]:
    """Make notes of starts, durations, pitches, velocities if any. ticks: of a unit of time."""
    values = [np.asarray(column, float) for column in columns]
    if not all(np.isfinite(column).all() for column in values):
        raise ValueError("a note's numbers must be finite")
    if (values[0] < 0).any() or (values[1] <= 0).any():
        raise ValueError("a note must start at 0 or later and last longer than 0 (start, duration, pitch)")
    if len(values[0]) and (values[0] + values[1]).max() * ticks > MAX_QUARTERS * TICKS_PER_QUARTER:
        raise ValueError(f"the notes last beyond {MAX_QUARTERS:,} quarters: give times in quarters, not in ticks")
    if (values[2] % 1).any():
        raise ValueError("pitches must be whole numbers, 0 to 127")
    starts = np.rint(values[0] * ticks).astype(int)
    ends = np.rint((values[0] + values[1]) * ticks).astype(int)
    velocities = values[3] if len(values) > 3 else np.full(len(starts), DEFAULT_VELOCITY)
    rows = np.stack([starts, ends - starts, values[2].astype(int), velocities.astype(int)], axis=1)
    return tuple(Note(*row) for row in rows.tolist())
