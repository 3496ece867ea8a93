"""The report of a corpus as a page to look at: what stands out, what is in it, what was left out and why.

One HTML text that holds everything it needs; its policy forbids fetching anything and running any script. The same
corpus gives the same bytes.
"""

from __future__ import annotations

import re
from collections import Counter
from html import escape
from pathlib import PurePath
from typing import Any

import numpy as np

from ritornello.corpus.families.families import copies_across
from ritornello.corpus.families.variants import Family, families_of
from ritornello.corpus.report import KEPT
from ritornello.corpus.store import Corpus
from ritornello.music.keys import pitch_name, plain_key
from ritornello.plural import counted
from ritornello.reports.corpora import charts
from ritornello.reports.corpora.describe import contents
from ritornello.reports.corpora.outliers import outliers
from ritornello.reports.corpora.summary import FILES, ReportRow, Summary, summarise
from ritornello.reports.web_page import card, document, masthead, sentence, thumb
from ritornello.wording import by_face

LEFT_OUT = "What was left out, and what would help"
FAMILIES = 12
MOST_FAMILIES = 3000  # pieces with copies or variants; of more only the count is shown: comparing all takes its time


def report_page(corpus: Corpus, name: str = "") -> str:
    """Make the page of a corpus that is called `name`: a whole HTML document of UTF-8.

    Without a name it is called after the folder that its files lie in.
    """
    description, report = contents(corpus), summarise(corpus.report)
    folder = report.folder[-1].strip("/\\") if report.folder else ""
    name = name or (folder if folder.strip(".") else "corpus")
    reasons = "".join(_reason(row) for row in report.rows if row.status != KEPT)
    left_out = reasons and card(LEFT_OUT, "", f'<div class="reasons">{reasons}</div>')
    sections = [_strange(corpus), _inside(corpus, description), left_out, _families(corpus, report)]
    head = masthead(name, _intro(corpus, description), _figures(corpus, description, report))
    foot = (
        f'<footer class="colophon">Fingerprint <code>{corpus.fingerprint[:16]}</code>. Every file has its line in '
        "<code>report.jsonl</code>. The page holds everything it needs.</footer>"
    )
    return document(name, "\n".join([head, *filter(None, sections), foot]))


def _intro(corpus: Corpus, description: dict[str, Any]) -> str:
    """Write what a visitor should know first, in two or three sentences."""
    lengths = [part.notes for _, part in corpus.slices()]
    low, high = (round(v) for v in np.quantile(lengths or [0], [0.25, 0.75]))
    pitches = corpus.notes["pitch"]
    text = f"Half of the melodies have {low:,} to {high:,} notes"
    if len(pitches):
        bottom, top = (pitch_name(int(v)) for v in np.quantile(pitches, [0.05, 0.95], method="nearest"))
        text += f", and nine notes in ten lie between {bottom} and {top}"
    metre, count = next(iter(description["metres"].items()))
    text += f". {_share(count, description['melodies'])} are in {metre}"
    majors = sum(n for key, n in description["keys"].items() if key.endswith("major"))
    known = description["melodies"] - description["keys"].get("not known", 0)
    return text + (f", {_share(majors, known)} of those with a key in major." if known else ".")


def _figures(corpus: Corpus, description: dict[str, Any], report: Summary) -> dict[str, str]:
    """Count what is in the corpus, and what was left out; empty where a number says nothing new."""
    pieces, melodies, families = (description[name] for name in ("pieces", "melodies", "families"))
    seconds = sum(s.timeline.seconds(s.timeline.length) for _, s in corpus.slices())
    return {
        "tunes": f"{pieces:,}",
        "melodies": f"{melodies:,}" if melodies != pieces else "",
        "notes": f"{description['notes']:,}",
        "of music": f"{seconds / 3600:.1f} h" if seconds >= 5400 else f"{seconds / 60:.0f} min",
        "families": f"{families:,}" if families != pieces else "",
        "files read": f"{report.files:,}" if report.files else "",
        "left out": f"{report.dropped:,}" if report.files else "",
    }


def _strange(corpus: Corpus) -> str:
    found = outliers(corpus)
    if not found:
        return ""
    items = []
    for one in found:
        title = one.piece.title or PurePath(one.piece.source).name
        notes = corpus.notes[one.part.first : one.part.stop]
        picture = thumb([(start, duration, pitch) for start, duration, pitch, *_ in notes.tolist()])
        reasons = (words.partition("; ") for words in one.why)
        why = "".join(f'<p class="why">{escape(here)} <i>({escape(usual)})</i></p>' for here, _, usual in reasons)
        near = "/".join(PurePath(one.piece.source).parts[-2:])
        source = f'<p class="from" title="{escape(one.piece.source)}">{escape(near)}</p>'
        items.append(f"<li>{picture}<div><h3>{escape(title)}</h3>{why}{source}</div></li>")
    return card(
        "What stands out",
        "The tunes least like the others. They may be treasures, or files that were read wrongly: "
        f"<code>{by_face('ritornello corpus explain FILE', 'rito.explain_file(FILE)')}</code> shows what was picked.",
        '<ol class="strange">{}</ol>'.format("\n".join(items)),
    )


def _inside(corpus: Corpus, description: dict[str, Any]) -> str:
    """Draw pitches, durations, metres, keys, lengths, tempos and splits."""
    pitches, lengths, tempos = (
        {int(value): n for value, n in description[name].items()} for name in ("pitches", "lengths", "tempos")
    )
    durations = charts.name_bars(charts.even_lengths(description["durations"]), charts.length_name)
    body = [
        charts.figure("Pitch", "notes", charts.pitch_columns(pitches), True),
        charts.figure("Duration", "notes", durations),
        charts.figure("Metre", "melodies", charts.name_bars(description["metres"])),
        charts.figure("Length in bars", "melodies", charts.scale_columns(lengths, "melodies")),
        charts.figure("Quarters a minute", "melodies", charts.scale_columns(tempos, "melodies")),
    ]
    keys = Counter(plain_key(s.timeline.key)[1:] for _, s in corpus.slices() if s.timeline.key)
    if keys:
        unknown = description["keys"].get("not known", 0)
        legend = '<span class="swatch"></span>major<span class="swatch cool"></span>minor'
        note = (f"{unknown:,} without a key" if unknown else "melodies") + legend
        body.append(charts.figure("Key", note, charts.key_columns(keys), True))
    splits = description["splits"].items()
    boxes = "".join(f'<i style="flex:{count["pieces"]}" title="{name}"></i>' for name, count in splits)
    names = "".join(
        f"<span><b>{name}</b> {counted(count['pieces'], 'tune')}, {counted(count['notes'], 'note')}</span>"
        for name, count in splits
    )
    parts = f'<div class="parts">{boxes}</div><div class="parts-names">{names}</div>'
    body.append(charts.figure("Split", "by family", parts, True))
    return card("What is in it", "", f'<div class="charts">{"".join(body)}</div>')


def _reason(row: ReportRow) -> str:
    """Write a reason for what was dropped or doubted, with its remedy and its files."""
    items = [f"<li><b>{escape(path)}</b> {escape(detail)}</li>" for path, detail in row.listed]
    if row.files > len(items):
        items.append(f"<li>and {row.files - len(items):,} more, in report.jsonl</li>")
    kind = "kept, with a doubt" if row.status == "doubt" else "left out"
    which = "the file" if row.files == 1 else "the files"
    help_ = re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(sentence(row.remedy)))
    return (
        f'<div class="reason"><strong>{row.files:,}</strong><div><p>{help_}</p>'
        f'<p class="code"><code>{escape(row.reason)}</code> · {kind}</p>'
        f"<details><summary>{which}</summary><ul>{''.join(items)}</ul></details>"
        "</div></div>"
    )


def _families(corpus: Corpus, report: Summary) -> str:
    related = len(corpus) - len({p.family for p in corpus.pieces}) + report.copies
    if not related:
        return ""
    across = len(copies_across(corpus))
    straddling = "No family lies in two splits."
    if across:
        straddling = (
            f"<b>{across:,} validation or test {'tune has' if across == 1 else 'tunes have'} a copy or variant in "
            "training</b> (<code>copies_across</code>): the split was given, and is kept so."
        )
    if related > MOST_FAMILIES:
        return card("Families", f"{related:,} tunes are copies or variants of others. {straddling}", "")
    found = families_of(corpus)
    body = "".join(_family(f) for f in found[:FAMILIES])
    more = f" Here are the largest {FAMILIES}." if len(found) > FAMILIES else ""
    words = f"{len(found):,} tunes have copies or variants. {straddling}"
    lists = by_face("ritornello corpus show --families", "rito.corpus_families(CORPUS)")
    return card("Families", f"{words}{more} <code>{lists}</code> lists them all.", body)


def _family(family: Family) -> str:
    items = []
    for member in family.members[1:FILES]:
        why = member.variant.words(PurePath(member.nearest).name) if member.variant else ""
        items.append(f"<li>{escape(member.source)}{'' if member.kept else ' (left out)'}: {escape(why)}</li>")
    return f'<div class="family"><h3>{escape(family.members[0].source)}</h3><ul>{"".join(items)}</ul></div>'


def _share(count: int, total: int) -> str:
    return f"{100 * count / max(total, 1):.0f} %"
