"""What is asked for when a corpus is built."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ritornello.corpus.errors import CorpusError
from ritornello.corpus.pieces import KEPT_MUSIC
from ritornello.music.beats import metre_named

CHOICES: dict[str, tuple[str | None, ...]] = {
    "keep": tuple(KEPT_MUSIC),
    "repeats": ("unfold", "written"),
    "convention": ("exercise", "zeldic", "magenta", None),
    "timing": ("auto", "grid", "exact"),
    "swing": ("keep", "straight"),
    "chords": ("stated", "found"),
    "engine": ("pool", "ray"),
}
LEAST = {"least_notes": 1, "min_bars": 0, "workers": 0}


@dataclass(frozen=True)
class BuildOptions:
    """How a corpus is built."""

    keep: Literal["melody", "voices", "all"] = "melody"
    """"melody" keeps one line of each piece; "voices" the voices of a choral score, each a single line, the highest
    first; "all" every note of every part but percussion, with its velocity and time as written or played. Families
    and splits are those of the melodies in each case."""

    split: str = "hash"
    """"hash" (a family always goes the same way), "80/10/10" (training, validation, test), "last:SHARE" (of the file
    order as test) or "list:FILE" (which names tunes for each). The first two keep copies and variants of a tune in
    one split; the last two are kept as given, every copy with them, and copies that lie across are only counted and
    reported (copies_across)."""

    repeats: Literal["unfold", "written"] = "unfold"
    """"unfold" plays repeated bars as often as the score asks, "written" reads each once."""

    least_notes: int = 2
    """Melodies with fewer notes are left out."""

    min_bars: int = 0
    """Melodies with fewer bars are left out, counted from the first note to the last."""

    rest_bars: float | None = None
    """Cut melodies at rests of so many bars or more; without it they stay whole."""

    licence: str = ""
    """Noted with every piece."""

    convention: Literal["exercise", "zeldic", "magenta"] | None = None
    """Of token arrays: "exercise" (128 no_event, 129 note_off), "zeldic" (the other way round, as the exercise's own
    data has it) or "magenta" (-2 and -1); without it, detected, and the report says what."""

    pick: str = "auto"
    """Which line is the melody: auto, first, highest, track:NAME_OR_NUMBER or every-part."""

    steps_per_quarter: int = 4
    """Steps of the grid on which performed timing is laid: 4 is sixteenths, 12 also takes triplets."""

    timing: Literal["auto", "grid", "exact"] = "auto"
    """"auto" lays performed timing of MIDI on the grid and keeps written timing, that of scores; "grid" lays all,
    "exact" none."""

    swing: Literal["keep", "straight"] = "keep"
    """"straight" evens out swung eighths before they are laid on the grid; scores only with timing "grid"."""

    chords: Literal["stated", "found"] = "stated"
    """Chord symbols: "stated" keeps those that a file has; "found" also finds them, by a rule, in the voices or the
    accompaniment of pieces that have none."""

    metre: str | None = None
    """Of MIDI files and token arrays, "4/4" or "6/8"; without it, of performed ones it is estimated, of others as
    stated."""

    beat_offset: float | None = None
    """Of MIDI files and token arrays: quarters from the start to a barline; without it, found in performed ones as
    the metre is."""

    similarity: float = 0.6
    """Tunes are variants where runs that both have cover this share of the shorter one, above 0 to 1."""

    keep_copies: bool = False
    """Keep every copy of a tune, all in one split, instead of the first alone."""

    strict: bool = False
    """Fail, and write nothing, where a file is dropped for a reason that can be mended, or kept with a doubt."""

    engine: Literal["pool", "ray"] = "pool"
    """Who converts the files: "pool", processes on this machine, or "ray", a cluster (needs the extra "scale")."""

    workers: int = 0
    """How many processes convert files; 0 is one for each processor."""

    shards: str = ""
    """Of engine ray: the folder that all machines see, or the URL, for its Parquet shards; else OUT.shards."""

    def __post_init__(self) -> None:
        for name, known in CHOICES.items():
            if (value := getattr(self, name)) not in known:
                *first, last = (f'"{word}"' for word in known if word is not None)
                raise CorpusError(f"{name} must be {', '.join(first)} or {last}, not {value!r}")
        for name, least in LEAST.items():
            if (value := getattr(self, name)) < least:
                raise CorpusError(f"{name} must be {least} or more, not {value}")
        if self.keep != "melody" and self.rest_bars is not None:
            raise CorpusError(f"rest_bars cuts melodies: leave it out with keep {self.keep}")
        if self.keep != "melody" and self.pick != "auto" and not self.pick.startswith("track:"):
            raise CorpusError(f"with keep {self.keep}, pick must be auto or track:NAME_OR_NUMBER, not {self.pick!r}")
        if not 0.0 < self.similarity <= 1.0:
            raise CorpusError(f"similarity must be above 0 and at most 1, not {self.similarity}")
        if self.rest_bars is not None and not 1 <= self.rest_bars < float("inf"):
            raise CorpusError(f"rest_bars must be 1 or more, not {self.rest_bars}")
        track = self.pick.removeprefix("track:").strip() if self.pick.startswith("track:") else ""
        if self.pick not in ("auto", "first", "highest", "every-part") and not track:
            raise CorpusError(
                f"pick must be auto, first, highest, every-part or track:NAME_OR_NUMBER, not {self.pick!r}"
            )
        if self.metre is not None and not _is_metre(self.metre):
            raise CorpusError(
                f'metre must be two whole numbers such as "4/4" or "3+2+2/8", at most 16 quarters, not {self.metre!r}'
            )
        if self.beat_offset is not None and not -1000 <= self.beat_offset <= 1000:
            raise CorpusError(f"beat_offset must be -1000 to 1000 quarters, not {self.beat_offset}")
        if not 1 <= self.steps_per_quarter <= 24:
            raise CorpusError(f"steps_per_quarter must be 1 to 24, not {self.steps_per_quarter}")


def _is_metre(text: str) -> bool:
    """Tell whether a text is a metre that notation can write, of at most 16 quarters."""
    try:
        metre = metre_named(text)
    except ValueError:
        return False
    return metre.denominator in (1, 2, 4, 8, 16, 32, 64) and 4 * metre.numerator <= 16 * metre.denominator
