"""Widgets for Jupyter: look, adjust, decide; they call what a script would call and compute nothing of their own."""
