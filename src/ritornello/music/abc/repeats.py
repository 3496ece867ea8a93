"""Unfold repeats, endings, jumps and parts of an ABC tune: its playing order, as stretches of written time.

Source: the ABC standard 2.1, sections 3.1.9, 4.8, 4.9, 4.10 and 4.14; for missing signs, what abc2midi plays.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from ritornello.music.abc.voices import Mark

MAX_STRETCHES = 5000  # a longer playing order is taken for damage
_CUTS = ("end", "double", "start", "ending")
_SECTION = 4  # bars; so many between an ending and its :| are a section of their own

Stretch = tuple[Fraction, Fraction]  # written time from, up to


@dataclass
class _Segment:
    """The stretch between two signs. numbers: of its ending, empty if none; plays: of the repeat that ends it."""

    start: Fraction
    end: Fraction
    opens: bool = False  # by a |: before it
    doubled: bool = False  # a double bar is before it
    numbers: frozenset[int] = frozenset()
    plays: int = 0


def with_closed_endings(marks: Sequence[Mark], barlines: Sequence[Fraction]) -> list[Mark]:
    """Close a last ending that runs into a section with a :| of its own.

    It lasts as many bars as the ending before. The :| would repeat nothing otherwise, for no ending follows it.
    """
    closed = list(marks)
    cuts = sorted((mark for mark in marks if mark.kind in _CUTS), key=lambda m: m.time)
    for (first, stop), (last, end) in zip(pairwise(cuts), pairwise(cuts[2:]), strict=False):
        follows = next((mark for mark in cuts if mark.time >= end.time and mark is not end), None)
        kinds = first.kind, stop.kind, last.kind, end.kind
        if kinds != ("ending", "end", "ending", "end") or (follows and follows.kind == "ending"):
            continue
        meant = last.time + stop.time - first.time
        bars = sorted({time for time in barlines if last.time < time < end.time})
        cut = min(bars, key=lambda time: abs(time - meant), default=end.time)
        if sum(time > cut for time in bars) >= _SECTION - 1:
            closed.append(Mark(cut, "double"))
    return closed


def play_order(marks: Sequence[Mark], length: Fraction) -> list[Stretch]:
    """Unfold repeats, endings and a jump into stretches of written time, in playing order.

    A :| goes back to |:, or where there is none to the last double bar, end of repeat or start of the tune.
    An ending followed straight by another repeats as if :| were between, a |: followed by another as if it were ::.
    A jump (D.C., D.S.) is taken once, at its last passing; after it nothing is repeated, last endings are played.
    Behind the Fine what follows the jump is played, unless that is a coda that a sign leads to.
    Raises ValueError for more than MAX_STRETCHES stretches.
    """
    stretches: list[Stretch] = []
    once: list[Stretch] = []  # the last pass of each repeat
    for group in _groups(_segments(marks, length)):
        passes = _passes(group)
        for number in passes:
            played = list(_pass(group, number, number == passes[-1]))
            stretches += played
        once += played
        if len(stretches) > MAX_STRETCHES:
            raise ValueError(f"the repeats unfold into more than {MAX_STRETCHES} stretches")
    for jump in (mark for mark in marks if mark.kind in ("capo", "segno")):
        places = [i for i, (start, end) in enumerate(stretches) if start < jump.time <= end]
        if places:
            rest = _clipped(stretches[places[-1] :], jump.time, length)
            start = stretches[places[-1]][0]
            stretches[places[-1] :] = [(start, jump.time), *_after_jump(jump, marks, once, length, rest)]
    return _joined(stretches) or [(Fraction(0), length)]


def _after_jump(
    jump: Mark, marks: Sequence[Mark], once: Sequence[Stretch], end: Fraction, rest: list[Stretch]
) -> list[Stretch]:
    """List the stretches after a jump.

    They lead from its goal to Fine, and on with `rest`, or by way of the coda.
    """

    def times(kind: str, since: Fraction) -> list[Fraction]:
        return [mark.time for mark in marks if mark.kind == kind and mark.time > since]

    signs = [mark.time for mark in marks if mark.kind == "sign"] if jump.kind == "segno" else []
    goal = signs[0] if signs else Fraction(0)
    codas = [mark.time for mark in marks if mark.kind == "coda"]
    leave = min(times("to coda", goal) or (times("coda end", goal)[:1] if len(codas) > 1 else []), default=end)
    fine = min(times("fine", goal) if jump.until != "coda" else [], default=end)
    if fine <= leave or not codas or codas[-1] < leave or jump.until == "fine":
        return _clipped(once, goal, fine) + (rest if fine <= jump.time and leave == end else [])
    return _clipped(once, goal, leave) + _clipped(once, codas[-1], min(times("fine", codas[-1]), default=end))


def _clipped(stretches: Sequence[Stretch], since: Fraction, until: Fraction) -> list[Stretch]:
    clipped = [(max(start, since), min(end, until)) for start, end in stretches]
    return [(start, end) for start, end in clipped if start < end]


def play_parts(
    parts: Sequence[tuple[Fraction, str]], order: str, marks: Sequence[Mark], length: Fraction
) -> list[Stretch]:
    """Unfold the repeats of each part, the parts in the order of the header's P: field ("AABC").

    parts: the place of each label. Without an order, or where it names no part that is there, all play once. What
    stands before the first label comes first; a part that is written more than once is played from place to place.
    """
    starts = [(time, label) for time, label in parts if label in order]
    if not starts:
        return play_order(marks, length)
    ends = [time for time, _ in parts] + [length]
    opening = min(time for time, _ in parts)
    stretches = _play_between(Fraction(0), opening, marks) if opening else []
    for place, label in enumerate(order):
        written = [time for time, name in starts if name == label]
        played_before = order[:place].count(label)
        for start in written[min(played_before, len(written) - 1) :][:1]:
            end = min((e for e in ends if e > start), default=length)
            stretches += _play_between(start, end, marks)
        if len(stretches) > MAX_STRETCHES:
            raise ValueError(f"the parts unfold into more than {MAX_STRETCHES} stretches")
    return _joined(stretches)


def _play_between(start: Fraction, end: Fraction, marks: Sequence[Mark]) -> list[Stretch]:
    """Unfold the repeats of one part; jumps lead nowhere inside it."""
    within = [m for m in marks if start < m.time < end or m.time == (end if m.kind == "end" else start)]
    shifted = [m._replace(time=m.time - start) for m in within if m.kind in _CUTS]
    return [(a + start, b + start) for a, b in play_order(shifted, end - start)]


def _segments(marks: Sequence[Mark], length: Fraction) -> list[_Segment]:
    """Cut the tune at its signs; an ending lasts to the next sign, or the :| before another."""
    segments = [_Segment(Fraction(0), length)]
    cuts = [mark for mark in marks if mark.kind in _CUTS]
    for mark in sorted(cuts, key=lambda m: m.time):
        last = segments[-1]
        empty_ending = bool(last.numbers) and mark.kind in ("end", "ending")  # "|1 :|2" is one
        if mark.time > last.start or empty_ending:
            last.end = mark.time
            last = _Segment(mark.time, length)
            segments.append(last)
        if mark.kind == "end" and len(segments) > 1:
            segments[-2].plays = mark.plays
        elif mark.kind == "start":
            last.opens = True
        elif mark.kind == "double":
            last.doubled = True
        elif mark.kind == "ending":
            last.numbers = mark.numbers
    segments = [s for s in segments if s.end > s.start or s.numbers]
    for place, segment in enumerate(segments):
        if segment.numbers and not segment.plays:
            _lengthen_ending(segments, place)
    return segments


def _lengthen_ending(segments: list[_Segment], place: int) -> None:
    """Let an ending go on beyond a double bar to its :|, where a later ending follows that."""
    for last in range(place + 1, len(segments) - 1):
        if segments[last].numbers or segments[last].opens:
            return
        if segments[last].plays:
            following = segments[last + 1].numbers
            if following and min(following) > max(segments[place].numbers):
                for segment in segments[place + 1 : last + 1]:
                    segment.numbers = segments[place].numbers
            return


def _groups(segments: list[_Segment]) -> Iterator[list[_Segment]]:
    """Group the segments of one repeat: from where it goes back to, through its last ending."""
    group: list[_Segment] = []
    for segment in segments:
        before = group[-1] if group else None
        closed = before is not None and (before.plays > 0 or bool(before.numbers)) and not segment.numbers
        plain_double = segment.doubled and not any(s.opens for s in group) and not segment.numbers
        if group and (segment.opens or closed or plain_double):
            if group[0].opens and segment.opens and not closed and not segment.doubled:
                group[-1].plays = 2
            yield group
            group = []
        group.append(segment)
    if group:
        yield group


def _passes(group: list[_Segment]) -> list[int]:
    """List the passes of one repeat; endings of one number and missing signs are mended.

    Numbers that no ending has are no pass: [1 and [3 are two.
    """
    used: set[int] = set()
    for place, segment in enumerate(group):
        before = group[place - 1] if place else None
        continues = before is not None and before.numbers == segment.numbers and not before.plays
        if not segment.numbers or continues:
            continue
        if before is not None and before.numbers and not before.plays:
            before.plays = 2
        if segment.numbers <= used:
            segment.numbers = frozenset({max(used) + 1})
        used |= segment.numbers
    if not used:
        return list(range(1, max(1, *(s.plays for s in group)) + 1))
    common = max((s.plays for s in group if not s.numbers), default=0)
    only_one = group[-1].plays > 0 and len({s.numbers for s in group}) == 2 and not common
    return sorted(used | set(range(1, common)) | ({max(used) + 1} if only_one else set()))


def _pass(group: list[_Segment], number: int, last: bool) -> Iterator[Stretch]:
    for segment in group:
        if segment.numbers and number not in segment.numbers:
            continue
        yield segment.start, segment.end
        if segment.plays and not last:
            return


def _joined(stretches: list[Stretch]) -> list[Stretch]:
    joined: list[Stretch] = []
    for start, end in stretches:
        if joined and joined[-1][1] == start:
            joined[-1] = joined[-1][0], end
        elif start < end:
            joined.append((start, end))
    return joined
