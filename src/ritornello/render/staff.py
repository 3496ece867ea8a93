"""Draw a melody on a staff: made readable, MusicXML in, SVG out by verovio, PNG by resvg."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from math import lcm
from typing import Any
from zlib import crc32

from ritornello.music.notation import FLAGS, Bar, notate
from ritornello.music.scores.writer import write_musicxml
from ritornello.music.values import Key, Melody, Note

MIN_WIDTH = 200  # pixels; narrower than this no bar fits
_PAGE_HEIGHT = 60000  # verovio's largest page, about fifty systems
_MARGIN = 30  # in verovio's units, a tenth of a millimetre before scaling
_NOTE_ID = re.compile(r'id="note_(\d+)(?:-\d+)?"')  # none of verovio's random identifiers looks like this
GRIDS = (4, 3)  # steps in a quarter: sixteenths, or a triplet where that is clearly nearer
TRIPLET_GAIN = 0.7  # a triplet must leave less than this share of the sixteenths' error
MOST_FLAGS = 4  # 64th notes
LARGEST_TUPLET = 7


def staff_svg(melody: Melody, width: int = 900, scale: int = 42, paper: str | None = "white") -> str:
    """Engrave a melody as a self-contained SVG, `width` pixels wide, as high as it needs.

    scale: size of the staff in per cent; 100 makes a staff 72 pixels high. paper: a colour behind it, or None.
    Notes are groups of class "note" with `data-note`, their index in the melody (all tied parts carry it).
    A melody that was played, not written, is drawn on sixteenths and triplets (see `drawable`).
    Raises ValueError if `width` is under 200 or `scale` outside 10 to 200.
    """
    if width < MIN_WIDTH:
        raise ValueError(f"width must be at least {MIN_WIDTH} pixels, not {width}")
    if not 10 <= scale <= 200:
        raise ValueError(f"scale must be 10 to 200 per cent, not {scale}")
    # the tempo mark needs a music font that no viewer has; captions give the tempo instead
    drawn, kept = drawable(melody)
    text = re.sub(r"<direction\b.*?</direction>", "", write_musicxml(drawn))
    seed = crc32(f"{width} {scale} {text}".encode()) % 2**31 or 1
    pages = _engraved(text, width, scale, seed, "auto")
    broken = _with_even_systems(text, pages)
    if broken != text:
        pages = _engraved(broken, width, scale, seed, "encoded")
    return _stacked([_tidied(page, kept) for page in pages], melody.title, paper)


def staff_png(melody: Melody, width: int = 900, scale: int = 42, zoom: float = 2.0) -> bytes:
    """Draw the staff as a PNG file on white, `zoom` image pixels to a pixel of `staff_svg`.

    Bar numbers are drawn with a font of the system and left out where there is none.
    Raises ImportError, naming the package to install, without resvg_py; ValueError as `staff_svg`.
    """
    return svg_to_png(staff_svg(melody, width, scale), zoom)


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


def _engraved(text: str, width: int, scale: int, seed: int, breaks: str) -> list[str]:
    """Engrave one SVG for each page.

    breaks: "auto" fills the systems, "encoded" ends them where the text says so.
    """
    import verovio

    verovio.enableLog(verovio.LOG_OFF)
    toolkit = verovio.toolkit()
    options: dict[str, Any] = {
        "pageWidth": round(width * 100 / scale),
        "pageHeight": _PAGE_HEIGHT,
        **{f"pageMargin{side}": _MARGIN for side in ("Left", "Right", "Top", "Bottom")},
        "adjustPageHeight": True,
        "scale": scale,
        "breaks": breaks,
        "minLastJustification": 0.45,
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


def _with_even_systems(text: str, pages: Sequence[str]) -> str:
    """Break the MusicXML in systems of as many bars each as fit, fours where they make phrases.

    A pick-up goes with the first.
    pages: verovio's own systems, the last of which may be short.
    """
    systems = [s.count('class="measure"') for page in pages for s in page.split('class="system"')[1:]]
    if len(systems) < 2:
        return text
    bars = sum(systems)
    upbeat = 1 if '<measure number="0"' in text else 0
    per_system = min(-(-(bars - upbeat) // len(systems)), *systems[:-1])
    if 4 < per_system < 8 and (bars - upbeat) % 4 == 0:
        per_system = 4
    first, *rest = text.split("<measure ")
    for i in range(upbeat + per_system, bars, per_system):
        rest[i] = rest[i].replace(">", '><print new-system="yes"/>', 1)
    return "<measure ".join([first, *rest])


def _tidied(svg: str, kept: Sequence[int]) -> str:
    """Drop verovio's identifiers, save those of glyphs, and mark each note with its index."""
    svg = svg[svg.index("<svg") :]
    root = re.search(r'id="([^"]*)"', svg)
    svg = _NOTE_ID.sub(lambda found: f'data-note="{kept[int(found[1])]}"', svg)
    return re.sub(rf' id="(?!{re.escape(root[1]) if root else ""}")(?![0-9A-F]+-)[^"]*"', "", svg)


def _stacked(pages: list[str], title: str, paper: str | None) -> str:
    """Stack pages in a single picture, with a name for those who cannot see it."""
    sizes = [svg_size(page) for page in pages]
    width, height = max(w for w, _ in sizes), sum(h for _, h in sizes)
    label = escape_attribute(f"Staff of {title}" if title else "Staff")
    rows, top = [], 0.0
    for page, (w, h) in zip(pages, sizes, strict=True):
        rows.append(page.replace("<svg ", f'<svg x="0" y="{top:g}" width="{w:g}" height="{h:g}" ', 1))
        top += h
    ground = f'<rect width="100%" height="100%" fill="{escape_attribute(paper)}"/>' if paper else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="staff" role="img" aria-label="{label}" '
        f'width="{width:g}" height="{height:g}" viewBox="0 0 {width:g} {height:g}">{ground}{"".join(rows)}</svg>'
    )


def escape_attribute(text: str) -> str:
    """Escape `text` for use between double quotes in XML or HTML."""
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;").replace(">", "&gt;")


def drawable(melody: Melody) -> tuple[Melody, list[int]]:
    """Make notation readable: a melody that is not gets its notes on sixteenths and triplets.

    Readable means: no value shorter than a 64th and no tuplet of more than seven. Keys that begin inside a bar
    wait for its end, because verovio would draw them at its beginning. For pictures only; the files that are
    written keep every tick.
    Returns the melody to draw, and for each of its notes the index of the same note in `melody`.
    """
    drawn, kept = (melody, list(range(len(melody.notes)))) if _readable(notate(melody)) else rounded(melody)
    lines = drawn.timeline.barlines()
    moved: dict[int, Key] = {}
    for key in drawn.timeline.keys:
        line = lines[min(bisect_left(lines, key.tick), len(lines) - 1)]
        moved[line] = key._replace(tick=line)  # of two in one bar the later holds
    return replace(drawn, timeline=replace(drawn.timeline, keys=tuple(moved.values()))), kept


def _readable(bars: Sequence[Bar]) -> bool:
    return all(
        FLAGS[e.type] <= MOST_FLAGS and (e.ratio is None or e.ratio[0] <= LARGEST_TUPLET)
        for bar in bars
        for e in bar.elements
    )


def rounded(melody: Melody) -> tuple[Melody, list[int]]:
    """Round every start and end to the nearest step of the better grid of its quarter.

    A note that would vanish gets one step where there is room before the next, else it is left out.
    Returns the rounded melody and the indices of the notes that it kept.
    """
    per_quarter = melody.timeline.ticks_per_quarter
    ticks = lcm(per_quarter, *GRIDS)
    edges = [(Fraction(n.start, per_quarter), Fraction(n.end, per_quarter)) for n in melody.notes]
    grids = _grids([edge for pair in edges for edge in pair])
    notes: list[Note] = []
    kept: list[int] = []
    for i, (note, pair) in enumerate(zip(melody.notes, edges, strict=True)):
        start, end = (int(_nearest(edge, grids) * ticks) for edge in pair)
        if start == end:
            end += ticks // grids[int(pair[0])]
        start = max(start, notes[-1].end if notes else 0)
        if end > start:
            notes.append(Note(start, end - start, note.pitch, note.velocity))
            kept.append(i)
    return replace(melody, notes=tuple(notes), timeline=melody.timeline.with_resolution(ticks)), kept


def _grids(edges: Sequence[Fraction]) -> dict[int, int]:
    """Choose the number of steps that suits the edges of each quarter."""
    quarters: dict[int, list[Fraction]] = {}
    for edge in edges:
        quarters.setdefault(int(edge), []).append(edge)
    return {quarter: _better(inside) for quarter, inside in quarters.items()}


def _better(edges: Sequence[Fraction]) -> int:
    plain, triplet = (sum(abs(round(edge * grid) / Fraction(grid) - edge) for edge in edges) for grid in GRIDS)
    return GRIDS[1] if triplet < plain * Fraction(TRIPLET_GAIN) else GRIDS[0]


def _nearest(edge: Fraction, grids: dict[int, int]) -> Fraction:
    grid = grids[int(edge)]
    return Fraction(round(edge * grid), grid)
