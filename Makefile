# Dueline. `make help` lists what there is.
PYTHON ?= python3
PYTEST_ARGS ?= -n 3 --dist worksteal
UV_VERSION := 0.13.9
BIN := .venv/bin
READY := .venv/.ready
PACKAGES := domain policy workflows activities store telemetry api ops tests
MODULES := connecting.py settings.py worker.py

.DEFAULT_GOAL := help
.PHONY: help up demo test check bench release-check clean lock

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

up: $(READY) ## run the platform in the foreground; Ctrl-C stops it, the data stays
	@exec $(BIN)/dueline up

demo: $(READY) ## run the example orders at fast-forwarded time
	@exec $(BIN)/dueline demo

test: $(READY) ## run the tests (PYTEST_ARGS="-n 2 tests/unit")
	$(BIN)/python -m pytest $(PYTEST_ARGS)

check: $(READY) ## lint, types and import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict $(PACKAGES) $(MODULES)
	$(BIN)/lint-imports
	$(BIN)/deptry .

bench: $(READY) ## measure
	$(BIN)/python -m tests.bench

release-check: $(READY) ## replay all recorded and all open orders on this code (RELEASE_ARGS="BUILD" lets it in)
	@$(BIN)/dueline ops release-check $(RELEASE_ARGS)

clean: ## remove the environment and caches; ALL=1 also deletes the data in .dueline
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
ifeq ($(ALL),1)
	rm -rf .dueline
else
	@if [ -d .dueline ]; then echo "The data in .dueline stays; make clean ALL=1 deletes it too."; fi
endif

# --no-emit-index-url and --no-header: the lock names no registry and no machine's path.
lock: $(READY) ## resolve the dependencies anew into requirements.lock
	$(BIN)/uv pip compile --python $(BIN)/python --universal --generate-hashes --group dev \
	  --no-emit-index-url --no-emit-find-links --no-header pyproject.toml -o requirements.lock

# pip fetches uv alone; uv then checks every package against the hash in the lock, and compiles all of
# it once: a command that compiles its libraries takes seconds to begin.
$(READY): requirements.lock pyproject.toml
	@$(PYTHON) ops/bootstrap.py
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	$(BIN)/uv pip sync --quiet --compile-bytecode --python $(BIN)/python --require-hashes requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@
