"""Chord symbols go with their melody: into a corpus and its folder, packed, between processes, onto another grid."""

import json
from dataclasses import replace

import pytest

from ritornello.corpus.build.convert import convert_object
from ritornello.corpus.build.rows import FileRows
from ritornello.corpus.embedded import embedded
from ritornello.corpus.errors import CorpusError
from ritornello.corpus.humanise import humanised
from ritornello.corpus.options import BuildOptions
from ritornello.corpus.packed import load_packed, pack
from ritornello.corpus.pick.quantise import on_steps, timed
from ritornello.corpus.pieces import CorpusPiece
from ritornello.corpus.store import Corpus, corpus_of
from ritornello.music.chords import NO_CHORD, read_chord
from ritornello.music.exchange import pieces_from_json, pieces_to_json
from ritornello.music.values import Key, Melody, Note, Part, Piece, Timeline

SYMBOLS = ("Eb", "Fm7/Ab", "B7", "N.C.", "Gb13#11", "Cm")


def melody(*names):
    """A melody in E flat, a chord to each half note."""
    key = Key(0, -3)
    notes = tuple(Note(480 * n, 480, 60 + 2 * (n % 5)) for n in range(2 * max(len(names), 4)))
    chords = tuple((960 * n, read_chord(name, key)) for n, name in enumerate(names))
    return Melody(notes, Timeline(480, keys=(key,)), "A tune", "a.abc", chords)


def corpus(*each):
    return corpus_of((CorpusPiece(f"{n}.abc", ()), [melody(*names)]) for n, names in enumerate(each))


def symbols(music):
    return [chord.name(music.timeline.key) for _, chord in music.chords]


def test_a_corpus_keeps_chords_in_a_file_of_their_own(tmp_path):
    with_chords = corpus(SYMBOLS, (), ("Ab",))
    with_chords.save(tmp_path / "corpus")
    lines = (tmp_path / "corpus" / "chords.jsonl").read_text("utf-8").splitlines()
    assert json.loads(lines[0]) == [[960 * n, name] for n, name in enumerate(SYMBOLS)]
    again = Corpus.load(tmp_path / "corpus")
    assert again.melodies() == with_chords.melodies()
    assert [symbols(each) for each in again.melodies()] == [list(SYMBOLS), [], ["Ab"]]
    assert "chords" not in (tmp_path / "corpus" / "pieces.jsonl").read_text("utf-8")


def test_a_corpus_without_chords_has_no_such_file_and_the_same_fingerprint(tmp_path):
    without, with_chords = corpus((), ("Ab",)), corpus(SYMBOLS, ("Ab",))
    with_chords.save(tmp_path / "corpus")
    plain = corpus((), ())
    plain.save(tmp_path / "corpus")
    assert not (tmp_path / "corpus" / "chords.jsonl").exists()
    assert not Corpus.load(tmp_path / "corpus").has_chords
    assert with_chords.notes.size != plain.notes.size
    assert without.fingerprint == corpus((), ()).fingerprint


def test_changed_chords_are_refused(tmp_path):
    corpus(SYMBOLS).save(tmp_path / "corpus")
    path = tmp_path / "corpus" / "chords.jsonl"
    path.write_text(path.read_text("utf-8").replace("B7", "D7"), "utf-8")
    with pytest.raises(CorpusError, match="the chords have changed"):
        Corpus.load(tmp_path / "corpus")


def test_chords_stay_with_the_pieces_that_are_selected():
    whole = corpus(SYMBOLS, (), ("Ab",))
    part = whole.selected(reversed(whole.pieces))
    assert [symbols(each) for each in part.melodies()] == [["Ab"], [], list(SYMBOLS)]


def test_packed_chords_come_back_by_root_quality_and_bass(tmp_path):
    whole = corpus(SYMBOLS, (), ("Ab",))
    for name, content in pack(whole).items():
        (tmp_path / name).write_bytes(content)
    again = load_packed(tmp_path)
    for old, new in zip(whole.melodies(), again.melodies(), strict=True):
        assert [(tick, chord[:3]) for tick, chord in new.chords] == [(tick, chord[:3]) for tick, chord in old.chords]
    assert set(pack(corpus(()))) == {"notes.npz", "pieces.jsonl.gz"}


def test_packed_chords_follow_the_keys_of_a_tune_that_modulates(tmp_path):
    line = Timeline(480, keys=(Key(0, -3), Key(1920, 4), Key(3840, -1)))
    modulating = replace(melody(*SYMBOLS), timeline=line)
    each = [melody(), modulating, melody("Ab", "Eb"), modulating]
    whole = corpus_of((CorpusPiece(f"{n}.abc", ()), [music]) for n, music in enumerate(each))
    for name, content in pack(whole).items():
        (tmp_path / name).write_bytes(content)
    found = [[(tick, chord[:3]) for tick, chord in music.chords] for music in load_packed(tmp_path).melodies()]
    assert found == [[(tick, chord[:3]) for tick, chord in music.chords] for music in each]


def test_chords_travel_between_processes():
    rows = convert_object(melody(*SYMBOLS), "tune", BuildOptions())
    [found] = FileRows.from_bytes(rows.to_bytes()).corpus.melodies()
    assert symbols(found) == list(SYMBOLS)
    piece = Piece((Part(melody().notes),), chords=melody(*SYMBOLS).chords)
    assert pieces_from_json(json.loads(json.dumps(pieces_to_json([piece])))) == [piece]
    [line] = pieces_to_json([piece])
    for bad in ([0, 12, "major", 0, ""], [0, 0, "loud", 0, ""], [0, 0, "major", 0, "nonsense"], [0, 0, "major"]):
        with pytest.raises(ValueError):
            pieces_from_json([line | {"chords": [bad]}])


def test_segments_and_other_grids_keep_chords_at_their_notes():
    tune = melody("Eb", "Cm", "Fm", "Bb7")
    late = replace(tune, notes=tuple(n._replace(start=n.start + 7) for n in tune.notes[:-1]))
    moved = timed(late, 4, "grid", "keep").melody
    per_quarter = moved.timeline.ticks_per_quarter
    assert [tick / per_quarter for tick, _ in moved.chords] == [0, 2, 4, 6]
    piece, _ = on_steps(Piece((Part(tune.notes),), tune.timeline, chords=tune.chords), 3)
    assert [tick / piece.timeline.ticks_per_quarter for tick, _ in piece.chords] == [0, 2, 4, 6]
    assert symbols(tune.between(1440, 3840)) == ["Cm", "Fm", "Bb7"]
    assert humanised(piece, 0).chords == ()  # in milliseconds there are none


def test_chords_of_voices_stay_with_them():
    voices = tuple(
        Part(tuple(n._replace(pitch=n.pitch + up) for n in melody().notes), name)
        for name, up in (("S", 12), ("B", -12))
    )
    rows = convert_object(
        Piece(voices, melody("Eb").timeline, chords=melody(*SYMBOLS).chords), "two", BuildOptions(keep="voices")
    )
    [piece] = rows.corpus.music()
    assert symbols(piece) == list(SYMBOLS)


def test_every_embedded_melody_has_chords_and_no_note_changed():
    whole = embedded()
    melodies = whole.melodies()
    assert whole.fingerprint == "bac4362d4def4b82aea10047e2717ba04e47c716cd11b055e0acdd4d249ed526"
    assert sum(bool(each.chords) for each in melodies) >= 0.99 * len(melodies)
    assert all(each.chords[-1][0] < each.timeline.length for each in melodies if each.chords)
    assert NO_CHORD not in {chord for each in melodies for _, chord in each.chords}
    [eventide] = [each for each in embedded("hymns").melodies() if each.title == "Abide With Me"]
    assert symbols(eventide)[2:9] == ["Bb7", "Cm", "Eb/G", "Ab", "Bb", "Cm7", "Bb7/D"]
