"""Do chords help to expect hymns, and do composed tunes follow them as people's tunes do?

python -m benchmarks.control.chords --json [--model hymns-and-songs] [--corpus hymns] [--tunes 500]

Bits per note are of the test split's melodies that have chords, with the chords unknown and known. Tunes are composed
over the chords of people's melodies (all splits but test are learned from; the chords of test melodies are used),
one after the other in their metre and key, and over chords that were drawn (auto). Counted is the share of notes on
strong beats (the barline and the middle of the bar) and of all notes that are tones of the chord sounding with them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any

from benchmarks.report import arguments, tell
from ritornello.api import load_corpus, load_model
from ritornello.api.model import Model
from ritornello.corpus.store import Corpus
from ritornello.music.beats import beat_edges
from ritornello.music.values import Melody

MOST_BEATS = 16  # of a metre that can be asked for
MOST_BARS = 16  # of a tune that is composed over a melody's chords: its first ones
AUTO = "auto"


def main() -> None:
    parser = arguments(str(__doc__))
    parser.add_argument("--model", default="hymns-and-songs")
    parser.add_argument("--corpus", default="hymns")
    parser.add_argument("--tunes", type=int, default=500)
    options = parser.parse_args()
    model, corpus = load_model(options.model), load_corpus(options.corpus)
    bits = bits_of(model, corpus)
    known = [melody for melody in corpus.melodies("test") if melody.chords]
    people = [melody for melody in known if melody.timeline.metre.numerator <= MOST_BEATS]
    rows = [
        {"tunes": "people's, test", **shares(people)},
        {"tunes": "composed over their chords", **shares(composed(model, people, options.tunes))},
        {"tunes": "composed over chords drawn", **shares(model.generate(chords=AUTO, n=options.tunes, seed=1))},
        {"tunes": "composed without chords, against chords drawn", **shares(deaf(model, options.tunes))},
    ]
    tell(rows, options.json, model=options.model, corpus=options.corpus, **bits)


def bits_of(model: Model, corpus: Corpus) -> dict[str, Any]:
    """Score the test melodies that have chords without and with them."""
    found = model.evaluate(corpus)
    names = ("tunes_with_chords", "bits_per_note_without_chords", "bits_per_note_with_chords")
    return {name: round(found[name], 3) for name in names}


def composed(model: Model, people: list[Melody], tunes: int) -> Iterator[Melody]:
    """Compose tunes over the chords of melodies, several over each."""
    each = -(-tunes // len(people))
    for number, melody in enumerate(people):
        lines = melody.timeline.barlines()
        last = min(MOST_BARS + (melody.timeline.pickup > 0), len(lines) - 1)
        count = min(each, tunes - number * each)
        if count > 0:
            made = model.generate(chords=melody.between(0, lines[last]), n=count, seed=number)  # type: ignore[call-overload]
            yield from (tune.melody for tune in made)


def deaf(model: Model, tunes: int) -> Iterator[Melody]:
    """Compose tunes without chords in the keys and metres of others, and lay the chords of these under them."""
    from dataclasses import replace

    from ritornello.music.keys import key_name

    for tune in model.generate(chords=AUTO, n=tunes, seed=2):
        timeline = tune.melody.timeline
        plain = model.generate(seed=tune.index, key=key_name(timeline.key), metre=timeline.metre.name).melody
        late = plain.timeline.pickup - timeline.pickup
        chords = {max(0, tick + late): chord for tick, chord in tune.melody.chords}
        yield replace(plain, chords=tuple(sorted(chords.items())))


def shares(melodies: Iterable[Any]) -> dict[str, Any]:
    """Count chord tones, as shares of all notes on strong beats and of all, and steps that repeat a pitch."""
    counts: Counter[tuple[bool, bool]] = Counter()
    repeats: Counter[bool] = Counter()
    number = 0
    for tune in melodies:
        melody, number = getattr(tune, "melody", tune), number + 1
        repeats.update(one.pitch == other.pitch for one, other in pairwise(melody.notes))
        counts.update(judged(melody))
    strong, everywhere = (
        [counts[True, True], counts[True, False]],
        [counts[True, True] + counts[False, True], counts[True, False] + counts[False, False]],
    )
    return {
        "number": number,
        "notes": counts.total(),
        "chord tones on strong beats, %": round(100 * strong[0] / max(1, sum(strong)), 1),
        "chord tones, %": round(100 * everywhere[0] / max(1, sum(everywhere)), 1),
        "repeated pitches, %": round(100 * repeats[True] / max(1, repeats.total()), 1),
    }


def judged(melody: Melody) -> Iterator[tuple[bool, bool]]:
    """Tell of each note over a chord whether it begins on a strong beat, and whether it is a chord tone."""
    timeline = melody.timeline
    for note in melody.notes:
        chord = next((c for tick, c in reversed(melody.chords) if tick <= note.start), None)
        if chord is None or chord.quality == "none":
            continue
        metre = timeline.metre_at(note.start)
        bar = timeline.bar_ticks(metre)
        place = (note.start - metre.tick) % bar
        if timeline.pickup > note.start:
            place = (bar - timeline.pickup + note.start) % bar
        beats = len(beat_edges(metre)) - 1
        is_strong = place == 0 or (beats % 2 == 0 and 2 * place == bar)
        yield is_strong, note.pitch % 12 in chord.pitch_classes


if __name__ == "__main__":
    main()
