# Two commands matter: `make demo` shows it working, `make test` proves it. Both make .venv first and need nothing else
# but Python 3.11 or newer (another one: make PYTHON=python3.12 demo).

PYTHON ?= python3
BIN := .venv/bin
# Tests, benchmarks and the demo need no hub; `make lab` is yours and may download.
demo check test test-real families browser fuzz bench: export HF_HUB_OFFLINE = 1

.PHONY: help demo check test test-real families browser fuzz lint types bench lab starters clean

help:
	@echo "make demo    install into .venv, run the quick-start notebook, say how to open it"
	@echo "make check   a quick answer: lint, types, and the tests that are not slow, in about a minute"
	@echo "make test    install into .venv, run every test"
	@echo "make families   embedders of every family that transformers has, a few minutes"
	@echo "make test-real WEIGHTS=FOLDER   tests on trained weights, as CONTRIBUTING.md says"
	@echo "make fuzz    hostile inputs of every kind, a few minutes of them; COUNT=10000: so many of each"
	@echo "make lint    ruff      make types   mypy, strict      make bench   figures against peers"
	@echo "make lab     open the notebooks in JupyterLab         make clean   remove .venv and what was built"
	@echo "make browser JupyterLab in Chromium: its tests alone, with pictures in out/browser/"
	@echo "make starters          train the starter models again (minutes)"

.venv/base: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12 $(MAKECMDGOALS)")'
	@test -x $(BIN)/python || { echo "making .venv"; $(PYTHON) -m venv .venv; }
	@echo "installing mc_jupyter and what it needs into .venv (torch is large: minutes, the first time)"
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[quant,upscale]"
	@touch $@

.venv/dev: .venv/base
	@echo "installing what tests and linting need into .venv"
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[quant,upscale,test,lint]"
	@touch $@

demo: .venv/base
	@echo "running notebooks/01-quickstart.ipynb"
	$(BIN)/python notebooks/run.py notebooks/01-quickstart.ipynb

# Files go to several processes at once, each on one thread: a core each, and less than 2 GB. The longest go first.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

check: lint types
	$(PYTEST) -m "not slow and not kernel and not browser and not real and not families"

test: .venv/dev
	$(PYTEST) -m "not real and not families"

# Not part of `make test`: minutes of computing on models of up to 270 MB, which are yours to bring.
families: .venv/dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 -m families -rs

test-real: export MC_JUPYTER_REAL := $(or $(WEIGHTS),$(MC_JUPYTER_REAL))
test-real: .venv/dev
	$(BIN)/python -m pytest tests/real -m real -ra

browser: .venv/dev
	MC_JUPYTER_BROWSER=required $(BIN)/python -m pytest tests/browser

fuzz: .venv/dev
	$(BIN)/python -m tests.fuzz $(if $(COUNT),--count $(COUNT),--count 10000 --seconds 60) $(if $(SEED),--seed $(SEED))

lint: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/dev
	$(BIN)/mypy

bench: .venv/dev
	$(BIN)/python -m tests.bench

lab: .venv/base
	$(BIN)/jupyter lab notebooks/01-quickstart.ipynb

starters: .venv/dev
	for name in sentiment embedding upscale stories stories.pirate stories.space shapes shapes_caption; do nice $(BIN)/python -m mc_jupyter.starters.$$name.train || exit 1; done

clean:
	rm -rf .venv build dist out *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
