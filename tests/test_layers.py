import ast
from graphlib import TopologicalSorter
from importlib import import_module
from pathlib import Path

import pytest

import irtoolkit

PACKAGE = Path(irtoolkit.__file__).parent
FLOORS = (
    ("schema", "arrays"),
    ("settings", "synthetic"),
    ("files", "alignment"),
    ("crosstalk",),
    ("detection", "healing"),
    ("model", "pictures"),
    ("fitting",),
    ("pipeline", "plots"),
    ("archive",),
    ("widgets",),
    ("cli", "__init__"),
    ("__main__",),
)
"""Wings and single modules; each imports only from the floors below it."""

FLOOR = {place: number for number, floor in enumerate(FLOORS) for place in floor}
LONGEST = 260
MODULES = sorted(PACKAGE.rglob("*.py"))


def dotted(path):
    """Name of a module inside the package: `("files", "reader")`, `("files",)` for a wing's door, `("cli",)`."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return parts[:-1] if len(parts) > 1 and parts[-1] == "__init__" else parts


NAMES = {dotted(path) for path in MODULES}
WINGS = sorted({name[0] for name in NAMES if len(name) > 1})
every_module = pytest.mark.parametrize("path", MODULES, ids=lambda path: ".".join(dotted(path)))


def imported_names(path):
    """Dotted names of every import of a module, wherever in it it stands."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path.name}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def imported_modules(path):
    """Modules of the package that a module imports, as `dotted` names them."""
    for name in imported_names(path):
        first, *parts = name.split(".")
        if first == "irtoolkit":
            yield next((tuple(parts[:n]) for n in (2, 1) if tuple(parts[:n]) in NAMES), ("__init__",))


@every_module
def test_a_module_imports_from_the_floors_below_and_through_the_doors_of_other_wings(path):
    wing = dotted(path)[0]
    assert wing in FLOOR, f"{wing} has no floor"
    for module in imported_modules(path):
        if module[0] != wing:
            assert FLOOR[module[0]] < FLOOR[wing], f"{path} imports {module}, which is not below it"
            assert len(module) == 1, f"{path} passes the door of {module[0]}"


@pytest.mark.parametrize("wing", WINGS)
def test_a_wing_has_no_circle_and_its_modules_do_not_import_its_door(wing):
    imports = {dotted(path): set(imported_modules(path)) for path in (PACKAGE / wing).glob("*.py")}
    inside = {module: {name for name in names if name[0] == wing} for module, names in imports.items()}
    assert (wing,) not in set().union(*inside.values())
    TopologicalSorter(inside).prepare()


def test_every_floor_is_furnished():
    assert {name[0] for name in NAMES} == set(FLOOR)


def test_few_modules_stand_outside_the_wings():
    assert len(list(PACKAGE.glob("*.py"))) <= 8


@every_module
def test_only_the_arrays_import_dask_array(path):
    if dotted(path)[0] != "arrays":
        assert not any(name.startswith("dask.array") for name in imported_names(path))


@every_module
def test_a_file_is_short(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST


@pytest.mark.parametrize("door", ["irtoolkit", "irtoolkit.plots", "irtoolkit.widgets"])
def test_every_public_name_exists(door):
    module = import_module(door)
    assert all(getattr(module, name) is not None for name in module.__all__)


@pytest.mark.parametrize("door", ["irtoolkit.files", "irtoolkit.archive"])
def test_a_door_that_imports_on_demand_has_every_name_of_its_table_and_no_other(door):
    module = import_module(door)
    assert all(getattr(module, name) is not None for name in dir(module))
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        module.nonsense  # noqa: B018


def test_only_public_names_are_listed():
    assert sorted(dir(irtoolkit)) == sorted(irtoolkit.__all__)


@pytest.mark.parametrize("wing", WINGS)
def test_a_door_has_a_sentence_and_nothing_but_names(wing):
    """It hands on what it imports; computing is for the rooms behind it."""
    sentence, *rest = ast.parse((PACKAGE / wing / "__init__.py").read_text(encoding="utf-8")).body
    assert isinstance(sentence, ast.Expr)
    rows = [row for node in rest for row in ([*node.body, *node.orelse] if isinstance(node, ast.If) else [node])]
    assert all(isinstance(row, ast.ImportFrom | ast.Assign) for row in rows)
