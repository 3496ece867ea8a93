"""Names of tracks in the bytes of old programs, their spelling given by hand."""

import pytest

from ritornello.music.midi.texts import decoded_names


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
    assert decoded_names([raw]) == [text]


@pytest.mark.parametrize(
    ("page", "names"),
    {
        "cp1250": "Žluťoučký kůň|Když jsem já šel|Housle|Pieśń żeglarska|Wśród nocnej ciszy|Szép szőke leány",
        "cp1251": "Катюша|Мелодия|Очи чёрные|Щедрик|Бас|Бандура",
        "koi8-r": "Катюша|Калинка|Подмосковные вечера|Голос",
        "cp1253": "Χαρταετός|Φωνή|Μελωδία|Το μινόρε της αυγής",
        "cp1254": "Üsküdara gider iken|Şarkı|Çanakkale türküsü",
        "cp1255": "הבה נגילה|ירושלים של זהב|מנגינה",
        "euc-kr": "아리랑|고향의 봄|멜로디",
        "big5": "茉莉花|月亮代表我的心|望春風",
        "gb2312": "茉莉花|月亮代表我的心|主旋律|人声",
        "cp932": "さくら|荒城の月|伴奏|メロディ",
        "euc-jp": "さくら|荒城の月",
        "cp1252": "Große Flöte|Frère Jacques|Canción de cuna|På gulvet|São João|Fado à noite|l’ami d’or|Hæ, hó",
        "utf-16": "Größe|Катюша|さくら",
        "utf-16-le": "Größe|Voice",
        "utf-16-be": "Größe|Voice",
        "utf-8-sig": "Größe|さくら",
    }.items(),
)
def test_names_in_old_code_pages_are_read_one_by_one_and_together(page, names):
    wanted = names.split("|")
    assert [decoded_names([name.encode(page)])[0] for name in wanted] == wanted
    assert decoded_names([name.encode(page) for name in wanted]) == wanted


def test_a_name_in_another_code_page_than_the_others_is_read_in_its_own():
    assert decoded_names(["Катюша".encode("cp1251"), "Größe".encode(), b"Bass", "Очи".encode("cp1251")]) == [
        *("Катюша", "Größe", "Bass", "Очи"),
    ]
