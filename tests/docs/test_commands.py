"""Every command and every piece of Python in README, documentation and help runs as it is printed."""

import ast
import contextlib
import io
import os
import re
import shlex
import shutil
import subprocess

import pytest
from commands import run
from pages import PAGES, TOP, Command, blocks_of, commands_of, indented_commands, name_of

import irtoolkit as irt
from irtoolkit import synthetic
from irtoolkit.archive import run as archive_run
from irtoolkit.archive.capacity import choose_crew

SMALL = {"shape": (64, 96)}
SIZE = "480 rows x 720 columns", "64 rows x 96 columns"
KINDS = ("dust", "hair", "scratch", "fungus", "half-transparent", "kodachrome")
NOT_RUN = {
    r"git clone|cd irtoolkit$|\. \.venv/": "it is how the folder of this test comes to be",
    r"make demo|irtoolkit demo demo": "it makes the demo, which tests/test_cli.py runs; that of these tests is small",
    r"(pip|apt|conda) ": "it installs",
    r"jupyter lab": "it runs until it is stopped",
    r"dask (scheduler|worker)|irtoolkit .*--scheduler": "it needs other machines",
    r"irtoolkit .*--watch": "it runs until it is stopped",
    r"python docs/gallery\.py": "it takes a minute; test_gallery.py makes its slides small",
}
"""Commands that are not run, by how they begin, and why; their options are checked all the same."""

NO_PYTHON = {
    "docs/howto/cluster.md": "it starts a cluster, as tests/archive does",
    "CONTRIBUTING.md": "it profiles a slide of one's own",
}
RUNNABLE = [page for page in PAGES if any(block.language in ("sh", "python") for block in blocks_of(page))]


@pytest.fixture(scope="session")
def workplace(tmp_path_factory):
    """A folder with a demo and with scans, all small: what the pages presume."""
    folder = tmp_path_factory.mktemp("pages")
    with pytest.MonkeyPatch.context() as patched, contextlib.chdir(folder):
        run_alone(patched)
        irt.make_roll("demo/slides", refused=True, **SMALL)
        assert run(patched, "clean", "demo/slides", "--out", "demo/cleaned") == 1
        for seed, (roll, names) in enumerate({"roll7": "ab", "roll8": "a", "flatbed": "d"}.items()):
            (folder / "scans" / roll).mkdir(parents=True)
            for number, name in enumerate(names):
                slide = irt.make_slide(10 * seed + number, scanner="aligned", roll=seed, **SMALL)
                synthetic.write_scanner_file(f"scans/{roll}/{name}.tif", slide.counts.values)
        (folder / "gallery").mkdir()
        for name in KINDS:
            shutil.copy("demo/slides/slide_01.tif", f"gallery/{name}.tif")
    return folder


@pytest.fixture
def place(workplace, tmp_path, monkeypatch):
    """A copy of that folder, in which a page's commands are run."""
    shutil.copytree(workplace, tmp_path / "place")
    monkeypatch.chdir(tmp_path / "place")
    run_alone(monkeypatch)
    return tmp_path / "place"


def run_alone(patched):
    """Runs start no processes."""
    patched.setattr(archive_run, "choose_crew", lambda abouts, workers: choose_crew(abouts, workers or 1))


@pytest.mark.changes_sources
@pytest.mark.parametrize("page", RUNNABLE, ids=name_of)
def test_a_page_runs_from_top_to_bottom(page, place, monkeypatch):
    printed = ""
    for block in blocks_of(page):
        os.chdir(place)
        if block.language == "sh":
            printed = "".join([carry_out(command, monkeypatch) for command in commands_of(block)])
        elif block.language == "text":
            check_printed(block.lines, printed)
        elif block.language == "python" and name_of(page) not in NO_PYTHON:
            exec(compile("\n".join(block.lines), name_of(page), "exec"), {"__name__": "__main__"})
        elif block.language == "python":
            ast.parse("\n".join(block.lines))


def check_printed(shown: list[str], printed: str) -> None:
    """Each line that a page shows was printed, in the demo's size; "..." stands for lines that it leaves out."""
    lines = [line.replace(*SIZE).strip() for line in shown if line != "..."]
    assert [line for line in lines if line not in [each.strip() for each in printed.splitlines()]] == []


def carry_out(command: Command, monkeypatch) -> str:
    """Run one line and check its status; what it printed."""
    words = shlex.split(command.line, comments=True)
    if any(re.match(pattern, command.line) for pattern in NOT_RUN):
        check_options(words, monkeypatch)
        return ""
    if words[0] == "cd":
        os.chdir(words[1])
        return ""
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        if words[0] == "irtoolkit":
            assert run(monkeypatch, *words[1:]) == command.status, command.line
            return printed.getvalue()
    shell = subprocess.run(["bash", "-c", command.line], capture_output=True, text=True, timeout=120)
    assert shell.returncode == command.status, f"{command.line}\n{shell.stderr}"
    return shell.stdout


def check_options(words: list[str], monkeypatch) -> None:
    """The options of a command that is not run exist."""
    if words[0] == "irtoolkit":
        assert help_of(monkeypatch, *words[1:]).startswith(f"Usage: irtoolkit {words[1]}")
    if words[0] == "make":
        assert f"\n{words[1]}:" in (TOP / "Makefile").read_text()
    if words[:1] == ["python"] and words[1].endswith(".py"):
        assert all(word in (TOP / words[1]).read_text() for word in words[2:] if word.startswith("--"))


def help_of(monkeypatch, *words: str) -> str:
    """The help of a command; a wrong option among its words is an error."""
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        assert run(monkeypatch, *words, "--help") == 0, words
    return printed.getvalue()


def test_examples_of_the_help_run(place, monkeypatch):
    names = re.findall(r"^  (\w+)", help_of(monkeypatch).partition("Commands:")[2], re.MULTILINE)
    assert {"info", "fit", "clean", "demo"} <= set(names)
    texts = [help_of(monkeypatch), *(help_of(monkeypatch, name) for name in names)]
    lines = [line for text in texts for line in re.findall(r"^ *(irtoolkit .+?)(?:  .*)?$", text, re.MULTILINE)]
    for line in lines:
        os.chdir(place)
        carry_out(Command(line, 0), monkeypatch)


@pytest.mark.parametrize("page", [page for page in PAGES if indented_commands(page)], ids=name_of)
def test_commands_that_made_a_table_exist(page):
    for line in indented_commands(page):
        if line.startswith("make "):
            assert f"\n{line.split()[1]}:" in (TOP / "Makefile").read_text(), line
            continue
        module, *options = shlex.split(line)[2:]
        sources = [path.read_text() for path in (TOP / module.split(".")[0]).rglob("*.py")]
        assert (TOP / f"{module.replace('.', '/')}.py").is_file(), line
        wanted = [option for option in options if option.startswith("--")]
        assert all(any(f'"{option}"' in source for source in sources) for option in wanted), line


def test_every_reason_not_to_run_a_command_is_needed():
    lines = [command.line for page in RUNNABLE for block in blocks_of(page) if block.language == "sh"
             for command in commands_of(block)]  # fmt: skip
    assert [pattern for pattern in NOT_RUN if not any(re.match(pattern, line) for line in lines)] == []
