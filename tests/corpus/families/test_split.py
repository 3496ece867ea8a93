"""Splits: fixed by family, never crossed by a twelve-note run, and kept as given where they are explicit."""

import random
from collections import Counter
from dataclasses import replace

import pytest

from ritornello.corpus.errors import CorpusError
from ritornello.corpus.families import split as split_module
from ritornello.corpus.families.families import with_families
from ritornello.corpus.families.shared_runs import RunFinder
from ritornello.corpus.families.split import SplitRule, linked_pieces, place, with_splits
from ritornello.corpus.pieces import CorpusPiece
from ritornello.corpus.store import corpus_of
from ritornello.music.values import Melody, Note


def tune(seed, notes=30):
    rng = random.Random(seed)
    return [(60 + rng.randrange(13), rng.choice([240, 480])) for _ in range(notes)]


def corpus(tunes):
    """tunes: name -> [(pitch, length)]."""
    pieces = []
    for name, pairs in tunes.items():
        at, notes = 0, []
        for pitch, length in pairs:
            notes.append(Note(at, length, pitch))
            at += length
        pieces.append((CorpusPiece(name, ()), [Melody(tuple(notes), source=name)]))
    return with_families(corpus_of(pieces))


def splits(tunes, rule="hash"):
    return {p.source: p.split for p in with_splits(corpus(tunes), SplitRule.parse(rule)).pieces}


def test_a_tune_goes_the_same_way_in_every_corpus_and_order():
    many = {f"t{i}": tune(i) for i in range(300)}
    whole = splits(many)
    some = splits({name: many[name] for name in reversed(list(many)[100:250])})
    assert all(whole[name] == split for name, split in some.items())
    counted = Counter(whole.values())
    assert 15 <= counted["test"] <= 45
    assert 15 <= counted["validation"] <= 45


def test_a_copy_in_another_key_goes_the_same_way():
    many = {f"t{i}": tune(i) for i in range(60)}
    copies = {f"{name} higher": [(p + 3, d) for p, d in pairs] for name, pairs in many.items()}
    found = splits({**many, **copies})
    assert all(found[name] == found[f"{name} higher"] for name in many)


def test_tunes_that_share_a_run_of_twelve_notes_stay_together():
    many = {f"t{i}": tune(i) for i in range(200)}
    for i in range(0, 200, 4):  # eleven of the next tune's notes, or twelve
        many[f"t{i}"] = many[f"t{i}"] + many[f"t{i + 1}"][:11]
        many[f"t{i + 2}"] = many[f"t{i + 2}"] + many[f"t{i + 3}"][5:17]
    done = with_splits(corpus(many), SplitRule())
    train = RunFinder.of_corpus(done, "train")
    for split in ("validation", "test"):
        longest = [train.longest(m).notes for m in done.melodies(split)]
        assert longest
        assert max(longest) < 12
    names = {p.source: p.split for p in done.pieces}
    assert all(names[f"t{i + 2}"] == names[f"t{i + 3}"] for i in range(0, 200, 4))
    assert any(names[f"t{i}"] != names[f"t{i + 1}"] for i in range(0, 200, 4))


def test_a_group_too_large_for_a_share_trains():
    phrase = tune(999, 12)
    linked = {f"l{i}": tune(i, 40) + phrase for i in range(30)}
    for base in range(0, 4000, 1000):  # whatever the hash of the group says
        alone = {f"a{i}": tune(base + i + 100) for i in range(70)}
        found = splits({**linked, **alone})
        assert {found[name] for name in linked} == {"train"}


@pytest.mark.parametrize(
    ("size", "count", "split"), [(2, 21, "test"), (3, 22, "train"), (4, 40, "test"), (5, 40, "train")]
)
def test_a_family_of_two_or_of_a_tenth_may_be_held_out_and_a_larger_one_trains(size, count, split):
    hashed = {name: place(name) for name in map(str, range(1000))}
    for_test, for_test_too = [name for name, at in hashed.items() if at < 0.1][:2]
    for_validation = next(name for name, at in hashed.items() if 0.1 <= at < 0.2)
    training = [name for name, at in hashed.items() if at >= 0.2]
    families = [*[for_test] * size, for_test_too, for_validation, *training][:count]
    made = corpus({f"t{i}": tune(i) for i in range(count)})
    pieces = [replace(piece, family=family) for piece, family in zip(made.pieces, families, strict=True)]
    done = with_splits(replace(made, pieces=tuple(pieces)), SplitRule())
    assert {p.split for p in done.pieces[:size]} == {split}
    assert [p.split for p in done.pieces[size : size + 3]] == ["test", "validation", "train"]


def test_linked_pieces_are_named_by_the_first_of_them():
    a, b = tune(1), tune(2)
    assert linked_pieces(corpus({"a": a, "b": b, "c": b[10:] + a[:12]})) == [0, 0, 0]
    assert linked_pieces(corpus({"a": a, "b": b, "c": tune(3) + a[:11]})) == [0, 1, 2]


@pytest.mark.parametrize(
    ("count", "train", "validation"), [(1, 1, 0), (2, 2, 0), (3, 3, 0), (4, 4, 0), (5, 4, 1), (10, 9, 1), (19, 18, 1)]
)
def test_of_a_handful_nearly_all_are_learned_from(count, train, validation):
    for seed in range(10):
        found = splits({f"t{i}": tune(1000 * seed + i) for i in range(count)})
        assert Counter(found.values()) == Counter({"train": train, "validation": validation})


def test_of_a_handful_a_family_is_learned_from_whole_and_the_smallest_is_held_out():
    variants = {f"a{by}": [(p + by, d) for p, d in tune(1)] for by in range(6)}
    found = splits({**variants, **{f"b{i}": tune(10 + i) for i in range(4)}})
    assert {found[name] for name in variants} == {"train"}
    assert Counter(found.values()) == {"train": 9, "validation": 1}


def test_from_twenty_tunes_on_no_split_stays_empty():
    for seed in range(20):
        found = splits({f"t{i}": tune(1000 * seed + i) for i in range(20)})
        assert set(found.values()) == {"train", "validation", "test"}


def test_last_keeps_the_end_of_the_file_order_as_test():
    found = splits({f"t{i}": tune(i) for i in range(186)}, "last:0.1")
    test = [name for name, split in found.items() if split == "test"]
    assert test == [f"t{i}" for i in range(167, 186)]
    assert Counter(found.values())["validation"] == 16  # a tenth of the other 167


def test_last_keeps_copies_across_the_split():
    many = {f"t{i}": tune(i) for i in range(18)}
    found = splits({**many, "copy": many["t3"], "other": tune(50)}, "last:0.1")
    assert (found["copy"], found["other"]) == ("test", "test")
    assert found["t3"] in ("train", "validation")


def test_shares_are_filled_by_families_in_the_order_of_their_hashes():
    many = {f"t{i}": tune(i) for i in range(100)}
    found = splits(many, "80/10/10")
    assert Counter(found.values()) == {"train": 80, "validation": 10, "test": 10}
    order = sorted(many, key=lambda name: place(corpus({name: many[name]}).pieces[0].family))
    assert sorted(n for n, s in found.items() if s == "test") == sorted(order[:10])
    assert sorted(n for n, s in found.items() if s == "validation") == sorted(order[10:20])
    assert splits(many, "0.8/0.1/0.1") == found


def test_shares_keep_families_together_and_come_as_near_as_these_allow():
    many = {f"t{i}": tune(i) for i in range(60)}
    copies = {f"{name} higher": [(p + 3, d) for p, d in pairs] for name, pairs in many.items()}
    found = splits({**many, **copies}, "50/25/25")
    assert Counter(found.values()) == {"train": 60, "validation": 30, "test": 30}
    assert all(found[name] == found[f"{name} higher"] for name in many)


def test_no_share_is_overfilled_by_a_family():
    many = {f"t{i} {by}": [(p + by, d) for p, d in tune(i)] for i in range(33) for by in (0, 2, 5)}
    assert Counter(splits(many, "80/10/10").values()) == {"train": 81, "validation": 9, "test": 9}  # tenths are 9.9


def test_a_share_of_nothing_is_empty_and_a_small_one_is_not():
    many = {f"t{i}": tune(i) for i in range(8)}
    assert set(splits(many, "100/0/0").values()) == {"train"}
    assert Counter(splits(many, "98/1/1").values()) == {"train": 6, "validation": 1, "test": 1}


@pytest.mark.parametrize("rule", ["80/10/20", "0/50/50", "80/20", "1/2/3"])
def test_shares_that_are_none_are_refused(rule):
    with pytest.raises(CorpusError, match=r"split must be|must be 100 together"):
        SplitRule.parse(rule)


LISTS = {
    "columns": "# mine\na.mid, test\nb.mid\tvalidation\nc d.mid; train\n",
    "split first": "test: a\nvalid, b\ntrain\tc d.mid\n",
    "headings": "[test]\na.mid\nvalidation:\nb\ntrain\nc d\n",
    "json": '{"test": ["a.mid"], "validation": ["b"], "train": ["in/c d.mid"]}',
}


@pytest.mark.parametrize("text", LISTS.values(), ids=LISTS)
def test_a_list_says_where_each_tune_goes(text, tmp_path):
    (tmp_path / "split.txt").write_text(text)
    names = ("in/a.mid", "in/b.mid", "in/c d.mid", "in/e.mid")
    found = splits({name: tune(i) for i, name in enumerate(names)}, f"list:{tmp_path / 'split.txt'}")
    assert found == {"in/a.mid": "test", "in/b.mid": "validation", "in/c d.mid": "train", "in/e.mid": "train"}


def test_where_a_list_names_none_for_validation_it_comes_from_what_is_not_named(tmp_path):
    (tmp_path / "list.txt").write_text("test\n" + "\n".join(f"t{i}" for i in range(10)))
    found = splits({f"t{i}": tune(i) for i in range(50)}, f"list:{tmp_path / 'list.txt'}")
    assert Counter(found.values()) == {"train": 36, "validation": 4, "test": 10}
    assert {found[f"t{i}"] for i in range(10)} == {"test"}


def test_names_of_a_list_that_are_no_tune_are_told(tmp_path):
    (tmp_path / "list.txt").write_text("test\nt0\nt9\n")
    rule = SplitRule.parse(f"list:{tmp_path / 'list.txt'}")
    assert rule.unknown(corpus({"t0": tune(0), "t1": tune(1)})) == ("t9",)
    with pytest.raises(CorpusError, match=r"list.txt: none of its names is a tune of the corpus, the first is 't0'"):
        with_splits(corpus({"x": tune(0)}), rule)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tune.mid\n", r"line 1: no split in 'tune.mid'; write `test, tune.mid`"),
        ("test, a\ntrain, a\n", "a is in test and in train; name it once"),
        ("", "names no tune"),
        ('{"tset": ["a"]}', "not a split list"),
        ('{"test": "a"}', "not a split list"),
        ("{broken", "not a split list"),
    ],
)
def test_a_list_that_is_none_is_refused_with_its_place(text, message, tmp_path):
    (tmp_path / "list.txt").write_text(text)
    with pytest.raises(CorpusError, match=message):
        splits({"a": tune(0)}, f"list:{tmp_path / 'list.txt'}")


def test_a_list_that_is_not_there_is_said(tmp_path):
    with pytest.raises(CorpusError, match=r"gone.txt: the split list cannot be read"):
        splits({"a": tune(0)}, f"list:{tmp_path / 'gone.txt'}")


@pytest.mark.parametrize(
    "rule", ["last", "last:", "last:0", "last:1", "last:1.5", "first:0.1", "", "last:x", "list:"]
)
def test_a_split_that_is_none_is_refused(rule):
    with pytest.raises(CorpusError, match='must be "hash" or "last:SHARE"'):
        SplitRule.parse(rule)


def test_places_never_change():
    # the first 8 bytes of SHA-256("abc") are ba7816bf 8f01cfea (FIPS 180-2, appendix B.1)
    assert place("abc") == (0xBA7816BF8F01CFEA >> 11) / 2**53


def test_links_between_tunes_are_looked_for_once_in_a_split(monkeypatch):
    calls = []
    monkeypatch.setattr(split_module, "linked_pieces", lambda known: calls.append(known) or linked_pieces(known))
    splits({f"t{i}": tune(i) for i in range(40)})
    assert len(calls) == 1
