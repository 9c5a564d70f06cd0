# One vocabulary for people and CI. Everything runs from .venv, which `make install` makes.
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed

.DEFAULT_GOAL := help
# Our tests start many processes: each module is compiled once, whatever the caller's shell says.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help install demo drill together test faults lint bench policy lock clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' Makefile

install: $(INSTALLED) ## make .venv with everything in it, and the job's image where Docker is
	@sh deployments/images/build_if_docker.sh "$(BIN)/python"

$(INSTALLED): pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else f"joulepilot needs Python 3.11 or newer; {sys.executable} is {sys.version.split()[0]}; name another one: make PYTHON=python3.12 install")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -c requirements.lock -e '.[pipeline,gpu,postgres,dev]'
	@touch $@

demo: install ## show the whole loop on this machine (about 5 minutes)
	$(BIN)/joulepilot demo $(DEMO)

drill: $(INSTALLED) ## an on-call exercise: a bad policy goes by itself, a subtle one by hand
	$(BIN)/joulepilot drill $(DRILL)

together: install ## three containers under a joint plan: a priority, a power cap, and back
	$(BIN)/python -m flows.demo.together

test: $(INSTALLED) lint ## check everything; NO_SKIPS=1 makes a skipped test a failure
	JOULEPILOT_NO_SKIPS=$(NO_SKIPS) $(BIN)/pytest --benchmark-disable -n auto --maxprocesses 4 --dist loadfile $(TESTS)

faults: $(INSTALLED) ## the fault matrix at full length, as a table (root, Docker engine)
	$(BIN)/pytest --benchmark-disable --timeout 1800 --faults tests/faults tests/components tests/flows

lint: $(INSTALLED) ## style, types and the order of the layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(INSTALLED) ## measure speed; prints ratios within one run
	$(BIN)/pytest tests/benchmarks --benchmark-only --benchmark-columns=median,iqr,ops $(BENCH)

policy: $(INSTALLED) ## train the bundle that ships in the package, and evaluate it
	$(BIN)/python -m models.allocator.train --out components/policy/shipped $(POLICY)

lock: $(INSTALLED) ## write the installed versions to requirements.lock
	@{ echo "# Every version we test with. Made by 'make lock'; used as constraints by 'make install'."; \
	   $(BIN)/pip freeze --exclude-editable | sed 's/+cpu//'; } > requirements.lock

clean: ## remove what make and the tools made
	rm -rf .venv build .mypy_cache .ruff_cache .pytest_cache .hypothesis .benchmarks .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
