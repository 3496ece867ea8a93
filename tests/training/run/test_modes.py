"""A corpus that states modes is learned with its keys, by encodings that leave them out otherwise."""

import pytest

import ritornello as rito
from ritornello.music.values import Key, Melody, Note, Timeline


def tunes(keys) -> list[Melody]:
    return [
        Melody(tuple(Note(480 * n, 480, 60 + (n * (k + 2)) % 13) for n in range(16)), Timeline(keys=(key,)), f"T{k}")
        for k, key in enumerate(keys)
    ]


def trained(tmp_path, keys, **options):
    corpus = rito.build_corpus(tunes(keys))
    run = rito.train(corpus, tmp_path / "run", preset="tiny", updates=1, seed=1, threads=1, **options)
    return rito.load_model(run).file.encoding


@pytest.mark.parametrize("name", ["note", "grid", "lookback"])
def test_keys_are_learned_where_modes_are_stated(tmp_path, name):
    modal = [Key(0, 0, "dorian")] * 4 + [Key(0, 1)] * 4
    encoding = trained(tmp_path, modal, encoding=name)
    assert encoding.names_key
    assert {"key", "degree"} <= set(encoding.inputs)


def test_keys_stay_out_where_the_user_says_so_or_no_mode_is_stated(tmp_path):
    assert not trained(tmp_path / "a", [Key(0, 0, "dorian")] * 6, encoding="note", inputs="metre").names_key
    assert not trained(tmp_path / "b", [Key(0, 0), Key(0, 0, "minor")] * 3, encoding="note").names_key
    assert trained(tmp_path / "c", [Key(0, 0, "dorian")] * 6).name == "interval"
