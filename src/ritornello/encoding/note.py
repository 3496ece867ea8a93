"""note: pitch, then duration, one group for each note or rest; any metre, triplets, pick-ups, ties over barlines.

    begin_3/4 quarters_1 | 67 quarters_1 | 72 quarters_3/2 | 74 quarters_1/2 | rest quarters_1 | ... | end

The lesson is folk-rnn's (Sturm et al. 2016, "Music transcription modelling and composition using deep learning",
arXiv 1604.08723): tokens that are notes rather than steps. Groups, ties and resolution: see `groups`, `durations`.
"""

from __future__ import annotations

from dataclasses import dataclass

from ritornello.encoding.groups import GroupEncoding


@dataclass(frozen=True)
class NoteEncoding(GroupEncoding):
    """Absolute pitches: ids 0 to 127. inputs: of `side_inputs.INPUTS`."""

    @property
    def name(self) -> str:
        """Its name in ENCODINGS."""
        return "note"

    @property
    def pitch_row(self) -> tuple[str, int, str]:
        """An id for each pitch."""
        return ("pitch", 128, "a note of this pitch")
