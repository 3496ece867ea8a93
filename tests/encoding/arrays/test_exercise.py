"""Token arrays of others: read in every shape and convention they come in, and never run."""

import builtins
import io
import os
import pickle
import random
import zipfile
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ritornello.encoding.arrays.exercise import (
    CONVENTIONS,
    StepArrays,
    detect_convention,
    from_grid,
    read_step_arrays,
    to_grid,
)

LONG = [60, 128, 128, 129, 62, 128, 128, 128]  # exercise's convention: 128 is no_event
SHORT = [64, 128, 128, 129]


def read(path: Path, convention: str | None = None) -> StepArrays:
    return read_step_arrays(path.read_bytes(), str(path), convention)


def ragged(*rows: list[int]) -> np.ndarray:
    array = np.empty(len(rows), object)
    array[:] = [np.array(row) for row in rows]
    return array


def save_pickle(path: Path, pickled: bytes, shape: tuple = (1,)) -> Path:
    """An .npy file with an honest header of an object array, and any pickle behind it."""
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": "|O", "fortran_order": False, "shape": shape})
    path.write_bytes(stream.getvalue() + pickled)
    return path


class Calls:
    """Pickles to a call."""

    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


def test_the_exercises_own_file_is_read_and_its_convention_found(shared_data):
    found = read(shared_data("exercise/melody_training_dataset.npz"))
    assert found.convention == "zeldic"
    assert len(found.arrays) == 186
    steps = np.concatenate(found.arrays)
    assert len(steps) == 128_174
    assert (steps < 128).sum() == 37_964
    assert len(np.unique(steps[steps < 128])) == 78
    assert steps.min() == 29
    # 57.4 % of all steps are no_event and 13.0 % are note_off, counted by others in the file's own numbers.
    assert round((steps == 128).mean(), 3) == 0.574
    assert round((steps == 129).mean(), 3) == 0.130
    assert sum(not (a < 128).any() for a in found.arrays) == 2


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_ragged_melodies_in_an_object_array_of_any_pickle_protocol(tmp_path, protocol):
    pickled = pickle.dumps(ragged(LONG, SHORT), protocol)
    found = read(save_pickle(tmp_path / "a.npy", pickled, (2,)))
    assert [a.tolist() for a in found.arrays] == [LONG, SHORT]
    assert found.convention == "exercise"


def test_pickles_of_older_numpy_are_read(tmp_path):
    pickled = pickle.dumps(ragged(LONG, SHORT), 2)
    assert b"numpy._core.multiarray" in pickled or b"numpy.core.multiarray" in pickled
    for module in (b"numpy.core.multiarray", b"numpy._core.multiarray"):
        old = pickled.replace(b"numpy._core.multiarray", b"numpy.core.multiarray").replace(
            b"numpy.core.multiarray", module
        )
        found = read(save_pickle(tmp_path / "a.npy", old, (2,)))
        assert [a.tolist() for a in found.arrays] == [LONG, SHORT]


@pytest.mark.parametrize("kind", ["i1", "<i2", ">i2", "<i4", ">i8", "u1", "f4", ">f8"])
def test_melodies_of_every_number_type(tmp_path, kind):
    steps = [60, -2, -2, -1] if kind == "i1" else SHORT
    np.save(tmp_path / "flat.npy", np.array(steps, kind))
    array = np.empty(2, object)
    array[:] = [np.array(steps, kind), np.array(steps[:2], kind)]
    np.savez(tmp_path / "ragged.npz", melodies=array)
    expected = [60, 128, 128, 129] if kind == "i1" else SHORT
    assert [a.tolist() for a in read(tmp_path / "flat.npy").arrays] == [expected]
    assert [a.tolist() for a in read(tmp_path / "ragged.npz").arrays] == [expected, expected[:2]]


def test_a_flat_array_is_one_melody_and_a_table_one_per_row(tmp_path):
    table = np.array([SHORT, SHORT[::-1]])
    packed = table.astype(object)  # what packing melodies of one length gives
    lists = np.empty(2, object)
    lists[:] = [LONG, SHORT]
    cases = {"flat": (np.array(LONG), [LONG]), "table": (table, table.tolist()),
             "by_columns": (np.asfortranarray(table), table.tolist()), "packed": (packed, table.tolist()),
             "packed_by_columns": (np.asfortranarray(packed), table.tolist()), "lists": (lists, [LONG, SHORT]),
             "one": (np.array([LONG], object), [LONG])}  # fmt: skip
    for name, (array, expected) in cases.items():
        np.save(tmp_path / f"{name}.npy", array, allow_pickle=True)
        assert [a.tolist() for a in read(tmp_path / f"{name}.npy").arrays] == expected, name


def test_every_array_of_an_archive_whatever_its_name(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", valid=np.array(SHORT), anything=ragged(LONG, SHORT))
    found = read(tmp_path / "a.npz")
    assert [a.tolist() for a in found.arrays] == [SHORT, LONG, SHORT]


def test_all_conventions_are_told_apart_and_converted(tmp_path):
    written = {
        "exercise": LONG,
        "zeldic": [60, 129, 129, 128, 62, 129, 129, 129],
        "magenta": [60, -2, -2, -1, 62, -2, -2, -2],
    }
    for name, steps in written.items():
        assert detect_convention([np.array(steps)]) == name
        assert to_grid(np.array(steps), name).tolist() == LONG
        assert from_grid(np.array(LONG), name).tolist() == steps
        np.savez(tmp_path / "a.npz", train=ragged(steps, steps))
        found = read(tmp_path / "a.npz")
        assert (found.convention, [a.tolist() for a in found.arrays]) == (name, [LONG, LONG])
        assert found.arrays[0].dtype == np.int16


@given(st.lists(st.integers(0, 129), max_size=40), st.sampled_from(sorted(CONVENTIONS)))
def test_any_steps_come_back_from_any_convention(steps, name):
    assert to_grid(from_grid(np.array(steps, int), name), name).tolist() == steps


def test_the_convention_may_be_named(tmp_path):
    np.save(tmp_path / "a.npy", np.array(LONG))
    assert read(tmp_path / "a.npy", "zeldic").arrays[0].tolist() == [60, 129, 129, 128, 62, 129, 129, 129]
    with pytest.raises(ValueError, match="neither a pitch 0-127 nor -2 or -1"):
        read(tmp_path / "a.npy", "magenta")
    with pytest.raises(ValueError, match="no such convention: 'magneta'; there are exercise, zeldic, magenta"):
        read(tmp_path / "a.npy", "magneta")


@pytest.mark.parametrize("steps", [[60, 128, 129], [60, 62], [60, 128, 129, -2]])
def test_an_array_that_could_be_either_is_not_guessed(tmp_path, steps):
    np.save(tmp_path / "a.npy", np.array(steps))
    with pytest.raises(ValueError, match=r"a\.npy: cannot tell which token is no_event.*name the convention"):
        read(tmp_path / "a.npy")


@pytest.mark.parametrize("bad", [130, -3, 1000])
def test_a_value_of_no_convention_is_named(tmp_path, bad):
    np.save(tmp_path / "a.npy", np.array([*LONG, bad]))
    with pytest.raises(ValueError, match=rf"a\.npy: value {bad} is neither"):
        read(tmp_path / "a.npy")


@pytest.mark.parametrize(
    "array",
    [np.array([60.5, 128, 128]), np.array([60, np.nan]), np.array([60, np.inf]), np.array(["60", "128"]),
     np.array([True, False]), np.array([60 + 1j]), np.zeros((2, 3, 4), int), np.zeros(3, "M8[s]"),
     np.zeros(3, [("pitch", "i4")]), np.array([["60"]])],
)  # fmt: skip
def test_what_is_not_rows_of_whole_numbers_is_refused(tmp_path, array):
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(ValueError, match=r"a\.npy: expected"):
        read(tmp_path / "a.npy")
    nested = np.empty(1, object)
    nested[0] = array
    np.save(tmp_path / "b.npy", nested, allow_pickle=True)
    with pytest.raises(ValueError, match=r"b\.npy: "):
        read(tmp_path / "b.npy")


@pytest.mark.parametrize(
    "content",
    [b"", b"PK", b"PK\x03\x04rubbish", b"<html></html>", b"MThd\0\0\0\6", b"\x93NUMPY", b"\x93NUMPY\x01\x00\xff\xff{",
     b"\x93NUMPY\x09\x00\x04\x00{}  ", pickle.dumps([1, 2]), b"\x80\x04."],
)  # fmt: skip
def test_another_kind_of_file_is_one_clear_line(tmp_path, content):
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(ValueError, match=r"a\.npz: ") as error:
        read(tmp_path / "a.npz")
    assert "\n" not in str(error.value)


def test_archives_without_melodies_say_so(tmp_path):
    with zipfile.ZipFile(tmp_path / "text.npz", "w") as archive:
        archive.writestr("readme.txt", "hello")
    np.savez(tmp_path / "empty.npz", train=np.empty(0, object))
    for name in ("text.npz", "empty.npz"):
        with pytest.raises(ValueError, match=rf"{name}: holds no melodies"):
            read(tmp_path / name)


def test_a_file_cut_short_anywhere_is_refused(tmp_path):
    np.savez(tmp_path / "whole.npz", train=ragged(LONG, SHORT))
    np.save(tmp_path / "whole.npy", ragged(LONG, SHORT), allow_pickle=True)
    for name in ("whole.npz", "whole.npy"):
        content = (tmp_path / name).read_bytes()
        for length in range(0, len(content), 7):
            (tmp_path / "cut").write_bytes(content[:length])
            with pytest.raises(ValueError, match="cut: "):
                read(tmp_path / "cut")


def test_a_damaged_pickle_is_read_or_refused_and_nothing_else(tmp_path):
    whole = pickle.dumps(ragged(LONG, SHORT, LONG), 4)
    chance = random.Random(1)
    for _ in range(600):
        damaged = bytearray(whole)
        for _ in range(chance.randint(1, 3)):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        with suppress(ValueError):
            read(save_pickle(tmp_path / "a.npy", bytes(damaged)))


def test_claims_of_enormous_arrays_are_refused_before_memory_is_asked_for(tmp_path):
    stream = io.BytesIO()
    header = {"descr": "<i8", "fortran_order": False, "shape": (10**12,)}
    np.lib.format.write_array_header_1_0(stream, header)
    (tmp_path / "a.npy").write_bytes(stream.getvalue() + b"12345678")
    with pytest.raises(ValueError, match="truncated"):
        read(tmp_path / "a.npy")
    rows = np.empty(2, object)
    rows[:] = [np.zeros(1 << 20, np.uint8)] * 2
    pickled = pickle.dumps(rows, 4)
    many = np.empty(3000, object)  # one array, named three thousand times: 3 GB of steps in 1 MB
    many[:] = [rows[0]] * 3000
    with pytest.raises(ValueError, match="holds more than"):
        read(save_pickle(tmp_path / "b.npy", pickle.dumps(many, 4)))
    assert len(pickled) > 1 << 20


@pytest.mark.parametrize(
    ("pickled", "match"),
    [(b"\x80\x05\x96" + (1 << 40).to_bytes(8, "little") + b".", "BYTEARRAY8|expected"),
     (b"\x80\x05\x96" + (4).to_bytes(8, "little") + b"abcd.", "its pickle holds BYTEARRAY8"),
     (b"\x80\x04Nr\xff\xff\xff\x7f.", "puts something at place 2147483647"),
     (b"\x80\x02(dU\x01a.", "its pickle holds DICT"), (b"\x80\x04\x82\x01.", "its pickle holds EXT1")],
)  # fmt: skip
def test_instructions_that_arrays_do_not_need_are_refused_before_any_is_followed(tmp_path, pickled, match):
    with pytest.raises(ValueError, match=match):
        read(save_pickle(tmp_path / "a.npy", pickled))


def test_a_zip_bomb_is_refused_unopened(tmp_path):
    with zipfile.ZipFile(tmp_path / "bomb.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("a.npy", "w", force_zip64=True) as member:
            for _ in range(40):
                member.write(bytes(1 << 20))
        for info in archive.filelist:
            info.file_size = 1 << 40  # the archive's directory is what a reader sees first
    with pytest.raises(ValueError, match=r"bomb\.npz: unpacks to more than 1 GiB"):
        read(tmp_path / "bomb.npz")


def malicious(target: Path) -> dict[str, object]:
    """Objects whose pickles do something if they are obeyed."""
    touch = f"open({str(target)!r}, 'w').close()"
    return {
        "system": Calls(os.system, f"touch {target}"),
        "eval": Calls(builtins.eval, touch),
        "exec": Calls(builtins.exec, touch),
        "open": Calls(builtins.open, str(target), "w"),
        "getattr": Calls(getattr, "x", "join"),
        "numpy_load": Calls(np.load, str(target)),
        "numpy_save": Calls(np.save, str(target), 1),
        "frombuffer": Calls(np.frombuffer, b"\x01"),
        "import": Calls(__import__, "os"),
        "breakpoint": Calls(breakpoint),
        "path": Calls(Path.touch, target),
    }


@pytest.mark.parametrize("name", sorted(malicious(Path("x"))))
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_a_pickle_that_asks_for_more_than_arrays_is_refused_unexecuted(tmp_path, name, protocol):
    target = tmp_path / "touched.npy"
    thing = malicious(target)[name]
    inside = np.empty(2, object)
    inside[:] = [np.array(LONG), thing]
    deeper = np.empty(1, object)
    deeper[0] = [{"a": (1, [thing])}]
    for pickled in (pickle.dumps(thing, protocol), pickle.dumps(inside, protocol), pickle.dumps(deeper, protocol)):
        with pytest.raises(
            ValueError, match=r"a\.npy: not a readable array file \(its pickle (asks for|holds) [A-Za-z_]"
        ):
            read(save_pickle(tmp_path / "a.npy", pickled))
        with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
            archive.write(tmp_path / "a.npy", "train.npy")
        with pytest.raises(
            ValueError, match=r"a\.npz: not a readable array file \(its pickle (asks for|holds) [A-Za-z_]"
        ):
            read(tmp_path / "a.npz")
    assert not target.exists()


def test_the_only_codec_is_latin1(tmp_path):
    def encode(text: str, *codec: str) -> bytes:
        strings = b"".join(b"X" + len(s).to_bytes(4, "little") + s.encode() for s in (text, *codec))
        return b"\x80\x02c_codecs\nencode\n(" + strings + b"tR."

    for codec in ("rot13", "zlib", "utf-8", "idna"):
        with pytest.raises(ValueError, match="a codec other than latin1"):
            read(save_pickle(tmp_path / "a.npy", encode("abc", codec)))
    with pytest.raises(ValueError, match="not an array"):
        read(save_pickle(tmp_path / "a.npy", encode("abc", "latin1")))


def test_a_type_that_denies_holding_objects_does_not_make_addresses_of_bytes(tmp_path):
    # NumPy's own dtype takes its flags from the pickle; with them at 0 these bytes would be two object pointers.
    whole = pickle.dumps(ragged(LONG, SHORT), 2)
    flags = whole.index(b"K?t", whole.index(b"O8"))
    forged = bytearray(whole)
    forged[flags + 1] = 0
    found = read(save_pickle(tmp_path / "a.npy", bytes(forged), (2,)))
    assert [a.tolist() for a in found.arrays] == [LONG, SHORT]
    contents = forged.index(b"]", flags)  # the list of rows, replaced by bytes
    forged[contents:] = b"c_codecs\nencode\nX\x10\x00\x00\x00" + b"A" * 16 + b"X\x06\x00\x00\x00latin1\x86Rtb."
    with pytest.raises(ValueError, match=r"a\.npy: "):
        read(save_pickle(tmp_path / "a.npy", bytes(forged), (2,)))


@pytest.mark.parametrize("name", [b"_codecs\nencode", b"numpy\ndtype", b"numpy\nndarray",
                                  b"numpy.core.multiarray\n_reconstruct"])  # fmt: skip
@pytest.mark.parametrize("attribute", ["__defaults__", "__class__", "__setstate__", "__call__", "dtype", "__init__"])
def test_a_pickle_cannot_change_what_it_is_answered_with(tmp_path, name, attribute):
    text = b"X" + len(attribute).to_bytes(4, "little") + attribute.encode()
    value = b"X\x05\x00\x00\x00utf-8\x85"
    attack = b"\x80\x02c" + name + b"\nN}" + text + value + b"s\x86b."
    with pytest.raises(ValueError, match=r"a\.npy: "):
        read(save_pickle(tmp_path / "a.npy", attack))
    honest = save_pickle(tmp_path / "b.npy", pickle.dumps(ragged(LONG, SHORT), 2), (2,))
    assert [a.tolist() for a in read(honest).arrays] == [LONG, SHORT]


def test_an_array_that_holds_itself_is_refused(tmp_path):
    array = np.empty(1, object)
    array[0] = array
    with pytest.raises(ValueError, match="without contents"):
        read(save_pickle(tmp_path / "a.npy", pickle.dumps(array, 4)))
