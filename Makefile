# demo   everything at once: install, train, compose, show (open demo/index.html); with TORCH_INDEX=URL, PyTorch too
# test   all tests that this machine can run      check  format, lint, types
# notebook   JupyterLab on the five notebooks        notebooks  execute them anew (twenty minutes)
# bench  the measured claims (long)               soak   the long tests and fuzzing (FUZZ_MINUTES=30)

PYTHON ?= python3
VENV = .venv
BIN = $(VENV)/bin
TORCH_INDEX ?=
FUZZ_MINUTES ?= 30
INDEX = $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX),)
PIP = $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt $(INDEX)

.PHONY: demo notebook notebooks test check bench soak clean

demo: .installed
	$(BIN)/ritornello demo -o demo

notebook: .installed-notebook
	$(BIN)/jupyter lab notebooks

notebooks: .installed-dev
	$(BIN)/python scripts/make_notebooks.py

test: .installed-dev
	OMP_WAIT_POLICY=PASSIVE OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist loadgroup $(TESTS)

check: .installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: .installed-dev
	for question in $$(ls benchmarks/*/__main__.py | xargs -n1 dirname | xargs -n1 basename); do \
	  $(BIN)/python -m benchmarks.$$question || exit 1; done

soak: .installed-dev
	RITORNELLO_SOAK=1 $(BIN)/python -m pytest -m slow tests
	RITORNELLO_SOAK=1 $(BIN)/python -m pytest tests/test_notebooks.py
	RITORNELLO_SOAK=1 $(BIN)/python -m pytest tests/music/musescore/test_musescore_songs.py tests/encoding/test_real_tunes.py
	-$(PIP) atheris
	$(BIN)/python tests/fuzz --minutes $(FUZZ_MINUTES)

.installed: pyproject.toml constraints.txt
	test -d $(VENV) || $(PYTHON) -m venv $(VENV)
	$(PIP) -e "$(if $(TORCH_INDEX),.[train],.)"
	touch $@

.installed-dev: pyproject.toml constraints.txt
	test -d $(VENV) || $(PYTHON) -m venv $(VENV)
	$(PIP) -e ".[dev]"
	touch $@ .installed

.installed-notebook: pyproject.toml constraints.txt
	test -d $(VENV) || $(PYTHON) -m venv $(VENV)
	$(PIP) -e ".[notebook]"
	touch $@ .installed

clean:
	rm -rf $(VENV) .installed* demo
