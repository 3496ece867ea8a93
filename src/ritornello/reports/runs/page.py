"""The report of a run: one page with its curves, the coach's diagnoses, and the melodies sampled on the way.

`report.html` holds everything it needs; next to it are `curves.svg`, and `curves.png` where resvg_py is installed.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from importlib.resources import files as package_files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ritornello import atomic
from ritornello.encoding.options import encoding_in_words
from ritornello.music.values import Melody
from ritornello.render.line_chart import Curve, line_chart
from ritornello.reports.runs.coach import Log, clock, diagnose, final_line
from ritornello.reports.runs.log import ENDINGS, RunRecord
from ritornello.reports.web_page import card, document, masthead, sentence, thumb
from ritornello.training.run.folder import CURVES_NAMES, REPORT, REPORT_NAME, SAMPLES

WIDE, NARROW = 860, 400  # pixels; the style sheet of the pages shows one of the two
HEIGHT, NARROW_HEIGHT = 380, 320
MOST_SAMPLES = 12  # on the page; all of them are in samples/


def write_report(record: RunRecord, melodies: Mapping[str, Melody] = {}) -> Path:
    """Write report.html and the curves of a run into its folder, all of them or none.

    Before the first check nothing is written.
    melodies: samples by file name, as far as they are at hand; the others are read from the folder.
    Returns the page's path. Raises FileExistsError where one has changed since it was made, OSError naming what
    cannot be written.
    """
    page = record.folder / REPORT_NAME
    if not record.checks:
        return page
    svg = curves(record.log)
    drawn, pixels = (record.folder / name for name in CURVES_NAMES)
    files = [(page, report_page(record, melodies).encode()), (drawn, svg.encode())]
    if find_spec("resvg_py"):
        from ritornello.render.staff import svg_to_png

        files.append((pixels, svg_to_png(svg)))
    atomic.write_files(files, REPORT)
    return page


def curves(log: Log, width: int = WIDE, height: int = HEIGHT) -> str:
    """Draw the run's curves over epochs as SVG, with a dot at the best check.

    Raises ValueError before the first check.
    """
    return line_chart(lines_of(log), "epochs", "bits per note", width, height)


def lines_of(log: Log) -> list[Curve]:
    """Make the curves of training, validation and n-gram, in bits per note over epochs.

    Raises ValueError before the first check.
    """
    epochs = [point.epochs for point in log.points]
    best = (log.best.epochs, log.best.validation)
    lines = [Curve("training", epochs, [point.training for point in log.points], 1, is_faint=True)]
    if log.has_validation:
        lines.append(Curve("validation", epochs, [point.validation for point in log.points], 0, mark=best))
    if log.ngram is not None:
        lines.insert(0, Curve("n-gram", epochs, [log.ngram], 4, is_level=True))
    return lines


def report_page(record: RunRecord, melodies: Mapping[str, Melody] = {}) -> str:
    """Make the page as a whole HTML document. Raises ValueError for a run without a check."""
    log, name = record.log, record.folder.resolve().name
    head = masthead(name, escape(sentence(final_line(log))), _figures(record, log))
    unit = "" if record.tokens_per_note else " This run does not say how many tokens make a note: bits are per token."
    found = (f"<li{' class=good' if d.is_good else ''}>{escape(sentence(d.text))}</li>" for d in diagnose(log))
    narrow, words = curves(log, NARROW, NARROW_HEIGHT), "".join(found)
    words = f'<ul class="words">{words}</ul>' if words else ""
    pictures = f'<div class="wide">{curves(log)}</div><div class="narrow">{narrow}</div>{words}'
    sections = [
        card("What it learned", f"Fewer bits per note are better; the dot is what was kept.{unit}", pictures),
        _samples(record, melodies),
        card("How it was trained", "The plan, as it was at the start.", _plan(record)),
    ]
    foot = (
        '<footer class="colophon">Every check has its line in <code>log.jsonl</code>, every melody its file in '
        "<code>samples/</code>. The page holds everything it needs.</footer>"
    )
    return document(name, "\n".join([style(), head, *(s for s in sections if s), foot]))


def style() -> str:
    """Return what the pages of this room add to the style of the others."""
    return f"<style>\n{(package_files('ritornello.reports.runs') / 'web' / 'run.css').read_text('utf-8')}</style>"


def network_name(network: Mapping[str, Any]) -> str:
    """Name a network in a word or two: "2x256" (two layers of 256), "2x256 attention 40"."""
    size = f"{network.get('layers', '?')}x{network.get('width', '?')}"
    return f"{size} attention {network['attention']}" if network.get("attention") else size


def _figures(record: RunRecord, log: Log) -> dict[str, str]:
    last, corpus = log.points[-1], record.head.get("corpus", {})
    return {
        f"bits per note, {'validation' if log.has_validation else 'training'}": f"{log.best.validation:.2f}",
        "the n-gram's": f"{log.ngram:.2f}" if log.ngram is not None else "",
        "before tuning": f"{log.base:.2f}" if log.base is not None else "",
        "time": clock(last.seconds),
        "epochs": f"{last.epochs:.1f}",
        "updates": f"{last.update:,}",
        "tokens a second": f"{record.checks[-1].get('tokens_per_second', 0):,.0f}",
        "notes to learn from": f"{log.notes:,}" if log.notes else "",
        "tunes": f"{corpus.get('pieces', 0):,}" if corpus.get("pieces") else "",
    }


def _samples(record: RunRecord, melodies: Mapping[str, Melody]) -> str:
    """Make the section of samples, an even choice with the first and the last."""
    samples = record.coach.get("samples", [])
    if not samples:
        return ""
    count = min(len(samples), MOST_SAMPLES)
    shown = [samples[round(n * (len(samples) - 1) / max(1, count - 1))] for n in range(count)]
    items = "".join(f"<li>{_sample(sample, record.folder, melodies)}</li>" for sample in shown)
    lede = (
        "The same opening and the same seed every time, so that what changes is learning. Beside each, how likely "
        "the network thought its own notes."
    )
    return card("Samples on the way", lede, f'<ol class="heard">{items}</ol>')


def _sample(sample: Mapping[str, Any], folder: Path, melodies: Mapping[str, Melody]) -> str:
    """Make the entry of a sample: link, certainty, piano roll and names of notes."""
    from ritornello.music.files import read

    try:
        melody = melodies.get(sample["file"]) or read(folder / SAMPLES / sample["file"])[0].parts[0]
        picture = thumb([(n.start, n.duration, n.pitch) for n in melody.notes])
    except (OSError, ValueError, IndexError):  # removed or changed: the entry stays
        picture = ""
    link = f'<a href="samples/{escape(sample["file"])}">epoch {sample["epochs"]:.1f}</a>'
    return (
        f"<b>{link}<small>{100 * sample['certainty']:.0f} % sure</small></b><div>{picture}</div>"
        f"<p>{escape(str(sample.get('names', '')))}</p>"
    )


def _plan(record: RunRecord) -> str:
    corpus, encoding = record.head.get("corpus", {}), record.head.get("encoding", {})
    values = {
        "network": network_name(record.head.get("network", {})),
        "encoding": encoding_in_words(encoding) if encoding else "",
        "corpus": f"{str(corpus.get('fingerprint', ''))[:16]}",
        "ended": ENDINGS.get(record.stopped, record.stopped),
        **{name.replace("_", " "): value for name, value in record.head["plan"].items()},
    }
    given = {name: value for name, value in values.items() if value not in ("", None)}
    texts = {name: f"{value:g}" if isinstance(value, float) else str(value) for name, value in given.items()}
    rows = [f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in texts.items()]
    return f'<dl class="plan">{"".join(rows)}</dl>'
