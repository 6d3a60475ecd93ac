"""The pages of the documentation, and the blocks of commands and of Python in them."""

import re
from pathlib import Path
from typing import NamedTuple

TOP = Path(__file__).parent.parent.parent
PAGES = sorted(
    path for folder in (TOP, TOP / "docs", TOP / "data") for path in folder.rglob("*.md") if folder != TOP
) + sorted(TOP.glob("*.md"))
FENCE = re.compile(r"^( *)```(\w+)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
STATUS = re.compile(r"#.*\bstatus (\d+)")


class Block(NamedTuple):
    """A fenced block: its language and lines."""

    language: str
    lines: list[str]


class Command(NamedTuple):
    """A command as typed, and the exit status that the page states."""

    line: str
    status: int


def name_of(page: Path) -> str:
    return page.relative_to(TOP).as_posix()


def blocks_of(page: Path) -> list[Block]:
    found = FENCE.findall(page.read_text(encoding="utf-8"))
    return [
        Block(language, [line.removeprefix(indent) for line in text.splitlines()]) for indent, language, text in found
    ]


def commands_of(block: Block) -> list[Command]:
    lines = [line for line in block.lines if line.strip()]
    return [Command(line, int(found[1]) if (found := STATUS.search(line)) else 0) for line in lines]


def indented_commands(page: Path) -> list[str]:
    """Commands of indented blocks, such as those that made a table."""
    return re.findall(r"^    ((?:python -m|make) .+?)(?:  .*)?$", page.read_text(encoding="utf-8"), re.MULTILINE)


def anchors_of(page: Path) -> set[str]:
    """Anchors of the headings, as GitHub and the site make them."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    titles = re.findall(r"^#{1,6} (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}
