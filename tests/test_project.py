"""The project's own files: dependencies and versions in step, notebooks without outputs, forms, what CI runs."""

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
FORMS = sorted((TOP / ".github" / "ISSUE_TEMPLATE").glob("[!c]*.yml"))


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


def test_environment_and_recipe_name_the_same_dependencies():
    environment = yaml.safe_load((TOP / "environment.yml").read_text())
    recipe = yaml.safe_load((TOP / "recipe" / "recipe.yaml").read_text())
    needed = {entry.replace(" ", "") for entry in recipe["requirements"]["run"]} - {"python>=${{python_min}}"}
    assert needed == {entry for entry in environment["dependencies"] if isinstance(entry, str)} - {
        "python>=" + recipe["context"]["python_min"],
        "pip",
        "jupyterlab",
    }


def test_every_file_knows_the_version():
    released = re.findall(r"^## \[(\d.*)\] - (\S+)$", (TOP / "CHANGELOG.md").read_text(), re.MULTILINE)
    citation = yaml.safe_load((TOP / "CITATION.cff").read_text())
    recipe = yaml.safe_load((TOP / "recipe" / "recipe.yaml").read_text())
    assert released[0] == (irt.__version__, str(citation["date-released"]))
    assert citation["version"] == recipe["context"]["version"] == irt.__version__


def test_every_extra_that_a_text_names_exists():
    extras = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    texts = [TOP / "README.md", *(TOP / "docs").rglob("*.md"), *(TOP / "irtoolkit").rglob("*.py")]
    named = {extra for path in texts for extra in re.findall(r"irtoolkit\[(\w+)\]", path.read_text(encoding="utf-8"))}
    assert {"gmic", "biharmonic"} <= named <= set(extras)


def test_ci_runs_all_that_can_be_made():
    rules = set(re.findall(r"^([a-z-]+):", (TOP / "Makefile").read_text(), re.MULTILINE))
    made = re.findall(r"^make (\S+)$", (TOP / ".ci" / "run").read_text(), re.MULTILINE)
    assert made == ["test", "test-browser", "docs", "test-wheel"]
    assert set(made) <= rules


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.stem)
def test_an_issue_form_asks_what_the_file_is(form):
    content = yaml.safe_load(form.read_text())
    assert {"name", "description", "body"} <= set(content)
    fields = content["body"]
    assert {field["type"] for field in fields} <= {"textarea", "input"}
    assert len({field["id"] for field in fields}) == len(fields)
    asked = [field["attributes"]["label"] for field in fields]
    assert {"Output of `irtoolkit info --json FILE`", "Output of `irtoolkit --version`"} <= set(asked)


def test_workflows_test_every_python_that_the_project_names():
    jobs = yaml.safe_load((TOP / ".github" / "workflows" / "tests.yml").read_text())["jobs"]
    matrix = jobs["tests"]["strategy"]["matrix"]
    classifiers = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]["classifiers"]
    assert matrix["python"] == [name.split(" :: ")[-1] for name in classifiers if " :: 3." in name]
    assert matrix["os"] == ["ubuntu-latest", "macos-latest", "windows-latest"]


@pytest.mark.parametrize("notebook", sorted((TOP / "notebooks").glob("*.ipynb")), ids=lambda path: path.name)
def test_notebooks_are_committed_without_outputs(notebook):
    content = json.loads(notebook.read_text())
    assert content["metadata"]["kernelspec"]["name"] == "python3"
    cells = [cell for cell in content["cells"] if cell["cell_type"] == "code"]
    assert cells
    assert all(not cell["outputs"] and cell["execution_count"] is None for cell in cells)


def test_readme_commands_exist():
    from irtoolkit.cli.commands import commands

    told = set(re.findall(r"^irtoolkit (\w+)", (TOP / "README.md").read_text(), re.MULTILINE))
    assert told <= set(commands.commands)
    assert {"info", "clean"} <= told
