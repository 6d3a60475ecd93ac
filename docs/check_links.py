"""Checks the built site: python docs/check_links.py build/docs.

Every link, picture and script inside the site must exist, anchors included; no page may load anything from a network.
"""

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Page(HTMLParser):
    """The anchors of a page, and what it links to and loads."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.anchors: set[str] = {"", "top"}
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what a tag defines, links to and loads."""
        found = {name: value for name, value in attrs if value}
        self.anchors.update(found[name] for name in ("id", "name") if name in found)
        self.links += [found[name] for name in ("href", "src") if name in found]
        loads = "src" if tag != "link" else "href" if found.get("rel") in ("stylesheet", "preload") else None
        self.loaded += [found[loads]] if loads in found else []


def problems(site: Path) -> list[str]:
    """What is wrong with the site, one line for each fault."""
    pages = {path.resolve(): Page(path) for path in sorted(site.rglob("*.html")) if "_static" not in path.parts}
    wrong = []
    for path, page in pages.items():
        name = path.relative_to(site.resolve())
        wrong += [f"{name}: loads {url} from a network" for url in page.loaded if urlsplit(url).netloc]
        wrong += [f"{name}: {link} does not exist" for link in page.links if not exists(link, path, pages)]
    return wrong


def exists(link: str, path: Path, pages: dict[Path, Page]) -> bool:
    """Whether a link of the page at `path` leads somewhere; other sites are not asked."""
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return True
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    target = target / "index.html" if target.is_dir() else target
    return unquote(parts.fragment) in pages[target].anchors if target in pages else target.is_file()


if __name__ == "__main__":
    found = problems(Path(sys.argv[1]))
    print("\n".join(found) or "every link of the site holds")
    sys.exit(bool(found))
