import ast
import subprocess
import sys
from pathlib import Path

import pytest

import irtoolkit

PACKAGE = Path(irtoolkit.__file__).parent
ROWS = (
    ("schema", "settings", "tags"),
    ("tiles", "windows", "boxes", "pages", "metadata", "targets", "tiff_tags"),
    ("density", "statistics", "layouts", "page_reader"),
    ("reader", "backend", "writer", "model", "tiff_files", "gmic"),
    ("scene", "defects", "scanner_files", "film", "histogram", "candidates", "sharpness", "trimming", "inpainting"),
    ("displacement", "agreement"),
    ("scanning", "alignment", "ghost", "faint", "detection", "visibility"),
    ("black", "noise_features"),
    ("crosstalk",),
    ("noise", "measurement", "threshold", "synthetic", "rolls"),
    ("marking", "opacity", "grain", "fitting"),
    ("picture_model", "posterior", "crosstalk_sample"),
    ("restoration",),
    ("healing",),
    ("pipeline", "pictures", "roll_plots", "drawing", "fit_plots"),
    ("slide_plots",),
    ("plots",),
    ("previews", "results", "tasks", "progress", "trials", "region_picture", "views", "pieces"),
    ("report", "review", "records", "capacity", "decisions", "levels", "panels", "close_up"),
    ("cleaning", "comparison", "displacement_map", "workers"),
    ("roll_models",),
    ("plan",),
    ("archive",),
    ("slide_review",),
    ("threshold_explorer", "slide_explorer", "alignment_explorer", "crosstalk_explorer", "roll_review"),
    ("widgets",),
    ("cli",),
    ("__init__", "__main__"),
)
ROW = {module: number for number, row in enumerate(ROWS) for module in row}
WITHIN_A_ROW = {
    ("settings", "schema"),
    ("tags", "schema"),
    ("backend", "reader"),
}
"""Who may import from a module of the same row."""

LONGEST = 260
MODULES = sorted(PACKAGE.glob("*.py"))


def imported_names(path):
    """Dotted names of every import of a module, wherever in it it stands."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path.name}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def imported_modules(path):
    """Modules of the package that a module imports."""
    for name in imported_names(path):
        if name.split(".")[0] == "irtoolkit":
            module = name.split(".")[1]
            yield module if module in {known.stem for known in MODULES} else "__init__"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_a_module_imports_only_from_the_rows_above_it(path):
    assert path.stem in ROW, f"{path.stem} has no row"
    for module in imported_modules(path):
        allowed = ROW[module] < ROW[path.stem] or (path.stem, module) in WITHIN_A_ROW
        assert allowed, f"{path.stem} imports {module}, which is not above it"


def test_exceptions_within_a_row_are_needed():
    used = {(path.stem, module) for path in MODULES for module in imported_modules(path)}
    same_row = {(here, there) for here, there in used if ROW[here] == ROW[there]}
    assert same_row <= WITHIN_A_ROW
    assert {pair for pair in WITHIN_A_ROW if pair[0] in ROW} == same_row


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_only_tiles_imports_dask_array(path):
    if path.stem != "tiles":
        assert not any(name.startswith("dask.array") for name in imported_names(path))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_a_file_is_short(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) < LONGEST


def test_importing_the_package_loads_no_plotting_widgets_or_cluster():
    heavy = ("matplotlib", "ipywidgets", "distributed", "IPython")
    code = f"import sys, irtoolkit; print([name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_public_name_exists():
    for name in irtoolkit.__all__:
        assert getattr(irtoolkit, name) is not None
