"""Echoes: groups from a tune's own past that a network may copy, each with how strong the evidence for it is.

    bar_ago, two_bars_ago, four_bars_ago, eight_bars_ago
                what stood at this place so many bars before, written as it would be now. Strength 1: it stood there
                already (its length is not told); 2: it began just there
    motif       what followed when the last k events, what and how long, came before: of the longest such match, at
                most LONGEST_MATCH events, the latest. Strength k
    contour     the same, matched on what they were alone, however long

Strength 0 says that there is none. Pitches relative to a key, or to the note before, make a motif come again in
another key or on another degree. The grid, whose steps are not events, has the bars alone: there an echo is the token
of that step (strength 1: no_event; 2: another).

Each echo is three columns after the side inputs': what (id of part 0, plus 1; 0 for none), length (id of part 1
counted from its first, plus 1; 0 where it is not known) and strength. All follows from the tokens so far.

Sources: what stood a bar ago from Magenta's lookback (Waite 2016, "Generating Long-Term Structure in Songs and
Stories"); longest matches within the tune from the short-term model of IDyOM (Conklin and Witten 1995, "Multiple
viewpoint systems for music prediction"; Pearce 2005); a network that copies from what it has seen from Gu et al. 2016
(arXiv 1603.06393), Merity et al. 2016 (arXiv 1609.07843) and Grave et al. 2016 (arXiv 1612.04426).
"""

from __future__ import annotations

from collections.abc import Sequence

from ritornello.encoding.protocol import Echo

LONGEST_MATCH = 6  # events
BARS_BACK = {"bar_ago": 1, "two_bars_ago": 2, "four_bars_ago": 4, "eight_bars_ago": 8}
ECHOES = (
    *(Echo(name, 3) for name in BARS_BACK),
    Echo("motif", LONGEST_MATCH + 1),
    Echo("contour", LONGEST_MATCH + 1),
)
BAR_ECHOES = ECHOES[: len(BARS_BACK)]


def checked_echoes(echoes: str | Sequence[str | Echo], known: Sequence[Echo] = ECHOES) -> tuple[Echo, ...]:
    """The echoes of these names, in the order of `known`. Raises ValueError for a name that is not among them."""
    asked = (echoes,) if isinstance(echoes, str) else tuple(echoes)
    names = [echo.name if isinstance(echo, Echo) else echo for echo in asked]
    for name in names:
        if name not in [echo.name for echo in known]:
            raise ValueError(f"no such echo here: {name!r}; there are {', '.join(echo.name for echo in known)}")
    return tuple(echo for echo in known if echo.name in names)
