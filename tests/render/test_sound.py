"""Sound, judged by what is in the wave: onsets, pitch, level and tails are measured, not taken from the sampler."""

import io
import json
import shutil
import subprocess
import wave as wave_module
from pathlib import Path

import numpy as np
import pytest
import soundfile

from ritornello.music.values import Melody, Note, Part, Piece, Tempo, Timeline
from ritornello.render.audio_file import encode_audio
from ritornello.render.bank import BANK, play_key
from ritornello.render.sound import render_wave, save_audio

RATE = 44100
FORMATS = ("wav", "flac", "ogg", "mp3")
FONT = "/usr/share/sounds/sf3/FluidR3Mono_GM.sf3"  # where Debian's fluidr3mono-gm-soundfont puts it


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


def test_bank_is_small_and_carries_its_licence():
    assert sum((BANK / name).stat().st_size for name in ("piano.ogg", "piano.json", "LICENCE")) <= 450_000
    licence = (BANK / "LICENCE").read_text("utf-8")
    for name in ("Frank Wen", "Michael Cowgill", "Ethan Winer", "Michael Schorsch", "Permission is hereby granted"):
        assert name in licence


def test_recordings_set_in_within_two_milliseconds():
    index = json.loads((BANK / "piano.json").read_text("utf-8"))
    sound, rate = soundfile.read(io.BytesIO((BANK / "piano.ogg").read_bytes()))
    assert len(index["keys"]) == 20
    for key in index["keys"]:
        attack = np.abs(sound[key["start"] : key["start"] + rate // 10])
        assert np.argmax(attack > 0.05 * attack.max()) <= 0.002 * rate, key["pitch"]


@pytest.mark.parametrize("measure", [cents_by_spectrum, cents_by_autocorrelation])
def test_every_key_is_in_tune(measure):
    wrong = {}
    for pitch in range(36, 97):
        wave = render_wave(Melody((Note(0, 960, pitch),)))
        cents = measure(wave[2000 : int(0.6 * RATE)], pitch)
        if abs(cents) > 10:
            wrong[pitch] = cents
    assert wrong == {}


def test_keys_are_equally_loud():
    loudness = []
    for pitch in range(36, 97):
        wave = play_key(pitch, RATE // 2, 80 / 127, RATE)
        loudness.append(decibel(np.sqrt(np.mean(wave**2))))
    assert max(loudness) - min(loudness) < 6


@pytest.mark.parametrize("pitch", [0, 20, 109, 127])
def test_pitches_beyond_the_piano_sound(pitch):
    wave = render_wave(Melody((Note(0, 960, pitch),)))
    assert np.isfinite(wave).all()
    assert decibel(np.abs(wave).max()) > -12
    assert abs(onset_errors_ms(wave, [0.0])[0]) < (5 if pitch > 20 else 30)  # 0 is 8 Hz: a quarter swing is 30 ms


def test_a_very_long_note_goes_on_without_a_break_and_dies_away():
    wave = render_wave(Melody((Note(0, 480 * 24, 78),)))  # twelve seconds of a key recorded for 2.4
    level = decibel(np.sqrt(np.mean(wave[: 12 * RATE].reshape(-1, RATE // 10) ** 2, axis=1)))
    assert level[20] - level[100] > 15
    assert level[100] > -90
    assert np.abs(np.diff(level[20:])).max() < 6  # no hole where the recording ends


# ---- time


@pytest.mark.parametrize("sample_rate", [22050, 44100, 48000])
def test_notes_set_in_at_their_time(sample_rate):
    pitches = [*range(36, 97, 3), 96]
    wave = render_wave(separate(pitches), sample_rate)
    errors = onset_errors_ms(wave, 0.5 * np.arange(len(pitches)), sample_rate)
    assert np.abs(errors).max() < 5


def test_legato_notes_set_in_at_their_time():
    pitches = [60, 62, 64, 65, 67, 65, 64, 64, 62, 72, 71, 60, 55, 48]
    wave = render_wave(Melody(tuple(Note(240 * i, 240, pitch) for i, pitch in enumerate(pitches))))
    errors = legato_onset_errors_ms(wave, 0.25 * np.arange(len(pitches)))
    assert np.abs(errors).max() < 5


def test_tempo_changes_move_the_onsets():
    notes = tuple(Note(480 * i, 240, 60 + i) for i in range(6))
    tempos = (Tempo(0, 120.0), Tempo(960, 60.0), Tempo(1920, 240.0))
    wave = render_wave(Melody(notes, Timeline(480, 2880, tempos=tempos)))
    assert np.abs(onset_errors_ms(wave, [0.0, 0.5, 1.0, 2.0, 3.0, 3.25])).max() < 5


def test_pickup_rests_and_closing_rests_keep_their_length():
    wave = render_wave(Melody((Note(960, 480, 60),), Timeline(480, 480 * 8)))
    assert len(wave) == 4 * RATE
    assert not wave[: RATE - 1].any()
    assert not wave[2 * RATE + RATE // 2 :].any()


def test_tails_ring_out_and_end_in_silence():
    melody = separate([60, 48, 84])
    ending = Melody((*melody.notes, Note(1440, 480, 48)))
    wave = render_wave(ending)
    assert 2.0 + 0.3 < len(wave) / RATE < 2.0 + 0.6
    assert decibel(np.abs(wave[-RATE // 100 :]).max()) < -60
    assert decibel(np.abs(wave[2 * RATE : 2 * RATE + RATE // 20]).max()) > -40  # the damper is not a knife


def test_release_has_no_click():
    wave = render_wave(Melody((Note(0, 480, 60),)))
    sharp = np.abs(np.diff(wave, n=2))
    release = sharp[RATE // 2 - 20 : RATE // 2 + 2000]
    assert release.max() < 1.5 * sharp[RATE // 2 - 4000 : RATE // 2 - 20].max()


def test_the_shortest_note_sounds():
    wave = render_wave(Melody((Note(0, 1, 60), Note(480, 480, 60))))
    early, late = np.abs(wave[: RATE // 4]).max(), np.abs(wave[RATE // 2 :]).max()
    assert decibel(early / late) > -6


# ---- level


@pytest.mark.parametrize(
    "music",
    [
        separate([60]),
        separate([84, 86, 88, 91], velocity=127),
        separate([36, 38], velocity=1),
        Melody((Note(0, 48000, 60, 20),)),
        Piece(tuple(Part((Note(0, 960, pitch, 127),)) for pitch in range(36, 97, 2))),
        separate(range(40, 90, 2), velocity=64),
    ],
    ids=["one", "high and loud", "low and soft", "long", "cluster of 31", "scale"],
)
def test_peak_lies_between_minus_12_and_minus_1(music):
    assert -12 <= decibel(np.abs(render_wave(music)).max()) <= -1


def test_melodies_are_equally_loud_whatever_their_velocity_and_register():
    tunes = [separate(range(low, low + 8), velocity) for low in (40, 60, 80) for velocity in (30, 80, 120)]
    levels = [decibel(np.sqrt(np.mean(render_wave(tune) ** 2))) for tune in tunes]
    assert max(levels) - min(levels) < 3


def test_rests_of_many_bars_do_not_make_a_melody_louder():
    tune = separate([60, 64, 67, 72])
    rested = Melody(tune.notes, Timeline(480, tune.timeline.length + 10 * 1920))
    levels = [np.abs(render_wave(music)[: 2 * RATE]).max() for music in (tune, rested)]
    assert levels[0] == pytest.approx(levels[1], rel=0.01)


def test_velocity_makes_louder_and_brighter():
    velocities = [1, 16, 32, 48, 64, 80, 96, 112, 127]
    wave = render_wave(Melody(tuple(Note(960 * i, 480, 60, velocity) for i, velocity in enumerate(velocities))))
    levels, colours = [], []
    for i in range(len(velocities)):
        note = wave[i * RATE : i * RATE + RATE // 2]
        spectrum = np.abs(np.fft.rfft(note)) ** 2
        levels.append(np.sqrt(np.mean(note**2)))
        colours.append(np.average(np.fft.rfftfreq(len(note), 1 / RATE), weights=spectrum))
    assert (np.diff(levels) > 0).all()
    assert (np.diff(colours) > 0).all()
    assert 10 < decibel(levels[8] / levels[3]) < 16


def test_parts_sound_together_and_drums_are_left_out():
    voices = tuple(Part((Note(0, 960, pitch),)) for pitch in (48, 64, 79))
    drums = Part((Note(0, 960, 36),), is_drum=True)
    wave = render_wave(Piece((*voices, drums)))
    assert np.array_equal(wave, render_wave(Piece(voices)))
    spectrum = np.abs(np.fft.rfft(wave[: RATE // 2] * np.hanning(RATE // 2)))
    for pitch in (48, 64, 79):
        place = round(440 * 2 ** ((pitch - 69) / 12) / 2)  # bins are 2 Hz apart
        assert spectrum[place - 2 : place + 3].max() > 0.05 * spectrum.max()


# ---- what cannot be played


def test_silence_is_silence_of_the_right_length():
    wave = render_wave(Melody((), Timeline(480, 1920)))
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
        render_wave(music, rate)
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
    assert len(decoded) == len(wave)
    assert -12 <= decibel(np.abs(decoded).max()) <= -1
    assert np.abs(onset_errors_ms(decoded, 0.5 * np.arange(16))).max() < 5
    assert decibel(np.abs(decoded[-RATE // 100 :]).max()) < -60
    assert content == encode_audio(wave, format)


def test_wav_is_read_by_the_standard_library(scale, tmp_path):
    save_audio(scale, tmp_path / "scale.wav")
    with wave_module.open(str(tmp_path / "scale.wav")) as file:
        assert (file.getnchannels(), file.getframerate(), file.getsampwidth()) == (1, 44100, 2)
        assert file.getnframes() / RATE == pytest.approx(8.0, abs=0.2)


@pytest.mark.skipif(shutil.which("sox") is None, reason="needs the sox program")
@pytest.mark.parametrize("format", ["wav", "flac", "ogg"])
def test_sox_hears_the_same(scale, tmp_path, format):
    path = tmp_path / f"scale.{format}"
    save_audio(scale, path)
    raw = subprocess.run(["sox", path, "-t", "f32", "-"], capture_output=True, check=True).stdout
    assert np.abs(onset_errors_ms(np.frombuffer(raw, np.float32), 0.5 * np.arange(16))).max() < 5
    report = subprocess.run(["sox", path, "-n", "stats"], capture_output=True, text=True, check=True).stderr
    stats = {line[:12].strip(): line[12:].split()[0] for line in report.splitlines() if line.strip()}
    assert -12 <= float(stats["Pk lev dB"]) <= -1
    assert float(stats["Flat factor"]) == 0  # no run of samples at the peak: nothing was clipped
    assert float(stats["RMS lev dB"]) > -30


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda w: encode_audio(w, "aiff"), "unknown sound format 'aiff': use one of wav, flac, ogg, mp3"),
        (lambda w: encode_audio(w[:0], "wav"), "a sample or more"),
        (lambda w: encode_audio(np.stack([w, w]), "wav"), "must have the shape"),
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
    wave = render_wave(scale, soundfont=FONT)
    assert -12 <= decibel(np.abs(wave).max()) <= -1
    assert np.abs(onset_errors_ms(wave, 0.5 * np.arange(16))).max() < 10  # the font fades every attack in over 8 ms
    assert len(wave) >= 8 * RATE
    assert decibel(np.abs(wave[-RATE // 100 :]).max()) < -60


@needs_fluidsynth
def test_a_file_that_is_no_font_is_refused_in_one_line(tmp_path):
    (tmp_path / "bad.sf2").write_bytes(b"RIFF, but not really")
    with pytest.raises(OSError, match=r"bad\.sf2: FluidSynth cannot play it") as caught:
        render_wave(separate([60]), soundfont=tmp_path / "bad.sf2")
    assert "\n" not in str(caught.value)


def test_a_missing_font_and_a_missing_program_are_named(tmp_path, monkeypatch):
    with pytest.raises(OSError, match=r"none\.sf2: there is no such sound font"):
        render_wave(separate([60]), soundfont=tmp_path / "none.sf2")
    (tmp_path / "some.sf2").write_bytes(b"anything")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(OSError, match="FluidSynth is not installed"):
        render_wave(separate([60]), soundfont=tmp_path / "some.sf2")
