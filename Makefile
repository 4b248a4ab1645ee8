# Everything a newcomer or the gate runs. The environment is .venv in the clone; each target makes what it needs.
PYTHON ?= python3
BIN := .venv/bin
.DEFAULT_GOAL := help
.PHONY: help run cluster check test bench soak notebooks executed constraints clean

help:               ## this list
	@grep -E '^[a-z]+: .*##' $(MAKEFILE_LIST) | sed -E 's/: .*## /\t/' | expand -t 16

run: .venv/run      ## the whole pipeline on this machine, with the demonstration data, until Ctrl-C
	@$(BIN)/safar up --demo

cluster: .venv/run  ## the same on Kafka, the store server, two collectors and two aggregators; needs java and mvn
	@$(BIN)/python -m scripts.cluster

check: .venv/dev    ## style, types and the files of schemas/
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/contract/test_schemas.py

test: .venv/dev     ## every test; those that need java, go, node, chromium, promtool, gcc or strace skip by name without it
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile

bench: .venv/dev    ## rates on this machine, against limits measured in the same run
	$(BIN)/python -m bench

soak: .venv/dev     ## 200 seeded schedules of faults against whole pipelines; goes on where it stopped
	$(BIN)/python -m tests.soak --schedules 200

notebooks: .venv/dev ## JupyterLab on the notebooks
	$(BIN)/jupyter lab --notebook-dir=notebooks --ip=127.0.0.1 $(if $(filter 0,$(USER_ID)),--allow-root)

constraints: .venv/bin/python ## pin the newest versions that fit together
	$(BIN)/python -m uv pip compile pyproject.toml --extra notebooks --extra test --python-version 3.11 \
	    --no-annotate --upgrade --quiet --custom-compile-command "make constraints" --output-file constraints.txt

executed: .venv/dev ## execute the notebooks again and keep their outputs
	$(BIN)/python scripts/execute_notebooks.py

clean:              ## remove the environment; data stays
	rm -rf .venv

# uv installs in a fifth of pip's time; where it cannot be had, pip does the same work.
.venv/bin/python:
	$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv || true

.venv/run: .venv/bin/python pyproject.toml constraints.txt
	@$(INSTALL) -c constraints.txt -e . $(OR_PIP) -c constraints.txt -e .
	@touch $@

.venv/dev: .venv/run
	@$(INSTALL) -c constraints.txt -e '.[notebooks,test]' $(OR_PIP) -c constraints.txt -e '.[notebooks,test]'
	@touch $@

# Jupyter refuses root, which is who one is in a container; it listens on loopback only.
USER_ID := $(shell id -u)
INSTALL = $(BIN)/python -m uv pip install --quiet --python $(BIN)/python
OR_PIP = || $(BIN)/python -m pip install --quiet --disable-pip-version-check
