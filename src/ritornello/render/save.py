"""Save a melody in any format to see, hear or exchange it, by the suffix."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ritornello import atomic
from ritornello.music.files import WRITABLE, encoded, write
from ritornello.music.lines import part_lines, staff_names
from ritornello.music.scores.writer import write_score
from ritornello.music.values import NO_IMPRINT, Imprint, Melody, Piece

if TYPE_CHECKING:
    from ritornello.render.page import Exhibit, Figure

SOUNDS = (".wav", ".mp3", ".ogg", ".flac")
PAGE_SOUND = 32000, 0.7  # samples a second, the piano's own, and libsndfile's compression: 7 kB a second of stereo
SMALL_SOUND = 22050, 0.8  # of one channel
LONG_SECONDS = 600  # of a page's melody: encoding is most of the work, and its sound most of the page
PIECE_SUFFIXES = (".mid", ".musicxml", ".svg", ".png", *SOUNDS, ".html")
SUFFIXES = (*WRITABLE, ".svg", ".png", *SOUNDS, ".html")


def save_melody(
    melody: Melody,
    path: str | Path,
    probabilities: Sequence[float] | None = None,
    maker: str = "",
    replace: bool = False,
    imprint: Imprint = NO_IMPRINT,
) -> None:
    """Write `melody` to `path`, whole or not at all.

    probabilities: (notes,), for a page that shows surprise. imprint: what the file says besides.
    maker, replace: which file it may replace, as of
    `atomic.write_files`. Raises FileExistsError for one that must be kept, ValueError for a suffix not in SUFFIXES,
    ImportError naming the extra for .png without it, OSError naming `path` where it cannot be written.
    """
    if Path(path).suffix.lower() in WRITABLE:
        write(melody, path, maker, replace, imprint)
    else:
        atomic.write_bytes(path, melody_bytes(melody, path, probabilities, imprint), maker, replace)


def melody_bytes(
    melody: Melody,
    path: str | Path,
    probabilities: Sequence[float] | None = None,
    imprint: Imprint = NO_IMPRINT,
    figures: Mapping[str, str] = {},
    primer_notes: int = 0,
) -> bytes:
    """Encode a melody by the suffix of a path, which is not written. See `save_melody`.

    figures: what a page says of it, by name. primer_notes: so many at its beginning are a primer, which pages and
    pictures tell apart.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix in WRITABLE:
        return encoded(melody, path, imprint)
    if suffix in SOUNDS:
        from ritornello.render.audio_file import encode_audio
        from ritornello.render.sound import render_wave

        tags = {"title": melody.title, "comment": imprint.origin}
        kept = {name: text for name, text in tags.items() if text}
        return encode_audio(render_wave(melody, program=imprint.program), suffix.lstrip("."), tags=kept)
    if suffix == ".html":
        from ritornello.render.page import frame_html

        return frame_html(exhibit_of(melody, probabilities, imprint, figures, primer_notes=primer_notes)).encode()
    if suffix in (".svg", ".png"):
        from ritornello.render.staff import staff_png, staff_svg

        if suffix == ".png":
            return staff_png(melody, composer=imprint.composer, primer_notes=primer_notes)
        return staff_svg(melody, composer=imprint.composer, primer_notes=primer_notes).encode()
    raise ValueError(f"{path}: cannot render to {suffix or 'a file without suffix'}; choose {', '.join(SUFFIXES)}")


def piece_bytes(piece: Piece, path: str | Path, origin: str = "", figures: Mapping[str, str] = {}) -> bytes:
    """Encode a piece of several parts by the suffix of a path, which is not written.

    origin: who made it, and how. figures: what a page says of it, by name. Raises ValueError for a suffix that is not
    of music in parts, for MusicXML of chords, and for what MIDI cannot express; ImportError naming the extra for .png
    without it.
    """
    suffix = Path(path).suffix.lower()
    if suffix in (".mid", ".midi"):
        from ritornello.music.midi.reader import write_midi_piece

        return write_midi_piece(piece, origin)
    if suffix in (".musicxml", ".xml"):
        lines, (names, is_braced) = part_lines(piece), staff_names(piece)
        if sum(len(line.notes) for line in lines) < sum(len(p.notes) for p in piece.parts if not p.is_drum):
            raise ValueError(f"{path}: MusicXML is written of single lines, and a part holds chords; save it as .mid")
        return write_score([replace(line, title=piece.title) for line in lines], names, is_braced).encode()
    if suffix in (".svg", ".png"):
        from ritornello.render.staff import piece_svg, svg_to_png

        return svg_to_png(piece_svg(piece)) if suffix == ".png" else piece_svg(piece).encode()
    if suffix in SOUNDS:
        from ritornello.render.audio_file import encode_audio
        from ritornello.render.sound import render_wave

        tags = {"title": piece.title, "comment": origin}
        kept = {name: text for name, text in tags.items() if text}
        return encode_audio(render_wave(piece), suffix.lstrip("."), tags=kept)
    if suffix == ".html":
        from ritornello.render.page import frame_html

        return frame_html(piece_exhibit(piece, origin, figures)).encode()
    named = suffix or "a file without suffix"
    raise ValueError(f"{path}: music in parts is written as {', '.join(PIECE_SUFFIXES)}, not as {named}")


def piece_exhibit(piece: Piece, origin: str = "", figures: Mapping[str, str] = {}, is_small: bool = False) -> Exhibit:
    """Make the exhibit of all parts of a piece, with their sound and files.

    origin, figures: as of `piece_bytes`. is_small: as of `exhibit_of`. Raises ValueError where no part has notes.
    """
    from ritornello.render.page import Exhibit

    lines = part_lines(piece)
    if not lines:
        raise ValueError(f"{piece.title or piece.source or 'this piece'}: no part has notes to show")
    is_small = is_small or piece.timeline.seconds(piece.timeline.length) > LONG_SECONDS
    files = {}
    for suffix in (".mid", ".musicxml"):
        with suppress(ValueError):  # chords, or more parts or finer times than the format has room for
            files[f"piece{suffix}"] = piece_bytes(piece, f"piece{suffix}", origin)
    melody, name = replace(lines[0], title=piece.title), piece.title or Path(piece.source).name
    sound, shown = page_sound(piece, 0, is_small), {**figures, **({"origin": origin} if origin else {})}
    imprint = Imprint(composer=piece.composer, origin=origin)
    return Exhibit(melody, sound, "audio/mpeg", name, shown, files=files, imprint=imprint, piece=piece)


def suffixes_of(formats: Sequence[str]) -> list[str]:
    """List the suffixes of formats, each once: "mid", ".abc", "wav,html".

    Raises ValueError for an unknown one.
    """
    names = [name.strip().lower().removeprefix(".") for words in formats for name in words.split(",")]
    for name in names:
        if f".{name}" not in SUFFIXES:
            raise ValueError(
                f"there is no format {name!r}; choose {', '.join(s.removeprefix('.') for s in SUFFIXES)}"
            )
    return [f".{name}" for name in dict.fromkeys(names)]


def exhibit_of(
    melody: Melody,
    probabilities: Sequence[float] | None = None,
    imprint: Imprint = NO_IMPRINT,
    figures: Mapping[str, Figure] = {},
    is_small: bool = False,
    primer_notes: int = 0,
    sounding: Piece | None = None,
) -> Exhibit:
    """Make the exhibit of a melody, with its sound, and its origin where that is known.

    is_small: one channel of half the samples a second, and smaller files; so are melodies of more than LONG_SECONDS.
    primer_notes: as of `melody_bytes`. sounding: what is heard, and saved as MIDI, where that is more than the
    melody.
    """
    from ritornello.render.page import Exhibit

    is_small = is_small or melody.timeline.seconds(melody.timeline.length) > LONG_SECONDS
    audio = page_sound(sounding or melody, imprint.program, is_small) if melody.notes else None
    files = {"melody.mid": piece_bytes(sounding, "melody.mid", imprint.origin)} if sounding else {}
    shown = {**figures, **({"origin": imprint.origin} if imprint.origin else {})}
    return Exhibit(melody, audio, "audio/mpeg", "", shown, probabilities, files, imprint, primer_notes)


def page_sound(melody: Melody | Piece, program: int = 0, is_small: bool = False) -> bytes:
    """Encode the sound of a page, as MP3. is_small: one channel of half the samples a second."""
    from ritornello.render.audio_file import encode_audio
    from ritornello.render.sound import render_wave

    rate, compression = SMALL_SOUND if is_small else PAGE_SOUND
    return encode_audio(render_wave(melody, rate, program=program, is_mono=is_small), "mp3", rate, compression)
