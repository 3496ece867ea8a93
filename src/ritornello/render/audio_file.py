"""Encode sound as WAV, FLAC, Ogg Vorbis and MP3 through libsndfile, the same bytes every time."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

FORMATS = {
    "wav": ("WAV", "PCM_16"),
    "flac": ("FLAC", "PCM_16"),
    "ogg": ("OGG", "VORBIS"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
}
_BLOCK = 16384  # frames a write: libsndfile's Vorbis encoder overflows the stack on one long write
_OGG_SERIAL = 0x5249544F  # any number will do, if it is always the same
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def encode_audio(
    wave: NDArray[np.float32],
    format: str,
    sample_rate: int = 44100,
    compression: float | None = None,
    tags: Mapping[str, str] = {},
) -> bytes:
    """Encode sound as the bytes of a file.

    wave: (samples, channels), one or two of them, or (samples,) of one, in -1 to 1.
    format: "wav", "flac" (both 16 bits), "ogg" or "mp3".
    tags: title, comment or another text that libsndfile writes.
    compression: 0 (largest) to 1 (smallest) for "ogg" and "mp3"; None is libsndfile's own choice.
    Decoders that honour the length written in an MP3 (browsers, ffmpeg, soundfile) give back the first sample at
    time 0; a few (sox) leave the encoder's delay of some 25 ms before it.
    Raises ValueError for an unknown format, an empty wave or a rate that the format does not have.
    """
    import soundfile

    if format not in FORMATS:
        raise ValueError(f"unknown sound format {format!r}: use one of {', '.join(FORMATS)}")
    channels = 1 if wave.ndim == 1 else wave.shape[-1]
    if wave.ndim > 2 or channels not in (1, 2) or len(wave) == 0:
        raise ValueError(f"sound to encode must have the shape (samples, 2) and a sample or more, not {wave.shape}")
    container, subtype = FORMATS[format]
    buffer = io.BytesIO()
    try:
        with soundfile.SoundFile(
            buffer, "w", sample_rate, channels, format=container, subtype=subtype, compression_level=compression
        ) as file:
            for name, text in tags.items():
                setattr(file, name, text)
            for start in range(0, len(wave), _BLOCK):
                file.write(wave[start : start + _BLOCK])
    except soundfile.LibsndfileError as error:
        raise ValueError(f"cannot write {format} at {sample_rate} samples a second: {error.error_string}") from None
    content = buffer.getvalue()
    return _with_fixed_serial(content) if format == "ogg" else content


def _with_fixed_serial(content: bytes) -> bytes:
    """Replace the random serial number of an Ogg stream, so that equal sound is equal bytes.

    Source: RFC 3533, section 6 (page header; serial at byte 14, checksum at 22).
    """
    pages = bytearray(content)
    start = 0
    while start < len(pages):
        segments = pages[start + 26]
        end = start + 27 + segments + sum(pages[start + 27 : start + 27 + segments])
        struct.pack_into("<I", pages, start + 14, _OGG_SERIAL)
        struct.pack_into("<I", pages, start + 22, 0)
        struct.pack_into("<I", pages, start + 22, _ogg_checksum(pages[start:end]))
        start = end
    return bytes(pages)


def _ogg_checksum(page: bytes | bytearray) -> int:
    """Compute Ogg's CRC-32: zlib's polynomial, bits reversed, neither start nor end inverted."""
    reflected = zlib.crc32(page.translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{reflected:032b}"[::-1], 2)
