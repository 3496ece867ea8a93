"""Make the sample banks of eight instruments from FluidR3Mono, a General MIDI sound font under the MIT licence.

    python scripts/make_bank.py FluidR3Mono_GM.sf3 [-o src/ritornello/data/bank]

The font is Debian's package `fluidr3mono-gm-soundfont` (made with 2.315-7), /usr/share/sounds/sf3/. The recorded keys
are taken as they are, not played through a synthesiser: each Ogg sample of an instrument is decoded, cut to its
attack, freed of what lies below hearing, given the font's own volume envelope, tuned by measuring, and laid end to
end with the others in one Ogg file.

Writes an Ogg file for each instrument, bank.json (where each key lies; fields in `ritornello.render.bank`) and
LICENCE (the font's own notice, word for word). The same font and the same libsndfile give the same bytes.
Source: SoundFont Technical Specification 2.04; SF3 is the same with each sample an Ogg stream of its own.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import struct
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
from numpy.typing import NDArray

from ritornello.atomic import write_files
from ritornello.render.audio_file import encode_audio
from ritornello.render.loudness import mean_square

INSTRUMENTS = {  # General MIDI program, and seconds until a released note has lost 60 dB
    "piano": (0, 0.3),
    "harpsichord": (6, 0.2),
    "celesta": (8, 0.6),
    "organ": (19, 0.2),
    "guitar": (24, 0.3),
    "violin": (40, 0.2),
    "cello": (42, 0.2),
    "trumpet": (56, 0.12),
    "oboe": (68, 0.12),
    "clarinet": (71, 0.12),
    "flute": (73, 0.16),
}
COMPRESSION = 0.5  # libsndfile's 0 (large) to 1 (small)
PEAK = 0.9  # of each key in the file; the loudness is evened out by `gain`
LOUDNESS_SECONDS = 0.4  # how much of a key counts for its loudness
LOUDNESS = 0.1  # root mean square, weighted for the ear, of every key after its gain
GAP = 2048  # silent frames before each key, so that the codec's smear stays out of its neighbour
GUARD = 2048  # frames beyond the loop, for the codec, whose error would be largest before silence
ONSETS = {False: 0.2, True: 0.3}  # of the peak of what follows: where a struck and a sustained tone begin
ONSET_SECONDS = {False: 0.1, True: 0.4}  # of what follows
LOWEST_HERTZ = 25  # what is lower is no tone but a drift of the recording
TUNING_SECONDS = 0.6  # what is listened to for the tuning
LEAD_SECONDS = 0.0003  # kept before the attack

# Generators of the specification, section 8.1.2
HOLD, DECAY, SUSTAIN, INSTRUMENT, KEY_RANGE, COARSE, FINE, SAMPLE, ROOT = 35, 36, 37, 41, 43, 51, 52, 53, 58
SUSTAINED = 600  # centibels: a sustain level above this is a tone that dies away


class Recording(NamedTuple):
    """One recorded key: its sound up to the end of the loop, where the loop starts, and the font's envelope."""

    pitch: int
    wave: NDArray[np.float64]
    rate: int
    loop_start: int
    hold_seconds: float
    decay_db_per_second: float  # 0 of a tone that is sustained
    cents: float  # how sharp it is, as the font says


def main() -> None:
    """Read the font, write the banks."""
    parser = argparse.ArgumentParser(description="Make the sample banks from FluidR3Mono_GM.sf3")
    parser.add_argument("font", type=Path)
    parser.add_argument("-o", "--output", type=Path, default=Path("src/ritornello/data/bank"))
    parser.add_argument("--replace", action="store_true", help="replace files that hold something else")
    arguments = parser.parse_args()
    content = arguments.font.read_bytes()
    chunks = read_font(content)
    files, index = {}, {}
    for name, (program, release) in INSTRUMENTS.items():
        recordings = sorted(recorded_keys(chunks, program), key=lambda key: key.pitch)
        sound, keys = lay_out([prepare(recording) for recording in recordings])
        rate = recordings[0].rate
        files[f"{name}.ogg"] = encode_audio(sound.astype(np.float32), "ogg", rate, COMPRESSION)
        index[name] = {"program": program, "sample_rate": rate, "release_seconds": release, "keys": keys}
        print(f"{name}: {len(keys)} keys, {len(sound) / rate:.1f} s, {len(files[f'{name}.ogg']):,} bytes")
    whole = {"source": provenance(arguments.font, content, chunks), "instruments": index}
    files["bank.json"] = (json.dumps(whole, indent=1, ensure_ascii=False) + "\n").encode()
    files["LICENCE"] = text(chunks[b"ICMT"]).encode()
    write_files(((arguments.output / name, content) for name, content in files.items()), replace=arguments.replace)


def read_font(content: bytes) -> dict[bytes, bytes]:
    """The chunks inside the three lists of a sound font, by name. Raises ValueError if it is not one."""
    if content[:4] != b"RIFF" or content[8:12] != b"sfbk":
        raise ValueError("not a sound font: it does not begin with RIFF....sfbk")
    chunks: dict[bytes, bytes] = {}
    for _, listed in read_chunks(content[12:]):
        chunks.update(read_chunks(listed[4:]))
    return chunks


def read_chunks(content: bytes) -> list[tuple[bytes, bytes]]:
    """The RIFF chunks in `content`; the byte that pads an odd one is often missing in SF3 files."""
    chunks, start = [], 0
    while start + 8 <= len(content):
        name, size = content[start : start + 4], int.from_bytes(content[start + 4 : start + 8], "little")
        chunks.append((name, content[start + 8 : start + 8 + size]))
        start += 8 + size
        if content[start : start + 1] == b"\0":
            start += 1
    return chunks


def records(chunk: bytes, layout: str) -> list[tuple]:
    """A chunk of equal records."""
    return list(struct.iter_unpack(layout, chunk))


def zones(chunks: dict[bytes, bytes], level: bytes, first: int, last: int) -> list[dict[int, int]]:
    """The generators of the zones from `first` up to `last`; level: b"p" for presets, b"i" for instruments."""
    bags = records(chunks[level + b"bag"], "<HH")
    generators = records(chunks[level + b"gen"], "<Hh")
    return [dict(generators[bags[zone][0] : bags[zone + 1][0]]) for zone in range(first, last)]


def recorded_keys(chunks: dict[bytes, bytes], program: int) -> list[Recording]:
    """The recorded keys of a program in bank 0. Its zones by velocity all lead to the same instrument.

    Of a key that was recorded left and right, the left is taken.
    """
    presets = records(chunks[b"phdr"], "<20sHHHIII")
    place = next(i for i, preset in enumerate(presets) if preset[1:3] == (program, 0))
    preset_zones = zones(chunks, b"p", presets[place][3], presets[place + 1][3])
    chosen = next(zone[INSTRUMENT] for zone in preset_zones if INSTRUMENT in zone)
    instruments = records(chunks[b"inst"], "<20sH")
    found = zones(chunks, b"i", instruments[chosen][1], instruments[chosen + 1][1])
    common = {} if SAMPLE in found[0] else found[0]  # a first zone without a sample is for all
    headers = records(chunks[b"shdr"], "<20sIIIIIBbHH")
    by_keys: dict[int, dict[int, int]] = {}
    for zone in found:
        if SAMPLE in zone:
            by_keys.setdefault(zone[KEY_RANGE], {**common, **zone})
    return [read_key(zone, headers[zone[SAMPLE]], chunks[b"smpl"]) for zone in by_keys.values()]


def read_key(zone: dict[int, int], header: tuple, samples: bytes) -> Recording:
    """Decode the sample of an instrument's zone. In SF3 the loop counts from the sample's own start."""
    wave, rate = soundfile.read(io.BytesIO(samples[header[1] : header[2]]))
    loop_start, loop_end = header[3], header[4]
    cents = -100 * zone.get(COARSE, 0) - zone.get(FINE, 0)
    pitch = zone.get(ROOT, header[6]) + round(cents / 100)
    hold = 2 ** (zone.get(HOLD, -12000) / 1200)  # timecents
    dies = DECAY in zone and zone.get(SUSTAIN, 0) >= SUSTAINED
    decay = 100 / 2 ** (zone[DECAY] / 1200) if dies else 0.0  # the time is for 100 dB
    return Recording(
        pitch, without_drift(wave, rate)[:loop_end], rate, loop_start, hold, decay, cents - 100 * round(cents / 100)
    )


def without_drift(wave: NDArray[np.float64], rate: int) -> NDArray[np.float64]:
    """Take out what lies below LOWEST_HERTZ, without a shift in phase."""
    spectrum = np.fft.rfft(wave, 2 * len(wave))
    hertz = np.linspace(0, rate / 2, len(spectrum))
    return np.fft.irfft(spectrum * np.clip(2 * hertz / LOWEST_HERTZ - 1, 0, 1))[: len(wave)]


def prepare(key: Recording) -> tuple[dict[str, float], NDArray[np.float64]]:
    """Cut one key to its attack and give it the font's envelope; returns its index entry and its sound.

    Inside the loop the envelope is purely exponential, so going round once more is the loop times `loop_gain`.
    """
    begin = onset(key)
    wave = key.wave[begin:]
    loop_start = key.loop_start - begin
    loop = wave[loop_start:]
    wave = np.concatenate([wave, np.resize(loop, GUARD)])
    hold = min(key.hold_seconds, loop_start / key.rate)  # a few low keys would hold on into the loop
    seconds = np.arange(len(wave)) / key.rate
    wave = wave * 10 ** (-key.decay_db_per_second * np.maximum(seconds - hold, 0) / 20)
    wave *= PEAK / np.abs(wave).max()
    held = np.concatenate([wave[: loop_start + len(loop)], np.resize(wave[loop_start:][: len(loop)], key.rate)])
    if key.decay_db_per_second:
        cents = tuning(wave[key.rate // 20 :], key.rate, key.pitch)
    else:
        turns, expected = np.resize(loop, key.rate), 440 * 2 ** ((key.pitch - 69) / 12)
        measured = by_turns(loop, key.rate, expected), by_autocorrelation(turns, key.rate, expected)
        cents = float(np.median([key.cents, *measured]))  # vibrato misleads one or the other
    entry = {
        "pitch": key.pitch,
        "cents": round(cents, 1) + 0.0,  # no -0.0
        "gain": round(LOUDNESS / mean_square(held[: int(LOUDNESS_SECONDS * key.rate)], key.rate) ** 0.5, 4),
        "start": 0,
        "length": loop_start + len(loop),
        "loop_start": loop_start,
        "loop_gain": round(10 ** (-key.decay_db_per_second * len(loop) / key.rate / 20), 6),
    }
    return entry, wave


def onset(key: Recording) -> int:
    """The frame at which a tone first stands out, less a short lead: the breath and the bow's scratch are cut off."""
    is_sustained = key.decay_db_per_second == 0
    size = np.abs(key.wave)
    loudest = size[: int(ONSET_SECONDS[is_sustained] * key.rate)].max()
    first = int(np.argmax(size > ONSETS[is_sustained] * loudest)) - int(LEAD_SECONDS * key.rate)
    return min(max(0, first), key.loop_start)


def tuning(wave: NDArray[np.float64], rate: int, pitch: int) -> float:
    """How sharp the recording is, in cents: half way between its lowest partials and its autocorrelation.

    The strings are stiff: their high partials are sharp and pull the autocorrelation (and the ear) up, above the
    low ones. Half way, both measures stay within a few cents of the note.
    """
    expected = 440 * 2 ** ((pitch - 69) / 12)
    part = wave[: int(TUNING_SECONDS * rate)]
    return (by_partials(part, rate, expected) + by_autocorrelation(part, rate, expected)) / 2


def by_turns(loop: NDArray[np.float64], rate: int, expected: float) -> float:
    """Cents above `expected` hertz of a loop, whatever its vibrato: its fundamental turns a whole number of times.

    The turns are counted on the loop's spectrum within two semitones of the note.
    """
    spectrum = np.fft.fft(loop)
    hertz = np.arange(len(loop)) * rate / len(loop)
    spectrum[np.abs(12 * np.log2(np.maximum(hertz, 1) / expected)) > 2] = 0
    phase = np.unwrap(np.angle(np.fft.ifft(np.concatenate([spectrum, np.zeros(7 * len(loop))]))))
    turns = round((phase[-1] - phase[0]) / (2 * np.pi) * len(phase) / (len(phase) - 1))
    return float(1200 * np.log2(turns * rate / len(loop) / expected))


def by_partials(part: NDArray[np.float64], rate: int, expected: float) -> float:
    """Cents above `expected` hertz of the first three partials, each counting by its power."""
    size = 1 << 20
    power = np.abs(np.fft.rfft(part * np.hanning(len(part)), size)) ** 2
    cents, weights = [], []
    for partial in (1, 2, 3):
        middle = partial * expected * size / rate  # in bins
        low, high = int(middle * 2 ** (-45 / 1200)), int(middle * 2 ** (45 / 1200))
        if high < len(power):
            peak = low + int(np.argmax(power[low:high]))
            cents.append(1200 * np.log2(peak / middle))
            weights.append(power[peak])
    return float(np.average(cents, weights=weights))


def by_autocorrelation(part: NDArray[np.float64], rate: int, expected: float) -> float:
    """Cents above `expected` hertz at which the sound is most like itself some periods (30 ms at most) later."""
    periods = min(max(1, round(0.03 * expected)), 12)  # more, and a neighbouring period could be taken for it
    lag = periods * rate / expected
    size = 1 << (2 * len(part)).bit_length()
    similar = np.fft.irfft(np.abs(np.fft.rfft(part, size)) ** 2)[: len(part)] / np.arange(len(part), 0, -1)
    low = int(lag - 0.4 * lag / periods)
    peak = low + int(np.argmax(similar[low : int(lag + 0.4 * lag / periods) + 1]))
    left, middle, right = similar[peak - 1 : peak + 2]
    found = peak + (left - right) / (2 * (left - 2 * middle + right))  # the top of the parabola through three points
    return float(1200 * np.log2(lag / found))


def lay_out(keys: list[tuple[dict[str, float], NDArray[np.float64]]]) -> tuple[NDArray[np.float64], list[dict]]:
    """All keys end to end with silence between; each entry learns its start."""
    pieces, entries, start = [], [], 0
    for entry, wave in keys:
        start += GAP
        entries.append({**entry, "start": start})
        pieces += [np.zeros(GAP), wave]
        start += len(wave)
    return np.concatenate([*pieces, np.zeros(GAP)]), entries


def provenance(font: Path, content: bytes, chunks: dict[bytes, bytes]) -> dict[str, str]:
    """What the bank was made from and how."""
    return {
        "font": f"{text(chunks[b'INAM'])}, {text(chunks[b'ICRD'])}",
        "package": "Debian fluidr3mono-gm-soundfont 2.315-7",
        "sha256": hashlib.sha256(content).hexdigest(),
        "licence": "MIT, see LICENCE beside this file",
        "command": f"python scripts/make_bank.py {font.name}",
        "libsndfile": soundfile.__libsndfile_version__,
    }


def text(chunk: bytes) -> str:
    """A text chunk without the zeros that fill it up."""
    return chunk.rstrip(b"\0").decode("utf-8").strip() + ("\n" if len(chunk) > 200 else "")


if __name__ == "__main__":
    main()
