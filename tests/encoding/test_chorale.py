"""Four voices, a token each per sixteenth: written by hand, legal, transposed, and exact on chorales and hymns."""

import itertools
import json
from collections import Counter

import numpy as np
import pytest

from ritornello import load_corpus
from ritornello.corpus.tokens import corpus_tokens, losses_in_words
from ritornello.encoding import encoding_from_dict, make_encoding
from ritornello.encoding.features import feature_rows
from ritornello.encoding.options import EncodingOptions
from ritornello.encoding.voices.chorale import ChoraleEncoding
from ritornello.music.files import read
from ritornello.music.values import Melody, Metre, Note, Part, Piece, Timeline

HOLD, REST, SAME = 128, 129, 64
BARE = ChoraleEncoding(barred=False, given=("soprano",))


def piece_of(*voices, metres=(Metre(0, 4, 4),), ticks=4):
    """Make a piece of voices, each a list of (start, duration, pitch) in sixteenths."""
    parts = tuple(Part(tuple(Note(*note) for note in voice)) for voice in voices)
    return Piece(parts, Timeline(ticks, metres=metres))


TWO_STEPS = piece_of([(0, 1, 72), (1, 1, 72)], [(0, 2, 67)], [(0, 1, 64), (1, 1, 62)], [(1, 1, 48)])


def test_notes_are_moves_and_a_repeated_a_held_one_and_a_rest_are_told_apart():
    tokens = ChoraleEncoding().encode(TWO_STEPS).tokens.tolist()
    metre, end = list(ChoraleEncoding().begin("4/4")), ChoraleEncoding().end
    assert tokens == [*metre, 72, 67, 64, REST, SAME, HOLD, SAME - 2, 48, end]


def test_a_pick_up_is_opening_rests_and_comes_back_as_a_pick_up():
    voices = [[(0, 4, pitch), (4, 12, pitch)] for pitch in (72, 67, 64, 48)]
    piece = piece_of(*voices, metres=(Metre(0, 3, 4), Metre(4, 3, 4)))
    encoding = ChoraleEncoding()
    tokens = encoding.encode(piece).tokens
    assert tokens[2:34].tolist() == [REST] * 32
    assert tokens[34] == 72
    back = encoding.decode(tokens)
    assert (back.timeline.pickup, back.timeline.metre.name) == (480, "3/4")
    assert [note[:3] for note in back.parts[3].notes] == [(0, 480, 48), (480, 1440, 48)]


def test_a_change_of_metre_stands_before_its_step():
    voices = [[(0, 16, pitch), (16, 12, pitch)] for pitch in (72, 67, 64, 48)]
    encoding = ChoraleEncoding()
    tokens = encoding.encode(piece_of(*voices, metres=(Metre(0, 4, 4), Metre(16, 3, 4)))).tokens
    assert tokens[2 + 64 : 2 + 64 + 3].tolist() == [*encoding.begin("3/4"), SAME]
    assert [(m.tick, m.name) for m in encoding.decode(tokens).timeline.metres] == [(0, "4/4"), (1920, "3/4")]


@pytest.mark.parametrize(
    ("music", "words"),
    [
        (Melody((Note(0, 4, 60),), Timeline(4)), "single line"),
        (piece_of([(0, 1, 60)], [(0, 1, 60)]), "2 parts"),
        (
            piece_of([(0, 1, 72)], [(0, 1, 67)], [(0, 2, 64), (1, 1, 60)], [(0, 1, 48)]),
            "tenor sings two notes at once",
        ),
        (piece_of(*[[(0, 1, p)] for p in (72, 67, 64, 48)], ticks=12), "off the sixteenths"),
    ],
)
def test_what_is_not_four_single_lines_on_the_grid_is_refused_with_the_reason(music, words):
    with pytest.raises(ValueError, match=words):
        ChoraleEncoding().encode(music)


def test_only_what_sounds_is_held_and_each_voice_stays_in_its_range():
    rules = BARE.tracker()
    assert not rules.legal()[HOLD]
    assert rules.legal()[REST]
    assert not rules.legal()[BARE.end]
    assert np.flatnonzero(rules.legal()[:128]).tolist() == list(range(55, 85))
    for token in (72, 67, 64, REST):
        rules.advance(token)
    assert rules.legal()[HOLD]
    assert rules.legal()[BARE.end]
    assert np.flatnonzero(rules.legal()[:128]).tolist() == list(range(SAME - 17, SAME + 13))  # from 72: 55 to 84
    for token in (HOLD, HOLD, HOLD):
        rules.advance(token)
    assert not rules.legal()[HOLD]
    assert not rules.legal()[BARE.end]
    assert not rules.legal()[68]
    for token in (48, BARE.end):
        rules.advance(token)
    assert rules.done
    assert not rules.legal().any()


def test_features_tell_the_voice_the_others_and_what_was_held():
    names = [feature.name for feature in BARE.features]
    tokens = BARE.encode(TWO_STEPS).tokens
    alto = dict(zip(names, feature_rows(BARE, tokens)[5].tolist(), strict=True))  # of the second step
    assert alto["own"] == 1 + 67
    assert alto["far_1"] == 1 + 50 + 24 + (72 - 67)
    assert alto["far_2"] == 1 + 50 + 24 + (64 - 67)
    assert alto["far_3"] == 0  # the bass is silent
    assert alto["place"] == 1 + 48 + 1
    assert alto["started"] == 1 + 8 + 1
    assert (alto["held_soprano"], alto["held_alto"]) == (1, 1)
    assert alto["apart_1"] == 1 + 12 + (72 - 67)
    assert alto["apart_2"] == 1 + 12 + (64 - 67) % 12
    assert (alto["mode"], alto["degree_soprano"]) == (1, 1 + 12 + 0)  # C, G, E: the key of C major
    assert alto["given_now"] == 0


def test_a_soprano_that_is_given_is_seen_ahead_with_the_end_of_its_phrase():
    pitches = np.array([72, 72, 74, -1])
    ahead = BARE.ahead(BARE.write(np.stack([pitches] * 4, 1)[:, :4]))
    assert ahead.at(0, 67) == (2 + 24 + 5, 13 + 2, 2, 3)  # D comes next, in two steps; the breath in three
    assert ahead.at(2, 67) == (2 + 24 + 7, 26, 1, 1)
    assert ahead.at(3, 67)[0] == 1


def test_a_transposition_moves_tokens_and_features_alike():
    tokens = BARE.encode(TWO_STEPS).tokens
    moved, rules = BARE.transpose(tokens, 3), BARE.tracker()
    rules.soprano = BARE.ahead(moved)
    rows = []
    for token in moved.tolist():
        rows.append(rules.features())
        rules.advance(token)
    assert BARE.feature_rows(moved, known=True).tolist() == rows
    assert BARE.variants(tokens, 0, 127) == [-6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5]


def test_a_transposition_changes_the_first_notes_alone_and_what_a_voice_sang_last():
    tokens = ChoraleEncoding().encode(TWO_STEPS).tokens
    moved = ChoraleEncoding().transpose(tokens, 3)
    assert np.flatnonzero(moved != tokens).tolist() == [2, 3, 4, 9]  # the bass begins at the second step
    assert ChoraleEncoding().pitches(moved).tolist() == [75, 70, 67, 75, 65, 51]
    with pytest.raises(ValueError, match="out of 0-127"):
        ChoraleEncoding().transpose(tokens, 56)


def test_moves_that_leave_the_pitches_are_refused():
    with pytest.raises(ValueError, match="beyond the pitches"):
        BARE.decode([0, 67, 64, 48, 0, HOLD, HOLD, HOLD, BARE.end])
    with pytest.raises(ValueError, match="soprano leaps"):
        BARE.write(np.array([[10, 67, 64, 48], [90, 67, 64, 48]]))


def test_it_is_made_again_from_its_options():
    for encoding in (
        ChoraleEncoding(),
        BARE,
        ECHOING,
        make_encoding("chorale", ranges=((60, 80), (55, 74), (48, 69), (40, 62))),
    ):
        assert encoding_from_dict(json.loads(json.dumps(encoding.to_dict()))) == encoding
    asked = EncodingOptions("chorale", given="soprano", inputs="none").build()
    assert asked == ChoraleEncoding(given=("soprano",), relations=RELATIONS)


ECHOING = ChoraleEncoding(barred=False, inputs=("echo",))
RELATIONS = ("degree", "interval", "echo")
STILL = [HOLD] * 12  # the rest of a quarter
FIRST, ONE, OTHER = [72, 67, 64, 48, *STILL], [66, 65, SAME, 62, *STILL], [63, SAME, HOLD, 69, *STILL]


def echoes_of(tokens, encoding=ECHOING):
    """List what followed and for how long it went on as now, before each token."""
    return feature_rows(encoding, np.array(tokens))[:, -2:].tolist()


def test_a_passage_that_comes_back_brings_what_followed_it_and_how_long_it_is():
    rows = echoes_of([*FIRST, *ONE, *OTHER, *ONE, 60, 60, 60, 60, ECHOING.end])
    # 12 held tokens, then the quarter: 28 alike, of which what followed is surer than of fewer than 16
    assert rows[64] == [1 + 51 + 24 + (63 - SAME), 4]
    assert rows[65][0] == 0  # the soprano does something else here: nothing went on so before
    assert rows[16] == [0, 0]  # first notes are like nothing: 12 held tokens, and nothing followed so far
    assert rows[0] == [0, 0]


def test_of_equally_long_passages_the_latest_counts():
    tokens = [*FIRST, 66, *[HOLD] * 15, 68, *[HOLD] * 15, 70, *[HOLD] * 15, 72]
    assert echoes_of([*tokens, ECHOING.end])[64] == [1 + 24 + 6, 3]  # 15 held tokens came before 68 and 70


def test_a_line_that_comes_back_over_other_voices_brings_what_followed_in_that_voice():
    encoding = ChoraleEncoding(barred=False, inputs=("line",))
    steps = [
        [72, 67, 64, 48],
        [66, 60, 60, 60],
        [65, 62, 62, 62],
        [63, 61, 61, 61],
        [66, 70, 70, 70],
        [65, 69, 69, 69],
    ]
    quarters = [[*step, *STILL] for step in [*steps, [59, SAME, SAME, SAME]]]
    rows = echoes_of([token for quarter in quarters for token in quarter] + [encoding.end], encoding)
    # 3 held tokens, then two quarters of the soprano: 11 alike, then a note came that lies a semitone below
    assert rows[96] == [1 + 24 + (63 - SAME), 4]
    assert rows[97] == [1 + 24 + (69 - SAME), 2]  # of the alto 3 held tokens alone: the latest


def test_of_late_says_when_each_pitch_class_sounded():
    encoding = ChoraleEncoding(barred=False, inputs=("recent",))
    tokens = [72, 67, 64, 48, *STILL, SAME + 2, *[HOLD] * 15, *[SAME, HOLD, HOLD, HOLD] * 4, encoding.end]
    rows = feature_rows(encoding, np.array(tokens))[:, -12:]
    assert dict(enumerate(rows[17].tolist())) == {  # above the alto's G after the soprano moved to D
        0: 1, 1: 0, 2: 0, 3: 0, 4: 0, 5: 1, 6: 0, 7: 1, 8: 0, 9: 1, 10: 0, 11: 0,
    }  # fmt: skip
    assert rows[37][[5, 7]].tolist() == [1, 1]  # C sounds on in the bass
    barred = [72, 67, 64, 48, *STILL, SAME, SAME, SAME, SAME + 1, *[HOLD] * 28, encoding.end]
    assert feature_rows(encoding, np.array(barred))[45][-12:][[5, 6]].tolist() == [1, 1]
    gone = [67, 67, 64, 48, *STILL, HOLD, HOLD, HOLD, SAME + 1, *[HOLD] * 28, encoding.end]
    assert feature_rows(encoding, np.array(gone))[45][-12:][[5, 6]].tolist() == [3, 1]  # C sounded 29 tokens ago


def test_an_echo_is_found_in_every_key_and_metres_do_not_hide_it():
    tokens = np.array([*FIRST, *ONE, *OTHER, *ONE, *OTHER, ECHOING.end])
    assert echoes_of(ECHOING.transpose(tokens, -5)) == echoes_of(tokens)
    encoding, rows = ChoraleEncoding(barred=False, inputs=("echo", "line", "recent")), []
    rules, moved = encoding.tracker(), encoding.transpose(tokens, 4)
    for token in moved.tolist():
        rows.append(rules.features())
        rules.advance(token)
    assert feature_rows(encoding, moved).tolist() == rows
    barred = ChoraleEncoding(inputs=("echo",))
    voices = [*barred.begin("2/4"), *FIRST, *ONE, *barred.begin("1/4"), *OTHER, *ONE, 60, 60, 60, 60, barred.end]
    assert echoes_of(voices, barred)[68] == [1 + 51 + 24 + (63 - SAME), 4]


def test_rules_that_go_on_by_themselves_keep_their_own_echo():
    rules = ECHOING.tracker()
    for token in [*FIRST, *ONE, *OTHER]:
        rules.advance(token)
    other = rules.copy()
    for token in OTHER:
        other.advance(token)
    for token in ONE:
        rules.advance(token)
    assert rules.features()[-2:] == [1 + 51 + 24 + (63 - SAME), 4]
    assert other.features() != rules.features()


def test_an_encoding_of_before_has_no_echo_and_training_has_one_unless_told_otherwise():
    assert "inputs" not in ChoraleEncoding().to_dict()
    assert encoding_from_dict({"name": "chorale", "barred": True}).features == ChoraleEncoding().features
    assert len(ECHOING.features) == len(ChoraleEncoding(barred=False).features) + 2
    assert EncodingOptions("chorale").build() == ChoraleEncoding(
        inputs=("echo", "line", "recent"), relations=RELATIONS
    )
    fewer = EncodingOptions("chorale", inputs="line,echo").build()
    assert fewer == ChoraleEncoding(inputs=("echo", "line"), relations=RELATIONS)
    assert EncodingOptions("chorale", inputs="none").build() == ChoraleEncoding(relations=RELATIONS)
    with pytest.raises(ValueError, match=r"'position'.*echo"):
        EncodingOptions("chorale", inputs="position").build()


def test_moves_that_lead_to_the_same_degree_or_interval_share_weights():
    encoding = ChoraleEncoding(barred=False, relations=("degree", "interval"))
    names = [feature.name for feature in encoding.features]
    degree, *others = encoding.aspects
    assert [names[aspect.feature] for aspect in encoding.aspects] == ["own_degree", "apart_1", "apart_2", "apart_3"]
    # the alto sings the fifth degree: up a fourth and down a fifth lead to the tonic, a hold stays
    assert [degree.table[1 + 12 + 7, id] for id in (SAME + 5, SAME - 7, SAME, HOLD)] == [12, 12, 12 + 7, 48 + 12 + 7]
    # the soprano lies a third below the alto: the same note again is 9 semitones above it without octaves
    soprano = others[0].table[1 + 3]
    assert [soprano[id] for id in (SAME, SAME + 3, SAME - 9, HOLD)] == [9, 0, 0, 48 + 9]
    for aspect in encoding.aspects:
        assert (aspect.table[0] == -1).all()  # no key yet, or no other voice
        assert (aspect.table[:, REST] == -1).all()
        assert aspect.table.max() == aspect.size - 1


def test_what_followed_shares_weights_by_how_sure_it_is():
    encoding = ChoraleEncoding(barred=False, inputs=("echo",), relations=("echo",))
    [aspect] = encoding.aspects  # without the input `line` there is none of a line
    names = [feature.name for feature in encoding.features]
    assert names[aspect.feature] == "echo_token"
    assert np.flatnonzero(aspect.table[1 + 24 + 5] >= 0).tolist() == [SAME + 5]
    assert aspect.table[1 + 24 + 5, SAME + 5] == 0
    assert aspect.table[1 + 51 + 49, HOLD] == 1
    assert aspect.table[1 + 102 + 50, REST] == 2
    with pytest.raises(ValueError, match="no relation 'metre'"):
        ChoraleEncoding(relations=("metre",))


def test_the_degree_of_what_a_voice_sang_is_known_while_it_rests():
    encoding = ChoraleEncoding(barred=False, relations=("degree",))
    tokens = [72, 67, 64, 60, *STILL, HOLD, REST, HOLD, HOLD, HOLD, SAME, HOLD, HOLD, encoding.end]
    names = [feature.name for feature in encoding.features]
    alto = dict(zip(names, feature_rows(encoding, np.array(tokens))[21].tolist(), strict=True))
    assert (alto["own_degree"], alto["degree_alto"]) == (1 + 12 + 7, 0)


def test_every_chorale_comes_back_step_for_step_and_is_legal(shared_data):
    chorales = json.loads(shared_data("chorales/jsb-chorales-16th.json").read_text())
    count = 0
    for chorale in itertools.chain(*chorales.values()):
        steps = np.array([[*map(int, chord), *[-1] * (4 - len(chord))] for chord in chorale])
        piece = BARE.decode(BARE.write(steps))
        pitches, _, _ = BARE.read(BARE.encode(piece).tokens)
        length = len(pitches)  # silence at the end is no note
        assert (pitches == steps[:length]).all()
        assert (steps[length:] == -1).all()
        count += 1
    assert count == 382


def test_every_hymn_of_four_single_lines_comes_back(shared_data):
    encoding, exact, reasons = ChoraleEncoding(), 0, []
    for path in sorted(shared_data("hymns").glob("*.abc")):
        [piece, *_] = read(path, "written")
        try:
            tokens = encoding.encode(piece).tokens
        except ValueError as reason:
            reasons.append(str(reason))
            continue
        assert times_of(encoding.decode(tokens)) == times_of(piece), path.name
        exact += 1
    assert exact == 246
    kinds = ("parts", "two notes at once", "off the sixteenths")
    assert [sum(kind in reason for reason in reasons) for kind in kinds] == [13, 21, 2]


def times_of(piece):
    """List the notes of each voice with their times in sixteenths from the barline before the first note."""
    timeline = piece.timeline
    bar = timeline.bar_ticks(timeline.metre)
    first = min(note.start for part in piece.parts for note in part.notes)
    late = (bar - timeline.pickup if timeline.pickup else 0) - (first // bar * bar if not timeline.pickup else 0)
    scale = timeline.ticks_per_quarter
    return [[((n.start + late) * 4 / scale, n.duration * 4 / scale, n.pitch) for n in p.notes] for p in piece.parts]


def test_pieces_in_other_numbers_of_voices_are_left_out_of_training_and_counted():
    corpus, losses = load_corpus("hymns-voices"), Counter()
    tokens = corpus_tokens(corpus, ChoraleEncoding(), losses=losses)
    assert len(tokens) + losses["unfit"] == len(corpus.pieces)
    assert len(tokens) >= 240
    assert "leaves out" in losses_in_words(losses, ChoraleEncoding())
