"""Settings of Sphinx; `make docs` gathers the pages (docs/stage.py) and builds them without a network."""

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
