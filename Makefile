# `make demo` and `make test` need Python 3.11 or newer and nothing else: each sets up .venv first.
PYTHON ?= python3
CONSTRAINTS ?= --constraint constraints.txt  # pinned for Python 3.11; `make setup CONSTRAINTS=` takes the newest
BIN := .venv/bin

.PHONY: setup demo test docs links dist lint clean
setup: .venv/.installed

.venv/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet $(CONSTRAINTS) --editable '.[dev]'
	touch $@

demo: setup
	$(BIN)/tuneful fit ssn --out runs/demo --overwrite

test: setup
	@tests/browser-setup
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist worksteal $(SELECT)  # two BLAS threads are slower than one at N = 200

docs: .venv/.docs  # build/docs/index.html; its cells run again where they have changed
	$(BIN)/sphinx-build --fail-on-warning --keep-going --quiet docs build/docs

links: docs  # whether what documents link to elsewhere is there; needs the network, and is no part of .ci/run
	$(BIN)/sphinx-build -b linkcheck -d build/docs/.doctrees --quiet docs build/links

dist: .venv/.release  # the sdist, and a wheel from the sdist alone
	rm -rf dist
	$(BIN)/python -m build --outdir dist .
	$(BIN)/twine check --strict dist/*
	$(BIN)/python -m zipfile -l dist/*.whl | grep -o '^tuneful/[^ ]*' | sort > dist/.packed
	git ls-files src/tuneful | sed 's|^src/||' | sort | diff - dist/.packed && rm dist/.packed  # nothing is left out

.venv/.docs: .venv/.installed
	$(BIN)/python -m pip install --quiet $(CONSTRAINTS) --editable '.[docs]'
	touch $@

.venv/.release: .venv/.installed
	$(BIN)/python -m pip install --quiet $(CONSTRAINTS) --editable '.[release]'
	touch $@

lint: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/pyright

clean:
	rm -rf .venv dist build .pytest_cache .ruff_cache .hypothesis
