"""Read the repeat signs, endings and jumps of a MusicXML score: from barlines, drawn signs, words and sounds."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise, takewhile
from typing import NamedTuple
from xml.etree import ElementTree

from ritornello.music.abc.jumps import jump_of_words, until_of_words
from ritornello.music.scores.repeats import BarMarks

Element = ElementTree.Element


FINAL = "light-heavy"
FIRST = ("0", "1")  # numbers of a bar that begins a piece
TRIO = re.compile(r"\W*(?:trio|maggiore|minore|alternativo)\b", re.IGNORECASE)
DOUBLE = ("light-light", FINAL, "heavy-light", "heavy-heavy")  # barlines at the end of a section


class Bracket(NamedTuple):
    """An ending: first bar, last bar (None where the file does not close it), the passes in which it is played."""

    first: int
    last: int | None
    passes: frozenset[int]


def read_marks(root: Element) -> list[BarMarks]:
    """Collect the marks of every bar from all parts; endings from the part with most of them."""
    parts = [part.findall("measure") for part in root.findall("part")]
    marks = [BarMarks() for _ in range(max(map(len, parts)))]
    brackets: list[Bracket] = []
    for measures in parts:
        found = _read_barlines(marks, measures)
        brackets = found if len(found) > len(brackets) else brackets
        for mark, measure in zip(marks, measures, strict=False):
            _read_signs(mark, measure)
    _set_movements(marks, parts)
    _set_jumps(marks, parts)
    _set_endings(marks, brackets)
    codas = [m for m in marks if m.coda]
    if len(codas) > 1 and not any(m.to_coda for m in marks):
        codas[0].to_coda, codas[0].coda = codas[0].coda, ""  # the same sign is drawn where the jump starts
    return marks


def _read_barlines(marks: Sequence[BarMarks], measures: Sequence[Element]) -> list[Bracket]:
    """Read repeats and endings: what opens counts for the next bar, what closes for the last."""
    brackets: list[Bracket] = []
    for index, measure in enumerate(measures):
        in_front = True
        for child in measure:
            in_front = in_front and child.tag not in ("note", "forward", "backup")
            if child.tag != "barline":
                continue
            is_left = child.get("location", "left" if in_front else "right") == "left"
            behind, before = (index, index - 1) if is_left else (index + 1, index)
            opens = behind if is_left or child.get("location") == "right" else index
            for repeat in child.findall("repeat"):
                if repeat.get("direction") == "forward" and opens < len(marks):
                    marks[opens].repeat_start = True
                elif repeat.get("direction") != "forward" and before >= 0:
                    times = repeat.get("times", "2").strip()
                    marks[before].repeat_end = max(1, int(times)) if re.fullmatch(r"0*[1-9]\d?", times) else 2
                    marks[before].after_jump |= repeat.get("after-jump") == "yes"
            for ending in child.findall("ending"):
                if ending.get("type") == "start":
                    brackets.append(Bracket(min(opens, len(marks) - 1), None, _passes(ending)))
                elif brackets and brackets[-1].last is None and brackets[-1].first <= before:
                    brackets[-1] = brackets[-1]._replace(last=before)
                elif before >= 0 and not (brackets and brackets[-1].last == before):
                    brackets.append(Bracket(before, before, _passes(ending)))  # nothing says where it starts
        for sound in measure.iter("sound"):
            marks[index].repeat_start |= sound.get("forward-repeat") == "yes"
    return brackets


def _passes(ending: Element) -> frozenset[int]:
    """Read the passes of an ending, "1", "1, 3", "1-2", "1.2."; empty where it states none."""
    for text in (ending.get("number", ""), ending.text or ""):
        found: set[int] = set()
        for first, last in re.findall(r"(\d{1,2})(?:[\s.]*[-–—]\s*(\d{1,2}))?", text):
            found.update(range(int(first), int(last or first) + 1))
        if found - {0}:
            return frozenset(found - {0})
    return frozenset()


def _set_endings(marks: Sequence[BarMarks], brackets: Sequence[Bracket]) -> None:
    """Give bars the passes of their endings, and the ends and signs that the file leaves out.

    An ending in front of another one lasts to the repeat sign between them, which is meant where it is missing;
    one that is never closed lasts to its repeat sign, or a bar.
    """
    before: frozenset[int] = frozenset()
    for number, bracket in enumerate(brackets):
        following = brackets[number + 1] if number + 1 < len(brackets) else None
        limit = following.first if following else len(marks)
        last = bracket.first if bracket.last is None else min(bracket.last, max(bracket.first, limit - 1))
        numbers = bracket.passes - before if before else bracket.passes  # one number twice in a row is a slip
        passes = numbers or frozenset([max(before, default=0) + 1])
        begins = next((i for i in range(bracket.first + 1, len(marks)) if marks[i].repeat_start), len(marks))
        stop = next((i for i in range(bracket.first, min(limit, begins)) if marks[i].repeat_end), None)
        is_followed = following is not None and begins > limit
        if following is not None and following.passes:
            slip = following.passes == passes and stop is not None and stop == limit - 1
            is_followed &= min(following.passes) > min(passes) or slip  # else it is the first of another repeat
        if is_followed and stop is None and not any(m.jump for m in marks[bracket.first : limit]):
            stop = limit - 1
            marks[stop].repeat_end = 2
        if stop is not None and (stop == limit - 1 if is_followed else bracket.last is None and min(passes) == 1):
            last = stop
        for mark in marks[bracket.first : last + 1]:
            mark.endings = passes
        before = passes if is_followed else frozenset()
    _count_from_one(marks)


def _count_from_one(marks: Sequence[BarMarks]) -> None:
    """Count the passes of adjoining endings from 1 where the file leaves out the first one."""
    edges = [0, len(marks)]
    edges += [i for i in range(1, len(marks)) if bool(marks[i].endings) != bool(marks[i - 1].endings)]
    edges += [i for i, mark in enumerate(marks) if mark.repeat_start]
    for first, last in pairwise(sorted(set(edges))):
        missing = min((n for mark in marks[first:last] for n in mark.endings), default=1) - 1
        for mark in marks[first:last] if missing else ():
            mark.endings = frozenset(n - missing for n in mark.endings)


def _set_movements(marks: Sequence[BarMarks], parts: Sequence[Sequence[Element]]) -> None:
    """Note where movements begin, or may begin.

    They begin behind a final barline and with a bar 1; with a new metre under words they may.
    """
    for measures in parts:
        for i, (before, measure) in enumerate(pairwise(measures), 1):
            closed = any(
                b.findtext("bar-style") == FINAL and b.find("repeat") is None for b in _right_barlines(before)
            )
            marks[i].opens |= closed or (
                measure.get("number") in FIRST and before.get("number") not in (*FIRST, None)
            )
            in_front = list(takewhile(lambda child: child.tag != "note", measure))
            heading = any(re.match(r"\W*[A-Z]", w.text or "") for child in in_front for w in child.iter("words"))
            marks[i].may_open |= heading and any(child.find("time") is not None for child in in_front)


def _set_jumps(marks: Sequence[BarMarks], parts: Sequence[Sequence[Element]]) -> None:
    """Take jumps in words at the end of their section; a da capo ends before the Trio.

    Words stand where they begin on the page: a bar or two before the double bar that they are meant for; in the first
    bar they mean something else.
    """
    stated, trios = set(), set()
    closed = {len(marks) - 1, *(i - 1 for i, mark in enumerate(marks) if mark.opens or mark.may_open)}
    for measures in parts:
        for i, measure in enumerate(measures):
            if any(sound.get("dacapo") or sound.get("dalsegno") for sound in measure.iter("sound")):
                stated.add(i)
            if marks[i].repeat_end or any(b.findtext("bar-style") in DOUBLE for b in _right_barlines(measure)):
                closed.add(i)
            if any(TRIO.match(words.text or "") for words in measure.iter("words")):
                trios.add(i)
    if 0 not in stated:
        marks[0].jump = ""
    for i in reversed(range(len(marks))):
        if marks[i].jump and i not in stated | closed:
            ahead = range(i + 1, min(i + 3, len(marks)))
            end = next((j for j in ahead if j in closed), i)
            if not any(m.coda or m.segno or m.repeat_start or m.jump for m in marks[i + 1 : end + 1]):
                here, there = marks[i], marks[end]
                words, here.jump, here.until = (here.jump, here.until), "", ""
                there.jump, there.until = words
    _end_before_trios(marks, trios)


def _end_before_trios(marks: Sequence[BarMarks], trios: set[int]) -> None:
    """Let a da capo without Fine or coda end before the first Trio since the jump before it."""
    begin = 0
    for place, mark in enumerate(marks):
        if mark.jump == "capo" and mark.until != "coda":
            trio = min((i for i in trios if begin < i <= place), default=None)
            if trio is not None and not any(m.fine or m.to_coda for m in marks[begin : place + 1]):
                marks[trio - 1].fine = True
        if mark.jump:
            begin = place + 1


def _right_barlines(measure: Element) -> list[Element]:
    return [b for b in measure.findall("barline") if b.get("location", "right") == "right"]


def _read_signs(mark: BarMarks, measure: Element) -> None:
    """Read segno, coda, fine and jumps, from attributes of sounds, drawn signs or words."""
    for sound in measure.iter("sound"):
        mark.segno = mark.segno or sound.get("segno", "")
        mark.coda = mark.coda or sound.get("coda", "")
        mark.to_coda = mark.to_coda or sound.get("tocoda", "")
        mark.fine = mark.fine or sound.get("fine", "no") != "no"
        if sound.get("dalsegno"):
            mark.jump, mark.jump_to = "segno", sound.get("dalsegno", "")
        elif sound.get("dacapo", "no") != "no":
            mark.jump = "capo"
    for direction in measure.findall("direction"):
        kinds = direction.findall("direction-type")
        text = " ".join(e.text or "" for kind in kinds for e in kind if e.tag in ("words", "rehearsal"))
        if not _read_words(mark, text):  # beside the words of a jump a sign says where it leads
            mark.segno = mark.segno or ("segno" if any(k.find("segno") is not None for k in kinds) else "")
            mark.coda = mark.coda or ("coda" if any(k.find("coda") is not None for k in kinds) else "")
    if mark.to_coda:
        mark.coda = ""


def _read_words(mark: BarMarks, text: str) -> bool:
    """Read a jump, or where one leads to, in words; return whether it is a jump."""
    match jump_of_words(text):
        case "capo" | "segno" as origin:
            mark.jump = mark.jump or origin
            mark.until = until_of_words(text)
            return True
        case "fine":
            mark.fine = True
        case "to coda":
            mark.to_coda = mark.to_coda or "coda"
        case "coda":
            mark.coda = mark.coda or "coda"
        case "sign":
            mark.segno = mark.segno or "segno"
    return False
