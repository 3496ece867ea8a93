"""Make the piano sample bank from FluidR3Mono, a General MIDI sound font under the MIT licence.

    python scripts/make_bank.py FluidR3Mono_GM.sf3 [-o src/ritornello/data/bank]

The font is Debian's package `fluidr3mono-gm-soundfont` (made with 2.315-7), /usr/share/sounds/sf3/. The recorded keys
are taken as they are, not played through a synthesiser: each Ogg sample of the piano is decoded, cut to its attack,
given the font's own volume envelope, tuned by measuring, and laid end to end with the others in one Ogg file.

Writes piano.ogg, piano.json (where each key lies; fields in `ritornello.render.bank`) and LICENCE (the font's own
notice, word for word). The same font and the same libsndfile give the same bytes.
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

COMPRESSION = 0.68  # libsndfile's 0 (large) to 1 (small): 20 keys, a minute in all, stay under 450 kB
PEAK = 0.9  # of each key in the file; the loudness is evened out by `gain`
LOUDNESS_SECONDS = 0.3  # how much of a key counts for its loudness
LOUDNESS = 0.1  # root mean square of every key after its gain
GAP = 2048  # silent frames before each key, so that the codec's smear stays out of its neighbour
GUARD = 64  # frames beyond the loop, for the interpolation
ONSET = 0.05  # of the peak of the first tenth of a second: where a recording begins
TUNING_SECONDS = 0.6  # what is listened to for the tuning
LEAD_SECONDS = 0.0005  # kept before that

# Generators of the specification, section 8.1.2
HOLD, DECAY, INSTRUMENT, KEY_RANGE, SAMPLE, ROOT = 35, 36, 41, 43, 53, 58


class Recording(NamedTuple):
    """One recorded key: its sound up to the end of the loop, where the loop starts, and the font's envelope."""

    pitch: int
    wave: NDArray[np.float64]
    rate: int
    loop_start: int
    hold_seconds: float
    decay_db_per_second: float


def main() -> None:
    """Read the font, write the bank."""
    parser = argparse.ArgumentParser(description="Make the piano sample bank from FluidR3Mono_GM.sf3")
    parser.add_argument("font", type=Path)
    parser.add_argument("-o", "--output", type=Path, default=Path("src/ritornello/data/bank"))
    parser.add_argument("--replace", action="store_true", help="replace files that hold something else")
    arguments = parser.parse_args()
    content = arguments.font.read_bytes()
    chunks = read_font(content)
    recordings = sorted(piano_keys(chunks))
    sound, keys = lay_out([prepare(recording) for recording in recordings])
    rate = recordings[0].rate
    index = {"sample_rate": rate, "source": provenance(arguments.font, content, chunks), "keys": keys}
    packed = encode_audio(sound.astype(np.float32), "ogg", rate, COMPRESSION)
    files = {
        "piano.ogg": packed,
        "piano.json": (json.dumps(index, indent=1, ensure_ascii=False) + "\n").encode(),
        "LICENCE": text(chunks[b"ICMT"]).encode(),
    }
    write_files(((arguments.output / name, content) for name, content in files.items()), replace=arguments.replace)
    print(f"{len(keys)} keys, {len(sound) / rate:.1f} s, {len(packed):,} bytes")


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


def piano_keys(chunks: dict[bytes, bytes]) -> list[Recording]:
    """The recorded keys of program 0 in bank 0. Its zones by velocity all lead to the same instrument."""
    presets = records(chunks[b"phdr"], "<20sHHHIII")
    place = next(i for i, preset in enumerate(presets) if preset[1] == 0 and preset[2] == 0)
    preset_zones = zones(chunks, b"p", presets[place][3], presets[place + 1][3])
    chosen = next(zone[INSTRUMENT] for zone in preset_zones if INSTRUMENT in zone)
    instruments = records(chunks[b"inst"], "<20sH")
    found = zones(chunks, b"i", instruments[chosen][1], instruments[chosen + 1][1])
    headers = records(chunks[b"shdr"], "<20sIIIIIBbHH")
    return [read_key(zone, headers[zone[SAMPLE]], chunks[b"smpl"]) for zone in found if SAMPLE in zone]


def read_key(zone: dict[int, int], header: tuple, samples: bytes) -> Recording:
    """Decode the sample of an instrument's zone. In SF3 the loop counts from the sample's own start."""
    wave, rate = soundfile.read(io.BytesIO(samples[header[1] : header[2]]))
    loop_start, loop_end = header[3], header[4]
    hold = 2 ** (zone.get(HOLD, -12000) / 1200)  # timecents
    decay = 100 / 2 ** (zone[DECAY] / 1200)  # the time is for 100 dB
    return Recording(zone[ROOT], wave[:loop_end], rate, loop_start, hold, decay)


def prepare(key: Recording) -> tuple[dict[str, float], NDArray[np.float64]]:
    """Cut one key to its attack and give it the font's envelope; returns its index entry and its sound.

    Inside the loop the envelope is purely exponential, so going round once more is the loop times `loop_gain`.
    """
    begin = onset(key.wave, key.rate)
    wave = key.wave[begin:]
    loop_start = key.loop_start - begin
    loop_size = len(wave) - loop_start
    wave = np.concatenate([wave, np.resize(wave[loop_start:], GUARD)])
    hold = min(key.hold_seconds, loop_start / key.rate)  # a few low keys would hold on into the loop
    seconds = np.arange(len(wave)) / key.rate
    wave = wave * 10 ** (-key.decay_db_per_second * np.maximum(seconds - hold, 0) / 20)
    wave *= PEAK / np.abs(wave).max()
    loud = np.sqrt(np.mean(wave[: int(LOUDNESS_SECONDS * key.rate)] ** 2))
    entry = {
        "pitch": key.pitch,
        "cents": round(tuning(wave, key.rate, key.pitch), 1) + 0.0,  # no -0.0
        "gain": round(LOUDNESS / loud, 4),
        "start": 0,
        "length": loop_start + loop_size,
        "loop_start": loop_start,
        "loop_gain": round(10 ** (-key.decay_db_per_second * loop_size / key.rate / 20), 6),
    }
    return entry, wave


def onset(wave: NDArray[np.float64], rate: int) -> int:
    """The frame at which the hammer's first sound stands out, less a short lead."""
    attack = np.abs(wave[: rate // 10])
    return max(0, int(np.argmax(attack > ONSET * attack.max())) - int(LEAD_SECONDS * rate))


def tuning(wave: NDArray[np.float64], rate: int, pitch: int) -> float:
    """How sharp the recording is, in cents: half way between its lowest partials and its autocorrelation.

    The strings are stiff: their high partials are sharp and pull the autocorrelation (and the ear) up, above the
    low ones. Half way, both measures stay within a few cents of the note.
    """
    expected = 440 * 2 ** ((pitch - 69) / 12)
    part = wave[rate // 20 : rate // 20 + int(TUNING_SECONDS * rate)]
    return (by_partials(part, rate, expected) + by_autocorrelation(part, rate, expected)) / 2


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
