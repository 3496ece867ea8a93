"""An explanation as a page: the melody on a staff, and on a roll beside what was left, part by part."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from pathlib import PurePath

from ritornello.corpus.pick.pick import PickedMelody
from ritornello.corpus.report import remedy
from ritornello.music.values import Note
from ritornello.render.page import NARROW, WIDE
from ritornello.render.roll import pitch_name
from ritornello.render.staff import staff_svg
from ritornello.reports.corpora.explain import Explanation, PartTold, Untold, headline_facts, told_range, told_reasons
from ritornello.reports.web_page import document, thumb

PIECES = 12  # of a tune book that are shown; the words on the terminal tell of all
STAFF_NOTES = 600  # a longer melody is engraved as far as that
PER_QUARTER = 14  # pixels of the roll
MOST_WIDE = 20000  # pixels of the roll
ROW = 5  # pixels to a semitone
EDGE = 34  # pixels at the left for the names of the octaves


def explanation_page(told: Sequence[Explanation | Untold], name: str) -> str:
    """The page of a file that is called `name`: a whole HTML document of UTF-8."""
    cards = [_card(one) for one in told[:PIECES]]
    more = f"<p class='lede'>and {len(told) - PIECES} more pieces</p>" if len(told) > PIECES else ""
    head = (
        '<header class="masthead">\n<p class="mark">ritornello</p>\n'
        f"<h1>{escape(PurePath(name).name)}</h1>\n"
        '<p class="intro">What a corpus takes from this file, and what it leaves.</p>\n</header>'
    )
    return document(PurePath(name).name, "\n".join([head, *cards, more]))


def _card(told: Explanation | Untold) -> str:
    if isinstance(told, Untold):
        words = f'<ul class="because"><li class="doubt">{escape(_sentence(told.words))}</li></ul>'
        name = escape(PurePath(told.source).name)
        return f'<section class="card"><div class="tune-head"><h2>{name}</h2></div>{words}</section>'
    title = told.piece.title or PurePath(told.piece.source).name
    parts = "".join(_part(told, part) for part in told.parts)
    body = "".join(_choice(choice) for choice in told.choices) + _roll_box(told) + _because(told)
    return (
        f'<section class="card"><div class="tune-head"><h2>{escape(title)}</h2>'
        f'<p class="meta">{escape(headline_facts(told.piece))}</p></div>{body}'
        f'<ol class="contest">{parts}</ol></section>'
    )


def _choice(choice: PickedMelody) -> str:
    """The staff of a melody, engraved for wide and for narrow screens."""
    melody = choice.melody
    if not melody.notes:
        return ""
    if len(melody.notes) > STAFF_NOTES:
        melody = melody.between(0, melody.notes[STAFF_NOTES].start)
    wide, narrow = (staff_svg(melody, width, paper=None) for width in (WIDE, NARROW))
    return f'<figure class="paper"><div class="wide">{wide}</div><div class="narrow">{narrow}</div></figure>'


def _because(told: Explanation) -> str:
    """Sentences: why this part, what it cost, what is doubtful."""
    lines = [("doubt", f"{_sentence(d)} {_sentence(remedy(c, d))}") for c, d in told.remarks]
    if told.refusal:
        lines.append(("doubt", f"Nothing is taken: {told.refusal[1]}. {_sentence(remedy(*told.refusal))}"))
    for choice in told.choices:
        lines += [("", _sentence(why)) for why in choice.why]
        if choice.losses:
            lines.append(
                ("", "Left behind: " + ", ".join(f"{n} {k.replace('_', ' ')}" for k, n in choice.losses.items()))
            )
        lines += [
            ("doubt", f"{_sentence(detail)} {_sentence(remedy(code, detail))}") for code, detail in choice.warnings
        ]
    items = "".join(f'<li class="{kind}">{escape(text)}</li>' for kind, text in lines)
    return f'<ul class="because">{items}</ul>'


def _part(told: Explanation, part: PartTold) -> str:
    notes = told.piece.parts[part.number - 1].notes
    picture = thumb([(n.start, n.duration, n.pitch) for n in notes]) if notes else ""
    share = f"{part.share:.0%}".replace("%", " %") if part.share is not None else ""
    chosen = ' class="chosen"' if part.verdict == "picked" else ""
    facts = " · ".join(f for f in (f"{part.notes:,} notes", told_range(part), part.instrument) if f)
    name = escape(part.name or f"part {part.number}")
    said = escape(told_reasons(part).replace("-", "−"))
    return (
        f"<li{chosen}><span>{part.number}</span><div><h3>{name}</h3>{facts}</div><div>{picture}</div>"
        f'<div><span class="share">{share}</span> {escape(part.verdict)}<br>{said}</div></li>'
    )


def _roll_box(told: Explanation) -> str:
    roll = roll_svg(told)
    if not roll:
        return ""
    legend = (
        '<div class="key-line"><span><i></i>picked</span><span><i class="lost"></i>of the same part, left</span>'
        '<span><i class="left"></i>other parts</span></div>'
    )
    width = int(roll.split('width="', 1)[1].split('"', 1)[0])
    natural = width if width > 1.25 * WIDE else 600
    box = f'<div class="roll-scroll">{roll}</div>{legend}'
    return f'<figure class="roll-box" style="--natural:{natural}px">{box}</figure>'


def roll_svg(told: Explanation) -> str:
    """All pitched parts on one roll: other parts grey, the picked part pale, the melody in ink.

    Empty for a piece without pitched notes.
    """
    piece = told.piece
    chosen = {choice.part for choice in told.choices}
    others = [n for i, p in enumerate(piece.parts) if not p.is_drum and i not in chosen for n in p.notes]
    same = [n for i, p in enumerate(piece.parts) if i in chosen for n in p.notes]
    picked = [(choice.melody.timeline.ticks_per_quarter, choice.melody.notes) for choice in told.choices]
    pitches = {n.pitch for n in (*others, *same)} | {n.pitch for _, notes in picked for n in notes}
    if not pitches:
        return ""
    low, high = min(pitches) - 2, max(pitches) + 2
    per_quarter = piece.timeline.ticks_per_quarter
    quarters = max(piece.timeline.length / per_quarter, 1.0)
    scale = min(PER_QUARTER, MOST_WIDE / quarters)
    scale = max(scale, (WIDE - EDGE) / quarters)
    width, height = round(EDGE + quarters * scale), (high - low + 1) * ROW + 8
    layers = [
        ("left-notes", _path(others, per_quarter, scale, high)),
        ("lost-notes", _path(same, per_quarter, scale, high)),
        *(("picked-notes", _path(notes, ticks, scale, high)) for ticks, notes in picked),
    ]
    shapes = "".join(f'<path class="{kind}" d="{d}"/>' for kind, d in layers if d)
    return (
        f'<svg class="score-roll" xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" role="img" '
        f'aria-label="all parts on a roll" viewBox="0 0 {width} {height}">'
        f"{_lines(told, low, high, scale, width)}{shapes}</svg>"
    )


def _path(notes: Iterable[Note], ticks_per_quarter: int, scale: float, high: int) -> str:
    """Notes as boxes in one path."""
    boxes = []
    for note in notes:
        x, wide = EDGE + note.start / ticks_per_quarter * scale, note.duration / ticks_per_quarter * scale
        wide = max(wide - 0.6, 0.8)
        boxes.append(f"M{x:.1f} {4 + (high - note.pitch) * ROW + 0.4:.1f}h{wide:.1f}v{ROW - 0.8:.1f}h-{wide:.1f}z")
    return "".join(boxes)


def _lines(told: Explanation, low: int, high: int, scale: float, width: int) -> str:
    """Bars, and the line under every C with its name."""
    timeline = told.piece.timeline
    bars = "".join(
        f"M{EDGE + line / timeline.ticks_per_quarter * scale:.1f} 4v{(high - low + 1) * ROW}"
        for line in timeline.barlines()
    )
    shapes = [f'<path class="bars" d="{bars}" stroke-width="0.7" fill="none"/>']
    for pitch in range(low, high + 1):
        if pitch % 12 == 0:
            y = 4 + (high - pitch + 1) * ROW
            shapes.append(f'<path class="octaves" d="M{EDGE} {y}H{width}" stroke-width="1"/>')
            shapes.append(f'<text x="{EDGE - 6}" y="{y - 0.5}" text-anchor="end">{pitch_name(pitch)}</text>')
    return "".join(shapes)


def _sentence(text: str) -> str:
    text = text.strip()
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith('.') else '.'}"
