"""Prepare kern for verovio, and read from its text what verovio leaves out: additive metres, keys inside a piece.

The text itself is unfolded by its expansion list, as Humdrum's `thru` does, since a section may begin inside a bar;
notes under repeat signs sound.
Source: the Humdrum user guide, chapter 20 (strophes, verses and repeats), and the kern representation.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from ritornello.music.beats import joined_metre
from ritornello.music.keys import key_on, mode_named
from ritornello.music.quarters import KeyName
from ritornello.music.values import MetreName

MAX_LINES = 2_000_000  # beyond them stand only damaged files
MAX_SECTIONS = 1000

_LIST = re.compile(r"\*>([^\[\t]*)\[([^\]\t]*)\]")
_LABEL = re.compile(r"\*>([^\[\t]+)")
_INSTRUMENT = re.compile(r"(^|\t)\*ITr[^\t\r\n]*", re.MULTILINE)  # of how it is drawn: pitches are those that sound
_STATED_TEMPO = re.compile(r"(?:\*MM|=\s*)(\d{1,4}(?:\.\d{1,6})?)")
_REPEAT_SIGN = re.compile(r"(^|\t)\*X?rep(?=\t|$)", re.MULTILINE)  # verovio leaves out the notes under it
_HOLDS = re.compile(r"^[*\t]*\*(?:(?P<metre>M\d\S*/\S+)|(?P<signature>k\[)|(?P<key>[A-Ga-g][#-]?:)|(?P<tempo>MM\d))")
_TERM = r"\d{1,3}(?:\+\d{1,3})*/\d{1,3}"
_METRE = re.compile(rf"\*M({_TERM}(?:\+{_TERM})*)$")
_SIGNATURE = re.compile(r"\*k\[((?:[a-g]#)*|(?:[a-g]-)*)\]$")
_KEY = re.compile(r"\*([A-Ga-g])(#*|-*):([a-z]*)$")
_DURATION = re.compile(r"(\d{1,5})(?:%(\d{1,5}))?")
_NOTE = re.compile(r"(?:^|\t)[^!*=\t]*[A-Ga-g]")


@dataclass(frozen=True)
class KernSigns:
    """The metres and keys that a kern text states, each with its time in quarters from the beginning.

    metres: None for a sign of another kind. length: of the whole text.
    """

    metres: list[tuple[Fraction, MetreName | None]] = field(default_factory=list)
    keys: list[tuple[Fraction, KeyName]] = field(default_factory=list)
    length: Fraction = Fraction(0)


def kern_signs(text: str) -> KernSigns:
    """Find the metres and keys of a kern text.

    Of spines that state different ones the highest voice counts.
    A tonic beside a new signature may make another mode of it (D without sharps is D mixolydian); one without, in
    mid-piece, names the key of a passage, major or minor.
    Keys are left out where parts are written as transposed (`*Tr`).
    """
    signs: dict[Fraction, dict[str, str]] = {}
    pending: dict[str, str] = {}
    kinds: list[str] = []
    ends: list[Fraction] = []  # when what each column holds is over
    now = length = Fraction(0)
    for line in text.split("\n"):
        tokens = line.rstrip("\r").split("\t")
        if line.startswith("**"):
            kinds, ends = tokens, [now] * len(tokens)
        elif line.startswith("*"):
            for kind, token in zip(kinds, tokens, strict=False):
                if kind.startswith("**kern") and (name := _sign_named(token)):
                    pending[name] = token
            kinds, ends = _after_path(kinds, ends, tokens)
        elif line and line[0] not in "!=":
            held = [n for n, kind in enumerate(kinds[: len(tokens)]) if kind.startswith("**kern")]
            begun = [n for n in held if tokens[n] != "." and _quarters(tokens[n])]
            now = max((ends[n] for n in begun), default=now)
            if begun and pending:
                signs.setdefault(now, {}).update(pending)
                pending = {}
            for n in begun:
                ends[n] = now + _quarters(tokens[n])
                length = max(length, ends[n])
    is_transposed = bool(re.search(r"^(?:.*\t)?\*Tr", text, re.MULTILINE))
    metres = [(time, _metre(stated["metre"])) for time, stated in sorted(signs.items()) if "metre" in stated]
    return KernSigns(metres, [] if is_transposed else _keys(signs), length)


def states_tempo(text: str, qpm: float) -> bool:
    """Tell whether a kern text names this tempo, as *MM120 or "= 120".

    verovio makes one up for long notes.
    """
    return any(float(number) == qpm for number in _STATED_TEMPO.findall(text))


def _sign_named(token: str) -> str:
    """Tell whether a token states a "metre", a "signature" or a "tonic"; "" for none."""
    if re.match(r"\*M(?!M|\()[\dXF?]", token):
        return "metre"
    return "signature" if _SIGNATURE.match(token) else "tonic" if _KEY.match(token) else ""


def _after_path(kinds: list[str], ends: list[Fraction], tokens: Sequence[str]) -> tuple[list[str], list[Fraction]]:
    """Follow columns through a line of interpretations: split, joined, exchanged, ended ..."""
    columns: list[tuple[str, Fraction]] = []
    pairs = list(zip(kinds, ends, tokens, strict=False))
    for place, (kind, end, token) in enumerate(pairs):
        if token == "*v" and place and pairs[place - 1][2] == "*v" and pairs[place - 1][0] == kind:
            columns[-1] = (kind, max(end, columns[-1][1]))
        elif token == "*x" and [pair[2] for pair in pairs[:place]].count("*x") % 2:
            columns.insert(-1, (kind, end))
        elif token != "*-":
            columns += [(token if token.startswith("**") else kind, end)] * (2 if token == "*^" else 1)
            columns += [("", end)] if token == "*+" else []
    return [kind for kind, _ in columns], [end for _, end in columns]


def _quarters(token: str) -> Fraction:
    """Measure a note, chord or rest in quarters; 0 for a grace note.

    4 is a quarter, 0 a breve, 3%2 two thirds of a whole.
    """
    first = token.split(" ")[0]
    found = _DURATION.search(first)
    if found is None or "q" in first.lower():
        return Fraction(0)
    dots = min(first.count("."), 9)
    whole = Fraction(4 * int(found[2] or 1), int(found[1])) if int(found[1]) else Fraction(4 * 2 ** len(found[1]))
    return whole * (2 - Fraction(1, 2**dots))


def _metre(token: str) -> MetreName | None:
    """Read a time signature: 7/8, 3+2+2/8, 2/4+3/8; None for one of no such kind."""
    found = _METRE.match(token)
    if found is None:
        return None
    terms = [term.split("/") for term in re.findall(_TERM, found[1])]
    numbers = [([int(n) for n in upper.split("+")], int(lower)) for upper, lower in terms]
    if any(lower not in (1, 2, 4, 8, 16, 32, 64, 128) or 0 in upper for upper, lower in numbers):
        return None
    metre = joined_metre(numbers)
    return metre if metre[0] <= 255 else None


def _keys(signs: dict[Fraction, dict[str, str]]) -> list[tuple[Fraction, KeyName]]:
    """Read the keys that signatures and tonics state together."""
    keys: list[tuple[Fraction, KeyName]] = []
    in_force = ""
    for time, stated in sorted(signs.items()):
        is_new = stated.get("signature", in_force) != in_force
        signature = _SIGNATURE.match(stated["signature"]) if is_new else None
        in_force = stated.get("signature", in_force)
        fifths = signature[1].count("#") - signature[1].count("-") if signature else None
        tonic = _KEY.match(stated.get("tonic", ""))
        key = None
        if tonic:
            mode = mode_named(tonic[3]) if tonic[3] else "minor" if tonic[1].islower() else "major"
            key = key_on(tonic[1], tonic[2].count("#") - tonic[2].count("-"), fifths, mode)
        if key is not None:
            keys.append((time, (key.fifths, key.mode)))
        elif fifths is not None:
            keys.append((time, (fifths, "major")))
    return keys


def prepared_kern(text: str, repeats: str) -> tuple[str, set[int]]:
    """Unfold the sections of a kern text by its expansion list; also find bars never played.

    repeats: "unfold" follows the list without a name, or the first that is not for playing without repeats
        ("norep"); "written" reads each section once.
    Labels without a list are left out, where no repeat sign gives them a meaning.
    Raises ValueError for a text that unfolds into more than 2,000,000 lines, or of more than 1000 sections.
    """
    lines = _INSTRUMENT.sub(r"\1*", _REPEAT_SIGN.sub(r"\1*", text)).split("\n")
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
