PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --disable-pip-version-check --compile

PYTHONS ?=
SEED ?= 1
BROWSER := tests/browser/in_voila.py tests/browser/in_jupyterlab.py tests/browser/in_report.py tests/browser/in_report_pictures.py tests/browser/in_report_table.py

.PHONY: demo test test-wheel test-browser fuzz fuzz-coverage soak lint types suite docs clean

demo: $(VENV)/.installed
	$(BIN)/irtoolkit demo demo

test: lint
	$(MAKE) --jobs=2 types suite

lint: $(VENV)/.installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.installed-test
	$(BIN)/mypy

suite: $(VENV)/.installed-test
	$(BIN)/pytest --nbmake --numprocesses auto --dist loadfile tests irtoolkit notebooks

docs: $(VENV)/.installed-docs
	rm -rf build/docs
	$(BIN)/python docs/stage.py build/docs-source
	$(BIN)/sphinx-build -q -W --keep-going -c docs build/docs-source build/docs
	$(BIN)/python docs/check_links.py build/docs
	@echo "open build/docs/index.html"

test-wheel: $(VENV)/.installed-test
	$(BIN)/python tests/packaging/check_wheel.py $(PYTHONS)

test-browser: $(VENV)/.installed-test $(VENV)/.installed-browser
	$(BIN)/pytest $(BROWSER)

fuzz: $(VENV)/.installed-test
	$(BIN)/python -m tests.fuzz.run headers --number 100000 --seed $(SEED) --keep fuzz
	$(BIN)/python -m tests.fuzz.run pixels --number 20000 --seed $(SEED) --keep fuzz
	$(BIN)/python -m tests.fuzz.run cleans --number 2000 --seed $(SEED) --keep fuzz

fuzz-coverage: $(VENV)/.installed-test $(VENV)/.installed-fuzz
	for target in headers metadata records decisions; do \
		$(BIN)/python -m tests.fuzz.coverage_guided $$target fuzz/$$target -max_total_time=900 || exit 1; \
	done

soak: $(VENV)/.installed-test
	$(BIN)/python -m tests.soak.kills --number 100
	$(BIN)/python -m tests.soak.soak --slides 4000

$(VENV)/.installed: pyproject.toml
	@echo "Making $(VENV) and installing irtoolkit with what it needs: about 200 MB to download, 800 MB on disk, 1 to 5 minutes."
	$(PYTHON) -m venv $(VENV)
	$(PIP) -e .
	@touch $@

$(VENV)/.installed-%: pyproject.toml $(VENV)/.installed
	$(PIP) -e ".[$*]"
	@touch $@

clean:
	rm -rf $(VENV) demo build dist fuzz *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
