"""Draw a melody on a staff, or several on one each: made readable, MusicXML in, SVG out by verovio, PNG by resvg."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree
from zlib import crc32

from ritornello.music.chords import chord_name
from ritornello.music.keys import estimate_signature
from ritornello.music.lines import part_lines, staff_names
from ritornello.music.scores.harmony import read_harmony
from ritornello.music.scores.writer import write_musicxml, write_score
from ritornello.music.values import Key, Melody, Piece, Timeline
from ritornello.render.engraving.heading import PRIMER, SERIF, heading, legend
from ritornello.render.engraving.readable import drawable
from ritornello.render.engraving.systems import bar_widths, broken, is_ragged, system_starts
from ritornello.render.words import primer_in_words

MIN_WIDTH = 200  # pixels; narrower than this no bar fits
_PAGE_HEIGHT = 60000  # verovio's largest page, about fifty systems
_MARGIN = 30  # in verovio's units, a tenth of a millimetre before scaling
_LETTER = 5  # by which a letter of a viewer's serif may be wider than of the one that verovio measures
_BAR_NUMBER = re.compile(
    r'<text([^>]*) text-anchor="middle" font-size="0px"><tspan class="text"><tspan font-size="(\d+px)">(\d+)'
    r"</tspan></tspan></text>"
)
_NOTE_ID = re.compile(
    r'id="(?:part_(\d+)_)?note_(\d+)(?:-\d+)?"'
)  # none of verovio's random identifiers looks like this
_SYMBOL = re.compile(
    r'(class="harm"><text[^>]*) font-size="0px"><tspan[^>]* class="text"><tspan[^>]* font-size="(\d+px)">'
    r"([^<]*)</tspan></tspan>"
)
_BESIDE = "\N{NO-BREAK SPACE}"  # verovio sets the next symbol close behind a name
_HARMONY = re.compile("<harmony.*?</harmony>")
_NOTE = re.compile(r'data-note="(\d+)" class="note"')
_AS_PRIMER = f' primer" color="{PRIMER}" fill="{PRIMER}"'


def staff_svg(
    melody: Melody,
    width: int = 900,
    scale: int = 42,
    paper: str | None = "white",
    composer: str = "",
    with_title: bool = True,
    primer_notes: int = 0,
    surprise: Sequence[str] = (),
) -> str:
    """Engrave a melody as a self-contained SVG, `width` pixels wide, as high as it needs.

    Title, composer and tempo stand above it, bar numbers at the beginning of systems. Systems end with
    phrases of four bars where those fit.
    scale: size of the staff in per cent; 100 makes a staff 72 pixels high. paper: a colour behind it, or None.
    with_title: False where the title stands elsewhere. primer_notes: so many notes at the beginning are coloured as
    the primer, of class "primer", with a line that says so. surprise: colours of the notes, which they carry as
    `--surprise` for the style of a page, with the class "judged".
    Notes are groups of class "note" with `data-note`, their index in the melody (all tied parts carry it).
    A melody that was played, not written, is drawn on sixteenths and triplets (see `engraving.readable`).
    Raises ValueError if `width` is under 200 or `scale` outside 10 to 200.
    """
    # the tempo mark needs a music font that no viewer has: the heading draws it
    drawn, kept = drawable(melody)
    words = primer_in_words(melody, primer_notes)
    pages = [
        _tidied(page, [kept], primer_notes, surprise)
        for page in _in_systems(write_musicxml(drawn), drawn.timeline, width, scale)
    ]
    margin = _MARGIN * scale / 100
    above = heading(melody.timeline, melody.title if with_title else "", composer, width, margin, scale)
    below = legend(words, PRIMER, margin, scale) if words else ("", 0.0)
    name = f"Staff of {melody.title}" if melody.title else "Staff"
    return _stacked(pages, above, below, f"{name}; {words}" if words else name, paper)


def piece_svg(piece: Piece, width: int = 900, paper: str | None = "white", with_title: bool = True) -> str:
    """Engrave all parts of a piece, a staff each with its highest line.

    The two staves of a piano are on a brace. Arguments and errors are those of `score_svg`.
    Raises ValueError where no part has notes.
    """
    names, is_braced = staff_names(piece)
    named = [replace(line, title=piece.title if with_title else "") for line in part_lines(piece)]
    return score_svg(named, names, is_braced, width, paper=paper, composer=piece.composer if with_title else "")


def score_svg(
    lines: Sequence[Melody],
    names: Sequence[str] = (),
    is_braced: bool = False,
    width: int = 900,
    scale: int = 42,
    paper: str | None = "white",
    composer: str = "",
) -> str:
    """Engrave lines that sound together, a staff each: a duet, a hymn, a piano piece.

    It is done as `staff_svg` does one.
    lines: of one timeline, from the highest staff down; the first has the title. names: of the staves, drawn where
    they begin. is_braced: whether all are one instrument's, such as the two of a piano. Barlines go through them.
    Notes carry `data-part`, the index of their line, and `data-note`, their index in it.
    Raises ValueError for no lines, or lines of different metres, and as `staff_svg`.
    """
    if not lines or len({line.timeline.metres for line in lines}) > 1:
        raise ValueError("a score needs one line or more, all of the same metres")
    timeline = lines[0].timeline
    keys = timeline.keys or (Key(0, estimate_signature([note for line in lines for note in line.notes])),)
    drawn = [drawable(replace(line, timeline=replace(line.timeline, keys=keys))) for line in lines]
    text = write_score([line for line, _ in drawn], names or [""] * len(lines), is_braced)
    kept = [indices for _, indices in drawn]
    room = _LETTER * max((len(name) for name in names), default=0)
    pages = [_tidied(page, kept) for page in _in_systems(text, timeline, width, scale, room)]
    title = lines[0].title
    above = heading(timeline, title, composer, width, _MARGIN * scale / 100, scale)
    return _stacked(pages, above, ("", 0.0), f"Score of {title}" if title else "Score", paper)


def _in_systems(text: str, timeline: Timeline, width: int, scale: int, room: int = 0) -> list[str]:
    """Engrave MusicXML in systems that end with phrases; one SVG for each page.

    room: more of the left margin, for the names of staves. Raises ValueError as `staff_svg`.
    """
    if width < MIN_WIDTH:
        raise ValueError(f"width must be at least {MIN_WIDTH} pixels, not {width}")
    if not 10 <= scale <= 200:
        raise ValueError(f"scale must be 10 to 200 per cent, not {scale}")
    text = re.sub(r"<direction\b.*?</direction>", "", text)
    text = _HARMONY.sub(_as_text, text)
    seed = crc32(f"{width} {scale} {text}".encode()) % 2**31 or 1
    [line] = _engraved(text, width, scale, seed, "none", room)
    head, widths = bar_widths(line)
    wide = width * 1000 / scale - 20 * _MARGIN - 10 * room
    starts = system_starts(widths, head, wide, int(timeline.pickup > 0))
    ragged = is_ragged(widths, head, wide, starts)
    return _engraved(broken(text, starts), width, scale, seed, "encoded", room, ragged)


def _as_text(harmony: re.Match) -> str:
    """Write a chord symbol for verovio, all but its letter as the text of its kind.

    By itself it draws accidentals in a font that no viewer has, and degrees twice.
    """
    offset = re.search("<offset>.*?</offset>", harmony[0])
    symbol = read_harmony(ElementTree.fromstring(harmony[0]))
    assert symbol is not None  # our own
    name = chord_name(symbol)
    inner = f'<root><root-step>{name[0]}</root-step></root><kind text="{name[1:]}{_BESIDE}">major</kind>'
    return f'<harmony placement="above">{inner}{offset[0] if offset else ""}</harmony>'


def _with_signs(name: str) -> str:
    """Write the flats and sharps of a chord symbol as such."""
    return re.sub(r"(?<=[A-G♭])b|b(?=\d)", "♭", name).replace("#", "♯")


def staff_png(
    melody: Melody,
    width: int = 900,
    scale: int = 42,
    zoom: float = 2.0,
    composer: str = "",
    primer_notes: int = 0,
) -> bytes:
    """Draw the staff as a PNG file on white, `zoom` image pixels to a pixel of `staff_svg`.

    Words and numbers are drawn with a font of the system and left out where there is none.
    Raises ImportError, naming the package to install, without resvg_py; ValueError as `staff_svg`.
    """
    return svg_to_png(staff_svg(melody, width, scale, composer=composer, primer_notes=primer_notes), zoom)


def svg_to_png(svg: str, zoom: float = 2.0) -> bytes:
    """Turn an SVG picture into the bytes of a PNG file, `zoom` times as large.

    Raises ImportError, naming the package to install, without resvg_py.
    """
    try:
        import resvg_py
    except ImportError:
        raise ImportError("drawing a .png needs resvg_py: pip install resvg_py") from None
    width, _ = svg_size(svg)
    return bytes(resvg_py.svg_to_bytes(svg_string=svg, width=round(width * zoom), background="white"))


def svg_size(svg: str) -> tuple[float, float]:
    """Read width and height in pixels from an SVG's first viewBox. Raises ValueError."""
    found = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg)
    if not found:
        raise ValueError("this SVG has no viewBox from 0 0")
    return float(found[1]), float(found[2])


def _engraved(text: str, width: int, scale: int, seed: int, breaks: str, room: int, ragged: bool = True) -> list[str]:
    """Engrave one SVG for each page.

    breaks: "none" makes a single system, "encoded" ends systems where the text says so. ragged: whether the last
    system keeps its own width.
    """
    import verovio

    verovio.enableLog(verovio.LOG_OFF)
    toolkit = verovio.toolkit()
    options: dict[str, Any] = {
        "pageWidth": round(width * 100 / scale),
        "pageHeight": _PAGE_HEIGHT,
        **{f"pageMargin{side}": _MARGIN for side in ("Right", "Top", "Bottom")},
        "pageMarginLeft": _MARGIN + room,
        "adjustPageHeight": True,
        "scale": scale,
        "breaks": breaks,
        "minLastJustification": float(ragged),  # of the room that it fills
        "header": "none",
        "footer": "none",
        "svgViewBox": True,
        "svgRemoveXlink": True,
        "svgFormatRaw": True,
        "xmlIdSeed": seed,  # the same melody gives the same bytes
    }
    toolkit.setOptions(options)
    if not toolkit.loadData(text):
        raise RuntimeError("verovio refused our own MusicXML; please report this melody")
    return [toolkit.renderToSVG(n) for n in range(1, toolkit.getPageCount() + 1)]


def _tidied(svg: str, kept: Sequence[Sequence[int]], primer_notes: int = 0, surprise: Sequence[str] = ()) -> str:
    """Drop verovio's identifiers, save those of glyphs, and mark each note with its index.

    kept: of each line, the indices of the notes that are drawn. Bar numbers and chord symbols lose the size 0 that
    verovio puts around their own, and get a font that is there.
    """

    def marked(found: re.Match) -> str:
        part, number = int(found[1] or 0), int(found[2])
        return (f'data-part="{part}" ' if found[1] else "") + f'data-note="{kept[part][number]}"'

    def coloured(found: re.Match) -> str:
        number = int(found[1])
        words = found[0][:-1] + (" judged" if surprise else "")
        words += _AS_PRIMER if number < primer_notes else '"'
        return words + (f' style="--surprise:{surprise[number]}"' if surprise else "")

    svg = svg[svg.index("<svg") :]
    svg = _BAR_NUMBER.sub(r'<text\1 text-anchor="middle" font-size="\2">\3</text>', svg)
    svg = _SYMBOL.sub(
        lambda found: f'{found[1]} font-size="{found[2]}">{_with_signs(found[3].removesuffix(_BESIDE))}', svg
    )
    svg = svg.replace(' font-family="Times, serif"', f' font-family="{SERIF}"')
    root = re.search(r'id="([^"]*)"', svg)
    svg = _NOTE_ID.sub(marked, svg)
    if primer_notes or surprise:
        svg = _NOTE.sub(coloured, svg)
    return re.sub(rf' id="(?!{re.escape(root[1]) if root else ""}")(?![0-9A-F]+-)[^"]*"', "", svg)


def _stacked(
    pages: list[str], above: tuple[str, float], below: tuple[str, float], name: str, paper: str | None
) -> str:
    """Stack pages in a single picture between what stands above and below them.

    above, below: each with its height in pixels. name: for those who cannot see it.
    """
    top = above[1]
    sizes = [svg_size(page) for page in pages]
    width, height = max(w for w, _ in sizes), round(top + sum(h for _, h in sizes) + below[1], 1)
    rows = []
    for page, (w, h) in zip(pages, sizes, strict=True):
        rows.append(page.replace("<svg ", f'<svg x="0" y="{top:g}" width="{w:g}" height="{h:g}" ', 1))
        top += h
    if below[0]:
        rows.append(f'<g transform="translate(0 {top:g})">{below[0]}</g>')
    ground = f'<rect width="100%" height="100%" fill="{escape_attribute(paper)}"/>' if paper else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="staff" role="img" aria-label="{escape_attribute(name)}" '
        f'width="{width:g}" height="{height:g}" viewBox="0 0 {width:g} {height:g}">'
        f"{ground}{above[0]}{''.join(rows)}</svg>"
    )


def escape_attribute(text: str) -> str:
    """Escape `text` for use between double quotes in XML or HTML."""
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;").replace(">", "&gt;")
