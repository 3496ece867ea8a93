"""Music files as pieces that show themselves, and as pictures, pages, sound or another format."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ritornello.api.options import checked
from ritornello.music.files import Repeats
from ritornello.music.values import Imprint, Melody, Piece
from ritornello.render.shown import Gallery, ShownMelody, ShownPiece

RATE = 44100  # samples a second
MIDI = (".mid", ".midi")
LONG_MINUTES = 5  # of music, whose sound or page is made in more than a moment


@checked
def read(path: str | Path, repeats: Repeats = "unfold") -> Gallery[ShownPiece]:
    """Read a music file: every tune of a tune book, one piece of any other file.

    The pieces show themselves in a notebook, one by one and all together. repeats: "unfold" plays repeated bars as
    often as the score asks, "written" reads each bar once.
    Raises MusicFileError (a ValueError) where the file cannot be read.
    """
    from ritornello.music import files

    return Gallery(map(ShownPiece.of, files.read(path, repeats)), Path(path).name)


@checked
def from_music21(stream: Any) -> ShownMelody:
    """Convert a music21 stream to a melody that shows itself.

    Of several parts it is the one that holds the melody.
    Raises TypeError for anything but a stream, ValueError where it holds no notes.
    """
    from ritornello.corpus.pick.pick import pick_melody
    from ritornello.music import objects

    return ShownMelody.of(pick_melody(objects.from_music21(stream)))


@checked
def render_file(
    file: str | Path,
    out: str | Path,
    soundfont: str | Path | None = None,
    replace: bool = False,
    on_remark: Callable[[str], None] | None = None,
    all_parts: bool = False,
) -> Path:
    """Show or sound a music file, by the suffix of `out`.

    .svg .png .html; .wav .mp3 .ogg .flac; .musicxml .abc .mid.
    Sound plays every part; pictures, pages and notation show the melody as a corpus takes it, played timing laid on
    sixteenths; .mid keeps its times. Of a tune book it is the first tune. file: also notes by name.
    soundfont: an SF2 or SF3 file to play with, through the fluidsynth program.
    replace: let it replace any file, not only what was rendered from the same file and that nobody changed.
    on_remark: called with what was taken of the file, what notation leaves out, and before what takes long.
    all_parts: draw a staff for each part (.svg and .png), with its highest line.
    Raises FileExistsError for a file that must be kept, ValueError for another suffix, or no picture of all parts,
    MusicFileError (a ValueError) where the file cannot be read.
    """
    from ritornello import atomic
    from ritornello.api.reading import read_music
    from ritornello.corpus.pick.pick import melody_of, pick_melody
    from ritornello.music.files import WRITABLE
    from ritornello.render.save import SOUNDS, SUFFIXES, save_melody
    from ritornello.render.sound import save_audio
    from ritornello.render.staff import svg_to_png

    suffix = Path(out).suffix.lower()
    if suffix not in SUFFIXES:
        raise ValueError(f"{out}: cannot render to {suffix or 'a file without suffix'}; choose {', '.join(SUFFIXES)}")
    if all_parts and suffix not in (".svg", ".png"):
        raise ValueError(f"{out}: all parts are drawn as .svg or .png; sound plays them anyway")
    maker = atomic.maker_of("render", file)
    atomic.check_ahead([out], maker, replace)
    piece, lines = read_music(file)
    minutes = piece.timeline.seconds(piece.timeline.length) / 60
    if on_remark and minutes > LONG_MINUTES and suffix in (*SOUNDS, ".html", ".png", ".svg"):
        on_remark(f"{file} lasts {minutes:.0f} minutes: making {out} takes a while")
    left_out = ["words"] if any(part.syllables for part in piece.parts) else []
    left_out += [f"composer ({piece.composer})"] if piece.composer and suffix in MIDI else []
    if on_remark and left_out and suffix in WRITABLE:
        on_remark(f"{out} is without the {' and the '.join(left_out)} of {file}")
    if not all_parts and suffix not in SOUNDS:
        picked = melody_of(piece)
        lines += picked.remarks(piece) if suffix not in MIDI else []
        melody = pick_melody(piece) if suffix in MIDI else picked.melody  # the times of a performance are kept
    if all_parts:
        svg = ShownPiece.of(piece).staves()
        atomic.write_bytes(out, svg_to_png(svg) if suffix == ".png" else svg.encode(), maker, replace)
    elif suffix in SOUNDS:
        save_audio(piece, out, soundfont=soundfont, maker=maker, replace=replace)
    else:
        imprint = Imprint(program=piece.parts[max(picked.part, 0)].program, composer=piece.composer)
        save_melody(melody, out, maker=maker, replace=replace, imprint=imprint)
    if on_remark and lines:
        on_remark(f"{file}: {'; '.join(lines)}")
    return Path(out)


@checked
def play(
    music: str | Path | Melody | Piece | Any,
    soundfont: str | Path | None = None,
    device: str | None = None,
    on_melody: Callable[[Melody], None] | None = None,
) -> None:
    """Play music on this machine, and return at its end.

    music: a music file, notes by name, a tune, a melody, a piece or music in memory.
    Ctrl-C stops it. Of a tune book the first tune is played, of any other file every part.
    soundfont: as of `render_file`. device: part of the name of a sound device, "null" for a silent one; None is the
    system's own. on_melody: called with the melody before it sounds.
    Raises ImportError that says how to get miniaudio, OSError where there is no sound device, ValueError for a device
    that is not there, MusicFileError (a ValueError) where the file cannot be read.
    """
    from ritornello.api.reading import read_music
    from ritornello.corpus.pick.pick import pick_melody
    from ritornello.render.play import play_wave
    from ritornello.render.sound import render_wave

    sounding = getattr(music, "sounding", music)  # of a tune with chords, what is heard of it
    piece = sounding if isinstance(sounding, Piece) else read_music(music)[0]
    wave = render_wave(piece, RATE, soundfont)
    if on_melody:
        on_melody(pick_melody(piece))
    play_wave(wave, RATE, device)
