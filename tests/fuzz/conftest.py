"""The coverage-guided fuzzer needs atheris, which the tests do without."""

collect_ignore = ["coverage_guided.py"]
