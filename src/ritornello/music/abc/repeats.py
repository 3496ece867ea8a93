"""Unfold repeats, endings and parts of an ABC tune: its playing order, as stretches of written time.

Source: the ABC standard 2.1, sections 3.1.9, 4.8, 4.9 and 4.10.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from ritornello.music.abc.voices import Mark

MAX_STRETCHES = 5000  # a longer playing order is taken for damage

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


def play_order(marks: Sequence[Mark], length: Fraction) -> list[Stretch]:
    """Unfold repeats and endings into stretches of written time, in playing order.

    A :| goes back to |:, or where there is none to the last double bar, end of repeat or start of the tune.
    An ending followed straight by another repeats as if :| were between. D.C. and D.S. are not followed.
    Raises ValueError for more than MAX_STRETCHES stretches.
    """
    stretches: list[Stretch] = []
    for group in _groups(_segments(marks, length)):
        plays = max([1, *(s.plays for s in group), *(max(s.numbers, default=0) for s in group)])
        for number in range(1, plays + 1):
            stretches += _pass(group, number, number == plays)
        if len(stretches) > MAX_STRETCHES:
            raise ValueError(f"the repeats unfold into more than {MAX_STRETCHES} stretches")
    return _joined(stretches)


def play_parts(
    parts: Sequence[tuple[Fraction, str]], order: str, marks: Sequence[Mark], length: Fraction
) -> list[Stretch]:
    """Unfold the repeats of each part, the parts in the order of the header's P: field ("AABC").

    parts: the place of each label. Without an order, or where it names no part that is there, all play once.
    """
    starts = [(time, label) for time, label in parts if label in order]
    if not starts:
        return play_order(marks, length)
    ends = [time for time, _ in parts] + [length]
    stretches: list[Stretch] = []
    for label in order:
        for start in [time for time, name in starts if name == label][:1]:
            end = min((e for e in ends if e > start), default=length)
            within = [m for m in marks if start < m.time < end or m.time == (end if m.kind == "end" else start)]
            shifted = [m._replace(time=m.time - start) for m in within]
            stretches += [(a + start, b + start) for a, b in play_order(shifted, end - start)]
        if len(stretches) > MAX_STRETCHES:
            raise ValueError(f"the parts unfold into more than {MAX_STRETCHES} stretches")
    return _joined(stretches)


def _segments(marks: Sequence[Mark], length: Fraction) -> list[_Segment]:
    """Cut the tune at its signs; an ending lasts to the next |: :| || or ending."""
    segments = [_Segment(Fraction(0), length)]
    ranked = sorted(marks, key=lambda m: (m.time, ("end", "double", "start", "ending").index(m.kind)))
    for mark in ranked:
        if mark.time > segments[-1].start:
            segments[-1].end = mark.time
            segments.append(_Segment(mark.time, length))
        last = segments[-1]
        if mark.kind == "end" and len(segments) > 1:
            segments[-2].plays = mark.plays
        elif mark.kind == "start":
            last.opens = True
        elif mark.kind == "double":
            last.doubled = True
        elif mark.kind == "ending":
            last.numbers = mark.numbers
            if len(segments) > 1 and segments[-2].numbers and not segments[-2].plays:
                segments[-2].plays = 2
    return [s for s in segments if s.end > s.start]


def _groups(segments: list[_Segment]) -> Iterator[list[_Segment]]:
    """Group the segments of one repeat: from where it goes back to, through its last ending."""
    group: list[_Segment] = []
    for segment in segments:
        before = group[-1] if group else None
        closed = before is not None and (before.plays > 0 or bool(before.numbers)) and not segment.numbers
        plain_double = segment.doubled and not any(s.opens for s in group) and not segment.numbers
        if group and (segment.opens or closed or plain_double):
            yield group
            group = []
        group.append(segment)
    if group:
        yield group


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
        else:
            joined.append((start, end))
    return joined
