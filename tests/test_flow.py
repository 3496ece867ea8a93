"""One flow, one folder per room, and wings inside the rooms: what may import what. No exceptions."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import ritornello

SOURCE = Path(ritornello.__file__).parent
BELOW_ALL = ("version", "plural", "wording", "atomic")
ROOMS = (
    "music",
    "render",
    "encoding",
    "corpus",
    "model",
    "generate",
    "evaluate",
    "training",
    "reports",
    "live",
    "studio",
)
FACES = ("api", "cli", "__main__")
NOT_FOR_LIVE = ("training", "reports")  # an instrument plays without them

INSIDE = {  # the order inside a room: "" for its own files, its wings, then files that open these; __init__ is last
    "music": ("", "midi", "abc", "musescore", "scores", "files", "objects", "worker"),
    "render": ("engraving", ""),
    "encoding": ("", "letters", "played", "voices", "arrays", "options", "__init__"),
    "generate": ("", "voices", "choice"),
    "corpus": ("", "find", "beats", "pick", "families", "build"),
    "training": ("", "numpy", "run"),
    "reports": ("", "corpora", "runs", "vote"),
    "live": ("", "line", "ways", "engine", "rehearsal", "stage"),
    "cli": ("", "corpus", "tunes", "verbs"),
}
LONGEST_CHAIN = 7  # modules
MODULES = sorted(SOURCE.rglob("*.py"))


def dotted(path: Path) -> str:
    """The dotted name of a module inside the package, "" for the package itself."""
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(path: Path) -> Iterator[str]:
    """Dotted names inside the package that a module imports anywhere: at its top, in functions, for types only."""
    package = dotted(path).split(".") if path.name == "__init__.py" else dotted(path).split(".")[:-1]
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.removeprefix("ritornello").lstrip(".") for alias in node.names if ours(alias.name))
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                base = ".".join(["ritornello", *package[: len(package) - node.level + 1], *filter(None, [base])])
            if ours(base):
                inside = base.removeprefix("ritornello").lstrip(".")
                yield from (existing(inside, alias.name) for alias in node.names)


def loaded_by_name(path: Path) -> Iterator[str]:
    """Modules that a file names in its strings, from the top or beside itself, where it imports by name."""
    text = path.read_text("utf-8")
    for node in ast.walk(ast.parse(text)) if "import_module(" in text else ():
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            beside = ".".join([*path.relative_to(SOURCE).parent.parts, node.value])
            name = node.value.removeprefix("ritornello.") if ours(node.value) else beside
            if all(map(str.isidentifier, name.split("."))) and is_module(name):
                yield name


def ours(name: str) -> bool:
    return name.split(".")[0] == "ritornello"


def existing(package: str, name: str) -> str:
    """`package.name` where that is a module, else `package`: "from package import name" may mean either."""
    joined = f"{package}.{name}".lstrip(".")
    return joined if is_module(joined) else package


def is_module(name: str) -> bool:
    path = SOURCE.joinpath(*name.split("."))
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


IMPORTS = {dotted(path): set(imported(path)) - {dotted(path)} for path in MODULES}


def room_of(module: str) -> str:
    return module.split(".")[0]


def place_in_room(module: str) -> int:
    """Where a module stands in the order inside its room; the room's own package last, unless it is named."""
    room, *inside = module.split(".")
    order = INSIDE.get(room, ("",))
    if not inside:
        return order.index("__init__") if "__init__" in order else len(order)
    return order.index(inside[0] if inside[0] in order else "")


def may_import(importer: str, other: str) -> bool:
    """Whether one module may import another. Both by dotted name; "" is the package."""
    here, there = room_of(importer), room_of(other)
    if there in BELOW_ALL:
        return here not in BELOW_ALL or BELOW_ALL.index(there) < BELOW_ALL.index(here)
    if here == there:
        return place_in_room(other) <= place_in_room(importer)
    if here == "":
        return there == "api" or there in ROOMS
    if here in FACES:
        return there in ROOMS or there in FACES[: FACES.index(here)] or there == ""
    if here == "live" and there in NOT_FOR_LIVE:
        return False
    return here in ROOMS and there in ROOMS and ROOMS.index(there) < ROOMS.index(here)


@pytest.mark.parametrize("path", MODULES, ids=lambda p: p.relative_to(SOURCE).as_posix())
def test_a_file_imports_only_what_stands_before_it(path):
    names = sorted({*imported(path), *loaded_by_name(path)})
    assert [name for name in names if not may_import(dotted(path), name)] == []


def test_every_folder_has_its_place_in_the_order():
    folders = {path.parent.relative_to(SOURCE).parts for path in MODULES if path.parent != SOURCE}
    assert {parts[0] for parts in folders} <= {*ROOMS, *FACES}
    named = {(room, name) for room, names in INSIDE.items() for name in names if (SOURCE / room / name).is_dir()}
    assert {parts for parts in folders if len(parts) > 1} == {parts for parts in named if parts[1]}
    assert {
        name for room, names in INSIDE.items() for name in names if not is_module(f"{room}.{name}".rstrip("."))
    } == set()
    files = {path.stem for path in MODULES if path.parent == SOURCE}
    assert files <= {"__init__", "__main__", "api", *BELOW_ALL}


def test_no_modules_import_each_other_in_a_circle():
    graph = dict(IMPORTS)
    while graph:
        free = {module for module, needs in graph.items() if not needs & graph.keys()}
        assert free, f"these import each other: {sorted(graph)}"
        graph = {module: needs for module, needs in graph.items() if module not in free}


@cache
def chain_from(module: str) -> tuple[str, ...]:
    """The longest way of imports from a module through its room, the room's own package left out."""
    needs = [name for name in IMPORTS.get(module, ()) if room_of(name) == room_of(module) != name]
    return module, *max(map(chain_from, needs), key=len, default=())


@pytest.mark.parametrize("room", sorted({room_of(name) for name in IMPORTS} - {""}))
def test_a_chain_of_imports_inside_a_room_is_short(room):
    longest = max((chain_from(name) for name in IMPORTS if room_of(name) == room), key=len)
    assert len(longest) <= LONGEST_CHAIN, longest


def test_no_folder_holds_more_than_sixteen_files():
    folders = sorted({path.parent for path in MODULES})
    assert [folder for folder in folders if len(list(folder.glob("*.py"))) > 16] == []


@pytest.mark.parametrize(
    ("importer", "other", "allowed"),
    [
        ("music.values", "render.roll", False),
        ("render.roll", "music.values", True),
        ("corpus.store", "encoding.grid", True),
        ("encoding.grid", "corpus.store", False),
        ("training.loop", "evaluate.scores", True),
        ("evaluate.scores", "training.loop", False),
        ("live.clock", "generate.compose", True),
        ("live.clock", "training.loop", False),
        ("live.clock", "reports.web_page", False),
        ("studio.server", "live.clock", True),
        ("model.lstm", "api.model", False),
        ("training.loop", "cli.console", False),
        ("api.run", "cli.console", False),
        ("cli.train", "api.run", True),
        ("", "api", True),
        ("", "cli", False),
        ("__main__", "cli", True),
        ("music.values", "version", True),
        ("version", "music.values", False),
        ("atomic", "wording", True),
        ("wording", "atomic", False),
        # inside a room
        ("corpus.find.archives", "corpus.store", True),
        ("corpus.store", "corpus.find.archives", False),
        ("corpus.build.build", "corpus.pick.pick", True),
        ("corpus.pick.pick", "corpus.build.build", False),
        ("training.run.training", "training.loop", True),
        ("training.loop", "training.numpy.engine", False),
        ("training.numpy.engine", "training.run.training", False),
        ("reports.runs.page", "reports.corpora.charts", True),
        ("reports.corpora.page", "reports.runs.page", False),
        ("music.files", "music.midi.reader", True),
        ("music.midi.reader", "music.files", False),
    ],
)
def test_the_order_that_is_held(importer, other, allowed):
    assert may_import(importer, other) is allowed
