"""The frame of reports: head, cards, figures and little rolls, in the style of the page that plays tunes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from html import escape
from importlib.resources import files as package_files

from ritornello.atomic import to_utf8

THUMB = (160, 48)  # pixels, width and height
THUMB_NOTES = 300
THUMB_ROW = 4.0  # pixels to a semitone at most, so that a drone looks like one


def document(title: str, body: str) -> str:
    """Make a whole HTML document, UTF-8; its policy forbids scripts and fetching."""
    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
    style = _text("ritornello.render", "player.css") + _text("ritornello.reports.corpora", "report.css")
    text = (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n<meta name="generator" content="Ritornello">\n'
        f'<link rel="icon" href="data:,">\n<title>{escape(title)}</title>\n<style>\n{style}</style>\n</head>\n'
        f'<body class="page">\n<main>\n{body}\n</main>\n</body>\n</html>\n'
    )
    return to_utf8(text).decode()


def masthead(title: str, intro: str, figures: Mapping[str, str] | None = None) -> str:
    """Make the head of a page: title, a few words (HTML), and figures that are not empty."""
    cells = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in (figures or {}).items() if value)
    table = f'<dl class="facts">{cells}</dl>\n' if cells else ""
    return (
        f'<header class="masthead">\n<p class="mark">ritornello</p>\n<h1>{escape(title)}</h1>\n'
        f'<p class="intro">{intro}</p>\n{table}</header>'
    )


def card(title: str, lede: str, body: str) -> str:
    """Make a section under its title and a few words (HTML), which may be empty."""
    return f'<section class="card"><h2>{escape(title)}</h2><p class="lede">{lede}</p>{body}</section>'


def sentence(text: str) -> str:
    """Begin with a capital, and end with a full stop."""
    text = text.strip()
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith('.') else '.'}"


def thumb(notes: Sequence[tuple[int, int, int]]) -> str:
    """Draw notes, (start, duration, pitch) in order of start and at least one, as a little roll."""
    notes = notes[:THUMB_NOTES]
    width, height = THUMB
    first, last = notes[0][0], max(start + duration for start, duration, _ in notes)
    low, high = min(pitch for *_, pitch in notes), max(pitch for *_, pitch in notes)
    row = min((height - 8) / (high - low + 1), THUMB_ROW)
    top = (height - row * (high - low + 1)) / 2
    shapes = []
    for start, duration, pitch in notes:
        x, wide = width * (start - first) / (last - first), width * duration / (last - first)
        y = top + (high - pitch) * row
        shapes.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(wide - 0.4, 0.4):.1f}" height="{row:.1f}"/>')
    return (
        f'<svg viewBox="0 0 {width} {height}" preserveAspectRatio="none" role="img" aria-label="its notes">'
        f"{''.join(shapes)}</svg>"
    )


@cache
def _text(package: str, name: str) -> str:
    return (package_files(package) / "web" / name).read_text(encoding="utf-8")
