"""Names of tracks in the bytes of old programs, their spelling given by hand."""

import pytest

from ritornello.music.midi.texts import decoded_name


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"Piano\x00 1\n", "Piano  1"),
        ("Flöte".encode(), "Flöte"),
        (b"Fl\xf6te", "Flöte"),
        (b"Gro\xdfe Fl\xf6te", "Große Flöte"),
        (b"M\xe9lodie cr\xe9\xe9e", "Mélodie créée"),
        (b"l\x92ami d\x92or", "l’ami d’or"),
        (b"\x93Air\x94", "“Air”"),
        (b"\xc0 la claire", "À la claire"),
        (b"\xc5sa \xd6st", "Åsa Öst"),
        (b"\x83\x81\x83\x8d\x83f\x83B", "メロディ"),
        (b"\x94\xba\x91t 2", "伴奏 2"),
        (b"\xd6\xf7\xd0\xfd\xc2\xc9", "主旋律"),
        (b"\xb8\xe8", "歌"),
        (b"\xb0\xe9\xd7\xe0 (piano)", "°é×à (piano)"),  # too few signs to tell
        (b"\xcc\xe5\xeb\xee\xe4\xe8\xff 1", "Мелодия 1"),
        (b"\xc1\xc0\xd1", "БАС"),
        (b"a\x81", "a�"),
        (b"", ""),
    ],
)
def test_the_bytes_of_a_name_tell_how_its_letters_are_written(raw, text):
    assert decoded_name(raw) == text
