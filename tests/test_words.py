"""The field's words: docstrings that begin with a verb, short first lines, no invented names.

`python tests/test_words.py [ROOM ...]` prints the share of each room and the lines that are to be reworded.
"""

import ast
import sys
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "ritornello"
WIDTH = 90  # characters of a docstring's first line
LEAST = 0.85  # share of docstrings that begin with a verb, in every room
INVENTED_USES = {  # identifiers of INVENTED that a room may have
    "live": 12,  # `heard`, of what a microphone, a port or a player gives: the word of the field
    "api": 5,  # `beside` of Model.evaluate, a public name as --beside is on the command line; `heard` of a session
}

VERBS = """
abort accept accumulate acquire add adjust advance agree align allocate allow annotate answer append apply
arrange ask assemble assign attach average back-propagate begin bind blend block break bring broadcast build
cache calculate call cap carry cast centre change check choose clamp classify clean clear clip clone close
collapse collect combine commit compare compile complete compose compress compute configure connect consume continue
convert copy correct count cover create crop cut deal decay decide decode decompress deduplicate define delete
demand derive describe detect determine differentiate discard display distribute divide do download draw drop embed
emit empty enable encode end engrave ensure enter enumerate escape estimate evaluate exclude execute expand
explain export express extend extract fade fail feed fetch fill filter find finish fit fix flatten flush fold
follow forbid force forget format forward free gather generate get give go group grow guess halve hand handle hash
hear hide hold
identify ignore import include increase index infer initialise insert inspect install interleave interpolate
interrupt intersect invert invoke iterate join judge jump keep kill label launch lay leave lengthen let limit
link list listen load locate lock look loop lower make map mark mask match measure merge mix model move multiply
name normalise note notify number observe obtain offer omit open order override overwrite pack pad pair parse
partition pass pause permit pick place plan play plot pool pop post predict prefer prepare print process produce
propagate propose prove provide prune publish pull push put quantise query quote raise reach read rebuild
receive recognise record recover recurse reduce refer refuse register reject release reload remember remove
rename render reorder repair repeat replace report represent request require rescale reset reshape resolve
restart restore restrict resume retry return reuse reverse rewind rewrite roll rotate round run sample save say
scale scan schedule score search select send separate serialise set settle share shift shorten show shuffle shut
signal silence simplify simulate skip slice smooth snap solve sort sound spawn specify spell split spread squash
stack start step stop store stream strip subtract sum summarise suppress swap switch synthesise tag take tally
teach tell terminate test throw tie time tokenise touch trace track train transform translate transpose traverse treat
trim truncate try turn undo unfold unify unpack unroll unzip update use validate verify view visit wait walk
warm warn watch weigh weight widen wrap write yield zero zip
""".split()  # noqa: SIM905
NOUNS_TOO = {"cut", "end", "look", "mark", "name", "note", "number", "place", "run"} | {
    *("score", "share", "shift", "sound", "step", "time", "track", "turn", "weight")
}
NOUN_GOES_ON = {"and", "as", "at", "by", "for", "from", "in", "is", "of", "or", "per", "that", "to"}

INVENTED = {  # a name of this house only -> the field's word
    "aheads": "targets",
    "beside": "features (network inputs) or a name that tells",
    "compass": "pitch_range",
    "facts": "metadata",
    "foreseen": "targets, predictions",
    "foresees": "prediction head, output layer",
    "guard": "precondition, check",
    "heard": "received, options, or the value's own name",
    "held_out": "validation (or test)",
    "kin": "variant, duplicate, family",
    "kinship": "family",
    "laid": "flat, joined, timed: say what it is",
    "said": "value, text, message",
    "slope": "gradient",
    "slopes": "gradients",
    "story": "metadata",
    "told": "message, result, options, to_dict",
    "twin": "duplicate",
    "watched": "validation",
    "wish": "request, options",
    "wishes": "request, options",
}


class Place(NamedTuple):
    """A line of the source that breaks a rule of words."""

    room: str  # folder, or module at the top
    where: str  # file:line
    text: str


class Docstring(NamedTuple):
    """The docstring of a function or method that is no property."""

    place: Place
    first_line: str

    @property
    def begins_with_a_verb(self) -> bool:
        """Whether the first word is in VERBS, and no noun: "Place of a note" is none."""
        first, second = [*(word.strip(".,:;").lower() for word in self.first_line.split()), ""][:2]
        return first in VERBS and not (first in NOUNS_TOO and second in NOUN_GOES_ON)


@cache
def modules() -> tuple[tuple[str, str, ast.Module], ...]:
    return tuple(parsed())


def parsed() -> Iterator[tuple[str, str, ast.Module]]:
    for path in sorted(SOURCE.rglob("*.py")):
        name = path.relative_to(SOURCE)
        yield name.parts[0].removesuffix(".py"), name.as_posix(), ast.parse(path.read_text("utf-8"))


def is_property(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return any("property" in ast.unparse(decorator) for decorator in function.decorator_list)


@cache
def docstrings() -> tuple[Docstring, ...]:
    """The docstrings there are; a function without one is not counted."""
    return tuple(found_docstrings())


def found_docstrings() -> Iterator[Docstring]:
    for room, name, tree in modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not is_property(node):
                text = (ast.get_docstring(node) or "").strip()
                if text:
                    line = text.splitlines()[0]
                    place = Place(room, f"{name}:{node.lineno}", f"{node.name}: {line}")
                    yield Docstring(place, line)


def identifiers(node: ast.AST) -> list[str]:
    """Names that a node gives or uses, attributes and keywords among them."""
    found = []
    for field in ("id", "attr", "arg", "name", "asname"):
        value = getattr(node, field, None)
        if isinstance(value, str):
            found.append(value)
    return found


@cache
def invented() -> list[Place]:
    """Uses of names that a reader who knows the field would have to translate."""
    found = []
    for room, name, tree in modules():
        for node in ast.walk(tree):
            for identifier in identifiers(node):
                plain = identifier.strip("_")
                if plain in INVENTED:
                    line = getattr(node, "lineno", 0)
                    found.append(Place(room, f"{name}:{line}", f"{identifier} -> {INVENTED[plain]}"))
    return found


def by_room(places: list[Place]) -> dict[str, list[Place]]:
    rooms = defaultdict(list)
    for place in places:
        rooms[place.room].append(place)
    return rooms


def shares() -> dict[str, tuple[int, int]]:
    """Docstrings that begin with a verb, and all, by room."""
    counts = {}
    for docstring in docstrings():
        with_verb, total = counts.get(docstring.place.room, (0, 0))
        counts[docstring.place.room] = (with_verb + docstring.begins_with_a_verb, total + 1)
    return counts


ROOMS = sorted(shares())


@pytest.mark.parametrize("room", ROOMS)
def test_docstrings_begin_with_a_verb(room):
    with_verb, total = shares()[room]
    assert with_verb / total >= LEAST, f"python tests/test_words.py {room}"


@pytest.mark.parametrize("room", ROOMS)
def test_the_first_line_of_a_docstring_is_short(room):
    long = [d.place for d in docstrings() if len(d.first_line) > WIDTH and d.place.room == room]
    assert long == []


@pytest.mark.parametrize("room", ROOMS)
def test_names_are_the_field_s(room):
    found = by_room(invented())[room]
    assert len(found) <= INVENTED_USES.get(room, 0), found


@pytest.mark.parametrize(
    ("line", "begins"),
    [
        ("Read a file.", True),
        ("Place notes in bars.", True),
        ("Place of a note in its bar.", False),
        ("The notes of a bar.", False),
        ("Whether a bar is full.", False),
        ("Number of notes.", False),
    ],
)
def test_a_verb_is_told_from_a_noun(line, begins):
    assert Docstring(Place("", "", ""), line).begins_with_a_verb is begins


def main(rooms: list[str]) -> None:
    """Print the share of each room, and what is to be reworded."""
    offending: dict[str, list[Place]] = defaultdict(list)
    for d in docstrings():
        if not d.begins_with_a_verb:
            offending["no verb"].append(d.place)
        if len(d.first_line) > WIDTH:
            offending[f"over {WIDTH} characters"].append(d.place)
    offending["not the field's word"] = invented()
    for fault, places in offending.items():
        for place in places:
            if not rooms or place.room in rooms:
                print(f"{place.where}: {fault}: {place.text}")
    counts = shares()
    for room in sorted(counts):
        with_verb, total = counts[room]
        print(f"{room:12} {with_verb:4} of {total:4}  {with_verb / total:6.1%}")
    with_verb, total = (sum(column) for column in zip(*counts.values()))
    print(f"{'all':12} {with_verb:4} of {total:4}  {with_verb / total:6.1%}")


if __name__ == "__main__":
    main(sys.argv[1:])
