"""Settings of Sphinx; `make docs` gathers the pages (docs/stage.py) and builds them without a network."""

import re
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx

import irtoolkit

project = "irtoolkit"
author = "the irtoolkit authors"
version = release = irtoolkit.__version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "numpydoc"]
templates_path = ["templates"]
default_role = "py:obj"

myst_heading_anchors = 3
myst_enable_extensions = ["deflist"]
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 180
nb_ipywidgets_js: dict[str, dict[str, str]] = {}

autosummary_generate = True
autodoc_typehints = "none"
numpydoc_show_class_members = False

html_theme = "pydata_sphinx_theme"
html_title = "irtoolkit"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_sidebars: dict[str, list[str]] = {"index": [], "start": [], "gallery": []}
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "github_url": "https://github.com/irtoolkit/irtoolkit",
    "navbar_end": ["theme-switcher", "navbar-icon-links"],
    "header_links_before_dropdown": 7,
    "show_prev_next": True,
    "show_toc_level": 2,
    "footer_start": ["copyright"],
    "footer_end": [],
}
html_context = {"default_mode": "auto"}
copyright = "the irtoolkit authors, BSD-3-Clause"


WIDGET = re.compile(r"(?:explore|review)_(\w+)\(")


def setup(app: Sphinx) -> None:
    """Let notes stand for widgets, before pictures are collected."""
    app.connect("doctree-read", replace_widgets, priority=400)


def replace_widgets(app: Sphinx, page: nodes.document) -> None:
    """Replace each widget of a notebook, which needs a running Python, by its picture, if there is one, and a note."""
    for view in [raw for raw in page.findall(nodes.raw) if "widget-view" in raw.astext()]:
        named = WIDGET.search(cell_of(view).astext())
        picture = f"pictures/{named[1]}.jpg" if named else ""
        shown = [nodes.image(uri=f"/{picture}", alt=picture)] if (Path(app.srcdir) / picture).is_file() else []
        note = nodes.emphasis("", "A widget: run the notebook to use it.")
        view.replace_self([*shown, nodes.paragraph("", "", note)])


def cell_of(node: nodes.Element) -> nodes.Element:
    """The notebook's cell, code and outputs, that a node belongs to."""
    return node if "cell" in node["classes"] or node.parent is None else cell_of(node.parent)
