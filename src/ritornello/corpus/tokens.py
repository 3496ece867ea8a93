"""A corpus as tokens of an encoding, melody by melody, and the keys that each may be moved to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ritornello.corpus.errors import CorpusError
from ritornello.corpus.pieces import KEPT_MUSIC
from ritornello.corpus.store import Corpus
from ritornello.encoding import Encoding, Grid, MelodyEncoding, is_melodic, kept_by
from ritornello.encoding.features import Harmony, harmony_of, knows_chords
from ritornello.music.values import all_notes
from ritornello.plural import counted
from ritornello.wording import option

TRANSPOSITIONS = range(-6, 6)  # every key once
MOST_VARIANTS, MOST_COUNTED = 9, 2_000_000  # of music that an n-gram counts, and tokens of them, about
WRITTEN_BY = {"melody": "interval", "voices": "chorale", "all": "events"}  # what a corpus keeps, and who writes it
MOST_LOST = 0.5  # of the notes: with more, what is learned or scored is another corpus


def corpus_tokens(
    corpus: Corpus,
    encoding: Encoding,
    split: str | None = None,
    only: Sequence[int] | None = None,
    losses: Counter[str] | None = None,
) -> list[np.ndarray]:
    """Encode each melody or piece of a split, in file order: (length,) tokens of each.

    only: encode these melodies alone, by their places among the split's melodies that have notes.
    losses: takes the number of `notes`, of those that the encoding `moved`, `resized` and `lost`, and of `metres`
        that it does not name.
    Token arrays that were kept step for step are given back unchanged by the plain grid of 4 steps.
    Music without a note is left out, as are pieces in voices that the encoding cannot write (`unfit`).
    Raises CorpusError where corpus and encoding do not match: music of another
    kind, or that cannot be encoded, or more notes lost than kept.
    """
    check_kept(corpus, encoding)
    tokens: list[np.ndarray] = []
    unfit = ""  # why the last piece was left out
    counts: Counter[str] = Counter(moved=0, resized=0, lost=0, metres=0, notes=0)
    # Not a kind of grid of somebody's own, whose numbers may mean something else.
    takes_steps = type(encoding) is Grid and encoding.plain and encoding.steps_per_quarter == 4
    pairs = zip(corpus.music(split), corpus.slices(split), strict=True)
    sounding = [(music, part) for music, (_, part) in pairs if part.notes]
    for melody, part in sounding if only is None else [sounding[n] for n in only]:
        counts["notes"] += part.notes
        steps = part.steps
        if takes_steps and steps is not None and corpus.steps is not None:
            tokens.append(corpus.steps[slice(*steps)].astype(np.int16))
            continue
        try:
            encoded = encoding.encode(melody)
        except ValueError as error:
            if corpus.keep == "voices":  # in another number of voices, or off the grid: counted, and left out
                counts["unfit"] += 1
                unfit = f"{melody.source or melody.title}: {error}"
                continue
            what = "melody" if corpus.keep == "melody" else "piece"
            raise CorpusError(
                f"{melody.source or melody.title}: the encoding {encoding.name!r} cannot write this {what} "
                f"({error}); take the tune out of the corpus or choose another encoding"
            ) from None
        tokens.append(encoded.tokens)
        counts.update(encoded.losses)
    if counts["unfit"] and not tokens:
        raise CorpusError(
            f"the encoding {encoding.name!r} can write none of {counted(counts['unfit'], 'piece')}: {unfit}"
        )
    if counts["lost"] > MOST_LOST * counts["notes"]:
        raise CorpusError(
            f"the encoding ({_named(encoding)}) is too coarse for this corpus: it loses {counts['lost']} of "
            f"{counts['notes']} notes; choose a finer or another one"
        )
    if losses is not None:
        losses.update(counts)
    return tokens


def corpus_harmonies(
    corpus: Corpus, encoding: Encoding, split: str | None = None, only: Sequence[int] | None = None
) -> list[Harmony | None]:
    """List the chords, in an encoding's ticks, of the melodies of `corpus_tokens`.

    None for a melody without chords.
    () where no network of this encoding may know chords, or no melody has any.
    """
    if not is_melodic(encoding) or not knows_chords(encoding) or not has_chords(corpus, split):
        return []
    sounding = [melody for melody in corpus.melodies(split) if melody.notes]
    return [harmony_of(encoding, m) for m in (sounding if only is None else [sounding[n] for n in only])]


def has_chords(corpus: Corpus, split: str | None = None) -> bool:
    """Tell whether a melody of a split has chords."""
    return corpus.keep == "melody" and any(piece.has_chords for piece in corpus.in_split(split))


def check_kept(corpus: Corpus, encoding: Encoding) -> None:
    """Check that a corpus keeps what an encoding writes; one of all notes takes any.

    Raises CorpusError that names the right `keep`.
    """
    wanted = kept_by(encoding)
    if wanted not in (corpus.keep, "all"):
        raise CorpusError(
            f"the encoding {encoding.name!r} writes {KEPT_MUSIC[wanted]}, and this corpus keeps "
            f"{KEPT_MUSIC[corpus.keep]}: build it with {option('keep', wanted)}, or take the encoding "
            f"{WRITTEN_BY[corpus.keep]} ({option('encoding', WRITTEN_BY[corpus.keep])}), or a model of it"
        )


def melody_families(corpus: Corpus, split: str | None = None) -> list[int]:
    """Number the families of the music that `corpus_tokens` encodes.

    A piece without one is its own.
    """
    families = [piece.family or piece.source for piece, part in corpus.slices(split) if part.notes]
    numbers = {family: n for n, family in enumerate(dict.fromkeys(families))}
    return [numbers[family] for family in families]


def losses_in_words(losses: Mapping[str, int], encoding: Encoding) -> str:
    """Report the losses of `corpus_tokens` in a line, "" where everything is kept."""
    counts = ", ".join(f"{losses[name]:,} {name}" for name in ("moved", "resized", "lost") if losses[name])
    parts = [f"does not keep all of {losses['notes']:,} notes: {counts}"] if counts else []
    if unfit := losses.get("unfit", 0):
        parts.append(f"leaves out {counted(unfit, 'piece')} that it cannot write")
    if metres := losses.get("metres", 0):
        parts.append(f"does not write {counted(metres, 'metre')}, most often where one changes")
    if groups := losses.get("groups", 0):
        parts.append(f"does not write how {counted(groups, 'additive metre')} (such as 3+2+2/8) divide their beats")
    return f"the encoding ({_named(encoding)}) {'; it '.join(parts)}" if parts else ""


def _named(encoding: Any) -> str:
    if not is_melodic(encoding):
        return repr(encoding.name)
    low, high = encoding.pitch_range
    pitches = "" if (low, high) == (0, 127) else f", pitches {low} to {high}"
    return f"{encoding.name!r}, {encoding.ticks_per_quarter} steps per quarter{pitches}"


def count_notes(encoding: Any, tokens: Sequence[np.ndarray]) -> int:
    """Count the notes that token arrays spell."""
    if is_melodic(encoding):
        return sum(len(encoding.pitches(m)) for m in tokens)
    return sum(len(all_notes(encoding.decode(m))) for m in tokens)


def variants_of(encoding: Any, tokens: np.ndarray, lowest: int, highest: int) -> Sequence[int]:
    """List the ways to vary music within lowest to highest, 0 for as it is.

    Of a melody they are semitones. Other encodings say themselves what their numbers mean; without `variants` there
    is but one way.
    """
    if is_melodic(encoding):
        return possible_shifts(encoding, tokens, lowest, highest)
    found: Sequence[int] = encoding.variants(tokens, lowest, highest) if hasattr(encoding, "variants") else [0]
    return found


def varied(encoding: Any, tokens: np.ndarray, variant: int) -> np.ndarray:
    """Vary music by a number of `variants_of`."""
    if is_melodic(encoding):
        found: np.ndarray = encoding.transpose(tokens, variant)
    else:
        found = encoding.vary(tokens, variant) if variant else tokens
    return found


def possible_shifts(encoding: MelodyEncoding, tokens: np.ndarray, lowest: int, highest: int) -> list[int]:
    """List the semitones, -6 to 5, by which a melody may move within lowest to highest.

    Always at least [0].
    A tune that already lies outside them is not moved further out, and none to where the encoding has no pitches.
    """
    bottom, top = encoding.pitch_range
    return shifts_within(encoding.pitches(tokens), max(lowest, bottom), min(highest, top))


def shifts_within(pitches: np.ndarray, lowest: int, highest: int) -> list[int]:
    """List the `possible_shifts` of a melody with these pitches, (notes,) of int."""
    if not len(pitches):
        return [0]
    low, high = int(pitches.min()), int(pitches.max())
    return [s for s in TRANSPOSITIONS if min(low, lowest) <= low + s and high + s <= max(high, highest)] or [0]


def in_every_key(encoding: Any, melodies: list[np.ndarray]) -> list[np.ndarray]:
    """Transpose every melody to every key that their own range allows.

    As they are where pitches are relative to the key. Of encodings of other music, the first MOST_VARIANTS variants.
    """
    if not is_melodic(encoding):
        count = max(1, min(MOST_VARIANTS, MOST_COUNTED // max(1, sum(map(len, melodies)))))
        return [varied(encoding, m, v) for m in melodies for v in variants_of(encoding, m, 0, 127)[:count]]
    if encoding.is_keyed:
        return melodies  # elsewhere only the header would differ
    low, high = pitch_range_of([encoding.pitches(m) for m in melodies])
    return [encoding.transpose(m, s) for m in melodies for s in possible_shifts(encoding, m, low, high)]


def pitch_range_of(pitches: list[np.ndarray]) -> tuple[int, int]:
    """Find the lowest and highest pitch of several melodies; 0 and 127 where there are none."""
    known = [p for p in pitches if len(p)]
    return (min(int(p.min()) for p in known), max(int(p.max()) for p in known)) if known else (0, 127)
