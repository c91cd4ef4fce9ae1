"""How Sphinx builds the pages: `make docs`."""

from __future__ import annotations

import sys
from importlib.metadata import version as version_of
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

project = "BERTailor"
version = version_of("bertailor")
# `reference` is the file beside this one.
extensions = ["myst_parser", "reference"]
myst_heading_anchors = 3
# An option `--set` keeps its two hyphens.
smartquotes = False

html_title = project
html_theme = "furo"
html_static_path = ["static"]
html_css_files = ["width.css"]
html_show_copyright = False
html_copy_source = False
