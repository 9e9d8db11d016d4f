# `make demo` and `make test` need Python 3.11+, make and git, and nothing else done before.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# The demo keeps its indexes beside the checkout, so that trying it out leaves the user's own home alone.
export HF_HUB_OFFLINE ?= 1
export TOKENIZERS_PARALLELISM ?= false

.PHONY: demo serve test lint style types suite format docs bench torture clean install

install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "quincunx needs Python 3.11 or newer; set PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[embedded,serve,dev,docs]'
	touch $(STAMP)

demo: $(STAMP)
	QUINCUNX_HOME=$${QUINCUNX_HOME:-$(CURDIR)/.home} $(BIN)/quincunx demo

serve: $(STAMP)
	QUINCUNX_HOME=$${QUINCUNX_HOME:-$(CURDIR)/.home} $(BIN)/quincunx serve --demo

style: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP)
	$(BIN)/mypy
	$(BIN)/mypy tests bench

suite: $(STAMP)
	$(BIN)/pytest -n 2 --durations 25

lint: style types

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# The two workers of the suite wait now and then: types are checked meanwhile.
test: style
	$(MAKE) --jobs 2 types suite

docs: $(STAMP)
	$(BIN)/python tests/cli_reference.py docs/reference/cli.md
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

torture: $(STAMP)
	QUINCUNX_TORTURE=1 OMP_NUM_THREADS=1 $(BIN)/pytest -m "torture or hypothesis" -s

bench: $(STAMP)
	for file in rerank pipeline overhead load fidelity optimising retrieval store; do $(BIN)/python bench/$$file.py || exit 1; done

clean:
	rm -rf $(VENV) .home site dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
