"""Four voices whose chord is given at each sixteenth, for comparison with networks that are fed a label.

The label is found by rule from the notes that sound: a major, minor, diminished or augmented triad, "other", or
silence, 50 in all, as in Peracha 2019 (arXiv 1911.11775), whose network writes it before the notes. Here it is an
input, whose cost is not paid; where there is no further label the piece is over, which is given away, too.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from ritornello.encoding import Feature
from ritornello.encoding.voices.chorale import ChoraleEncoding

TRIADS = ((0, 4, 7), (0, 3, 7), (0, 3, 6), (0, 4, 8))  # major, minor, diminished, augmented
OTHER = len(TRIADS) + 1


class LabelledEncoding(ChoraleEncoding):
    """The encoding `chorale` without bars, with two more inputs: kind of the chord, and its root above the last note.

    The root is told for each voice, counted from the last note of the voice that is due.
    """

    name = "chorale-labelled"

    @cached_property
    def plain(self) -> ChoraleEncoding:
        """The same without labels."""
        return ChoraleEncoding(self.barred, self.given, self.inputs, self.relations, self.ranges)

    @cached_property
    def features(self) -> tuple[Feature, ...]:
        """The inputs of `chorale`, and those of the chord."""
        return (*self.plain.features, Feature("label_kind", OTHER + 2), Feature("label_root", 49))

    def feature_rows(self, tokens: np.ndarray, known: bool = False) -> np.ndarray:
        """Compute the features of each token, (length, F) int16."""
        rows = self.plain.feature_rows(tokens, known)
        pitches = self.read(np.asarray(tokens))[0]
        labels = np.array([label(step[::-1]) for step in pitches.tolist()] + [(OTHER + 1, -1)])
        kind, root = labels[np.minimum(np.arange(len(tokens)) // 4, len(pitches))].T
        own = rows[:, [feature.name for feature in self.features].index("own")] - 1
        above = np.where(root < 0, 0, 1 + 12 * (np.arange(len(tokens)) % 4) + (root - own) % 12)
        return np.column_stack([rows, kind, above]).astype(np.int16)


def label(pitches: list[int]) -> tuple[int, int]:
    """Name a chord, the lowest voice first: its kind (0 for silence, 1 to 4, OTHER), and the root, -1 for none.

    A triad is named where it is complete, or has root and third alone; of several that on the lowest voice, then the
    first of the kinds.
    """
    classes = [pitch % 12 for pitch in pitches if pitch >= 0]
    if not classes:
        return 0, -1
    for roots in (classes[:1], classes[1:]):
        for root in roots:
            above = {(pitch - root) % 12 for pitch in classes}
            for kind, triad in enumerate(TRIADS, 1):
                if above >= set(triad) or above == set(triad[:2]):
                    return kind, root
    return OTHER, -1
