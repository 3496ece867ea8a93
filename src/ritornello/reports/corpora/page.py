"""The report of a corpus as a page to look at: what stands out, what is in it, what was left out and why.

One HTML text that holds everything it needs; its policy forbids fetching anything and running any script. The same
corpus gives the same bytes.
"""

from __future__ import annotations

import re
from collections import Counter
from html import escape
from pathlib import Path, PurePath
from typing import Any

import numpy as np

from ritornello import atomic
from ritornello.corpus.families.judge import copies_across
from ritornello.corpus.families.kin import Family, families_of
from ritornello.corpus.folder import PAGE
from ritornello.corpus.report import KEPT
from ritornello.corpus.store import Corpus
from ritornello.render.roll import pitch_name
from ritornello.reports.corpora import charts
from ritornello.reports.corpora.describe import contents
from ritornello.reports.corpora.digest import FILES, Digest, Told
from ritornello.reports.corpora.outliers import Outlier, outliers
from ritornello.reports.corpora.summary import Row
from ritornello.reports.web_page import card, document, thumb

FAMILIES = 12
MOST_FAMILIES = 3000  # pieces with kin; above that only the count is told, for comparing them all takes its time


def report_page(corpus: Corpus, name: str = "") -> str:
    """The page of a corpus that is called `name`: a whole HTML document of UTF-8.

    Without a name it is called after the folder that its files lie in.
    """
    told, digest = contents(corpus), Digest.of(corpus.report)
    name = name or _folder_name(digest)
    sections = [_strange(corpus), _inside(corpus, told), _left_out(digest), _kin(corpus, digest)]
    head = (
        f'<header class="masthead">\n<p class="mark">ritornello</p>\n<h1>{escape(name)}</h1>\n'
        f'<p class="intro">{_intro(corpus, told)}</p>\n{_facts(corpus, told, digest)}</header>'
    )
    foot = (
        f'<footer class="colophon">Fingerprint <code>{corpus.fingerprint[:16]}</code>. Every file has its line in '
        "<code>report.jsonl</code>. The page holds everything it needs.</footer>"
    )
    return document(name, "\n".join([head, *(s for s in sections if s), foot]))


def write_page(corpus: Corpus, folder: str | Path) -> None:
    """Write the page of a corpus into its folder. Raises OSError where it cannot be written."""
    atomic.write_text(Path(folder) / PAGE, report_page(corpus))


def _folder_name(digest: Digest) -> str:
    last = digest.folder[-1] if digest.folder else ""
    return last.strip("/\\") if last.strip("/\\.") else "corpus"


def _intro(corpus: Corpus, told: dict[str, Any]) -> str:
    """What a visitor should know first, in two or three sentences."""
    lengths = [part.notes for _, part in corpus.slices()]
    low, high = (round(v) for v in np.quantile(lengths or [0], [0.25, 0.75]))
    pitches = corpus.notes["pitch"]
    said = f"Half of the melodies have {low:,} to {high:,} notes"
    if len(pitches):
        bottom, top = (pitch_name(int(v)) for v in np.quantile(pitches, [0.05, 0.95], method="nearest"))
        said += f", and nine notes in ten lie between {bottom} and {top}"
    metre, count = next(iter(told["metres"].items()))
    said += f". {_share(count, told['melodies'])} are in {metre}"
    majors = sum(n for key, n in told["keys"].items() if key.endswith("major"))
    known = told["melodies"] - told["keys"].get("not known", 0)
    return said + (f", {_share(majors, known)} of those with a key in major." if known else ".")


def _facts(corpus: Corpus, told: dict[str, Any], digest: Digest) -> str:
    seconds = sum(s.timeline.seconds(s.timeline.length) for _, s in corpus.slices())
    length = f"{seconds / 3600:.1f} h" if seconds >= 5400 else f"{seconds / 60:.0f} min"
    facts = {
        "tunes": f"{told['pieces']:,}",
        "melodies": f"{told['melodies']:,}" if told["melodies"] != told["pieces"] else "",
        "notes": f"{told['notes']:,}",
        "of music": length,
        "families": f"{told['families']:,}" if told["families"] != told["pieces"] else "",
        "files read": f"{digest.files:,}" if digest.files else "",
        "left out": f"{digest.dropped:,}" if digest.files else "",
    }
    rows_ = [f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in facts.items() if value]
    return f'<dl class="facts">{"".join(rows_)}</dl>\n'


def _strange(corpus: Corpus) -> str:
    found = outliers(corpus)
    if not found:
        return ""
    items = "\n".join(_stranger(corpus, o) for o in found)
    return card(
        "What stands out",
        "The tunes least like the others. They may be treasures, or files that were read wrongly: "
        "<code>ritornello corpus explain FILE</code> shows what was picked.",
        f'<ol class="strange">{items}</ol>',
    )


def _stranger(corpus: Corpus, found: Outlier) -> str:
    title = found.piece.title or PurePath(found.piece.source).name
    why = "".join(f'<p class="why">{_why(words)}</p>' for words in found.why)
    near = "/".join(PurePath(found.piece.source).parts[-2:])
    source = f'<p class="from" title="{escape(found.piece.source)}">{escape(near)}</p>'
    return f"<li>{_thumb(corpus, found)}<div><h3>{escape(title)}</h3>{why}{source}</div></li>"


def _why(words: str) -> str:
    here, _, usual = words.partition("; ")
    return f"{escape(here)} <i>({escape(usual)})</i>"


def _thumb(corpus: Corpus, found: Outlier) -> str:
    notes = corpus.notes[found.part.first : found.part.stop]
    return thumb([(start, duration, pitch) for start, duration, pitch, *_ in notes.tolist()])


def _inside(corpus: Corpus, told: dict[str, Any]) -> str:
    """Pitches, durations, metres, keys, lengths, tempos and splits."""
    slices = [part for _, part in corpus.slices()]
    keys = Counter((s.timeline.key.fifths, s.timeline.key.mode) for s in slices if s.timeline.key)
    unknown = told["keys"].get("not known", 0)
    legend = '<span class="swatch"></span>major<span class="swatch cool"></span>minor'
    body = [
        charts.figure("Pitch", "notes", charts.pitch_columns({int(p): n for p, n in told["pitches"].items()}), True),
        charts.figure("Duration", "notes", _durations(told["durations"])),
        charts.figure("Metre", "melodies", charts.name_bars(told["metres"])),
        charts.figure("Length in bars", "melodies", charts.scale_columns(_whole(told["lengths"]), "melodies")),
        charts.figure("Quarters a minute", "melodies", charts.scale_columns(_whole(told["tempos"]), "melodies")),
    ]
    if keys:
        said = (f"{unknown:,} without a key" if unknown else "melodies") + legend
        body.append(charts.figure("Key", said, charts.key_columns(keys), True))
    body.append(charts.figure("Split", "by family", _splits(told), True))
    return card("What is in it", "", f'<div class="charts">{"".join(body)}</div>')


def _durations(durations: dict[str, int]) -> str:
    return charts.name_bars(charts.even_lengths(durations), charts.length_name)


def _whole(counts: dict[str, int]) -> dict[int, int]:
    return {int(value): n for value, n in counts.items()}


def _splits(told: dict[str, Any]) -> str:
    boxes = [f'<i style="flex:{c["pieces"]}" title="{name}"></i>' for name, c in told["splits"].items()]
    names = [
        f"<span><b>{name}</b> {count['pieces']:,} tunes, {count['notes']:,} notes</span>"
        for name, count in told["splits"].items()
    ]
    return f'<div class="parts">{"".join(boxes)}</div><div class="parts-names">{"".join(names)}</div>'


def _left_out(digest: Digest) -> str:
    """Reasons for what was dropped and doubted, each with its remedy and its files."""
    wanting = [row for row in digest.rows if row.status != KEPT]
    if not wanting:
        return ""
    body = "".join(_reason(row, digest.told[row.status, row.reason]) for row in wanting)
    return card("What was left out, and what would help", "", f'<div class="reasons">{body}</div>')


def _reason(row: Row, told: Told) -> str:
    items = [f"<li><b>{escape(path)}</b> {escape(detail)}</li>" for path, detail in told.first]
    if told.more:
        items.append(f"<li>and {told.more:,} more, in report.jsonl</li>")
    kind = "kept, with a doubt" if row.status == "doubt" else "left out"
    which = "the file" if row.files == 1 else "the files"
    return (
        f'<div class="reason"><strong>{row.files:,}</strong><div><p>{_marked(_sentence(row.remedy))}</p>'
        f'<p class="code"><code>{escape(row.reason)}</code> · {kind}</p>'
        f"<details><summary>{which}</summary><ul>{''.join(items)}</ul></details>"
        "</div></div>"
    )


def _kin(corpus: Corpus, digest: Digest) -> str:
    related = len(corpus) - len({p.family for p in corpus.pieces}) + digest.copies
    if not related:
        return ""
    if related > MOST_FAMILIES:
        return card("Families", f"{related:,} tunes are copies or variants of others. {_straddling(corpus)}", "")
    found = families_of(corpus)
    body = "".join(_family(f) for f in found[:FAMILIES])
    more = f" Here are the largest {FAMILIES}." if len(found) > FAMILIES else ""
    words = f"{len(found):,} tunes have copies or variants. {_straddling(corpus)}"
    return card("Families", f"{words}{more} <code>ritornello corpus show --families</code> tells them all.", body)


def _straddling(corpus: Corpus) -> str:
    """Whether families lie in two splits."""
    across = len(copies_across(corpus))
    if not across:
        return "No family lies in two splits."
    which = "tune has" if across == 1 else "tunes have"
    return (
        f"<b>{across:,} validation or test {which} a copy or variant in training</b> (<code>copies_across</code>): "
        "the split was given, and is kept so."
    )


def _family(family: Family) -> str:
    items = []
    for member in family.members[1:FILES]:
        why = member.kinship.words(PurePath(member.twin).name) if member.kinship else ""
        items.append(f"<li>{escape(member.source)}{'' if member.kept else ' (left out)'}: {escape(why)}</li>")
    return f'<div class="family"><h3>{escape(family.members[0].source)}</h3><ul>{"".join(items)}</ul></div>'


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _marked(text: str) -> str:
    """Words as HTML, what stands between backticks as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


def _share(count: int, total: int) -> str:
    return f"{100 * count / max(total, 1):.0f} %"
