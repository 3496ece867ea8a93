"""Show melodies in a browser: staff, piano roll with a cursor, player, figures and files, in one HTML.

The same frame stands alone, in a page of several melodies, and in a notebook cell. Everything is inside the
text and a content security policy in it forbids fetching anything. The templates are in `web/`.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache
from hashlib import sha256
from html import escape
from importlib.resources import files as package_files
from itertools import pairwise
from pathlib import PurePath
from urllib.parse import quote

from ritornello.music.beats import tempo_mark
from ritornello.music.errors import MusicFileError
from ritornello.music.files import encoded
from ritornello.music.keys import key_name
from ritornello.music.lines import part_lines
from ritornello.music.values import NO_IMPRINT, Imprint, Melody, Piece
from ritornello.plural import counted
from ritornello.render.roll import (
    ON_PAPER,
    PART_COLOURS,
    SURPRISE,
    beat_ticks,
    parts_roll_svg,
    roll_svg,
    surprise_colour,
)
from ritornello.render.staff import piece_svg, staff_svg, svg_size
from ritornello.render.words import bars_in_words, primer_in_words

WIDE, NARROW = 860, 400  # pixels for which the two staves are engraved; style sheet and screen choose between them
ROLL_SHRINKS_TO = 600  # pixels; a roll of a dozen bars shrinks so far on a small screen, a longer one scrolls
LONG_ROLL = 1.25 * WIDE
MAX_FRAME_HEIGHT = 1200  # pixels; a longer melody scrolls inside its frame
SIGNS = {"whole": "𝅝", "half": "𝅗𝅥", "quarter": "♩", "eighth": "♪", "16th": "𝅘𝅥𝅯"}

Figure = str | int | float

_FILE_TYPES = {
    ".mid": ("MIDI", "audio/midi"),
    ".musicxml": ("MusicXML", "application/vnd.recordare.musicxml+xml"),
    ".abc": ("ABC", "text/vnd.abc"),
    ".svg": ("SVG", "image/svg+xml"),
    ".png": ("PNG", "image/png"),
}
_SOUND_NAMES = {"audio/ogg": "ogg", "audio/mpeg": "mp3", "audio/wav": "wav", "audio/flac": "flac"}


_PART_NOTE = re.compile(r'data-part="(\d+)" data-note="(\d+)"')


@dataclass(frozen=True, slots=True)
class Exhibit:
    """A melody to be shown, with its sound, figures and files.

    audio: the bytes of its sound file, which begins where the melody begins, or None for a silent picture;
    audio_mime: "audio/ogg", "audio/mpeg", "audio/wav" ... title: the melody's own if empty.
    figures: name to value, shown below. probabilities: (notes,) for a roll coloured by surprise (see `roll_svg`).
    files: name to content, for links to save them; MIDI and MusicXML are added where they are not given, with the
    `imprint`. primer_notes: so many notes at the beginning are a primer, told apart by their colour and in words.
    call: a call in Python with {bars} in it, for which bars can be chosen by clicking; "" for none.
    is_tinted: whether the staff begins in the colours of surprise; where there are any, a click changes it.
    piece: several parts that are drawn and written instead of the melody, which is their highest line.
    """

    melody: Melody
    audio: bytes | None = None
    audio_mime: str = "audio/ogg"
    title: str = ""
    figures: Mapping[str, Figure] = field(default_factory=dict)
    probabilities: Sequence[float] | None = None
    files: Mapping[str, bytes] = field(default_factory=dict)
    imprint: Imprint = NO_IMPRINT
    primer_notes: int = 0
    piece: Piece | None = None
    call: str = ""
    is_tinted: bool = False

    @property
    def name(self) -> str:
        """What the melody is called on the page."""
        return self.title or self.melody.title or "Melody"


def page_html(
    items: Sequence[Exhibit], title: str, intro: str = "", figures: Mapping[str, Figure] | None = None
) -> str:
    """Make one self-contained page of any number of melodies, with title, intro and figures.

    The text is a whole HTML document of UTF-8, to be opened from disk or served; it fetches nothing.
    """
    table = figure_list(figures or {})
    words = f'<p class="intro">{escape(intro)}</p>' if intro else ""
    mark = '<p class="mark">ritornello</p>'
    head = f'<header class="masthead">\n{mark}\n<h1>{escape(title)}</h1>\n{words}\n{table}</header>'
    tunes = "\n".join(_tune(item) for item in items)
    foot = (
        '<footer class="colophon">Made with Ritornello, on this machine. The page holds everything it needs.</footer>'
    )
    return document(title, "page", f"<main>\n{head}\n{tunes}\n{foot}\n</main>")


def frame_html(item: Exhibit) -> str:
    """Make a self-contained document of one melody."""
    return document(item.name, "frame", _tune(item))


def notebook_html(item: Exhibit) -> str:
    """Make the HTML of a notebook cell: `frame_html` in an iframe that may only run scripts.

    An iframe with srcdoc is what Jupyter, Colab, VS Code, nbviewer and a static export have in common; its height
    is fixed beforehand, since a sandboxed frame cannot set its own.
    """
    content = frame_html(item)
    return framed(content, item.name, _frame_height(content, bool(item.audio), len(item.figures)))


def framed(content: str, name: str, height: int) -> str:
    """Put a whole HTML document into an iframe of so many pixels that may only run scripts.

    name: what screen readers call it. Quotation marks in the document, a fifth of its pictures, stay as they are.
    """
    inner = content.replace("&", "&amp;").replace("'", "&#39;")
    return (
        f'<iframe class="ritornello" title="{escape(name)}" sandbox="allow-scripts allow-downloads" '
        f'style="display:block;width:100%;max-width:960px;height:{height}px;border:0;color-scheme:light dark" '
        f"srcdoc='{inner}'></iframe>"
    )


def _frame_height(content: str, sounds: bool, figures: int) -> int:
    """Estimate the height of the frame in pixels at its full width; narrower screens scroll."""
    pictures = [svg_size(svg) for svg in re.findall(r'<svg [^>]*class="(?:staff|roll)[^>]*>', content)]
    staff, _narrow, roll = (height for _, height in pictures)
    legend = 34 if 'class="legend"' in content else 0
    rows = -(-figures // 5) * 78
    bars = content.count('aria-label="bar ')
    choice = 44 + 34 * -(-bars // 20) if bars else 0
    height = round(staff * 1.02 + roll + legend + 186 + (64 if sounds else 0) + rows + choice)
    return min(height, MAX_FRAME_HEIGHT)


def _tune(item: Exhibit) -> str:
    """Make the card of one melody or piece."""
    roll = _roll(item)
    natural, _ = svg_size(roll)
    return _filled(
        "tune.html",
        name=escape(item.name),
        state=" tinted" * item.is_tinted,
        meta=_meta(item.melody),
        staff_wide=_staff(item, WIDE),
        staff_narrow=_staff(item, NARROW),
        roll=roll,
        roll_width=f"{natural if natural > LONG_ROLL else ROLL_SHRINKS_TO:g}",
        legend=_legend(item),
        player=_player(item) if item.audio is not None else "",
        bar_choice=_bar_choice(item),
        figures=figure_list(item.figures),
        files=_files(item),
        abc=escape(_abc(item)),
        bars=_bars(item),
    )


def compact_card(item: Exhibit, width: int) -> str:
    """Make the small card of one melody: roll and player, the staff behind a click.

    width: of the staff, in pixels.
    """
    roll = _roll(item)
    staff = _staff(replace(item, probabilities=None), width) if item.melody.notes else ""
    return _filled(
        "card.html",
        name=escape(item.name),
        meta=_meta(item.melody),
        roll=roll,
        staff=staff,
        player=_player(item) if item.audio is not None else "",
        files=_files(item),
        abc=escape(_abc(item)),
        bars=_bars(item),
    )


def _roll(item: Exhibit) -> str:
    if item.piece is not None:
        return parts_roll_svg(item.piece, WIDE)
    return roll_svg(item.melody, item.probabilities, WIDE, item.primer_notes)


def _staff(item: Exhibit, width: int) -> str:
    """Engrave the staff of a card, or the staves of its parts; the title stands above it."""
    if item.piece is not None:
        return _PART_NOTE.sub(r'data-note="\1:\2"', piece_svg(item.piece, width, None, with_title=False))
    colours = [surprise_colour(share, ON_PAPER) for share in item.probabilities or ()]
    composer, primer = item.imprint.composer, item.primer_notes
    return staff_svg(item.melody, width, 42, None, composer, False, primer, colours)


def _abc(item: Exhibit) -> str:
    """Write the melody as ABC; "" where the format cannot express it."""
    with suppress(MusicFileError):
        return encoded(item.melody, "melody.abc", item.imprint).decode()
    return ""


def _bars(item: Exhibit) -> str:
    """List the bars in words, for screen readers, after a line on the primer."""
    primer = primer_in_words(item.melody, item.primer_notes)
    if item.piece is not None:
        parts = [(line.title, words) for line in part_lines(item.piece) for words in bars_in_words(line)]
        return "".join(f"<li>{escape(name)}: {escape(words)}</li>" for name, words in parts)
    lines = [*([f"{primer[0].upper()}{primer[1:]}"] if primer else []), *bars_in_words(item.melody)]
    return "".join(f"<li>{escape(words)}</li>" for words in lines)


def _player(item: Exhibit) -> str:
    seconds = item.melody.timeline.seconds(item.melody.timeline.barlines()[-1])
    return _filled(
        "player.html",
        name=escape(item.name),
        length=f"{int(seconds) // 60}:{int(seconds) % 60:02d}",
        seconds=f"{seconds:.2f}",
        beats=" ".join(f"{at:.3f},{int(is_first)}" for at, is_first in beat_times(item.melody)),
        audio=_data_url(item.audio_mime, item.audio or b""),
    )


def _bar_choice(item: Exhibit) -> str:
    """Make a row of bar numbers; clicks on two of them show a call with these."""
    timeline = item.melody.timeline
    lines = timeline.barlines()[timeline.pickup > 0 :]
    if not item.call or len(lines) < 2:
        return ""
    times = " ".join(f"{timeline.seconds(line):.4f}" for line in lines)
    buttons = "".join(
        f'<button type="button" aria-pressed="false" aria-label="bar {n}">{n}</button>' for n in range(1, len(lines))
    )
    words = '<span class="hint">Choose bars to rewrite: click the first, then the last one.</span>'
    return (
        f'<div class="bar-choice" data-call="{escape(item.call)}" data-times="{times}">{buttons}'
        f'<p>{words}<code tabindex="0" hidden></code></p></div>'
    )


def beat_times(melody: Melody) -> list[tuple[float, bool]]:
    """List the beats of a melody: seconds from its beginning, and whether a bar begins there."""
    timeline, times = melody.timeline, []
    for start, end in pairwise(timeline.barlines()):
        times.append((timeline.seconds(start), start > 0 or not timeline.pickup))
        times += [(timeline.seconds(int(tick)), False) for tick in beat_ticks(melody, start, end)]
    return times


def _meta(melody: Melody) -> str:
    """Write metre, key, tempo and length in a line: "6/8 · G major · ♩. = 60 · 8 bars"."""
    timeline = melody.timeline
    value, dots, minute = tempo_mark(timeline.qpm, timeline.metre)
    bars = len(timeline.barlines()) - 1 - bool(timeline.pickup)
    parts = [
        timeline.metre.name,
        key_name(timeline.key).replace("#", "♯").replace("b ", "♭ ") if timeline.key else "",
        f'<span class="note-sign">{SIGNS.get(value, value)}{"." * dots}</span> = {minute}',
        counted(bars, "bar"),
    ]
    return " · ".join(part for part in parts if part)


def _legend(item: Exhibit) -> str:
    """Explain the colours of a roll, where it has any."""
    parts = []
    if words := primer_in_words(item.melody, item.primer_notes):
        parts.append(f'<i class="primer"></i> {words}')
    for number, line in enumerate(part_lines(item.piece) if item.piece else ()):
        colour = PART_COLOURS[number % len(PART_COLOURS)]
        parts.append(f'<i style="flex: 0 0 1.1rem; background: {colour}"></i> {escape(line.title)}')
    if item.probabilities is not None:
        stops = ", ".join(f"rgb{colour}" for colour in SURPRISE)
        parts.append(f'expected <i style="background:linear-gradient(90deg, {stops})"></i> surprising')
        parts.append(_tint(item))
    lines = "".join(f"<span>{part}</span>" for part in parts)
    return f'<figcaption class="legend">{lines}</figcaption>' if lines else ""


def _tint(item: Exhibit) -> str:
    """Make the button that colours the staff by surprise, or black again."""
    is_pressed = str(item.is_tinted).lower()
    return f'<button class="tint" type="button" aria-pressed="{is_pressed}">colour the staff</button>'


def figure_list(figures: Mapping[str, Figure]) -> str:
    """List names and values side by side as HTML; numbers large, words smaller."""
    if not figures:
        return ""
    rows = []
    for name, value in figures.items():
        text = value if isinstance(value, str) else f"{value:,.2f}" if isinstance(value, float) else f"{value:,}"
        kind = ' class="words"' if isinstance(value, str) and len(value) > 12 else ""
        rows.append(f"<div><dt>{escape(name)}</dt><dd{kind}>{escape(text)}</dd></div>")
    return f'<dl class="facts">{"".join(rows)}</dl>\n'


def _files(item: Exhibit) -> str:
    """Make the links that save the melody; the script points the sound's at the player."""
    stem = re.sub(r"[^\w-]+", "-", item.name).strip("-").lower() or "melody"
    files = dict(item.files)
    for suffix in (".mid", ".musicxml"):
        if item.piece is None and not any(name.endswith(suffix) for name in files):
            with suppress(MusicFileError):  # a metre or tempo that the format cannot express
                files[f"{stem}{suffix}"] = encoded(item.melody, f"{stem}{suffix}", item.imprint)
    links = []
    for name, content in files.items():
        label, mime = _FILE_TYPES.get(PurePath(name).suffix.lower(), (name, "application/octet-stream"))
        links.append(f'<a download="{escape(name)}" href="{_data_url(mime, content)}">{escape(label)}</a>')
    if item.audio is not None:
        suffix = _SOUND_NAMES.get(item.audio_mime, "audio")
        links.append(f'<a data-sound download="{escape(stem)}.{suffix}" href="#">{suffix.upper()}</a>')
    return f'<p class="files">Save as {" ".join(links)}</p>'


def _data_url(mime: str, content: bytes) -> str:
    return f"data:{quote(mime, safe='/+;=')};base64,{b64encode(content).decode('ascii')}"


def document(title: str, kind: str, body: str, style: str = "", script: str | None = None) -> str:
    """Make a whole HTML document in the player's style, which may run one script alone.

    kind: "page" or "frame". style: more rules. script: the player's own where None.
    """
    script = web_text("player.js") if script is None else script
    digest = b64encode(sha256(f"\n{script}".encode()).digest()).decode("ascii")
    policy = (  # only our own script may run
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; "
        "media-src data:; img-src data:; base-uri 'none'; form-action 'none'"
    )
    return _filled(
        "page.html",
        policy=policy,
        title=escape(title),
        style=web_text("player.css") + style,
        kind=kind,
        body=body,
        script=script,
    )


@cache
def web_text(name: str) -> str:
    """Read a template, style sheet or script by its name."""
    return (package_files("ritornello.render") / "web" / name).read_text(encoding="utf-8")


def _filled(template: str, **values: str) -> str:
    """Replace each `{{name}}` of a template; the values themselves are not searched again."""
    return re.sub(r"\{\{(\w+)\}\}", lambda found: values[found[1]], web_text(template))
