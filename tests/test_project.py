"""The project's own files: dependencies in step, notebooks without outputs, no images, no machine's paths."""

import json
import re
import tomllib
from pathlib import Path

import pytest
import yaml

import irtoolkit as irt

TOP = Path(__file__).parent.parent
CONDA_NAMES = {"dask[array,distributed]": ["dask", "distributed"], "opencv-python-headless": ["opencv"]}
CONDA_NAMES["matplotlib"] = ["matplotlib-base"]


def split(requirement: str) -> tuple[str, str]:
    name, bound = re.fullmatch(r"([a-zA-Z0-9_.\-\[\],]+?)(>=.*)?", requirement).groups()
    return name, bound or ""


def test_environment_and_project_name_the_same_dependencies():
    project = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]
    environment = yaml.safe_load((TOP / "environment.yml").read_text())
    wanted = {
        conda + bound for name, bound in map(split, project["dependencies"]) for conda in CONDA_NAMES.get(name, [name])
    } | {"python" + project["requires-python"]}
    listed = {entry for entry in environment["dependencies"] if isinstance(entry, str)}
    assert listed - wanted == {"pip", "jupyterlab"}
    assert wanted <= listed
    assert environment["channels"] == ["conda-forge", "nodefaults"]


def test_changelog_knows_the_version():
    assert (
        irt.__version__ in (TOP / "CHANGELOG.md").read_text() or "## Unreleased" in (TOP / "CHANGELOG.md").read_text()
    )


@pytest.mark.parametrize("notebook", sorted((TOP / "notebooks").glob("*.ipynb")), ids=lambda path: path.name)
def test_notebooks_are_committed_without_outputs(notebook):
    content = json.loads(notebook.read_text())
    assert content["metadata"]["kernelspec"]["name"] == "python3"
    cells = [cell for cell in content["cells"] if cell["cell_type"] == "code"]
    assert cells
    assert all(not cell["outputs"] and cell["execution_count"] is None for cell in cells)


def test_readme_commands_exist():
    from irtoolkit.cli import commands

    told = set(re.findall(r"^irtoolkit (\w+)", (TOP / "README.md").read_text(), re.MULTILINE))
    assert told <= set(commands.commands)
    assert {"info", "clean"} <= told
