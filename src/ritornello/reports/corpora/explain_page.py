"""An explanation as a page: the melody on a staff, and on a roll with what was left, part by part."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from pathlib import PurePath

from ritornello.corpus.pick.pick import PickedMelody
from ritornello.corpus.report import remedy
from ritornello.music.keys import pitch_name
from ritornello.music.values import Note, Piece
from ritornello.render.page import NARROW, WIDE
from ritornello.render.staff import staff_svg
from ritornello.reports.corpora.explain import Explanation, PartVerdict, headline
from ritornello.reports.web_page import document, masthead, sentence, thumb

PIECES = 12  # of a tune book that are shown; the text on the terminal has all
STAFF_NOTES = 600  # a longer melody is engraved as far as that
PER_QUARTER = 14  # pixels of the roll
MOST_WIDE = 20000  # pixels of the roll
ROW = 5  # pixels to a semitone
EDGE = 34  # pixels at the left for the names of the octaves


def explanation_page(found: Sequence[Explanation], name: str) -> str:
    """Make the page of a file that is called `name`: a whole HTML document of UTF-8."""
    head = masthead(PurePath(name).name, "What a corpus takes from this file, and what it leaves.")
    more = f"<p class='lede'>and {len(found) - PIECES} more pieces</p>" if len(found) > PIECES else ""
    return document(PurePath(name).name, "\n".join([head, *map(_card, found[:PIECES]), more]))


def _card(one: Explanation) -> str:
    file = PurePath(one.source).name
    if one.piece is None:
        words = f'<ul class="because"><li class="doubt">{escape(sentence(one.refusal_text or one.kept))}</li></ul>'
        return f'<section class="card"><div class="tune-head"><h2>{escape(file)}</h2></div>{words}</section>'
    rows = "".join(_part_row(one.piece, part) for part in one.parts)
    body = "".join(_staff(choice) for choice in one.choices) + _roll_box(one, one.piece) + _because(one)
    return (
        f'<section class="card"><div class="tune-head"><h2>{escape(one.piece.title or file)}</h2>'
        f'<p class="meta">{escape(headline(one.piece))}</p></div>{body}'
        f'<ol class="contest">{rows}</ol></section>'
    )


def _staff(choice: PickedMelody) -> str:
    """Engrave a melody, for wide and for narrow screens."""
    melody = choice.melody
    if not melody.notes:
        return ""
    if len(melody.notes) > STAFF_NOTES:
        melody = melody.between(0, melody.notes[STAFF_NOTES].start)
    wide, narrow = (staff_svg(melody, width, paper=None, with_title=False) for width in (WIDE, NARROW))
    return f'<figure class="paper"><div class="wide">{wide}</div><div class="narrow">{narrow}</div></figure>'


def _because(one: Explanation) -> str:
    """List in sentences why this part was picked, what it cost, and what is doubtful."""
    lines = [("doubt", _doubt(remark)) for remark in one.remarks]
    if one.refusal:
        lines.append(("doubt", f"Nothing is taken: {one.refusal[1]}. {sentence(remedy(*one.refusal))}"))
    for choice in one.choices:
        lines += [("", sentence(why)) for why in choice.why]
        losses = ", ".join(f"{n} {name.replace('_', ' ')}" for name, n in choice.losses.items())
        lines += [("", f"Left behind: {losses}")] if losses else []
        lines += [("doubt", _doubt(warning)) for warning in choice.warnings]
    items = "".join(f'<li class="{kind}">{escape(text)}</li>' for kind, text in lines)
    return f'<ul class="because">{items}</ul>'


def _doubt(remark: tuple[str, str]) -> str:
    code, detail = remark
    return f"{sentence(detail)} {sentence(remedy(code, detail))}"


def _part_row(piece: Piece, part: PartVerdict) -> str:
    notes = piece.parts[part.number - 1].notes
    picture = thumb([(n.start, n.duration, n.pitch) for n in notes]) if notes else ""
    chosen = ' class="chosen"' if part.verdict == "picked" else ""
    words = " · ".join(filter(None, (f"{part.notes:,} notes", part.pitch_range, part.instrument)))
    name = escape(part.name or f"part {part.number}")
    reasons = escape(part.reasons_text.replace("-", "−"))
    return (
        f"<li{chosen}><span>{part.number}</span><div><h3>{name}</h3>{words}</div><div>{picture}</div>"
        f'<div><span class="share">{part.share_text}</span> {escape(part.verdict)}<br>{reasons}</div></li>'
    )


def _roll_box(one: Explanation, piece: Piece) -> str:
    roll = roll_svg(one, piece)
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


def roll_svg(one: Explanation, piece: Piece) -> str:
    """Draw all pitched parts on one roll: others grey, the picked one pale, its melody in ink.

    Empty for a piece without pitched notes.
    """
    chosen = {index for choice in one.choices for index in (choice.part, *choice.joined)}
    others = [n for i, p in enumerate(piece.parts) if not p.is_drum and i not in chosen for n in p.notes]
    same = [n for i, p in enumerate(piece.parts) if i in chosen for n in p.notes]
    picked = [(choice.melody.timeline.ticks_per_quarter, choice.melody.notes) for choice in one.choices]
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
        f"{_lines(piece, low, high, scale, width)}{shapes}</svg>"
    )


def _path(notes: Iterable[Note], ticks_per_quarter: int, scale: float, high: int) -> str:
    """Draw notes as boxes in one path."""
    boxes = []
    for note in notes:
        x, wide = EDGE + note.start / ticks_per_quarter * scale, note.duration / ticks_per_quarter * scale
        wide = max(wide - 0.6, 0.8)
        boxes.append(f"M{x:.1f} {4 + (high - note.pitch) * ROW + 0.4:.1f}h{wide:.1f}v{ROW - 0.8:.1f}h-{wide:.1f}z")
    return "".join(boxes)


def _lines(piece: Piece, low: int, high: int, scale: float, width: int) -> str:
    """Draw the barlines, and a line with its name under every C."""
    timeline = piece.timeline
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
