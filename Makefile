PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

BROWSER := tests/browser/in_voila.py tests/browser/in_jupyterlab.py tests/browser/in_report.py

.PHONY: demo test test-browser soak lint types unit notebooks clean

demo: $(VENV)/.installed
	$(BIN)/irtoolkit demo demo

test: lint types unit notebooks

lint: $(VENV)/.installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.installed-test
	$(BIN)/mypy

unit: $(VENV)/.installed-test
	$(BIN)/pytest --numprocesses auto --dist loadfile

notebooks: $(VENV)/.installed-test
	$(BIN)/pytest --nbmake notebooks

test-browser: $(VENV)/.installed-browser
	$(BIN)/pytest $(BROWSER)

soak: $(VENV)/.installed-test
	$(BIN)/python -m tests.soak.kills --number 100
	$(BIN)/python -m tests.soak.soak --slides 4000

$(VENV)/.installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	touch $@

$(VENV)/.installed-test: pyproject.toml $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[test]"
	touch $@

$(VENV)/.installed-browser: pyproject.toml $(VENV)/.installed-test
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[test,browser]"
	touch $@

clean:
	rm -rf $(VENV) demo build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
