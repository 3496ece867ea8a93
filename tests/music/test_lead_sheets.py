"""Forty lead sheets, written out by hand in five formats: each gives its chord symbols back, at their places.

A sheet is its chords, a half note each, in a key; what stands in the file and what is to be read are both written
by hand, as are the places of those that stand elsewhere.
"""

from fractions import Fraction

import pytest

from ritornello.music.files import scan_content

ABC = {  # name: key, music, symbols with their quarters from the start
    "plain": ("C", '"C"c2 "Am"c2|"F"c2 "G7"c2|"C"c4|', "0 C, 2 Am, 4 F, 6 G7, 8 C"),
    "flats": ("Bb", '"Bbmaj7"c2 "Gm7"c2|"Cm7"c2 "F7"c2|"Bb6"c4|', "0 Bbmaj7, 2 Gm7, 4 Cm7, 6 F7, 8 Bb6"),
    "sharps": ("E", '"E"c2 "C#m"c2|"F#m7"c2 "B7"c2|"G#dim7"c4|', "0 E, 2 C#m, 4 F#m7, 6 B7, 8 G#dim7"),
    "slash": ("D", '"D/F#"c2 "A/C#"c2|"Bm/A"c2 "G/B"c2|"A7/E"c4|', "0 D/F#, 2 A/C#, 4 Bm/A, 6 G/B, 8 A7/E"),
    "suspended": ("G", '"Gsus4"c2 "G"c2|"Dsus"c2 "D7sus4"c2|"Asus2"c4|', "0 Gsus4, 2 G, 4 Dsus4, 6 D7sus4, 8 Asus2"),
    "altered": (
        "Cm",
        '"Dm7b5"c2 "G7b9"c2|"G7#9"c2 "G7#5"c2|"Cm(maj7)"c2 "F13#11"c2|',
        "0 Dm7b5, 2 G7b9, 4 G7#9, 6 G7#5, 8 Cm(maj7), 10 F13#11",
    ),
    "jazz": (
        "F",
        '"G-7"c2 "C7alt"c2|"F^7"c2 "Bb^7#11"c2|"Eø7"c2 "A7(b9)"c2|',
        "0 Gm7, 2 C7alt, 4 Fmaj7, 6 Bbmaj7#11, 8 Em7b5, 10 A7b9",
    ),
    "nothing": ("C", '"C"c2 "N.C."c2|"NC"c2 "F"c2|', "0 C, 2 N.C., 4 N.C., 6 F"),
    "annotated": ("C", '"^slowly""C"c2 "_pp"c2|"<1.""F"c2 "@3,3 hm"c2|"Fine"c4|', "0 C, 4 F"),
    "choices": ("G", '"G(Em)"c2 "C;Am"c2|"D7(D9)"c4|', "0 G, 2 C, 4 D7"),
    "inside a chord": ("C", '["C"CEG]2 ["Am7"A,CE]2|', "0 C, 2 Am7"),
    "within a bar": ("C", '"C"c "Dm"c z "G7"c|(3"Em"c"F"c"G"c c2|', "0 C, 1 Dm, 3 G7, 4 Em, 14/3 F, 16/3 G"),
    "on rests": ("C", '"C"z2 c2|"F"z4|"C"c4|', "0 C, 4 F, 8 C"),
    "repeated": ("C", '|:"C"c4|1"F"c4:|2"G"c4|"C"c4|', "0 C, 4 F, 8 C, 12 G, 16 C"),
    "in force after a repeat": ("C", '"Am"c4|c4|:c4|"F"c4:|"C"c4|', "0 Am, 12 F, 16 Am, 20 F, 24 C"),
    "small basses": ("D", '"Bm/d"c2 "D/f+"c2|"A7/c#"c4|', "0 Bm/D, 2 D/F#, 4 A7/C#"),
    "German with flats": (
        "Am",
        '"B♭m"c2 "H7"c2|"(B7)"c2 "C/B♭"c2|"(H7)"c2 "B‑7"c2|',
        "0 Bbm, 2 B7, 4 Bb7, 6 C/Bb, 8 B7, 10 Bbm7",
    ),
    "small basses with signs": ("C", '"C/b♭"c2 "D/f♯"c2|', "0 C/Bb, 2 D/F#"),
    "German": ("Am", '"Am"c2 "H7"c2|"B"c2 "E7/H"c2|', "0 Am, 2 B7, 4 Bb, 6 E7/B"),
    "broken rhythm": ("C", '"C"c>"G"c "Am"c2|', "0 C, 3/2 G, 2 Am"),
    "two voices": ("C", 'V:1\nc4|c4|\nV:2\n"C"C2 "F"C2|"G7/D"C4|', "0 C, 2 F, 4 G7/D"),
    "transposed": ("C transpose=-2", '"D"d2 "G/B"d2|"C#m7"d4|', "0 C, 2 F/A, 4 Bm7"),
}
XML = {  # fifths; root, alteration, kind, its text, bass, degrees; symbols
    "plain": (0, ["C 0 major", "A 0 minor", "F 0 major", "G 0 dominant"], "0 C, 2 Am, 4 F, 6 G7"),
    "sevenths": (
        -2,
        [
            "B -1 major-seventh",
            "G 0 minor-seventh",
            "C 0 half-diminished",
            "A 0 diminished-seventh",
            "F 0 augmented-seventh",
        ],
        "0 Bbmaj7, 2 Gm7, 4 Cm7b5, 6 Adim7, 8 F7#5",
    ),
    "sixths and ninths": (
        1,
        [
            "G 0 major-sixth",
            "E 0 minor-sixth",
            "A 0 minor-ninth",
            "D 0 dominant-13th",
            "C 0 major-ninth",
            "D 0 dominant-11th",
        ],
        "0 G6, 2 Em6, 4 Am9, 6 D13, 8 Cmaj9, 10 D11",
    ),
    "suspended and power": (
        0,
        ["C 0 suspended-fourth", "D 0 suspended-second", "E 0 power", "A 0 augmented", "B 0 diminished"],
        "0 Csus4, 2 Dsus2, 4 E5, 6 Aaug, 8 Bdim",
    ),
    "slash": (2, ["D 0 major bass=F:1", "A 0 dominant bass=C:1", "B 0 minor bass=A"], "0 D/F#, 2 A7/C#, 4 Bm/A"),
    "inversions": (
        0,
        ["C 0 major inversion=1", "G 0 dominant inversion=3", "F 0 minor inversion=2"],
        "0 C/E, 2 G7/F, 4 Fm/C",
    ),
    "degrees": (
        0,
        [
            "G 0 dominant add=9:-1",
            "G 0 dominant add=9:1 add=13:-1",
            "C 0 major add=9:0",
            "F 0 major-seventh add=11:1",
            "D 0 minor-seventh alter=5:-1",
            "C 0 dominant subtract=3:0 add=4:0",
        ],
        "0 G7b9, 2 G7#9b13, 4 Cadd9, 6 Fmaj7#11, 8 Dm7b5, 10 C7sus4",
    ),
    "texts": (
        0,
        [
            "C 0 major-seventh text=Δ",
            "D 0 minor-seventh text=-7",
            "G 0 suspended-fourth text=7sus4",
            "E 0 half-diminished text=ø7",
            "A 0 dominant text=7 add=9:-1",
            "F 0 other text=maj9#11",
        ],
        "0 Cmaj7, 2 Dm7, 4 G7sus4, 6 Em7b5, 8 A7b9, 10 Fmaj9#11",
    ),
    "symbols": (0, ["C 0 major-seventh text=7 symbols", "B 0 half-diminished text=7 symbols"], "0 Cmaj7, 2 Bm7b5"),
    "nothing": (-3, ["E -1 major", "E -1 none", "E -1 none text=N.C.", "A -1 minor"], "0 Eb, 2 N.C., 4 N.C., 6 Abm"),
    "against the key": (0, ["G -1 dominant", "F 1 dominant", "D -1 major-seventh"], "0 Gb7, 2 F#7, 4 Dbmaj7"),
    "later in the bar": (0, ["C 0 major", "G 0 major offset=1", "A 0 minor"], "0 C, 3 G, 4 Am"),
    "other choices": (0, ["C 0 major", "A 0 minor alternate", "F 0 major"], "0 C, 4 F"),
}
MSCX = {  # version, MuseScore's root (14 is C), name and bass; symbols
    "2": ("2.06", ["14", "17 m7", "13 maj7", "15 7 19", "| N.C."], "0 C, 2 Am7, 4 Fmaj7, 6 G7/B, 8 N.C."),
    "3": (
        "3.02",
        ["12 6", "15 m9", "9 maj7#11 13", "20 m7b5", "16 7sus4"],
        "0 Bb6, 2 Gm9, 4 Dbmaj7#11/F, 6 F#m7b5, 8 D7sus4",
    ),
    "4": ("4.20", ["18 7b9", "17 m", "16 7alt", "14 69 18"], "0 E7b9, 2 Am, 4 D7alt, 6 C69/E"),
    "4.6": ("4.60", ["11 maj7", "14 m7", "13 m7", "12 7 16"], "0 Ebmaj7, 2 Cm7, 4 Fm7, 6 Bb7/D"),
}
KERN = {
    "mxhm": ("C\tAm7\tB- minor-seventh/A-\tG7", "0 C, 2 Am7, 4 Bbm7/Ab, 6 G7"),
    "others": ("Fmaj7\tE-m6\tN.C.\tV", "0 Fmaj7, 2 Ebm6, 4 N.C."),
}
MEI = {
    "beats": ('<harm tstamp="1">C</harm><harm tstamp="3">G<rend>7</rend>/B</harm>', "0 C, 2 G7/B"),
    "notes": (
        '<harm startid="#n1">B♭m7</harm><harm startid="#n2">F♯dim</harm><harm tstamp="1">IV</harm>',
        "0 Bbm7, 2 F#dim",
    ),
}


def abc(key, music):
    return f"X:1\nM:4/4\nL:1/4\nK:{key}\n{music}\n".encode()


def harmony(words):
    root, alter, kind, *more = words.split(" ")
    options = dict(word.partition("=")[::2] for word in more if not word.startswith(("add", "alter=", "subtract")))
    text = f' text="{options["text"]}"' if "text" in options else ""
    text += ' use-symbols="yes"' if "symbols" in options else ""
    found = f"<root><root-step>{root}</root-step><root-alter>{alter}</root-alter></root><kind{text}>{kind}</kind>"
    if "inversion" in options:
        found += f"<inversion>{options['inversion']}</inversion>"
    if "bass" in options:
        step, _, bass = options["bass"].partition(":")
        found += f"<bass><bass-step>{step}</bass-step><bass-alter>{bass or 0}</bass-alter></bass>"
    for word in more:
        how, _, degree = word.partition("=")
        if how in ("add", "alter", "subtract"):
            value, _, change = degree.partition(":")
            found += (
                f"<degree><degree-value>{value}</degree-value><degree-alter>{change}</degree-alter>"
                f"<degree-type>{how}</degree-type></degree>"
            )
    found += f"<offset>{options['offset']}</offset>" if "offset" in options else ""
    opening = '<harmony type="alternate">' if "alternate" in options else "<harmony>"
    return f"{opening}{found}</harmony>"


def musicxml(fifths, chords, transpose=""):
    note = "<note><pitch><step>C</step><octave>5</octave></pitch><duration>2</duration><type>half</type></note>"
    each = [harmony(words) + note for words in chords] + [note] * (len(chords) % 2)
    bars = ["".join(each[n : n + 2]) for n in range(0, len(each), 2)]
    bars[0] = (
        f"<attributes><divisions>1</divisions><key><fifths>{fifths}</fifths></key><time><beats>4</beats>"
        f"<beat-type>4</beat-type></time>{transpose}</attributes>{bars[0]}"
    )
    measures = "".join(f'<measure number="{n}">{bar}</measure>' for n, bar in enumerate(bars, 1))
    return (
        '<score-partwise><part-list><score-part id="P1"><part-name>Voice</part-name></score-part></part-list>'
        f'<part id="P1">{measures}</part></score-partwise>'
    ).encode()


def mscx(version, chords):
    note = "<Chord><durationType>half</durationType><Note><pitch>72</pitch><tpc>14</tpc></Note></Chord>"
    each = []
    for words in chords:
        root, name, bass, *_ = [*words.split(" "), "", ""]
        inner = "" if root == "|" else f"<root>{root}</root>"
        inner += f"<name>{name}</name>" if name else ""
        inner += (
            f"<{'bass' if version == '4.60' else 'base'}>{bass}</{'bass' if version == '4.60' else 'base'}>"
            if bass
            else ""
        )
        inner = f"<harmonyInfo>{inner}</harmonyInfo>" if version == "4.60" else inner
        each.append(f"<Harmony>{inner}</Harmony>{note}")
    each += ["<Rest><durationType>half</durationType></Rest>"] * (len(each) % 2)
    bars = ["".join(each[n : n + 2]) for n in range(0, len(each), 2)]
    bars[0] = f"<TimeSig><sigN>4</sigN><sigD>4</sigD></TimeSig>{bars[0]}"
    bars = [bar if version == "2.06" else f"<voice>{bar}</voice>" for bar in bars]
    measures = "".join(f"<Measure>{bar}</Measure>" for bar in bars)
    return (
        f'<museScore version="{version}"><Score><Division>480</Division><Part><Staff id="1"/></Part>'
        f'<Staff id="1">{measures}</Staff></Score></museScore>'
    ).encode()


def kern(chords):
    first, second, third, fourth = chords.split("\t")
    lines = ["**kern\t**mxhm", "*M4/4\t*", "=1\t=1", f"2cc\t{first}", f"2cc\t{second}", "=2\t=2", f"2cc\t{third}"]
    return "\n".join([*lines, f"2cc\t{fourth}", "==\t==", "*-\t*-", ""]).encode()


def mei(harms):
    notes = "".join(f'<note xml:id="n{n}" pname="c" oct="5" dur="2"/>' for n in (1, 2))
    return (
        '<mei xmlns="http://www.music-encoding.org/ns/mei"><meiHead><fileDesc><titleStmt><title/></titleStmt><pubStmt/>'
        '</fileDesc></meiHead><music><body><mdiv><score><scoreDef meter.count="4" meter.unit="4"><staffGrp>'
        '<staffDef n="1" '
        'lines="5" clef.shape="G" clef.line="2"/></staffGrp></scoreDef><section><measure n="1"><staff n="1">'
        f'<layer n="1">{notes}</layer></staff>{harms}</measure></section></score></mdiv></body></music></mei>'
    ).encode()


def read(content, name):
    """The symbols of a file as "quarter symbol", and its remarks."""
    [piece], remarks = scan_content(content, name)
    line = piece.timeline
    found = [(Fraction(tick, line.ticks_per_quarter), chord.name(line.key_at(tick))) for tick, chord in piece.chords]
    return ", ".join(f"{quarter} {name}" for quarter, name in found), [code for code, _ in remarks]


SHEETS = [
    *[(f"ABC, {name}", abc(key, music), "a.abc", symbols) for name, (key, music, symbols) in ABC.items()],
    *[
        (f"MusicXML, {name}", musicxml(key, chords), "a.musicxml", symbols)
        for name, (key, chords, symbols) in XML.items()
    ],
    *[
        (f"MuseScore, {name}", mscx(version, chords), "a.mscx", symbols)
        for name, (version, chords, symbols) in MSCX.items()
    ],
    *[(f"kern, {name}", kern(chords), "a.krn", symbols) for name, (chords, symbols) in KERN.items()],
    *[(f"MEI, {name}", mei(harms), "a.mei", symbols) for name, (harms, symbols) in MEI.items()],
]


def test_there_are_forty_and_more():
    assert len(SHEETS) >= 40


@pytest.mark.parametrize(("content", "name", "symbols"), [pytest.param(*sheet[1:], id=sheet[0]) for sheet in SHEETS])
def test_a_lead_sheet_gives_its_symbols_back(content, name, symbols):
    assert read(content, name) == (symbols, [])


def test_symbols_of_a_transposing_part_sound_as_its_notes():
    clarinet = "<transpose><diatonic>-1</diatonic><chromatic>-2</chromatic></transpose>"
    assert (
        read(musicxml(2, ["D 0 major", "F 1 minor bass=A", "B 0 dominant"], clarinet), "a.musicxml")[0]
        == "0 C, 2 Em/G, 4 A7"
    )


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (abc("C", '"C"c2 "Cmajj7"c2|"G7xx"c4|'), "a.abc"),
        (musicxml(0, ["C 0 major", "C 0 Tristan"]), "a.musicxml"),
        (mscx("3.02", ["14 m7", "| Gm7zz"]), "a.mscx"),
    ],
)
def test_symbols_that_cannot_be_read_are_counted(content, name):
    symbols, remarks = read(content, name)
    assert symbols.startswith("0 C")
    assert remarks == ["unread_chords"]
