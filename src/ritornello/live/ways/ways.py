"""The ways of playing: who plays when.

A way is a few functions, each called at one kind of moment. All may read and change the `Playing` that they get.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import ceil
from typing import NamedTuple

from ritornello.live.values import LineNote
from ritornello.live.ways.keys import Name
from ritornello.live.ways.playing import Playing

REST = Fraction(1, 4)  # quarters: with the sixteenth before a barline it makes an eighth of rest
LONG_REST = Fraction(3, 4)
DUET = "duet"  # the key of its second line
LONG_NOTE = Fraction(3, 2)  # quarters: a held note, against which the second line moves
MOST_IN_TURN = 8  # notes that the machine plays for one of the player's
TINY = 1e-9
TUNES = (4, 8, 8, 16)  # bars
SILENCES = (1, 1, 2, 4)  # bars
LATEST = 0.125  # quarters by which a first note may come after its place
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
    """Go on with the line, its first note after the silence that is set.

    It has the place of the next eighth in the line, and is played ahead of it: from any other place the line would
    begin with a splinter that reaches the beat.
    """
    time = play.time + PREPARE
    play.take(Fraction(ceil(2 * (play.beat.beat_at(time) - LATEST)), 2), None, time)


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


def duet_note(play: Playing, _key: Name, note: LineNote) -> None:
    """Move the second line on the beat, or begin it."""
    if DUET not in play.sounding or play.beat.bars.is_beat(note.start):
        second = play.line.companion(note, play.dials)
        if second:
            play.play_at_once(DUET, second)


def duet_release(play: Playing, _key: Name, _note: LineNote) -> None:
    """Let the second line end at the next beat, where no key is down."""
    if play.keys.is_resting:
        play.end_at(DUET, play.beat.time_of(play.beat.bars.beat_from(play.now)))


def duet_moment(play: Playing, place: Fraction) -> None:
    """Move the second line off the beat, where the player holds a long note."""
    held = max(play.keys.held.values(), key=lambda pressed: pressed.note.start, default=None)
    if held and place % 1 == Fraction(1, 2) and place - held.note.start >= LONG_NOTE:
        second = play.line.companion(held.note._replace(start=place), play.dials)
        if second:
            play.play_at_once(DUET, second)


def interleave_release(play: Playing, _key: Name, _note: LineNote) -> None:
    """Play the notes that are the machine's turn, once no key is down."""
    ratio = min(play.dials.ratio, 1 - 1 / (MOST_IN_TURN + 1))
    if play.dials.is_random:
        while play.random.random() < ratio:
            play.owed += 1
    else:
        play.owed += ratio / (1 - ratio)
    play.owed = min(play.owed, MOST_IN_TURN)
    if play.keys.is_resting and (count := int(play.owed + TINY)):
        play.owed -= count
        play.play_notes(count)


def interleave_note(play: Playing, _key: Name, _note: LineNote) -> None:
    """Leave the turn to the player."""
    play.withdraw()


def fill_rest(play: Playing, place: Fraction) -> None:
    """Fill a rest from its second beat on, up to a barline, at most as long as the phrase."""
    keys, bars = play.keys, play.beat.bars
    start = place + Fraction(1, 4)
    if play.plan.is_open or not keys.phrase or not keys.is_resting or start % Fraction(1, 2):
        return
    ended = keys.phrase[-1].end
    if start - ended > Fraction(1, 2):
        length = answer_length(play, bars.barline_from(ended))
        play.take(start, bars.barline_from(start + Fraction(1, 4)) + length - bars.length)


def play_alone(play: Playing, place: Fraction) -> None:
    """Begin a phrase at a barline.

    Register, key, density and temperature of a melody are a little away from those of the last one.
    """
    bars = play.beat.bars
    start = bars.barline_from(place)
    if play.plan.is_open or start - place > Fraction(1, 4) or start < play.rest_until:
        return
    play.wandered = play.wander.turned(play.dials, play.line.key) if play.line.is_melody else None
    length = Fraction(play.dials.answer_bars or play.random.choice(TUNES)) * bars.length
    play.rest_until = start + length + play.random.choice(SILENCES) * bars.length
    play.settle_pending()
    play.line.begin_tune(start)
    play.take(start, start + length)


def play_alone_now(play: Playing) -> None:
    """Begin a phrase at the next barline."""
    play.rest_until = Fraction(0)


WAYS = {
    "call-response": Way(hand_back, moment=answer_after_rest, turn=answer_now),
    "continue": Way(hand_back, wait_to_go_on, turn=go_on_now, timer=go_on),
    "duet": Way(duet_note, duet_release, duet_moment),
    "follow": Way(follow_note, follow_release),
    "interleave": Way(interleave_note, interleave_release),
    "fill": Way(hand_back, moment=fill_rest, turn=answer_now),
    "autonomous": Way(moment=play_alone, turn=play_alone_now),
}
BOUNDED = ("call-response", "fill", "autonomous")
"""Ways whose stretches have an end."""
