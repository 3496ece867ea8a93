"""Show several melodies in one frame of a notebook: a card each, with roll and player, its staff behind a click.

Sound is encoded smaller than that of a melody shown alone, so that twenty short tunes stay under 3.5 MB.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from ritornello.plural import counted
from ritornello.render.page import NARROW, Exhibit, compact_card, document, framed, web_text

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


def gallery_html(items: Sequence[Exhibit], total: int, name: str = "", noun: str = "melody", sliced: str = "") -> str:
    """Make the HTML of a notebook cell that shows these melodies, the first of `total`.

    name: a word or two above the cards, such as the corpus that they are from. noun: what one of them is. sliced:
    what is written before a slice that shows more; "" for nothing.
    """
    words = counted(total, noun)
    if len(items) < total:
        words = f"{len(items)} of {words}; a slice such as {sliced}[{len(items)}:{2 * len(items)}] shows more"
    head = f'<p class="meta gallery-head">{escape(f"{name}: " if name else "")}{escape(words)}</p>'
    cards = "\n".join(compact_card(item, NARROW) for item in items)
    body = f'<section class="gallery">\n{head}\n<div class="cards">\n{cards}\n</div>\n</section>'
    rows = -(-len(items) // 2)
    height = min(HEAD_HEIGHT + rows * CARD_HEIGHT, HIGHEST)
    return framed(document(name or words, "frame", body), name or words, height)


CHOICE_STYLE = """
.draft .compact { margin: 0 0 0.4rem; width: 100%; min-width: 0; padding: 0.8rem 1rem 0.7rem; }
.draft { border: 2px solid transparent; border-radius: 0.8rem; padding: 0.4rem; min-width: 0; }
.draft.kept { border-color: var(--accent); }
.draft .why { margin: 0 0.2rem 0.4rem; font: 0.82rem/1.5 var(--sans); color: var(--soft); }
.choice .keep, .choice footer button { font: inherit; padding: 0.4rem 1rem; border: 1px solid var(--rule);
  border-radius: 999px; background: none; color: inherit; cursor: pointer; }
.choice .keep[aria-pressed="true"] { background: var(--accent); color: var(--on-accent); }
.choice footer button:disabled { opacity: 0.5; cursor: default; }
.choice footer { margin: 1rem 0.2rem; } .choice code { margin-left: 1rem; white-space: pre-wrap; }
"""

UNTRUSTED = (  # JupyterLab opens a page without its scripts, until it is trusted
    '<noscript><p class="why">Nothing can be kept yet, since the scripts of this page do not run: in JupyterLab '
    "press <b>Trust HTML</b> above it, or open the file from its folder.</p></noscript>\n"
)


def choice_html(items: Sequence[Exhibit], names: Sequence[str], reasons: Sequence[str], title: str) -> str:
    """Make a page of tunes side by side, of which clicks keep some to be saved.

    names: of their files, without suffix. reasons: a line on each, "" for none.
    """
    cards = [
        f'<section class="draft" data-number="{number}" data-name="{escape(name)}">\n{compact_card(item, NARROW)}\n'
        + (f'<p class="why">{escape(reason)}</p>\n' if reason else "")
        + f'<button class="keep" aria-pressed="false" aria-label="Keep {escape(item.name)}">Keep</button>\n</section>'
        for number, (item, name, reason) in enumerate(zip(items, names, reasons, strict=True), 1)
    ]
    head = (
        f'<header class="masthead">\n<p class="mark">ritornello</p>\n<h1>{escape(title)}</h1>\n{UNTRUSTED}</header>'
    )
    foot = (
        '<footer><button id="save-kept" disabled>Save</button><code id="kept-calls"></code>\n'
        '<p class="why">The words beside the button write your choice down in kept.jsonl: on the command line, or in '
        "Python.</p></footer>"
    )
    body = f'<main class="choice">\n{head}\n<div class="cards">\n{"".join(cards)}\n</div>\n{foot}\n</main>'
    script = web_text("player.js") + web_text("choose.js")
    return document(title, "page", body, CHOICE_STYLE, script)
