"""Near duplicates and their kinship: what is the same tune, how it is told, and that no family straddles a split."""

from dataclasses import replace
from fractions import Fraction

import pytest

from ritornello.corpus.errors import CorpusError
from ritornello.corpus.families.families import judged, with_families, without_duplicates
from ritornello.corpus.families.likeness import likeness, rhythm_share
from ritornello.corpus.families.shared_runs import line_of
from ritornello.corpus.families.variants import Variant, families_as_text, families_of, variant_of
from ritornello.corpus.options import BuildOptions
from ritornello.corpus.pieces import CorpusPiece
from ritornello.corpus.report import FileReport
from ritornello.corpus.store import Corpus, corpus_of
from ritornello.music.files import read
from ritornello.music.values import Melody, Note

# "Twinkle, twinkle", in quarters and halves, as anyone writes it down
TWINKLE = [60, 60, 67, 67, 69, 69, 67, 65, 65, 64, 64, 62, 62, 60]
TWINKLE += [67, 67, 65, 65, 64, 64, 62] * 2 + TWINKLE[:14]
BEATS = ([1] * 6 + [2]) * 6
# "Ode to Joy", two lines
ODE = [64, 64, 65, 67, 67, 65, 64, 62, 60, 60, 62, 64, 64, 62, 62]
ODE += [64, 64, 65, 67, 67, 65, 64, 62, 60, 60, 62, 64, 62, 60, 60]
ODE_BEATS = [*[1] * 12, 1.5, 0.5, 2, *[1] * 12, 1.5, 0.5, 2]
# "Frere Jacques"
JACQUES = [60, 62, 64, 60] * 2 + [64, 65, 67] * 2 + [67, 69, 67, 65, 64, 60] * 2 + [60, 55, 60] * 2
JACQUES_BEATS = [1] * 8 + [1, 1, 2] * 2 + [0.5, 0.5, 0.5, 0.5, 1, 1] * 2 + [1, 1, 2] * 2


def melody(pitches, beats, ticks=480):
    notes, at = [], 0
    for pitch, beat in zip(pitches, beats, strict=True):
        notes.append(Note(at, int(beat * ticks), pitch))
        at += int(beat * ticks)
    return Melody(tuple(notes), replace(Melody(()).timeline, ticks_per_quarter=ticks))


def families(corpus, *similarity):
    return [piece.family for piece in with_families(corpus, *similarity).pieces]


def pieces(tunes):
    return corpus_of([(CorpusPiece(name, ()), [tune]) for name, tune in tunes.items()])


def corpus(**tunes):
    return with_families(pieces(tunes))


def compared(one, original):
    both = pieces({"one": one, "original": original})
    return variant_of(line_of(both, 0), line_of(both, 1))


def varied(pitches, every):
    """Each so-manieth note a semitone off."""
    return [p + 1 if i % every == every - 1 else p for i, p in enumerate(pitches)]


twinkle, ode, jacques = melody(TWINKLE, BEATS), melody(ODE, ODE_BEATS), melody(JACQUES, JACQUES_BEATS)


def test_an_exact_copy_at_another_resolution_is_the_same_tune():
    assert compared(melody(TWINKLE, BEATS, 96), twinkle) == Variant("exact", 0, Fraction(1), 42, 1.0)
    assert compared(melody(TWINKLE, BEATS, 96), twinkle).words("a.mid") == "same tune as a.mid"


def test_a_transposed_copy_says_how_far():
    up, down = (melody([p + by for p in TWINKLE], BEATS) for by in (5, -1))
    assert compared(up, twinkle) == Variant("transposed", 5, Fraction(1), 42, 1.0)
    assert compared(up, twinkle).words("X") == "same tune as X, 5 semitones up"
    assert compared(down, twinkle).words("X") == "same tune as X, 1 semitone down"


@pytest.mark.parametrize(
    ("factor", "words"),
    [(2, "at half speed"), (0.5, "at double speed"), (1.5, "1.5 times as long")],
)
def test_a_stretched_copy_says_how_much(factor, words):
    slow = melody([p - 2 for p in TWINKLE], [b * factor for b in BEATS])
    assert compared(slow, twinkle) == Variant("stretched", -2, Fraction(factor), 42, 1.0)
    assert compared(slow, twinkle).words("X") == f"same tune as X, 2 semitones down, {words}"


def test_a_short_tune_at_double_speed_is_one_family_and_in_another_rhythm_it_is_not():
    short = [60, 62, 64, 60]
    names = families(
        corpus(a=melody(short, [1, 1, 2, 4]), b=melody(short, [0.5, 0.5, 1, 1]), c=melody(short, [1, 2, 1, 4]))
    )
    assert names[0] == names[1] != names[2]


def test_how_long_the_last_note_lasts_and_gaps_between_notes_do_not_make_another_tune():
    short = melody(TWINKLE, BEATS)
    staccato = replace(short, notes=tuple(n._replace(duration=100) for n in short.notes))
    assert compared(staccato, short).kind == "exact"


def test_a_variant_with_every_ninth_note_changed_is_near():
    variant = melody(varied([p + 3 for p in TWINKLE], 9), [b * 2 for b in BEATS])
    found = compared(variant, twinkle)
    assert (found.kind, found.semitones, found.stretch, found.run_notes) == ("near", 3, Fraction(2), 8)
    assert pytest.approx(found.coverage) == 38 / 42  # notes 9, 18, 27 and 36 are changed, all others lie in runs
    assert found.words("X") == (
        "nearly the same tune as X, 3 semitones up, at half speed: 90 % in shared runs, the longest 8 notes"
    )
    assert len(set(families(corpus(a=twinkle, b=variant, c=ode)))) == 2


def test_seven_notes_between_changed_ones_are_a_run():
    """Notes 8, 16, 24, 32 and 40 are changed: the first seven stand alone at first, the last two are too few."""
    both = corpus(a=twinkle, b=melody(varied(TWINKLE, 8), BEATS))
    assert rhythm_share(line_of(both, 0), line_of(both, 1)) == pytest.approx(35 / 42)


def test_the_same_notes_in_another_rhythm_are_told_as_such():
    straight = melody(ODE, [1, 2] * 15)
    found = compared(straight, ode)
    assert (found.kind, found.semitones, found.stretch) == ("near", 0, None)
    assert found.words("X").startswith("nearly the same tune as X, in another rhythm: 100 % in shared runs")


def test_other_tunes_are_no_variants():
    assert len(set(families(corpus(a=twinkle, b=ode, c=jacques)))) == 3


def test_runs_count_only_in_the_same_order():
    swapped = melody(TWINKLE[21:] + TWINKLE[:21], BEATS[21:] + BEATS[:21])
    both = corpus(a=twinkle, b=swapped)
    assert rhythm_share(line_of(both, 0), line_of(both, 1)) < 0.9


def test_similarity_is_tunable_from_half_of_a_tune_to_the_whole():
    half = melody(ODE[:20] + JACQUES[:20], ODE_BEATS[:20] + JACQUES_BEATS[:20])
    pair = corpus(a=half, b=ode)
    share = likeness(line_of(pair, 0), line_of(pair, 1))
    assert share == pytest.approx(24 / 30)  # twenty notes, and C C D E, which Jacques has as well
    assert len(set(families(pair, 0.6))) == 1
    assert len(set(families(pair, 0.85))) == 2
    within = corpus(a=melody(JACQUES + ODE, JACQUES_BEATS + ODE_BEATS), b=ode)
    assert len(set(families(within, 1.0))) == 1


@pytest.mark.parametrize("similarity", [0, -1, 1.01])
def test_a_similarity_that_is_none_is_refused(similarity):
    with pytest.raises(CorpusError, match="similarity must be above 0 and at most 1"):
        families(corpus(a=ode), similarity)
    with pytest.raises(CorpusError, match="similarity must be above 0 and at most 1"):
        BuildOptions(similarity=similarity)


def chain():
    """Three pieces: the middle one varies both others, which share nothing."""
    first = melody(TWINKLE[:21], BEATS[:21])
    last = melody(ODE, ODE_BEATS)
    middle = melody(TWINKLE[:21] + ODE, BEATS[:21] + ODE_BEATS)
    return corpus(first=first, last=last, middle=middle)


def test_variants_of_variants_are_one_family_and_none_of_them_is_left_out():
    whole = chain()
    assert len({p.family for p in whole.pieces}) == 1
    kept, left_out = without_duplicates(whole)
    assert [p.source for p in kept.pieces] == ["first", "last", "middle"]
    assert left_out == []


@pytest.mark.parametrize("split", ["hash", "80/10/10", "34/33/33"])
def test_a_family_never_straddles_a_split(split):
    tunes = {}
    for i in range(40):
        shifted = [p + i % 5 for p in TWINKLE[i % 7 :] + [60 + (i * i) % 11, 60 + i % 9, 72 - i % 4] * 8]
        tunes[f"t{i}"] = melody(shifted, [1] * len(shifted))
        tunes[f"t{i} slow"] = melody([p - 3 for p in shifted], [2] * len(shifted))
    whole = pieces(tunes)
    done, _, _ = judged(whole, BuildOptions(split=split, keep_copies=True))
    assert len(done) == 80
    of_family = {}
    for piece in done.pieces:
        of_family.setdefault(piece.family, set()).add(piece.split)
    assert all(len(splits) == 1 for splits in of_family.values())
    assert all(done.pieces[i].split == done.pieces[i + 1].split for i in range(0, 80, 2))


def test_families_can_be_inspected_with_the_copies_that_were_left_out():
    slow = melody(TWINKLE, [b * 2 for b in BEATS])
    up = melody([p + 5 for p in TWINKLE], BEATS)
    whole = pieces({"a": twinkle, "b": ode, "a slow": slow, "a up": up})
    kept, duplicates, _ = judged(whole, BuildOptions())
    assert [p.source for p in kept.pieces] == ["a", "b"]
    assert duplicates["a up"].words == "same tune as a, 5 semitones up"
    report = tuple(
        FileReport(copy.source, "dropped", "duplicate", duplicates=(copy.to_dict(),)) for copy in duplicates.values()
    )
    [family] = families_of(replace(kept, report=report))
    assert [(m.source, m.kept, m.nearest) for m in family.members] == [
        ("a", True, ""),
        ("a slow", False, "a"),
        ("a up", False, "a"),
    ]
    assert family.to_dict()["members"][2]["kinship"] == {
        "kind": "transposed",
        "semitones": 5,
        "stretch": "1",
        "run_notes": 42,
        "coverage": 1.0,
    }
    text = families_as_text([family])
    assert "same tune as a, at half speed (42 notes, all shared)" in text
    assert "a up  (left out)" in text


def test_families_that_stay_are_told_from_their_notes():
    variant = melody(varied(TWINKLE, 9), BEATS)
    whole = pieces({"a": twinkle, "b": ode, "v": variant})
    done, _, _ = judged(whole, BuildOptions(keep_copies=True))
    [family] = families_of(done)
    assert [(m.source, m.kept) for m in family.members] == [("a", True), ("v", True)]
    assert family.members[1].variant.kind == "near"
    assert "nearly the same tune as a: 90 % in shared runs, the longest 8 notes" in families_as_text([family])
    assert families_as_text([]) == "no tune has a duplicate or a variant: every family is of one"


def test_a_variant_comes_back_from_its_plain_values():
    for one in (Variant("near", -3, None, 14, 0.675), Variant("stretched", 0, Fraction(3, 2), 9, 1.0)):
        assert Variant.from_dict(one.to_dict()) == one


def test_pieces_without_notes_across_an_explicit_split_are_copies_of_each_other():
    """Arrays of rests alone stay under a given split; their melodies are empty with repeats and without."""
    silent = Melody(())
    whole = corpus_of([(CorpusPiece(n, ()), [m]) for n, m in {"a": silent, "b": ode, "a2": silent}.items()])
    _, _, crossing = judged(whole, BuildOptions(split="last:0.34"))
    assert crossing["a2"].words.startswith("nearly the same tune as a")
    assert variant_of(line_of(whole, 0), line_of(whole, 1)) == Variant("near", 0, None, 0, 0.0)


def test_copies_across_an_explicit_split_are_told(tmp_path):
    whole = corpus_of([(CorpusPiece(n, ()), [m]) for n, m in {"a": twinkle, "b": ode, "a2": twinkle}.items()])
    kept, duplicates, crossing = judged(whole, BuildOptions(split="last:0.34"))
    assert (len(kept), duplicates) == (3, {})
    assert crossing["a2"].words == "same tune as a"


def test_hymns_to_the_same_tune_are_found_and_no_others(repo_root):
    """The names of the files end with those of the tunes: hymns are kin where these are the same."""
    pieces = []
    for path in sorted((repo_root / "tests/fixtures/hymns").glob("*.abc")):
        piece = read(path)[0]
        top = Melody(_soprano(piece.parts[0].notes), piece.timeline)
        pieces.append((CorpusPiece(path.stem, ()), [top]))
    whole = with_families(corpus_of(pieces))
    assert isinstance(whole, Corpus)
    names = {p.source: p.family for p in whole.pieces}
    tune_of = {source: source.split("-", 1)[-1] for source in names}
    for one in names:
        for other in names:
            assert (names[one] == names[other]) == (tune_of[one] == tune_of[other]), (one, other)


def _soprano(notes):
    """The highest of notes that start together, cut where the next begins."""
    top = {}
    for note in notes:
        top[note.start] = max(note, top.get(note.start, note), key=lambda n: n.pitch)
    line = sorted(top.values())
    ends = [n.start for n in line[1:]] + [line[-1].end]
    return tuple(n._replace(duration=min(n.end, end) - n.start) for n, end in zip(line, ends, strict=True))
