"""One flow, one folder per room: what may import what. No exceptions."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import ritornello

SOURCE = Path(ritornello.__file__).parent
ROOMS = [
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
]
ON_TOP = {"api": ROOMS, "cli": [*ROOMS, "api"], "__init__": [*ROOMS, "api"], "__main__": ["cli"]}
BELOW_ALL = ("version", "atomic")
INSIDE = {  # the order inside a room: its wings and late files by name, "" for all other files at its top
    "music": ["", "midi", "abc", "musescore", "scores", "files", "worker"],
}
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


def ours(name: str) -> bool:
    return name.split(".")[0] == "ritornello"


def existing(package: str, name: str) -> str:
    """`package.name` where that is a module, else `package`: "from package import name" may mean either."""
    joined = f"{package}.{name}".lstrip(".")
    path = SOURCE.joinpath(*joined.split("."))
    return joined if path.with_suffix(".py").is_file() or (path / "__init__.py").is_file() else package


def room_of(module: str) -> str:
    return module.split(".")[0] or "__init__"


def may_import(importer: str, imported_room: str) -> bool:
    if imported_room in (importer, *BELOW_ALL):
        return True
    if importer in ON_TOP:
        return imported_room in ON_TOP[importer]
    return imported_room in ROOMS and importer in ROOMS and ROOMS.index(imported_room) < ROOMS.index(importer)


@pytest.mark.parametrize("path", MODULES, ids=lambda p: p.relative_to(SOURCE).as_posix())
def test_a_folder_imports_only_what_stands_before_it(path):
    importer = room_of(dotted(path))
    against = [name for name in imported(path) if not may_import(importer, room_of(name))]
    assert against == []


def part_of(module: str) -> int:
    """Place of a module in the order inside its room; the package itself stands last."""
    room, *inside = module.split(".")
    order = INSIDE[room]
    return len(order) if not inside else order.index(inside[0] if inside[0] in order else "")


@pytest.mark.parametrize("room", INSIDE)
def test_inside_a_room_a_file_imports_only_what_stands_before_its_wing(room):
    modules = {dotted(path): path for path in MODULES if room_of(dotted(path)) == room}
    against = [
        (module, name)
        for module, path in modules.items()
        for name in imported(path)
        if room_of(name) == room and name != room and part_of(name) > part_of(module)
    ]
    assert against == []


@pytest.mark.parametrize("room", INSIDE)
def test_the_order_inside_a_room_names_every_wing(room):
    wings = {path.parent.name for path in (SOURCE / room).rglob("*.py") if path.parent != SOURCE / room}
    assert wings <= set(INSIDE[room])


def test_every_folder_of_code_has_its_place_in_the_order():
    folders = {path.relative_to(SOURCE).parts[0] for path in MODULES if path.parent != SOURCE}
    assert folders <= {*ROOMS, "api", "cli"}
    assert {path.stem for path in MODULES if path.parent == SOURCE} == {*ON_TOP, *BELOW_ALL} - {"api", "cli"}


def test_no_modules_import_each_other_in_a_circle():
    graph = {dotted(path): set(imported(path)) - {dotted(path)} for path in MODULES}
    while graph:
        free = {module for module, needs in graph.items() if not needs & graph.keys()}
        assert free, f"these import each other: {sorted(graph)}"
        graph = {module: needs for module, needs in graph.items() if module not in free}


@pytest.mark.parametrize(
    ("importer", "imported_room", "allowed"),
    [
        ("music", "render", False),
        ("render", "music", True),
        ("corpus", "encoding", True),
        ("encoding", "corpus", False),
        ("training", "evaluate", True),
        ("evaluate", "training", False),
        ("model", "api", False),
        ("training", "cli", False),
        ("api", "cli", False),
        ("cli", "api", True),
        ("__init__", "api", True),
        ("music", "version", True),
        ("version", "music", False),
    ],
)
def test_the_order_that_is_held(importer, imported_room, allowed):
    assert may_import(importer, imported_room) is allowed
