# make demo: a real search before your eyes (SPACE=micro: of cells).  make lab: the notebooks.
# make test: everything checked.
# Each target sets up .venv by itself, and again on top of itself without harm.

VENV := .venv
BIN := $(VENV)/bin
SHELL := /bin/bash
SOAKED := $(shell grep -lE "^from soak import" -r tests --include=*.py)

.PHONY: demo lab test check soak assets bench clean

demo: $(VENV)/search.stamp
	@$(BIN)/enas-viz demo --space $(or $(SPACE),macro)

lab: $(VENV)/search.stamp
	@$(BIN)/jupyter lab $(if $(filter 0,$(shell id -u)),--allow-root) notebooks/00_tour.ipynb

test: $(VENV)/dev.stamp
	@tools/test.sh

# What `make test` leaves out, besides it: tests in their long versions (tests/soak.py).
soak: $(VENV)/dev.stamp
	@ENAS_VIZ_SOAK=1 $(BIN)/python -m pytest $(SOAKED)

# While editing: format, lint, types, and the tests that need neither browser nor training.
check: $(VENV)/dev.stamp
	@tools/check.sh

# How fast it is; PEERS=folder compares with public implementations (benchmarks/peers.py).
# ONLY="macro micro" measures these parts alone.
bench: $(VENV)/dev.stamp
	@$(BIN)/python benchmarks/speed.py $(if $(PEERS),--peers $(PEERS)) $(if $(ONLY),--only $(ONLY))

# Records the traces that ship with the package: runs of this very program.
assets: $(VENV)/dev.stamp
	@$(BIN)/python tools/record_assets.py

$(VENV)/search.stamp: pyproject.toml
	@tools/venv.sh $(VENV)
	@echo "installing enas_viz with PyTorch and JupyterLab into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet -e '.[search,lab]'
	@touch $@

$(VENV)/dev.stamp: $(VENV)/search.stamp
	@echo "installing what the tests need ..."
	@$(BIN)/python -m pip install --quiet -e '.[dev]'
	@touch $@

clean:
	rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis tests/js/node_modules
