"""Show several melodies in one frame of a notebook: a card each, with roll and player, its staff behind a click.

Sound is encoded smaller than that of a melody shown alone, so that twenty short tunes stay under 3.5 MB.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from ritornello.plural import counted
from ritornello.render.page import NARROW, Exhibit, compact_card, document, framed

MOST_SECONDS = 600.0  # of sound in one frame
CARD_HEIGHT = 268  # pixels, with the gap below; half of it where two cards stand side by side
HIGHEST = 860  # pixels; more cards scroll inside their frame
HEAD_HEIGHT = 64


def shown_first(seconds: Sequence[float]) -> int:
    """Count the melodies of one gallery from their seconds: at least one, MOST_SECONDS in all."""
    total, count = 0.0, 0
    for length in seconds:
        total += length
        if count and total > MOST_SECONDS:
            break
        count += 1
    return count


def gallery_html(items: Sequence[Exhibit], total: int, name: str = "", noun: str = "melody") -> str:
    """Make the HTML of a notebook cell that shows these melodies, the first of `total`.

    name: a word or two above the cards, such as the corpus that they are from. noun: what one of them is.
    """
    words = counted(total, noun)
    if len(items) < total:
        words = f"{len(items)} of {words}; a slice such as [{len(items)}:{2 * len(items)}] shows more"
    head = f'<p class="meta gallery-head">{escape(f"{name}: " if name else "")}{escape(words)}</p>'
    cards = "\n".join(compact_card(item, NARROW) for item in items)
    body = f'<section class="gallery">\n{head}\n<div class="cards">\n{cards}\n</div>\n</section>'
    rows = -(-len(items) // 2)
    height = min(HEAD_HEIGHT + rows * CARD_HEIGHT, HIGHEST)
    return framed(document(name or words, "frame", body), name or words, height)
