"""Read the words that change the order of bars: Fine, D.C. al Fine, D.S. al Coda, To Coda."""

from __future__ import annotations

import re
from typing import Literal

Jump = Literal["", "capo", "segno", "fine", "to coda", "coda", "sign"]

_SIGNS = str.maketrans({  # in Unicode, and where music fonts have them
    "\U0001d109": "D.S.", "\U0001d10a": "D.C.", "\U0001d10b": "segno", "\U0001d10c": "coda",
    "\ue045": "D.S.", "\ue046": "D.C.", "\ue047": "segno", "\ue048": "coda", "\ue049": "coda",
})  # fmt: skip
_CAPO = re.compile(
    r"\bD\. ?C\b|\bDC(?=\W*$| +al\b)|\bD C(?= +al\b)|\bda[. ]?capo\b|\bdal capo\b"
    r"|\b(?:from|back to) (?:the )?(?:beginning|top|start)\b",
    re.IGNORECASE,
)
_SEGNO = re.compile(
    r"\bD\. ?S\b|\bDS(?=\W*$| +al\b)|\bD S(?= +al\b)|\bd(?:\.|a|al|el)[. ]?(?:segno|signo|sign)\b"
    r"|\b(?:from|back to) (?:the )?(?:segno|sign)\b",
    re.IGNORECASE,
)
_UNTIL = re.compile(r"\b(?:al|alla|to|till|until) ?(?:the )?(fine|fin|end|coda)\b", re.IGNORECASE)
_TO_CODA = re.compile(r"\b(?:to|al|alla|da|zur)\s?(?:the )?coda\b")
_ALONE: dict[str, Jump] = {"fine": "fine", "fin": "fine", "al fine": "fine", "coda": "coda", "segno": "sign"}


def jump_of_words(text: str) -> Jump:
    """Find what words over a bar ask for, "" for nothing.

    "capo", "segno": go back to the beginning, to the sign; "al Fine" and "al Coda" are part of it. "fine": end here
    after a jump. "to coda": go on at the coda after a jump. "coda", "sign": places that are jumped to.
    """
    text = " ".join(text.translate(_SIGNS).replace("_", " ").split())
    if _CAPO.search(text):
        return "capo"
    if _SEGNO.search(text):
        return "segno"
    bare = re.sub(r"[\W_]+", " ", text).strip().lower()
    if _TO_CODA.search(bare):
        return "to coda"
    return _ALONE.get(re.sub(r"^(?:the )?last time | last time$", "", bare), "")


def until_of_words(text: str) -> Literal["", "fine", "coda"]:
    """Find where the words of a jump say that it ends: Fine, or the way to the Coda; else ""."""
    found = _UNTIL.search(" ".join(re.sub(r"[^\w]+", " ", text.translate(_SIGNS)).split()))
    return "" if found is None else "coda" if found[1].lower() == "coda" else "fine"
