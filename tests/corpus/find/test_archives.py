"""Archives are read without being unpacked, and a hostile one costs a line of the report."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import stat
import tarfile
import tracemalloc
import zipfile

import pytest

from ritornello.corpus.find.archive_limits import ArchiveError, Limits
from ritornello.corpus.find.archives import forget, list_members, read_member

FILES = {
    "a.mid": b"MThd" * 50,
    "deep/er/b.abc": b"X:1\nK:C\nabc" * 99,
    "x" * 90 + "/" + "y" * 90 + ".mid": b"a long name",
    "z" * 150 + ".abc": b"a longer one",
    "ü né.mid": b"not ASCII",
    "last.krn": b"**kern\n*-\n",
}
TAR_STYLES = {"ustar": tarfile.USTAR_FORMAT, "gnu": tarfile.GNU_FORMAT, "pax": tarfile.PAX_FORMAT}
PACKERS = {"": bytes, ".gz": lambda t: gzip.compress(t, mtime=0), ".bz2": bz2.compress, ".xz": lzma.compress}


@pytest.fixture(autouse=True)
def _let_go():
    yield
    forget()


def tar(files: dict[str, bytes], style: int = tarfile.PAX_FORMAT, *more: tarfile.TarInfo) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=style) as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        for info in more:
            archive.addfile(info)
    return stream.getvalue()


def zipped(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content, method)
    return stream.getvalue()


def entry(name: str, kind: bytes, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


def put(tmp_path, name: str, content: bytes) -> str:
    path = tmp_path / name
    path.write_bytes(content)
    return str(path)


def contents(path: str, limits: Limits | None = None) -> dict[str, bytes]:
    members = list_members(path, limits) if limits else list_members(path)
    return {m.name: read_member(path, m.index, 10**6) for m in members if m.problem is None}


@pytest.mark.parametrize("packer", PACKERS)
@pytest.mark.parametrize("style", TAR_STYLES)
def test_a_tar_gives_what_the_standard_librarys_writer_put_in(tmp_path, style, packer):
    files = dict(FILES)
    if style == "ustar":  # which cannot say so long a name
        del files["z" * 150 + ".abc"]
    path = put(tmp_path, f"tunes.tar{packer}", PACKERS[packer](tar(files, TAR_STYLES[style])))
    assert contents(path) == files
    assert list(contents(path)) == list(files)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2])
def test_a_zip_gives_what_was_put_in(tmp_path, method):
    assert contents(put(tmp_path, "tunes.zip", zipped(FILES, method))) == FILES


def test_members_can_be_read_in_any_order_and_again(tmp_path):
    path = put(tmp_path, "t.tgz", gzip.compress(tar(FILES)))
    members = list(list_members(path))
    for member in (members[4], members[1], members[1], members[5], members[0]):
        assert read_member(path, member.index, 10**6) == FILES[member.name]


def test_an_archive_that_was_replaced_is_opened_anew(tmp_path):
    path = put(tmp_path, "t.zip", zipped({"a.mid": b"old"}))
    assert read_member(path, 0, 100) == b"old"
    os.replace(put(tmp_path, "new.zip", zipped({"a.mid": b"newer"})), path)
    assert read_member(path, 0, 100) == b"newer"


def test_no_more_of_a_member_is_read_than_asked_for(tmp_path):
    for name, content in (("t.zip", zipped({"a": b"x" * 1000})), ("t.tar", tar({"a": b"x" * 1000}))):
        assert read_member(put(tmp_path, name, content), 0, 10) == b"x" * 11  # one more says that there is more


def test_folders_and_hidden_members_are_passed_over(tmp_path):
    files = {"a.mid": b"1", ".b.mid": b"2", "c/.d/e.mid": b"3", "__MACOSX/._a.mid": b"4", "./f.mid": b"5", "g/": b""}
    assert list(contents(put(tmp_path, "t.zip", zipped(files)))) == ["a.mid", "./f.mid"]
    del files["g/"]
    assert list(contents(put(tmp_path, "t.tar", tar(files, tarfile.GNU_FORMAT, entry("g", tarfile.DIRTYPE))))) == [
        "a.mid",
        "./f.mid",
    ]


@pytest.mark.parametrize(
    "name", ["../up.mid", "a/../../up.mid", "/etc/a.mid", "..\\up.mid", "C:\\a.mid", "\\\\pc\\a.mid"]
)
def test_a_name_that_leads_out_is_refused(tmp_path, name):
    for path in (put(tmp_path, "t.zip", zipped({name: b"1"})), put(tmp_path, "t.tar", tar({name: b"1"}))):
        (member,) = list_members(path)
        assert member.problem == ("unsafe_name", "its name leads out of the archive")


def test_links_and_devices_are_named_and_not_followed(tmp_path):
    secret = put(tmp_path, "secret.mid", b"secret")
    kinds = {
        "soft.mid": tarfile.SYMTYPE,
        "hard.mid": tarfile.LNKTYPE,
        "pipe.mid": tarfile.FIFOTYPE,
        "dev": tarfile.CHRTYPE,
    }
    path = put(
        tmp_path, "t.tar", tar({"a.mid": b"1"}, tarfile.GNU_FORMAT, *(entry(n, k, secret) for n, k in kinds.items()))
    )
    found = {m.name: m.problem for m in list_members(path)}
    refused = ("not_music", "a link or a device in an archive")
    assert found == {"a.mid": None, **dict.fromkeys(kinds, refused)}
    with pytest.raises(ArchiveError, match="not what they were"):
        read_member(path, 1, 100)
    link = zipfile.ZipInfo("soft.mid")
    link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(link, secret)
    assert [m.problem for m in list_members(put(tmp_path, "t.zip", stream.getvalue()))] == [refused]


def test_a_locked_member_and_a_strange_way_of_packing_are_told(tmp_path):
    plain = bytearray(zipped({"a.mid": b"1", "b.mid": b"2"}))
    first = plain.index(b"PK\1\2")
    plain[first + 8] |= 1  # the flag of encryption
    second = plain.index(b"PK\1\2", first + 1)
    plain[second + 10] = 14  # LZMA
    problems = [m.problem for m in list_members(put(tmp_path, "t.zip", bytes(plain)))]
    assert [reason for reason, _ in problems] == ["bad_archive", "bad_archive"]
    assert "password" in problems[0][1]
    assert "method 14" in problems[1][1]


@pytest.mark.parametrize("packer", ["", ".gz", ".xz"])  # bzip2 gives 900 kB at once or nothing
def test_of_a_tar_that_is_cut_short_the_beginning_is_read(tmp_path, packer):
    packed = PACKERS[packer](tar({"a.mid": b"whole", "b.mid": os.urandom(200_000)}))
    path = put(tmp_path, f"t.tar{packer}", packed[: len(packed) - 60_000])
    members = list_members(path)
    first = next(members)
    assert (first.name, read_member(path, first.index, 100)) == ("a.mid", b"whole")
    with pytest.raises(ArchiveError, match=r"cut short|damaged"):
        list(members)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.zip", b""),
        ("a.zip", b"PK\5\6" + bytes(18)[:10]),
        ("a.zip", b"no archive at all, only words"),
        ("a.tar", b"no archive at all, only words" * 40),
        ("a.tar", bytes(range(250)) * 8),
        ("a.tar.gz", b"\x1f\x8b\x08\0\0\0\0\0junk"),
        ("a.tar.bz2", b"BZh9junkjunk"),
        ("a.tar.xz", b"\xfd7zXZ\0junkjunkjunk"),
    ],
)
def test_what_is_no_archive_is_refused_in_one_line(tmp_path, name, content):
    with pytest.raises(ArchiveError) as caught:
        contents(put(tmp_path, name, content))
    assert "\n" not in str(caught.value)


def test_a_zip_whose_member_is_damaged_says_so_when_that_is_read(tmp_path):
    content = bytearray(zipped({"a.mid": b"some words to be packed", "b.mid": b"sound"}, zipfile.ZIP_STORED))
    content[content.index(b"some")] ^= 1
    path = put(tmp_path, "t.zip", bytes(content))
    first, second = list_members(path)
    with pytest.raises(ArchiveError, match="CRC"):
        read_member(path, first.index, 100)
    assert read_member(path, second.index, 100) == b"sound"


@pytest.mark.parametrize("packer", [".zip", ".tar.gz", ".tar.bz2", ".tar.xz"])
def test_a_bomb_is_refused_whole_before_it_fills_memory(tmp_path, packer):
    """100 MB of zeros in a few kilobytes; the peak that Python allocates stays far below."""
    content = {"a.mid": b"sound", "bomb.mid": bytes(100 * 2**20)}
    packed = zipped(content) if packer == ".zip" else PACKERS[packer[4:]](tar(content, tarfile.GNU_FORMAT))
    path = put(tmp_path, f"bomb{packer}", packed)
    del content, packed
    tracemalloc.start()
    try:
        with pytest.raises(ArchiveError, match="unpacks to over 200 times its size"):
            next(list_members(path))
        assert tracemalloc.get_traced_memory()[1] < 10 * 2**20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("pack", [zipped, tar])
def test_too_many_members_and_too_much_in_all_are_refused(tmp_path, pack):
    name = "t.zip" if pack is zipped else "t.tar"
    path = put(tmp_path, name, pack({f"{i}.mid": b"0123456789" for i in range(30)}))
    with pytest.raises(ArchiveError, match="over 29 members"):
        contents(path, Limits(members=29))
    with pytest.raises(ArchiveError, match="GB unpacked"):
        contents(path, Limits(total_bytes=299))
    assert len(contents(path, Limits(members=30))) == 30


@pytest.mark.parametrize("pack", [zipped, tar])
def test_long_names_without_end_are_refused(tmp_path, pack):
    path = put(tmp_path, "t.zip" if pack is zipped else "t.tar", pack({f"{i}" + "x" * 900: b"" for i in range(50)}))
    with pytest.raises(ArchiveError, match="member names"):
        contents(path, Limits(directory_bytes=20_000))


def test_a_tar_header_that_asks_for_a_gigabyte_of_name_is_damage(tmp_path):
    blocks = bytearray(tar({"x" * 200: b"1"}, tarfile.GNU_FORMAT))
    assert blocks[156:157] == b"L"
    blocks[124:136] = b"10000000000\0"  # 2^30 in octal
    total = sum(blocks[:148]) + 8 * 32 + sum(blocks[156:512])
    blocks[148:156] = b"%06o\0 " % total
    with pytest.raises(ArchiveError, match=r"1073742\d+ bytes of headers about one member"):
        list(list_members(put(tmp_path, "t.tar", bytes(blocks))))


def test_notes_without_end_about_one_member_are_damage(tmp_path):
    note = tarfile.TarInfo.create_pax_header  # a header of 512 bytes and a note of 512, which names the path "p"
    info = entry("p", tarfile.REGTYPE)
    info.pax_headers = {"path": "p"}
    (about, member) = (data := note(info, info.get_info(), "utf-8"))[:-512], data[-512:]
    path = put(tmp_path, "t.tar", about * 3 + member + bytes(1024))
    assert list(contents(path)) == ["p"]
    with pytest.raises(ArchiveError, match="of headers about one member"):
        contents(put(tmp_path, "t.tar", about * 200 + member + bytes(1024)))


def with_size(block: bytes, field: bytes) -> bytes:
    """A header of a tar with another size and a sound checksum."""
    block = block[:124] + field.ljust(12, b"\0") + block[136:]
    return block[:148] + b"%06o\0 " % (sum(block[:148]) + 8 * 32 + sum(block[156:])) + block[156:]


def test_a_size_below_nothing_does_not_lead_backwards(tmp_path):
    whole = tar({"a.mid": b"", "b.mid": b""}, tarfile.GNU_FORMAT)
    back = with_size(whole[512:1024], b"\xff" * 10 + b"\xfc\0")  # -1024 in base 256
    with pytest.raises(ArchiveError, match=r"damaged"):
        list(list_members(put(tmp_path, "t.tar", whole[:512] + back + whole[1024:])))


def test_of_a_tar_with_a_damaged_header_the_beginning_is_read(tmp_path):
    blocks = bytearray(tar({"a.mid": b"whole", "b.mid": b"lost", "c.mid": b"lost"}, tarfile.GNU_FORMAT))
    blocks[1024] ^= 1
    members = list_members(put(tmp_path, "t.tar", bytes(blocks)))
    assert next(members).name == "a.mid"
    with pytest.raises(ArchiveError, match=r"damaged \(a header has no sense\)"):
        list(members)


def test_an_xz_that_asks_for_much_memory_is_refused(tmp_path):
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 2**29}]
    packed = lzma.compress(tar({"a.mid": b"1"}), filters=filters)
    with pytest.raises(ArchiveError, match=r"[Mm]emory"):
        list(list_members(put(tmp_path, "t.tar.xz", packed)))


def test_streams_laid_end_to_end_are_one(tmp_path):
    whole = tar(FILES)
    for packer in (".gz", ".bz2", ".xz"):
        halves = PACKERS[packer](whole[:3000]) + PACKERS[packer](whole[3000:])
        assert contents(put(tmp_path, f"t.tar{packer}", halves)) == FILES
