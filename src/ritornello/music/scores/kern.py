"""Prepare kern for verovio: play the sections of an expansion list, sound the notes under repeat signs.

The text itself is unfolded, as Humdrum's `thru` does, since a section may begin inside a bar.
Source: the Humdrum user guide, chapter 20 (strophes, verses and repeats), and the kern representation.
"""

from __future__ import annotations

import re

MAX_LINES = 2_000_000  # beyond them stand only damaged files
MAX_SECTIONS = 1000

_LIST = re.compile(r"\*>([^\[\t]*)\[([^\]\t]*)\]")
_LABEL = re.compile(r"\*>([^\[\t]+)")
_REPEAT_SIGN = re.compile(r"(^|\t)\*X?rep(?=\t|$)", re.MULTILINE)  # verovio leaves out the notes under it
_HOLDS = re.compile(r"^[*\t]*\*(?:(?P<metre>M\d\S*/\S+)|(?P<signature>k\[)|(?P<key>[A-Ga-g][#-]?:)|(?P<tempo>MM\d))")
_NOTE = re.compile(r"(?:^|\t)[^!*=\t]*[A-Ga-g]")


def prepared_kern(text: str, repeats: str) -> tuple[str, set[int]]:
    """Unfold the sections of a kern text by its expansion list; also find bars never played.

    repeats: "unfold" follows the list without a name, or the first that is not for playing without repeats
        ("norep"); "written" reads each section once.
    Labels without a list are left out, where no repeat sign gives them a meaning.
    Raises ValueError for a text that unfolds into more than 2,000,000 lines, or of more than 1000 sections.
    """
    lines = _REPEAT_SIGN.sub(r"\1*", text).split("\n")
    lists = [found for line in lines if (found := _LIST.match(line)) and found[1] != "norep"]
    chosen = min(lists, key=lambda found: found[1] != "", default=None) if repeats == "unfold" else None
    lines = [line for line in lines if not _LIST.match(line)]
    if chosen is None:
        signed = repeats == "unfold" and any(line.startswith("=") and ":" in line for line in lines)
        return "\n".join(line for line in lines if signed or not _LABEL.match(line)), set()
    end = next((i for i, line in enumerate(lines) if re.match(r"\*-(?:\t|$)", line)), len(lines))
    starts = [i for i, line in enumerate(lines[:end]) if _LABEL.match(line)]
    if len(starts) > MAX_SECTIONS:
        raise ValueError(f"this score has more than {MAX_SECTIONS} sections")
    names = [name.strip() for name in chosen[2].split(",")]
    sections: dict[str, list[str]] = {}
    unplayed: set[int] = set()
    for start, stop in zip(starts, [*starts[1:], end], strict=True):
        label = lines[start].split("\t")[0].removeprefix("*>").strip()
        sections.setdefault(label, [*_in_force(lines[:start]), *lines[start + 1 : stop]])
        if label not in names:
            unplayed |= _bars_with_notes(lines, start, stop)
    unfolded = lines[: starts[0]] if starts else lines[:end]
    for name in names:
        unfolded += sections.get(name, [])
        if len(unfolded) > MAX_LINES:
            raise ValueError(f"the sections of this score unfold into more than {MAX_LINES} lines")
    return "\n".join([*_with_single_barlines(unfolded), *lines[end:]]), unplayed


def _in_force(lines: list[str]) -> list[str]:
    """List the last lines of metre, key and tempo, which hold when a section is played later."""
    last: dict[str, str] = {}
    for line in lines:
        found = _HOLDS.search(line)
        if found:
            last[next(name for name, value in found.groupdict().items() if value)] = line
    return list(last.values())


def _bars_with_notes(lines: list[str], start: int, stop: int) -> set[int]:
    """Find the bars, counted from 0, in which notes of these lines stand."""
    bars, bar, sounded = set(), 0, False
    for place, line in enumerate(lines[:stop]):
        bar += line.startswith("=") and sounded
        sounded = sounded or bool(_NOTE.search(line))
        if place >= start and _NOTE.search(line):
            bars.add(bar)
    return bars


def _with_single_barlines(lines: list[str]) -> list[str]:
    """Drop the repeat signs of barlines, and barlines with no music between them."""
    kept: list[str] = []
    after_barline = False
    for line in lines:
        if line.startswith("="):
            if not after_barline:
                kept.append(line.replace(":", "").replace("==", "="))
            after_barline = True
        else:
            kept.append(line)
            after_barline = after_barline and line.startswith(("*", "!"))
    return kept
