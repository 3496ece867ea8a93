"""One way of reading a tune for all verbs: notes by name, a music file, or music in memory."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ritornello.music.values import Melody, Part, Piece
from ritornello.plural import counted

if TYPE_CHECKING:
    from ritornello.generate.continuation import Song


def read_song(music: str | Path | Any, metre: str | None = None, name: str = "the melody") -> Song:
    """Read a melody as a corpus does, with its program and a remark on what was taken.

    music: notes by name or number, a music file, a composed tune, a melody, or music in memory as `build_corpus`
    takes it. metre: of notes by name; None is 4/4. name: what messages call it.
    Raises ValueError that says what is wrong with it, TypeError for what holds no melody.
    """
    from ritornello.corpus.pick.pick import melody_of
    from ritornello.generate.continuation import Song

    program = music.imprint.program if hasattr(music, "imprint") else 0
    music = music_of(music)
    if isinstance(music, Melody):
        return Song(music, program)
    pieces = read_pieces(music, metre, name)
    if isinstance(pieces, Melody):
        return Song(pieces, is_played=False)
    picked = melody_of(pieces[0])
    lines = _first_of(pieces) + picked.remarks(pieces[0])
    melody, program = picked.melody, pieces[0].parts[max(picked.part, 0)].program
    is_numbers = type(music).__module__.partition(".")[0] in ("builtins", "numpy") and not isinstance(music, str)
    if is_numbers:  # their key is open, as that of notes by name is
        is_kept = picked.timing is None or picked.timing.is_written
        melody = replace(melody, timeline=pieces[0].timeline if is_kept else replace(melody.timeline, keys=()))
    return Song(melody, program, not is_numbers, lines=(f"{name}: {'; '.join(lines)}",) if lines else ())


def music_of(given: Any) -> Any:
    """Return the melody or piece of a tune, a harmony or a performance; others stay."""
    return getattr(given, "melody", getattr(given, "piece", given))


def read_pieces(music: str | Path | Any, metre: str | None = None, name: str = "the tune") -> list[Piece] | Melody:
    """Read the pieces of a file, or of music in memory; of notes by name, their melody.

    Options and errors are those of `read_song`.
    """
    from ritornello.generate.primer import parse_notes
    from ritornello.music.objects import pieces_of
    from ritornello.music.worker import read_untrusted

    if not isinstance(music, str | Path):
        return pieces_of(music, name)
    if is_music(music):
        return read_untrusted(music)
    if os.path.isdir(music):
        raise ValueError(f"{music}: this is a folder, not {name.replace('the', 'a', 1)}: name a music file in it")
    try:
        return parse_notes(str(music), metre or "4/4")
    except ValueError as error:
        is_word = len(str(music).split()) == 1 and ":" not in str(music)
        raise ValueError(f"{error} (nor is there such a file)" if is_word else str(error)) from None


def is_music(given: str | Path) -> bool:
    """Tell whether something names a music file."""
    from ritornello.music.files import readable

    return readable(given) or os.path.isfile(given)  # is_file() raises for many notes


def read_music(music: str | Path | Any) -> tuple[Piece, list[str]]:
    """Read a tune with all its parts, and list a remark where it is the first of several."""
    program = music.imprint.program if hasattr(music, "imprint") else 0
    music = music_of(music)
    pieces = music if isinstance(music, Melody) else [music] if isinstance(music, Piece) else read_pieces(music)
    if isinstance(pieces, Melody):
        part = Part(pieces.notes, program=program)
        return Piece((part,), pieces.timeline, pieces.title, states_rhythm=True), []
    return pieces[0], _first_of(pieces)


def _first_of(pieces: Sequence[Piece]) -> list[str]:
    """Say that others follow; nothing of a single piece."""
    return [f"the first of {counted(len(pieces), 'tune')} is taken"] if len(pieces) > 1 else []
