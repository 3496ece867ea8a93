"""The ways of playing: who plays when.

A way is a few functions, each called at one kind of moment. All may read and change the `Playing` that they get.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import NamedTuple

from ritornello.live.keys import Name
from ritornello.live.playing import Playing
from ritornello.live.values import LineNote

REST = Fraction(1, 4)  # quarters: with the sixteenth before a barline it makes an eighth of rest
LONG_REST = Fraction(3, 4)
PREPARE = 0.1  # seconds before its first note, in which a stretch is planned


def nothing(*_: object) -> None:
    """Do nothing at this kind of moment."""
    return


class Way(NamedTuple):
    """What a way does at each kind of moment.

    note, release: a melody key went down or up. moment: a sixteenth of the beat has come. turn: the player asks the
    machine to play. timer: the time under the way's own name has come.
    """

    note: Callable[[Playing, Name, LineNote], None] = nothing
    release: Callable[[Playing, Name, LineNote], None] = nothing
    moment: Callable[[Playing, Fraction], None] = nothing
    turn: Callable[[Playing], None] = nothing
    timer: Callable[[Playing], None] = nothing


def hand_back(play: Playing, _key: Name, _note: LineNote) -> None:
    """Leave the floor to the player."""
    play.timers.pop("take", None)
    play.stop()


def answer_after_rest(play: Playing, place: Fraction) -> None:
    """Answer on the next beat, where the player rests on a barline.

    A rest ends the phrase if it lasts an eighth up to a barline, or a beat across one. The answer stays within the
    bars that the player leaves: from that barline on as long as the phrase.
    """
    keys, bars = play.keys, play.beat.bars
    start = place + Fraction(1, 4)
    if play.plan.is_open or not keys.phrase or not keys.is_resting or not bars.is_beat(start):
        return
    ended = keys.phrase[-1].end
    frame = bars.barline_from(ended - Fraction(1, 8))
    least = REST if bars.is_barline(start) else LONG_REST
    if frame <= start and place - ended >= least:
        play.take(start, frame + answer_length(play, frame))


def answer_now(play: Playing) -> None:
    """Answer on the next beat."""
    if not play.plan.is_open:
        start = play.beat.bars.beat_from(play.now)
        play.take(start, start + answer_length(play, start))


def answer_length(play: Playing, frame: Fraction) -> Fraction:
    """Return the length of an answer, in quarters.

    It has the bars that are asked for, or as many as the phrase had up to `frame`.
    """
    bar, phrase = play.beat.bars.length, play.keys.phrase
    if play.dials.answer_bars:
        return Fraction(play.dials.answer_bars) * bar
    return max(round((frame - phrase[0].start) / bar), 1) * bar if phrase else 4 * bar


def wait_to_go_on(play: Playing, _key: Name, _note: LineNote) -> None:
    """Take over after a silence, once no key is down."""
    if play.keys.is_resting:
        play.timers["take"] = play.time + play.dials.give_back - PREPARE


def go_on(play: Playing) -> None:
    """Go on with the line, its first note after the silence that is set."""
    time = play.time + PREPARE
    play.take(Fraction(round(4 * play.beat.beat_at(time)), 4), None, time)


def go_on_now(play: Playing) -> None:
    """Go on with the line at the next beat."""
    if not play.plan.is_open:
        play.take(play.beat.bars.beat_from(play.now), None)


def follow_note(play: Playing, key: Name, note: LineNote) -> None:
    """Play a second note to the player's, as long as it sounds."""
    second = play.line.companion(note, play.dials)
    if second:
        play.play_at_once(key, second)


def follow_release(play: Playing, key: Name, _note: LineNote) -> None:
    """End the second note with the player's."""
    play.end(key)


WAYS = {
    "call-response": Way(hand_back, moment=answer_after_rest, turn=answer_now),
    "continue": Way(hand_back, wait_to_go_on, turn=go_on_now, timer=go_on),
    "duet": Way(follow_note, follow_release),
    "follow": Way(follow_note, follow_release),
    "interleave": Way(),
    "fill": Way(hand_back),
    "autonomous": Way(),
}
