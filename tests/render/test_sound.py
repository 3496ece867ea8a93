"""Sound, judged by what is in the wave: onsets, pitch, level and tails are measured, not taken from the sampler."""

import io
import json
import os
import shutil
import subprocess
import sys
import wave as wave_module
from pathlib import Path

import numpy as np
import pytest
import soundfile

from ritornello.music.values import Melody, Note, Part, Piece, Tempo, Timeline
from ritornello.render.audio_file import encode_audio
from ritornello.render.bank import BANK, instrument_of, play_key
from ritornello.render.loudness import integrated_loudness
from ritornello.render.sound import add_room, render_wave, room_samples, save_audio

RATE = 44100
FORMATS = ("wav", "flac", "ogg", "mp3")
FONT = "/usr/share/sounds/sf3/FluidR3Mono_GM.sf3"  # where Debian's fluidr3mono-gm-soundfont puts it


ALL = {
    "piano": 0, "harpsichord": 6, "celesta": 8, "organ": 19, "guitar": 24, "violin": 40, "cello": 42, "trumpet": 56,
    "oboe": 68, "clarinet": 71, "flute": 73,
}  # fmt: skip
every_instrument = pytest.mark.parametrize("program", ALL.values(), ids=ALL)


def play(music, sample_rate=RATE, **options):
    """One channel of sound, as most of what is measured here."""
    return render_wave(music, sample_rate, is_mono=True, **options)[:, 0]


def true_peak(wave):
    """The highest value at four times the samples, in dBFS."""
    spectra = np.fft.rfft(wave, axis=0)
    return decibel(4 * np.abs(np.fft.irfft(spectra, 4 * len(wave), axis=0)).max())


def impulse(above, below, size=4096):
    """The first samples of what a filter of second order answers to a single one."""
    answer = np.zeros(size)
    for n in range(size):
        answer[n] = above[n] if n < 3 else 0
        answer[n] -= sum(below[k] * answer[n - k] for k in (1, 2) if n >= k)
    return answer


def loudness(wave):
    """LUFS at 48,000 samples a second, by the filters and blocks of ITU-R BS.1770-4 in time."""
    shelf = impulse((1.53512485958697, -2.69169618940638, 1.19839281085285), (1, -1.69065929318241, 0.73248077421585))
    ear = impulse((1.0, -2.0, 1.0), (1, -1.99004745483398, 0.99007225036621))
    size = 1 << (len(wave) + 8192).bit_length()
    both = np.fft.rfft(shelf, size) * np.fft.rfft(ear, size)
    heard = np.fft.irfft(np.fft.rfft(wave, size, axis=0) * both[:, None], axis=0)[: len(wave)]
    starts = range(0, len(wave) - 19200 + 1, 4800)
    energy = np.array([np.sum(np.mean(heard[start : start + 19200] ** 2, axis=0)) for start in starts])
    energy = energy[energy > 10 ** ((-70 + 0.691) / 10)]
    return -0.691 + 10 * np.log10(energy[energy > energy.mean() / 10].mean())


def decibel(amplitude):
    return 20 * np.log10(np.maximum(amplitude, 1e-12))


def separate(pitches, velocity=80, qpm=120.0):
    """Eighth notes with rests as long between them: one begins every half second at 120."""
    notes = tuple(Note(480 * i, 240, pitch, velocity) for i, pitch in enumerate(pitches))
    return Melody(notes, Timeline(480, 480 * len(pitches), tempos=(Tempo(0, qpm),)))


def onset_errors_ms(wave, times, rate=RATE):
    """How late each note sets in: the first rise to a tenth of its peak, from 50 ms before it was due."""
    errors = []
    for time in times:
        begin = max(0, round((time - 0.05) * rate))
        stretch = np.abs(wave[begin : round((time + 0.1) * rate)])
        first = begin + int(np.argmax(stretch > 0.1 * stretch.max()))
        errors.append(1000 * (first / rate - time))
    return np.array(errors)


def legato_onset_errors_ms(wave, times, rate=RATE):
    """The same where notes follow without a gap: the sharpest rise of the high frequencies, millisecond by
    millisecond, within 30 ms of each time."""
    hop = rate // 1000
    sharp = np.diff(wave, n=2)
    energy = np.add.reduceat(sharp**2, np.arange(0, len(sharp), hop)) + 1e-12
    rise = energy[4:] / np.maximum.reduce([energy[i : i - 4] for i in range(4)])
    errors = []
    for time in times:
        centre = round(time * rate / hop)
        low = max(centre - 30, 4)
        errors.append((low + int(np.argmax(rise[low - 4 : centre + 26]))) * hop / rate * 1000 - time * 1000)
    return np.array(errors)


def cents_by_spectrum(wave, pitch):
    """Where the fundamental stands in the spectrum, in cents above its place."""
    expected = 440 * 2 ** ((pitch - 69) / 12)
    size = 1 << 19
    spectrum = np.abs(np.fft.rfft(wave * np.blackman(len(wave)), size))
    low, high = int(expected * 0.96 * size / RATE), int(expected * 1.04 * size / RATE) + 1
    return 1200 * np.log2((low + np.argmax(spectrum[low:high])) * RATE / size / expected)


def cents_by_autocorrelation(wave, pitch):
    """The lag of a few periods at which the wave resembles itself most, in cents above its place."""
    expected = 440 * 2 ** ((pitch - 69) / 12)
    periods = min(max(1, round(expected / 33)), 12)
    lags = np.linspace(-0.4, 0.4, 81) + periods
    spectrum = np.abs(np.fft.rfft(wave, 1 << 17)) ** 2
    angular = np.linspace(0, np.pi, len(spectrum)) * RATE / expected
    similar = [np.sum(spectrum * np.cos(angular * lag)) for lag in lags]
    top = int(np.argmax(similar))
    curve = np.polyfit(lags[top - 1 : top + 2], similar[top - 1 : top + 2], 2)
    return -1200 * np.log2(-curve[1] / (2 * curve[0]) / periods)


# ---- the bank


def test_banks_are_small_and_carry_their_licence():
    assert sum(file.stat().st_size for file in Path(str(BANK)).iterdir()) <= 2_500_000
    licence = (BANK / "LICENCE").read_text("utf-8")
    for name in ("Frank Wen", "Michael Cowgill", "Ethan Winer", "Michael Schorsch", "Permission is hereby granted"):
        assert name in licence
    assert "FluidR3Mono" in (BANK / "PROVENANCE.md").read_text("utf-8")


def test_every_program_sounds_as_the_nearest_of_its_family():
    index = json.loads((BANK / "bank.json").read_text("utf-8"))["instruments"]
    assert {name: entry["program"] for name, entry in index.items()} == ALL
    assert {name: instrument_of(program) for name, program in ALL.items()} == {name: name for name in ALL}
    assert {instrument_of(program) for program in range(128)} == set(ALL)
    families = {1: "piano", 16: "organ", 32: "guitar", 48: "violin", 52: "organ", 60: "trumpet", 66: "clarinet"}
    assert {program: instrument_of(program) for program in families} == families
    notes = separate([60, 64, 67]).notes
    waves = [play(Melody(notes), program=program).tobytes() for program in ALL.values()]
    assert len(set(waves)) == len(ALL)


def test_recordings_set_in_within_two_milliseconds():
    index = json.loads((BANK / "bank.json").read_text("utf-8"))["instruments"]
    for name, entry in index.items():
        sound, rate = soundfile.read(io.BytesIO((BANK / f"{name}.ogg").read_bytes()))
        for key in entry["keys"]:
            attack = np.abs(sound[key["start"] : key["start"] + rate // 10])
            assert np.argmax(attack > 0.05 * attack.max()) <= 0.002 * rate, (name, key["pitch"])


RANGES = {
    0: (36, 97), 6: (48, 90), 8: (54, 97), 19: (36, 97), 24: (40, 85), 40: (56, 97), 42: (37, 80), 56: (56, 97),
    68: (60, 85), 71: (52, 87), 73: (60, 93),
}  # fmt: skip


@pytest.mark.parametrize("program", [p for p in ALL.values() if p], ids=[n for n in ALL if n != "piano"])
def test_every_instrument_is_in_tune(program):
    """Vibrato and a loop's turns spread the line of the spectrum: the mean of a second is taken."""
    wrong = {}
    for pitch in range(*RANGES[program], 3):
        wave = play(Melody((Note(0, 1920, pitch),)), program=program)[4000 : 4000 + RATE]
        expected = 440 * 2 ** ((pitch - 69) / 12)
        spectrum = np.fft.fft(wave * np.hanning(len(wave)))
        hertz = np.arange(len(wave)) * RATE / len(wave)
        near = np.abs(12 * np.log2(np.maximum(hertz, 1) / expected)) < 1
        power = np.abs(spectrum[near]) ** 2
        cents = 1200 * np.log2(np.sum(hertz[near] * power) / np.sum(power) / expected)
        if abs(cents) > 15:
            wrong[pitch] = round(float(cents), 1)
    assert wrong == {}


@every_instrument
def test_a_held_note_of_wind_bow_and_organ_goes_on_and_others_die_away(program):
    wave = play(Melody((Note(0, 480 * 16, 72),)), program=program)
    early, late = (np.sqrt(np.mean(wave[second * RATE : (second + 1) * RATE] ** 2)) for second in (1, 7))
    is_sustained = program in (19, 40, 42, 56, 68, 71, 73)
    assert (abs(decibel(late / early)) < 1) if is_sustained else (decibel(late / early) < -12)


@every_instrument
def test_going_round_a_loop_makes_no_click(program):
    pitch = {42: 52, 40: 67}.get(program, 70)
    wave = play(Melody((Note(0, 480 * 8, pitch),)), program=program)
    sharp = np.abs(np.diff(wave, n=2))[: 4 * RATE - 100]
    peaks = sharp[: len(sharp) // 441 * 441].reshape(-1, 441).max(axis=1)  # every 10 ms
    around = np.maximum.reduce([peaks[:-4], peaks[1:-3], peaks[3:-1], peaks[4:]])
    assert (peaks[2:-2][10:] < 2 * around[10:] + 1e-5).all()


@pytest.mark.parametrize("measure", [cents_by_spectrum, cents_by_autocorrelation])
def test_every_key_is_in_tune(measure):
    wrong = {}
    for pitch in range(36, 97):
        wave = play(Melody((Note(0, 960, pitch),)))
        cents = measure(wave[2000 : int(0.6 * RATE)], pitch)
        if abs(cents) > 10:
            wrong[pitch] = cents
    assert wrong == {}


def test_keys_are_equally_loud():
    levels = []  # of the ear, which takes the low for less than it is
    for pitch in range(36, 97):
        wave = play_key(pitch, RATE // 2, 80 / 127, RATE)
        levels.append(decibel(np.sqrt(np.mean(wave**2))))
    assert max(levels) - min(levels) < 8


@pytest.mark.parametrize("pitch", [0, 20, 109, 127])
def test_pitches_beyond_the_piano_sound(pitch):
    wave = play(Melody((Note(0, 960, pitch),)))
    assert np.isfinite(wave).all()
    assert decibel(np.abs(wave).max()) > -20
    assert abs(onset_errors_ms(wave, [0.0])[0]) < (5 if pitch > 20 else 30)  # 0 is 8 Hz: a quarter swing is 30 ms


def test_a_very_long_note_goes_on_without_a_break_and_dies_away():
    wave = play(Melody((Note(0, 480 * 24, 78),)))  # twelve seconds of a key recorded for 2.4
    level = decibel(np.sqrt(np.mean(wave[: 12 * RATE].reshape(-1, RATE // 10) ** 2, axis=1)))
    assert level[20] - level[100] > 15
    assert level[100] > -90
    assert np.abs(np.diff(level[20:])).max() < 6  # no hole where the recording ends


# ---- time


@pytest.mark.parametrize("sample_rate", [22050, 44100, 48000])
@every_instrument
def test_notes_set_in_at_their_time(program, sample_rate):
    pitches = [*range(36 if program == 0 else 48, 97, 3), 96]
    wave = play(separate(pitches), sample_rate, program=program)
    errors = onset_errors_ms(wave, 0.5 * np.arange(len(pitches)), sample_rate)
    assert np.abs(errors).max() < 2


def test_legato_notes_set_in_at_their_time():
    pitches = [60, 62, 64, 65, 67, 65, 64, 64, 62, 72, 71, 60, 55, 48]
    wave = play(Melody(tuple(Note(240 * i, 240, pitch) for i, pitch in enumerate(pitches))))
    errors = legato_onset_errors_ms(wave, 0.25 * np.arange(1, len(pitches)))  # the first follows nothing
    assert np.abs(errors).max() < 2


def test_tempo_changes_move_the_onsets():
    notes = tuple(Note(480 * i, 240, 60 + i) for i in range(6))
    tempos = (Tempo(0, 120.0), Tempo(960, 60.0), Tempo(1920, 240.0))
    wave = play(Melody(notes, Timeline(480, 2880, tempos=tempos)))
    assert np.abs(onset_errors_ms(wave, [0.0, 0.5, 1.0, 2.0, 3.0, 3.25])).max() < 5


def test_pickup_rests_and_closing_rests_keep_their_length():
    wave = play(Melody((Note(960, 480, 60),), Timeline(480, 480 * 8)))
    assert len(wave) == 4 * RATE
    assert not wave[: RATE - 1].any()
    assert not wave[2 * RATE + RATE // 2 :].any()


def test_tails_ring_out_and_end_in_silence():
    melody = separate([60, 48, 84])
    ending = Melody((*melody.notes, Note(1440, 480, 48)))
    wave = play(ending)
    assert 2.0 + 0.3 < len(wave) / RATE < 2.0 + 0.7
    assert decibel(np.abs(wave[-RATE // 100 :]).max()) < -60
    assert decibel(np.abs(wave[2 * RATE : 2 * RATE + RATE // 20]).max()) > -40  # the damper is not a knife


@every_instrument
def test_no_cut_makes_a_step_at_any_pitch(program):
    """Every third key from two octaves below middle C to three above, each let go of in the middle of its sound."""
    pitches = range(36, 97, 3)
    wave = play(Melody(tuple(Note(1440 * i, 480, pitch) for i, pitch in enumerate(pitches))), program=program)
    step = np.abs(np.diff(wave))
    ends = [RATE // 2 + i * 3 * RATE // 2 for i in range(len(pitches))]
    growth = [step[end - 2 : end + 3].max() / step[end - 884 : end - 2].max() for end in ends]
    assert max(growth) <= 1, dict(zip(pitches, growth, strict=True))


@every_instrument
def test_a_release_has_no_step_and_lasts(program):
    wave = play(Melody((Note(0, 480, 65),)), program=program)
    step = np.abs(np.diff(wave))
    end = RATE // 2
    before, after = (np.abs(wave[end + shift : end + shift + 882]).max() for shift in (-882, 220))
    assert decibel(after / before) > -20  # 5 to 25 ms after the note was let go
    assert step[-1] < 1e-3


@every_instrument
def test_a_voice_begins_and_ends_in_silence_without_a_mean(program):
    wave = render_wave(separate([55, 60, 67, 72, 76]), program=program)
    assert decibel(np.abs(wave[0]).max()) < -60
    assert decibel(np.abs(wave[-RATE // 100 :]).max()) < -60
    assert decibel(np.abs(wave.mean(axis=0)).max()) < -66


def test_the_shortest_note_sounds():
    wave = play(Melody((Note(0, 1, 60), Note(480, 480, 60))))
    early, late = np.abs(wave[: RATE // 4]).max(), np.abs(wave[RATE // 2 :]).max()
    assert decibel(early / late) > -6


# ---- level


def test_loudness_is_that_of_the_recommendation():
    seconds = np.arange(48000 * 4) / 48000
    sine = np.stack([np.sin(2 * np.pi * 997 * seconds)] * 2, axis=1).astype(np.float32)
    assert loudness(sine[:, :1]) == pytest.approx(-3.01, abs=0.02)
    for rate in (22050, 44100, 48000):
        seconds = np.arange(rate * 4) / rate
        mono = np.sin(2 * np.pi * 997 * seconds).astype(np.float32)[:, None]
        assert integrated_loudness(mono, rate) == pytest.approx(-3.01, abs=0.05)
    noise = np.random.default_rng(0).normal(0, 0.1, (48000 * 6, 2)).astype(np.float32)
    noise[48000 * 2 : 48000 * 3] *= 0.01
    assert integrated_loudness(noise, 48000) == pytest.approx(loudness(noise), abs=0.05)
    assert integrated_loudness(np.zeros((100, 2), np.float32), 48000) == -np.inf


TUNES = {
    "scale": separate(range(60, 85)),
    "legato": Melody(tuple(Note(240 * i, 240, 55 + i) for i in range(32))),
    "slow": Melody(tuple(Note(960 * i, 960, p) for i, p in enumerate((60, 67, 64, 72)))),
    "soft": separate(range(60, 72), velocity=25),
    "loud and high": separate(range(76, 88), velocity=127),
}


@pytest.mark.parametrize("name", TUNES)
def test_all_instruments_are_equally_loud_and_none_reaches_full_scale(name):
    waves = [render_wave(TUNES[name], 48000, program=program) for program in ALL.values()]
    levels = [loudness(wave) for wave in waves]
    assert max(levels) - min(levels) < 1
    assert np.mean(levels) == pytest.approx(-20, abs=0.5)
    assert max(true_peak(wave) for wave in waves) < -1


@pytest.mark.parametrize(
    "music",
    [
        separate([84, 86, 88, 91], velocity=127),
        separate([36, 38], velocity=1),
        Melody((Note(0, 48000, 60, 20),)),
        Piece(tuple(Part((Note(0, 960, pitch, 127),), program=pitch) for pitch in range(36, 97, 2))),
    ],
    ids=["high and loud", "low and soft", "long", "cluster of 31 instruments"],
)
def test_what_is_extreme_is_heard_and_stays_under_full_scale(music):
    wave = render_wave(music)
    assert true_peak(wave) < -1
    assert decibel(np.abs(wave).max()) > -20


def test_melodies_are_equally_loud_whatever_their_velocity_and_register():
    tunes = [separate(range(low, low + 8), velocity) for low in (40, 60, 80) for velocity in (30, 80, 120)]
    levels = [loudness(render_wave(tune, 48000)) for tune in tunes]
    assert max(levels) - min(levels) < 1


def test_one_channel_is_as_loud_as_two():
    mono = play(TUNES["scale"], 48000)
    assert loudness(np.stack([mono, mono], axis=1)) == pytest.approx(-20, abs=0.2)


def test_rests_of_many_bars_do_not_make_a_melody_louder():
    tune = separate([60, 64, 67, 72])
    rested = Melody(tune.notes, Timeline(480, tune.timeline.length + 10 * 1920))
    levels = [np.abs(play(music)[: 2 * RATE]).max() for music in (tune, rested)]
    assert levels[0] == pytest.approx(levels[1], rel=0.01)


def test_velocity_makes_louder_and_brighter():
    velocities = [1, 16, 32, 48, 64, 80, 96, 112, 127]
    wave = play(Melody(tuple(Note(960 * i, 480, 60, velocity) for i, velocity in enumerate(velocities))))
    levels, colours = [], []
    for i in range(len(velocities)):
        note = wave[i * RATE : i * RATE + RATE // 2]
        spectrum = np.abs(np.fft.rfft(note)) ** 2
        levels.append(np.sqrt(np.mean(note**2)))
        colours.append(np.average(np.fft.rfftfreq(len(note), 1 / RATE), weights=spectrum))
    assert (np.diff(levels) > 0).all()
    assert (np.diff(colours) > 0).all()
    assert 9.5 < decibel(levels[8] / levels[3]) < 16


def test_parts_sound_together_and_drums_are_left_out():
    voices = tuple(Part((Note(0, 960, pitch),)) for pitch in (48, 64, 79))
    drums = Part((Note(0, 960, 36),), is_drum=True)
    wave = play(Piece((*voices, drums)))
    assert np.array_equal(wave, play(Piece(voices)))
    spectrum = np.abs(np.fft.rfft(wave[: RATE // 2] * np.hanning(RATE // 2)))
    for pitch in (48, 64, 79):
        place = round(440 * 2 ** ((pitch - 69) / 12) / 2)  # bins are 2 Hz apart
        assert spectrum[place - 2 : place + 3].max() > 0.05 * spectrum.max()


def test_parts_play_their_own_programs_beside_each_other():
    early, late = separate(range(60, 66)).notes, tuple(Note(3360 + 480 * i, 240, 60 + i) for i in range(6))
    both = render_wave(Piece((Part(early, program=73), Part(late, program=42))))
    assert not np.array_equal(both, render_wave(Piece((Part(early), Part(late)))))
    first, last = (np.sqrt(np.mean(half**2, axis=0)) for half in (both[: 3 * RATE], both[7 * RATE // 2 :]))
    assert first[0] > 1.3 * first[1]  # the first part stands to the left, the last to the right
    assert last[1] > 1.3 * last[0]


def test_the_room_is_wide_small_and_quiet():
    wave = render_wave(Melody((Note(0, 240, 79),)), program=8)
    left, right = wave[: RATE // 2].T
    assert np.array_equal(left[:200], right[:200])  # the sound itself comes from the middle, its echo from the sides
    assert -30 < decibel(np.std(left - right) / np.std(left + right)) < -8
    click, ears = np.zeros(RATE, np.float32), np.zeros((2, RATE), np.float32)
    click[0] = 1
    add_room(click, ears, RATE)
    assert not ears[:, : RATE * 4 // 1000].any()
    assert not ears[:, room_samples(RATE) :].any()
    assert room_samples(RATE) < 0.25 * RATE
    early, late = (np.sum(ears[:, round(t * RATE) :] ** 2) for t in (0, 0.1))
    assert -26 < 10 * np.log10(early / 2) < -13
    assert 10 * np.log10(late / early) < -6


SAME_BYTES = """
import hashlib
from ritornello.music.values import Melody, Note
from ritornello.render.audio_file import encode_audio
from ritornello.render.sound import render_wave
wave = render_wave(Melody(tuple(Note(240 * i, 240, 55 + i, 60 + i) for i in range(24))), program={program})
print(hashlib.sha256(encode_audio(wave, "wav")).hexdigest())
"""


@pytest.mark.parametrize("program", [0, 40])
def test_bytes_are_the_same_whatever_the_processor_can_do(program):
    code = SAME_BYTES.format(program=program)
    features = "AVX2 FMA3 AVX512F AVX512CD AVX512_SKX X86_V3 X86_V4"
    digests = {
        subprocess.run(
            [sys.executable, "-W", "ignore", "-c", code], env=os.environ | extra, capture_output=True, check=True
        ).stdout
        for extra in ({}, {"NPY_DISABLE_CPU_FEATURES": features, "OPENBLAS_NUM_THREADS": "1"})
    }
    assert len(digests) == 1


# ---- what cannot be played


def test_silence_is_silence_of_the_right_length():
    wave = play(Melody((), Timeline(480, 1920)))
    assert len(wave) == 2 * RATE
    assert not wave.any()


@pytest.mark.parametrize(
    ("music", "rate", "message"),
    [
        (Melody(()), RATE, "nothing to play"),
        (Piece((Part((Note(0, 480, 36),), is_drum=True),)), RATE, "percussion only"),
        (Melody((Note(10**8, 480, 60),)), RATE, "up to 3600 s"),
        (separate([60]), 4000, "sample_rate must be 8000 to 192000, not 4000"),
    ],
)
def test_what_cannot_be_played_is_refused_in_one_line(music, rate, message):
    with pytest.raises(ValueError, match=message) as caught:
        play(music, rate)
    assert "\n" not in str(caught.value)


# ---- files


@pytest.fixture(scope="module")
def scale():
    return separate([36, 43, 48, 55, 60, 62, 64, 65, 67, 69, 71, 72, 79, 84, 91, 96])


@pytest.mark.parametrize("format", FORMATS)
def test_files_decode_to_the_same_sound_at_the_same_time(scale, format):
    wave = render_wave(scale)
    content = encode_audio(wave, format)
    decoded, rate = soundfile.read(io.BytesIO(content))
    assert rate == RATE
    assert decoded.shape == wave.shape
    assert true_peak(decoded) <= -1
    assert np.abs(onset_errors_ms(decoded[:, 0], 0.5 * np.arange(16))).max() < 5
    assert decibel(np.abs(decoded[-RATE // 100 :]).max()) < -60
    assert content == encode_audio(wave, format)


def test_wav_is_read_by_the_standard_library(scale, tmp_path):
    save_audio(scale, tmp_path / "scale.wav")
    with wave_module.open(str(tmp_path / "scale.wav")) as file:
        assert (file.getnchannels(), file.getframerate(), file.getsampwidth()) == (2, 44100, 2)
        assert file.getnframes() / RATE == pytest.approx(8.2, abs=0.2)


@pytest.mark.skipif(shutil.which("sox") is None, reason="needs the sox program")
@pytest.mark.parametrize("format", ["wav", "flac", "ogg"])
def test_sox_hears_the_same(scale, tmp_path, format):
    path = tmp_path / f"scale.{format}"
    save_audio(scale, path)
    raw = subprocess.run(["sox", path, "-t", "f32", "-"], capture_output=True, check=True).stdout
    assert np.abs(onset_errors_ms(np.frombuffer(raw, np.float32)[::2], 0.5 * np.arange(16))).max() < 5
    report = subprocess.run(["sox", path, "-n", "stats"], capture_output=True, text=True, check=True).stderr
    stats = {line[:12].strip(): line[12:].split()[0] for line in report.splitlines() if line.strip()}
    assert -20 <= float(stats["Pk lev dB"]) <= -1
    assert float(stats["Flat factor"]) == 0  # no run of samples at the peak: nothing was clipped
    assert float(stats["RMS lev dB"]) > -30


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda w: encode_audio(w, "aiff"), "unknown sound format 'aiff': use one of wav, flac, ogg, mp3"),
        (lambda w: encode_audio(w[:0], "wav"), "a sample or more"),
        (lambda w: encode_audio(np.stack([w, w, w], axis=1), "wav"), "must have the shape"),
        (lambda w: encode_audio(w, "mp3", 44101), "cannot write mp3 at 44101 samples a second"),
        (lambda w: save_audio(separate([60]), "tune.aac"), "tune.aac: unknown kind of sound file"),
    ],
)
def test_what_cannot_be_written_is_refused_in_one_line(call, message):
    with pytest.raises(ValueError, match=message) as caught:
        call(np.zeros(100, np.float32))
    assert "\n" not in str(caught.value)


def test_a_folder_that_cannot_be_made_is_named_and_nothing_is_left(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OSError, match="file"):
        save_audio(separate([60]), tmp_path / "file" / "tune.wav")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


# ---- a user's sound font

needs_fluidsynth = pytest.mark.skipif(shutil.which("fluidsynth") is None, reason="needs the fluidsynth program")


@needs_fluidsynth
def test_fluidsynth_plays_a_font_at_the_same_times_and_level(scale):
    if not Path(FONT).exists():
        pytest.skip("needs Debian's fluidr3mono-gm-soundfont")
    wave = play(scale, soundfont=FONT)
    assert -20 <= decibel(np.abs(wave).max()) <= -1
    assert np.abs(onset_errors_ms(wave, 0.5 * np.arange(16))).max() < 10  # the font fades every attack in over 8 ms
    assert len(wave) >= 8 * RATE
    assert decibel(np.abs(wave[-RATE // 100 :]).max()) < -60


@needs_fluidsynth
def test_fluidsynth_plays_in_stereo_with_the_program_asked_for(scale):
    if not Path(FONT).exists():
        pytest.skip("needs Debian's fluidr3mono-gm-soundfont")
    piano, flute = (render_wave(scale, soundfont=FONT, program=program) for program in (0, 73))
    assert piano.shape[1] == flute.shape[1] == 2
    assert piano.shape != flute.shape or not np.array_equal(piano, flute)


@needs_fluidsynth
def test_a_file_that_is_no_font_is_refused_in_one_line(tmp_path):
    (tmp_path / "bad.sf2").write_bytes(b"RIFF, but not really")
    with pytest.raises(OSError, match=r"bad\.sf2: FluidSynth cannot play it") as caught:
        play(separate([60]), soundfont=tmp_path / "bad.sf2")
    assert "\n" not in str(caught.value)


def test_a_missing_font_and_a_missing_program_are_named(tmp_path, monkeypatch):
    with pytest.raises(OSError, match=r"none\.sf2: there is no such sound font"):
        play(separate([60]), soundfont=tmp_path / "none.sf2")
    (tmp_path / "some.sf2").write_bytes(b"anything")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(OSError, match="FluidSynth is not installed"):
        play(separate([60]), soundfont=tmp_path / "some.sf2")
