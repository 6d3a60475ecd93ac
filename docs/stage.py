"""Gathers the pages of the documentation in one folder: python docs/stage.py build/docs-source.

Pages come from docs/, from the notebooks and from the texts at the top of the project. Links between them become links
between pages, links to other files of the project lead to its address. Lines such as `<!-- help: irtoolkit clean -->`
and `<!-- names: irtoolkit.plots -->` are replaced by the help of a command, or by the public names of a module.
"""

import io
import os
import re
import shutil
import sys
from contextlib import redirect_stdout, suppress
from importlib import import_module
from os.path import relpath
from pathlib import Path
from posixpath import normpath
from unittest.mock import patch

import irtoolkit
from irtoolkit import cli

TOP = Path(__file__).parent.parent
ADDRESS = "https://github.com/irtoolkit/irtoolkit/blob/main"
ELSEWHERE = {
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "data/README.md": "formats.md",
}
"""Pages outside docs/ and notebooks/, and their names on the site."""

LINK = re.compile(r"(?<=\]\()(?![a-z]+:|#)([^)#\s]+)")
ORDER = re.compile(r"<!-- (\w+): (.+?) -->")
FENCE = re.compile(r"^(```|~~~).*?^\1$", re.MULTILINE | re.DOTALL)


def stage(target: Path) -> None:
    """Write all pages, pictures and notebooks into an empty folder."""
    shutil.rmtree(target, ignore_errors=True)
    pages = find_pages()
    for source, page in pages.items():
        place = target / page
        place.parent.mkdir(parents=True, exist_ok=True)
        if source.endswith(".md"):
            text = (TOP / source).read_text(encoding="utf-8")
            place.write_text(relink(fill(text), source, pages), encoding="utf-8")
        else:
            shutil.copy(TOP / source, place)


def find_pages() -> dict[str, str]:
    """Every file of the site: its place in the project, and on the site."""
    own = [path for path in (TOP / "docs").rglob("*") if path.suffix in (".md", ".jpg", ".png")]
    notebooks = sorted((TOP / "notebooks").glob("*.ipynb"))
    inside = {path.relative_to(TOP).as_posix(): path.relative_to(TOP / "docs").as_posix() for path in own}
    return inside | {f"notebooks/{path.name}": f"notebooks/{path.name}" for path in notebooks} | ELSEWHERE


def relink(text: str, source: str, pages: dict[str, str]) -> str:
    """The text with links that hold on the site; code in fences stays as it is."""

    def replace(link: re.Match[str]) -> str:
        aim = normpath(f"{Path(source).parent.as_posix()}/{link[0]}")
        if aim in pages:
            return Path(relpath(pages[aim], Path(pages[source]).parent)).as_posix()
        return f"{ADDRESS}/{aim}" if (TOP / aim).exists() else link[0]

    fences = [fence[0] for fence in FENCE.finditer(text)]
    between = [LINK.sub(replace, part) for part in re.split(FENCE.pattern, text, flags=FENCE.flags)[::2]]
    return "".join(part for pair in zip(between, [*fences, ""], strict=True) for part in pair)


def fill(text: str) -> str:
    """The text with its orders carried out."""
    orders = {"help": help_of, "names": names_of}
    return ORDER.sub(lambda order: orders[order[1]](order[2]), text)


def help_of(command: str) -> str:
    """What a command prints with `--help`, in a fence."""
    with (
        patch.object(sys, "argv", [*command.split(), "--help"]),
        patch.dict(os.environ, COLUMNS="80"),
        redirect_stdout(io.StringIO()) as printed,
        suppress(SystemExit),
    ):
        cli.main()
    return f"```text\n{printed.getvalue().rstrip()}\n```"


def names_of(module: str) -> str:
    """A table of a module's public functions and classes that `irtoolkit` itself has not; each leads to a page."""
    door = import_module(module)
    shown = set() if door is irtoolkit else set(irtoolkit.__all__)
    public = set(getattr(door, "__all__", dir(door))) - shown
    names = [name for name in public if callable(getattr(door, name)) and not name.startswith("_")]
    rows = "\n".join(f"   {name}" for name in sorted(names, key=str.lower))
    return f"```{{eval-rst}}\n.. currentmodule:: {module}\n\n.. autosummary::\n   :toctree: api\n\n{rows}\n```"


if __name__ == "__main__":
    stage(Path(sys.argv[1]))
