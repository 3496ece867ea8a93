"""A line whose notes are written out in the test, and what the engine did with it."""

from fractions import Fraction

from ritornello.live.values import LineNote


class ScriptedLine:
    """Proposes a figure, written out from each barline-like place, over and over; keeps what it was given.

    figure: (start, duration, pitch) from the place where a stretch began, in quarters. period: of the figure.
    """

    key = None
    is_melody = True

    def __init__(self, figure=((0, 1, 72), (1, 1, 74), (2, 1, 76), (3, 1, 77)), period=4, interval=-4):
        self.figure, self.period, self.interval = figure, Fraction(period), interval
        self.heard_notes, self.accepted, self.proposals, self.chords, self.calls = [], [], [], [], []

    def heard(self, notes):
        self.heard_notes += notes

    def prime(self, notes, end):
        self.calls.append(("prime", tuple(map(tuple, notes)), end))

    def accept(self, notes):
        self.accepted += notes

    def begin_tune(self, start):
        self.calls.append(("begin_tune", start))

    def take_back(self, start):
        self.accepted = [note for note in self.accepted if note.start < start]

    def propose(self, start, until, dials, ends=None):
        self.proposals.append((start, until, ends, dials))
        notes, stop = [], until if ends is None else min(until, ends)
        for turn in range(int(start // self.period), int(until // self.period) + 1):
            for at, duration, pitch in self.figure:
                begin = turn * self.period + Fraction(at)
                if start <= begin < stop:
                    last = begin + Fraction(duration) if ends is None else min(begin + Fraction(duration), ends)
                    notes.append(LineNote(begin, last - begin, pitch, bits=1.0))
        return notes

    def companion(self, note, dials):
        return note._replace(pitch=note.pitch + self.interval)

    def chord(self, pitches):
        self.chords.append(sorted(pitches))

    def reset(self):
        self.calls.append("reset")

    def snapshot(self, name):
        self.calls.append(f"snapshot {name}")

    def recall(self, name):
        self.calls.append(f"recall {name}")
