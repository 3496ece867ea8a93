"""ABC letter by letter: what comes back exactly, what the grammar lets through, what becomes of a broken text."""

import shutil
import subprocess
from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from real_tunes import SOAK, real_melodies

from ritornello.corpus.embedded import embedded
from ritornello.encoding import make_encoding
from ritornello.encoding.letters.grammar import CHARACTERS, END, Grammar, completable, lengths
from ritornello.encoding.letters.text import LETTERS, tokens_of
from ritornello.music.abc.reader import read_abc, written_bars
from ritornello.music.abc.writer import write_abc
from ritornello.music.values import MODES, Key, Melody, Metre, Note, Timeline

TEXT = make_encoding("text")
STEP = 1 if SOAK else 30
HEAD = "M:4/4\nL:1/8\nK:G\n"


def in_values(melody):
    """Notes, length, metres and keys of a melody, times in quarters."""
    timeline = melody.timeline

    def quarters(tick):
        return Fraction(tick, timeline.ticks_per_quarter)

    return (
        [(quarters(n.start), quarters(n.duration), n.pitch) for n in melody.notes],
        quarters(timeline.length),
        [(quarters(m.tick), m.name) for m in timeline.metres],
        [(quarters(k.tick), *k[1:]) for k in timeline.keys],
    )


@pytest.fixture(scope="module")
def tunes():
    return list(embedded().melodies())[:: 1 if SOAK else 20]


def walk(seed: int, bars: int, grammar: Grammar | None = None, most: int = 4000) -> tuple[np.ndarray, Grammar]:
    """Draw a tune of so many bars from what the grammar allows, each letter as likely as any other."""
    random, rules = np.random.default_rng(seed), grammar or Grammar()
    rules.last_bar = bars
    tokens: list[int] = []
    while not rules.done and len(tokens) < most:
        legal = np.flatnonzero(rules.legal())
        assert len(legal), TEXT.text(np.array(tokens))
        tokens.append(int(random.choice(legal)))
        rules.advance(tokens[-1])
    return np.array(tokens), rules


def test_the_text_is_that_of_the_writer_without_what_does_not_sound():
    notes = [Note(0, 480, 62), Note(480, 960, 67), Note(1440, 480, 71), Note(1920, 1440, 73)]
    timeline = Timeline(480, 3360, (Metre(0, 3, 4), Metre(480, 3, 4)), (Key(0, 1),))
    tokens = TEXT.encode(Melody(tuple(notes), timeline, "A title")).tokens
    assert TEXT.text(tokens) == "M:3/4\nL:1/8\nK:G\nD2|G4B2|^c6|]"
    assert TEXT.vocabulary.spell(tokens[:7]) == "M | : | 3 | / | 4 | newline | L"
    assert TEXT.pitches(tokens).tolist() == [62, 67, 71, 73]
    assert [TEXT.text(tokens)[at] for at in TEXT.onsets(tokens)] == ["D", "G", "B", "^"]
    assert TEXT.metre_of(tokens) == (3, 4)
    assert tokens[-1] == TEXT.end == len(LETTERS) == END


def test_every_note_metre_and_key_of_the_embedded_tunes_comes_back(tunes):
    for melody in tunes:
        encoded = TEXT.encode(melody)
        assert not encoded.losses
        assert in_values(TEXT.decode(encoded.tokens)) == in_values(melody), melody.source


def test_every_note_of_the_shared_tunes_comes_back(shared_data, tmp_path):
    for melody in real_melodies(shared_data, tmp_path, STEP):
        assert in_values(TEXT.decode(TEXT.encode(melody).tokens))[0] == in_values(melody)[0], melody.source


def test_a_transposed_text_is_that_of_the_transposed_melody(tunes):
    for n, melody in enumerate(tunes):
        semitones = n % 12 - 6
        tokens = TEXT.transpose(TEXT.encode(melody).tokens, semitones)
        assert TEXT.text(tokens) == TEXT.text(TEXT.encode(melody.transposed(semitones)).tokens), melody.source
        assert TEXT.pitches(tokens).tolist() == [note.pitch + semitones for note in melody.notes]


def test_a_pitch_outside_midi_is_no_transposition():
    tokens = TEXT.encode(Melody((Note(0, 480, 3),), Timeline(480, 1920))).tokens
    with pytest.raises(ValueError, match="pitch must be 0 to 127"):
        TEXT.transpose(tokens, -6)


@given(
    notes=st.lists(st.tuples(st.integers(0, 127), st.integers(1, 40), st.integers(0, 12)), min_size=1, max_size=12),
    metre=st.tuples(st.integers(1, 16), st.sampled_from([1, 2, 4, 8, 16, 32])),
    key=st.none() | st.tuples(st.integers(-7, 7), st.sampled_from(sorted(MODES))),
    unit=st.sampled_from([30, 40, 48, 60, 120, 7]),
)
@settings(deadline=None, max_examples=300 if SOAK else 80)
def test_any_melody_comes_back(notes, metre, key, unit):
    time, made = 0, []
    for pitch, length, rest in notes:
        made.append(Note(time + rest * unit, length * unit, pitch))
        time = made[-1].end
    melody = Melody(tuple(made), Timeline(480, time, (Metre(0, *metre),), (Key(0, *key),) if key else ()))
    tokens = TEXT.encode(melody).tokens
    again = TEXT.decode(tokens)
    assert in_values(again)[0] == in_values(melody)[0]
    assert in_values(again)[3] == in_values(melody)[3]
    assert TEXT.pitches(tokens).tolist() == [note.pitch for note in made]


def test_the_letters_are_those_that_the_writer_uses(tunes):
    used = {letter for melody in tunes for letter in TEXT.text(TEXT.encode(melody).tokens)}
    for fifths in range(-7, 8):
        for mode in MODES:
            line = Melody((Note(0, 480, 60),), Timeline(480, 1920, keys=(Key(0, fifths, mode),)))
            used |= set(TEXT.text(TEXT.encode(line).tokens))
    used |= set(TEXT.text(TEXT.encode(Melody((Note(0, 480, 0), Note(480, 480, 127)))).tokens))
    groups = Timeline(480, 1680, (Metre(0, 7, 8, (3, 2, 2)),))
    used |= set(TEXT.text(TEXT.encode(Melody((Note(0, 480, 60),), groups)).tokens))
    assert used <= set(CHARACTERS)
    assert set(CHARACTERS) - used <= set("0569"), "digits of lengths alone"


def test_a_key_of_eight_sharps_is_written_as_it_sounds_and_counted():
    melody = Melody((Note(0, 480, 68),), Timeline(480, 1920, keys=(Key(0, 8),)))
    encoded = TEXT.encode(melody)
    assert TEXT.text(encoded.tokens).splitlines()[2] == "K:Ab"
    assert encoded.losses == Counter(keys=1)
    assert [note.pitch for note in TEXT.decode(encoded.tokens).notes] == [68]


def test_the_grammar_lets_through_what_people_wrote_in_full_bars(tunes):
    refused = 0
    for melody in tunes:
        tokens, rules = TEXT.encode(melody).tokens, TEXT.tracker()
        is_legal = True
        for token in tokens.tolist():
            is_legal = is_legal and bool(rules.legal()[token])
            rules.advance(token)
        assert rules.done
        refused += not is_legal
    assert refused <= 0.03 * len(tunes)  # a bar in the middle that is not full, a last one that a rest would fill


@given(seed=st.integers(0, 10**9), bars=st.integers(1, 6))
@settings(deadline=None, max_examples=400 if SOAK else 60)
def test_whatever_the_grammar_allows_is_read_and_has_full_bars(seed, bars):
    tokens, rules = walk(seed, bars)
    assert rules.done
    text = TEXT.text(tokens)
    [piece] = read_abc(f"X:1\n{text}")
    assert not TEXT.faults(tokens)
    assert len(piece.parts[0].notes) == len(TEXT.pitches(tokens)) <= rules.notes
    assert [note.pitch for note in TEXT.decode(tokens).notes] == TEXT.pitches(tokens).tolist()
    found = written_bars(f"X:1\n{text}")
    pickup = found[0][0] < found[0][1] and len(found) > bars
    assert len(found) == bars + pickup
    first, last = found[0], found[-1]
    inner = found[1:-1] if pickup else found[:-1]
    assert all(length == full for length, full in inner)
    assert last[0] == last[1] or (pickup and first[0] + last[0] == last[1])


@pytest.mark.skipif(shutil.which("abc2midi") is None, reason="abc2midi is not installed")
def test_another_reader_finds_no_fault_in_what_the_grammar_allows(tmp_path):
    for seed in range(200 if SOAK else 30):
        tokens, _ = walk(seed, 4)
        (tmp_path / "tune.abc").write_text(TEXT.abc(tokens), encoding="ascii")
        done = subprocess.run(
            ["abc2midi", tmp_path / "tune.abc", "-o", tmp_path / "tune.mid"],
            capture_output=True, text=True, timeout=20, check=False,
        )  # fmt: skip
        faults = [line for line in (done.stdout + done.stderr).splitlines() if "Error" in line or "units" in line]
        assert not faults, TEXT.text(tokens)


def test_music21_reads_what_the_grammar_allows():
    music21 = pytest.importorskip("music21")
    for seed in range(5):
        tokens, _ = walk(seed, 3)
        score = music21.converter.parse(TEXT.abc(tokens), format="abc")
        assert score.recurse().notes


def test_a_tuplet_can_always_be_completed():
    assert completable(3, 3, 0, 24)
    assert not completable(3, 2, 0, 2)
    assert "" in lengths(16, (3, 3, 0))  # an eighth
    assert "4" not in lengths(16, (3, 3, 0))  # a half, which leaves no room for two more


@pytest.mark.parametrize(
    ("text", "due"),
    [
        ("M:", "0"),  # no metre begins so
        (f"{HEAD}G8", "G"),  # the bar is full
        (f"{HEAD}G4|G8|G6", "|"),  # neither full nor what the pick-up leaves
        (f"{HEAD}G6-G2|", "-"),
        (f"{HEAD}G8-|", "A"),  # a tie leads to the same note
        (f"{HEAD}(3GG", "|"),
        (f"{HEAD}z8|", "]"),  # no note yet
        (HEAD, "["),  # at the very beginning
        (f"{HEAD}C,,,,", ","),
    ],
)
def test_what_the_grammar_does_not_allow(text, due):
    rules = TEXT.tracker()
    for token in tokens_of(text)[:-1].tolist():
        assert rules.legal()[token], text
        rules.advance(token)
    assert due not in rules.characters()
    assert not rules.legal()[END]


@pytest.mark.parametrize(
    ("text", "due"),
    [
        (f"{HEAD}G2|G8|G6|", "]"),  # a pick-up and what it leaves
        (f"{HEAD}G2|G8|G8|", "]"),
        (f"{HEAD}G8|", "["),
        (f"{HEAD}^c8-|", "^"),  # the sign again after the barline
        (f"{HEAD}(3:2:2G2G|"[:-1], "G"),
    ],
)
def test_what_the_grammar_allows(text, due):
    rules = TEXT.tracker()
    for token in tokens_of(text)[:-1].tolist():
        assert rules.legal()[token], text
        rules.advance(token)
    assert due in rules.characters()


def test_rules_that_are_copied_go_on_by_themselves():
    tokens, _ = walk(3, 4)
    rules = TEXT.tracker()
    for token in tokens[: len(tokens) // 2].tolist():
        rules.advance(token)
    other, before = rules.copy(), rules.legal().tolist()
    for token in tokens[len(tokens) // 2 :].tolist():
        other.advance(token)
    assert other.done
    assert not rules.done
    assert rules.legal().tolist() == before


@given(st.lists(st.integers(0, END), max_size=120))
@settings(deadline=None, max_examples=300 if SOAK else 100)
def test_any_letters_are_read_as_far_as_they_can_be(tokens):
    for rules in (make_encoding("text", grammar=False).tracker(), TEXT.tracker()):
        for token in tokens:
            rules.legal()
            rules.advance(token)
    for head in ([], tokens_of(HEAD)[:-1].tolist()):
        melody = TEXT.decode(np.array([*head, *tokens], np.int64))
        assert melody.notes or TEXT.faults(np.array([*head, *tokens], np.int64)) or END in tokens or not tokens
        TEXT.pitches(np.array([*head, *tokens], np.int64))


def test_without_the_grammar_any_letter_may_follow():
    free = make_encoding("text", grammar=False)
    rules = free.tracker()
    assert rules.legal()[:END].all()
    assert not rules.legal()[END]
    rules.advance(0)
    assert rules.legal().all()
    rules.advance(END)
    assert rules.done
    assert not rules.legal().any()
    assert free.to_dict() == {"name": "text", "grammar": False}
    assert free.vocabulary == TEXT.vocabulary


def test_a_broken_text_says_what_is_wrong_and_keeps_the_rest():
    whole = tokens_of(f"{HEAD}G8|A4B4|]")
    assert TEXT.faults(whole) == Counter()
    short = tokens_of(f"{HEAD}G8|A4|B8|]")
    assert TEXT.faults(short) == Counter(uneven=1)
    assert [note.pitch for note in TEXT.decode(short).notes] == [67, 69, 71]
    broken = tokens_of(f"{HEAD}G8|A4/0B4|[K:Chh]c8|B8|]")
    assert TEXT.faults(broken)["unread"] == 2
    assert [note.pitch for note in TEXT.decode(broken).notes] == [67, 71]
    assert TEXT.decode(tokens_of("[[[")).notes == ()
    assert TEXT.faults(tokens_of("[[["))
    with pytest.raises(ValueError, match="outside this vocabulary"):
        TEXT.decode([END + 1])


def test_the_bars_of_a_text_are_listed_as_written():
    text = write_abc(Melody((Note(0, 960, 60),), Timeline(480, 1920)))
    assert written_bars(text) == [(4, 4)]
    assert written_bars("X:1\nM:3/4\nL:1/4\nK:C\nC|CDE|CD|]") == [(1, 3), (3, 3), (2, 3)]
    assert written_bars("X:1\nM:none\nL:1/4\nK:C\nCD|]") == [(2, None)]
