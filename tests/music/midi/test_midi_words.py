"""Words in MIDI files: lyric events, karaoke text, and the part they are sung by."""

from midi_bytes import midi_file, off, on, track

from ritornello.music.midi.reader import read_midi
from ritornello.music.midi.texts import syllable_ticks

RHYTHM = (240, 240, 480, 240, 240, 480, 120, 120, 240, 480)


def text(kind: int, words: bytes) -> bytes:
    return bytes([0xFF, kind, len(words)]) + words


def line(pitch: int, lengths, channel: int = 0, name: bytes = b"") -> bytes:
    events = [(0, text(3, name))] if name else []
    for length in lengths:
        events += [(0, on(pitch, channel=channel)), (length, off(pitch, channel=channel))]
    return track(*events)


def words(kind: int, lengths, first=(), late: int = 0) -> bytes:
    waits = [late, *lengths[:-1]]
    return track(*first, *((wait, text(kind, b"la")) for wait in waits))


def syllables(*tracks: bytes) -> list[int]:
    return [part.syllables for part in read_midi(midi_file(*tracks)).parts]


EIGHTHS = [120] * 24
CHORDS = [960, 960, 960]


def test_lyrics_on_a_track_of_their_own_belong_to_the_part_with_their_rhythm():
    assert syllables(line(40, CHORDS), line(70, EIGHTHS, 1), line(60, RHYTHM, 2), words(5, RHYTHM)) == [0, 0, 10]


def test_karaoke_text_counts_as_words_and_its_headings_do_not():
    head = [(0, text(1, b"@KMIDI KARAOKE FILE")), (0, text(1, b"@TA Title"))]
    assert syllables(line(40, CHORDS), line(60, RHYTHM, 1), words(1, RHYTHM, head)) == [0, 10]


def test_words_a_little_off_the_notes_still_belong_to_them():
    assert syllables(line(70, EIGHTHS), line(60, RHYTHM, 1), words(5, RHYTHM, late=20)) == [0, 10]


def test_a_part_that_doubles_the_singer_is_sung_too_and_drums_are_not():
    both = line(60, RHYTHM), line(72, RHYTHM, 1)
    assert syllables(*both, line(38, RHYTHM, 9), words(5, RHYTHM)) == [10, 10, 0]


def test_chord_names_in_text_events_are_no_words():
    names = track(*((480, text(1, b"Cmaj7")) for _ in range(12)))
    assert syllables(line(40, [480] * 13), names) == [0]


def test_a_few_lyric_events_are_a_remark():
    assert syllables(line(60, RHYTHM), words(5, RHYTHM[:4])) == [0]


def test_words_that_no_part_sings_are_given_to_none():
    assert syllables(line(60, CHORDS), words(5, [130] * 20)) == [0]


def test_running_status_goes_on_after_a_text():
    events = [(0, on(60))]
    for _ in range(9):
        events += [(0, text(5, b"la")), (60, bytes([60, 0])), (60, bytes([60, 80]))]
    assert syllable_ticks([track(*events)[8:]]) == [120 * n for n in range(9)]


def test_a_track_cut_short_gives_the_events_before():
    whole = b"".join(b"\x0a" + text(5, b"la") for _ in range(9))
    assert syllable_ticks([whole[:-3]]) == [10 * n for n in range(1, 9)]
    assert syllable_ticks([whole, b"\xff\x05\x84"]) == [10 * n for n in range(1, 10)]
