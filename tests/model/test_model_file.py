"""A model file comes back as it was saved, or not at all."""

import errno
import hashlib
import json
import os
import pickle
import random
import struct
from dataclasses import replace

import numpy as np
import pytest
from outputs import names_in
from safetensors.numpy import save

from ritornello import atomic
from ritornello.encoding import Grid, make_encoding
from ritornello.model import file as model_file
from ritornello.model.file import ModelFile, ModelFileError, load_model, save_model
from ritornello.model.options import NetworkOptions

FACTS = {
    "seed": 7,
    "corpus": {"licences": ["CC0-1.0"], "metres": {"3/4": 2}},
    "validation_nll": 0.8125,
    "title": "Größe",
}


@pytest.fixture
def model(make_tensors) -> ModelFile:
    return ModelFile(make_tensors(145, width=8, layers=1), NetworkOptions(1, 8, 8, 0.25), Grid(version=1), FACTS)


@pytest.fixture
def saved(model, tmp_path):
    path = tmp_path / "model.safetensors"
    save_model(path, model)
    return path


def tampered(path, change) -> None:
    """Write the file again with its header changed and every checksum of the header made right again."""
    content = path.read_bytes()
    length = struct.unpack("<Q", content[:8])[0]
    outer = json.loads(content[8 : 8 + length])
    header = json.loads(outer["__metadata__"]["ritornello"])
    change(header)
    header.pop("header_sha256", None)
    header["header_sha256"] = hashlib.sha256(json.dumps(header, sort_keys=True).encode()).hexdigest()
    outer["__metadata__"]["ritornello"] = json.dumps(header, sort_keys=True)
    text = json.dumps(outer).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + content[8 + length :])


def same(one: ModelFile, other: ModelFile) -> bool:
    return (
        one.metadata == other.metadata
        and one.network == other.network
        and one.encoding == other.encoding
        and sorted(one.tensors) == sorted(other.tensors)
        and all(np.array_equal(value, other.tensors[name]) for name, value in one.tensors.items())
    )


def test_what_is_saved_is_loaded(model, saved):
    again = load_model(saved)
    assert same(again, model)
    assert all(value.dtype == np.float32 for value in again.tensors.values())
    save_model(saved.with_name("again.safetensors"), again)
    assert saved.with_name("again.safetensors").read_bytes() == saved.read_bytes()


def test_half_precision_rounds_the_weights_and_keeps_the_rest(model, tmp_path):
    save_model(tmp_path / "half.safetensors", model, half=True)
    save_model(tmp_path / "full.safetensors", model)
    again = load_model(str(tmp_path / "half.safetensors"))
    assert (again.metadata, again.network, again.encoding) == (model.metadata, model.network, model.encoding)
    for name, value in model.tensors.items():
        np.testing.assert_array_equal(again.tensors[name], value.astype(np.float16))
    assert (tmp_path / "half.safetensors").stat().st_size < 0.7 * (tmp_path / "full.safetensors").stat().st_size


@pytest.mark.parametrize("grid", [Grid(12), Grid(3, plain=True)])
def test_the_encoding_comes_back(make_tensors, tmp_path, grid):
    tensors = make_tensors(grid.vocabulary.size, width=8, layers=1)
    save_model(tmp_path / "m", ModelFile(tensors, NetworkOptions(1, 8, 8), grid))
    assert load_model(tmp_path / "m").encoding == grid


def test_facts_with_numbers_for_names_are_not_taken_for_damage(model, tmp_path):
    metadata = {"shifts": {2: "a", 10: "b"}, "pair": (1, 2)}
    save_model(tmp_path / "m", ModelFile(model.tensors, model.network, model.encoding, metadata))
    assert load_model(tmp_path / "m").metadata == {"shifts": {"2": "a", "10": "b"}, "pair": [1, 2]}


def test_the_header_is_json_that_anything_can_read(saved):
    content = saved.read_bytes()
    outer = json.loads(content[8 : 8 + struct.unpack("<Q", content[:8])[0]])
    header = json.loads(outer["__metadata__"]["ritornello"])
    assert header["format"] == 1
    assert header["vocabulary"][:3] == [["note_on", 0, 128], ["no_event", 128, 1], ["note_off", 129, 1]]
    assert header["encoding"] == {"name": "grid", "steps_per_quarter": 4, "plain": False}
    assert header["facts"] == FACTS


def test_one_flipped_bit_anywhere_never_loads_as_another_model(model, saved):
    content = saved.read_bytes()
    header = 8 + struct.unpack("<Q", content[:8])[0]
    chance = random.Random(1)
    places = [*range(64), *(chance.randrange(8 * header) for _ in range(500))]
    places += [chance.randrange(8 * header, 8 * len(content)) for _ in range(200)]
    harmless = 0
    for bit in places:
        flipped = bytearray(content)
        flipped[bit // 8] ^= 1 << bit % 8
        saved.write_bytes(flipped)
        try:
            again = load_model(saved)
        except ModelFileError as error:
            assert str(saved) in str(error)  # noqa: PT017
            assert "\n" not in str(error)  # noqa: PT017
            continue
        harmless += 1
        assert same(again, model), f"bit {bit}"
        assert bit < 8 * header
    assert harmless < len(places) // 20


def refused(path, match: str) -> None:
    with pytest.raises(ModelFileError, match=match) as error:
        load_model(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "content",
    [b"", b"\0" * 8, b"hello, this is text\n", b"<!DOCTYPE html><html></html>", pickle.dumps({"a": 1}), b"PK\3\4" * 9,
     b"\xff" * 64, struct.pack("<Q", 2) + b"[]", struct.pack("<Q", 1 << 40) + b"{}"],
)  # fmt: skip
def test_another_kind_of_file_is_refused_in_one_line(tmp_path, content):
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    refused(path, "not a model file, or a damaged one|not a ritornello model")


def test_a_file_cut_short_anywhere_is_refused(saved):
    content = saved.read_bytes()
    for length in [*range(0, len(content) - 1, 101), len(content) - 1]:
        saved.write_bytes(content[:length])
        refused(saved, "damaged|not a ritornello model")
    saved.write_bytes(content + b"\0")
    refused(saved, "damaged")


def test_weights_of_another_program_are_refused(tmp_path):
    path = tmp_path / "other.safetensors"
    path.write_bytes(save({"weight": np.zeros(3, np.float32)}))
    refused(path, "of another program")
    path.write_bytes(save({"weight": np.zeros(3, np.float32)}, {"format": "pt"}))
    refused(path, "of another program")
    for text in ("[]", "7", "null", "{}", "not json"):
        path.write_bytes(save({"weight": np.zeros(3, np.float32)}, {"ritornello": text}))
        refused(path, "not a model for this ritornello|damaged")


def test_a_newer_format_asks_for_a_newer_program(saved):
    tampered(saved, lambda header: header.update(format=2))
    refused(saved, "newer ritornello")


def test_an_unchanged_header_written_anew_is_accepted(saved, model):
    tampered(saved, lambda header: None)
    assert same(load_model(saved), model)


def test_another_vocabulary_is_refused(saved):
    tampered(saved, lambda header: header["vocabulary"][3].__setitem__(0, "begin_7/8"))
    refused(saved, "its vocabulary is not the one")


@pytest.mark.parametrize(
    "change",
    [lambda h: h["encoding"].update(steps_per_quarter=99),
     lambda h: h["encoding"].update(octaves=3), lambda h: h["network"].update(width=0),
     lambda h: h["network"].update(heads=8), lambda h: h["network"].update(tails=8),
     lambda h: h.pop("network"), lambda h: h.update(format="one")],
)  # fmt: skip
def test_a_header_that_this_program_cannot_follow_is_refused(saved, change):
    tampered(saved, change)
    refused(saved, "not a model for this ritornello: its header")


def test_an_encoding_that_is_not_registered_is_named_with_what_to_do(saved):
    tampered(saved, lambda header: header["encoding"].update(name="hieroglyphs"))
    refused(saved, r"its encoding, 'hieroglyphs', is not registered here \(there are grid, .*\): import the module")


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    for path in (tmp_path / "none.safetensors", tmp_path):
        with pytest.raises(FileNotFoundError, match="no such model file") as error:
            load_model(path)
        assert str(path) in str(error.value)


def test_nothing_half_written_where_the_disk_is_full(saved, model, monkeypatch):
    before = saved.read_bytes()

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(atomic.os, "fsync", full)
    with pytest.raises(OSError, match="No space left") as error:
        save_model(saved, ModelFile(model.tensors, model.network, model.encoding, {"other": 1}), replace=True)
    assert error.value.filename == str(saved)
    assert saved.read_bytes() == before
    assert names_in(saved.parent) == [saved.name]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full, a file system's way to be full")
def test_a_folder_that_cannot_be_written_is_named(model):
    path = "/dev/full/model.safetensors"  # its parent is no folder, for anyone
    with pytest.raises(OSError, match=r"model\.safetensors"):
        save_model(path, model)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="the superuser may write anywhere")
def test_a_read_only_folder_is_named_and_left_as_it_was(saved, model):
    os.chmod(saved.parent, 0o500)
    try:
        with pytest.raises(PermissionError) as error:
            save_model(saved, model)
        assert error.value.filename == str(saved)
        assert names_in(saved.parent) == [saved.name]
    finally:
        os.chmod(saved.parent, 0o700)


def test_the_digest_is_by_name_type_shape_and_bytes():
    one = {"a": np.zeros((2, 3), np.float32), "b": np.ones(2, np.float32)}
    others = [
        {"a": np.zeros((3, 2), np.float32), "b": one["b"]},
        {"a": np.zeros((2, 3), np.int32), "b": one["b"]},
        {"c": one["a"], "b": one["b"]},
        {"a": one["a"], "b": np.array([1, 2], np.float32)},
    ]
    assert model_file.digest(dict(reversed(one.items()))) == model_file.digest(one)
    assert len({model_file.digest(t) for t in [one, *others]}) == 5


def test_weights_of_another_encoding_are_refused(model, tmp_path, make_tensors):
    path = tmp_path / "model.safetensors"
    save_model(path, replace(model, tensors=make_tensors(130, width=8, layers=1)))
    refused(
        path, r"its weights embedding have the shape \(131, 8\), but the network that it says it is needs \(146, 8\)"
    )


def test_memory_and_its_counts_come_back_with_the_model_and_no_others_are_taken(model, tmp_path, make_tensors):
    path, encoding = tmp_path / "model.safetensors", make_encoding("interval", memory=("own", "corpus"))
    size, second = encoding.vocabulary.size, encoding.parts[1]
    tensors = make_tensors(size, width=8, layers=1, second=second, memory=encoding.memory)
    kept = replace(model, network=replace(model.network, chain=12), encoding=encoding, tensors=tensors)
    save_model(path, kept)
    assert same(load_model(path), kept)
    assert load_model(path).tensors["counts.contexts"].dtype == np.uint8
    save_model(path, replace(kept, encoding=make_encoding("interval")), replace=True)
    refused(path, "it has spare counts of its corpus; train it again")
    bare = {name: value for name, value in tensors.items() if not name.startswith("counts.")}
    save_model(path, replace(kept, tensors=bare), replace=True)
    refused(path, "it has no counts of its corpus; train it again")
    save_model(path, replace(kept, encoding=make_encoding("interval", memory=("own",)), tensors=bare), replace=True)
    refused(path, r"its weights memory\.0\.evidence have the shape \(24, \d+\), but .* needs \(24, \d+\)")


def test_a_model_with_copy_gates_is_refused_in_a_line_that_says_how_to_train_anew(saved):
    tampered(saved, lambda header: header["encoding"].update(echoes=["bar_ago"]))
    refused(saved, r"copy gates \(echoes\) .*; train it anew with `rito\.train\(CORPUS\)`$")


def test_side_inputs_come_back_with_the_model(model, tmp_path, make_tensors):
    encoding = Grid(version=1, inputs=("metre", "position"))
    sizes = tuple(side.size for side in encoding.features)
    network = NetworkOptions(1, 32, 32, attention=12)
    tensors = make_tensors(145, width=32, layers=1, side=sizes, attention=12)
    kept = replace(model, network=network, encoding=encoding, tensors=tensors)
    save_model(tmp_path / "model.safetensors", kept)
    assert same(load_model(tmp_path / "model.safetensors"), kept)


def test_the_file_names_the_kind_of_its_network_and_one_without_it_is_an_lstm(model, saved):
    def forget(header: dict) -> None:
        assert header["network"].pop("kind") == "lstm"

    tampered(saved, forget)
    assert load_model(saved).network == model.network
    tampered(saved, lambda header: header["network"].update(kind="perceptron"))
    refused(saved, "no such kind of network: 'perceptron'; there are lstm, transformer")


def test_weights_that_are_not_there_are_named(model, tmp_path, make_tensors):
    path, encoding = tmp_path / "model.safetensors", Grid(version=1)
    tensors = make_tensors(145, width=8, layers=1)
    for name in tensors:
        rest = {other: value for other, value in tensors.items() if other != name}
        save_model(path, replace(model, encoding=encoding, tensors=rest), replace=True)
        with pytest.raises(ModelFileError) as raised:
            load_model(path)
        assert str(raised.value) == f"{path}: its network lacks the weights {name}; train it again"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"lstm.0.bias": np.zeros(31)}, r"its weights lstm\.0\.bias have the shape \(31,\), but .* needs \(32,\);"),
        ({"embedding": np.zeros((146, 9))}, r"its weights embedding have the shape \(146, 9\), .* needs \(146, 8\)"),
        ({"output.weight": np.zeros((145, 16))}, r"its weights output\.weight have .* needs \(145, 8\)"),
        ({"start.0.cell": np.zeros(9)}, r"its weights start\.0\.cell have the shape \(9,\), but .* needs \(8,\)"),
    ],
)
def test_weights_of_another_shape_are_named(model, tmp_path, change, said):
    save_model(tmp_path / "model.safetensors", replace(model, tensors=model.tensors | change))
    refused(tmp_path / "model.safetensors", said)


def test_a_layer_that_the_network_says_it_has_is_missed(model, tmp_path):
    save_model(tmp_path / "model.safetensors", replace(model, network=NetworkOptions(2, 8, 8, mixed=True)))
    refused(tmp_path / "model.safetensors", r"lacks the weights lstm\.1\.input, .*, lstm\.1\.bias, mix; train it")


def test_a_tuned_model_ends_its_tunes_as_its_base_has_taught_it(model):
    known = {"metres": {"3/4": 2}, "keys": {"G major": 2}}
    ends = {"last_notes": {"3/4": {"0 3": 2}}, "other_last_notes": {"4/4": {"0 4": 1}}}
    own = replace(model, metadata={"corpus": known | ends})
    assert own.counts == known | ends
    assert replace(own, metadata=own.metadata | {"parent": {}}).counts == known
