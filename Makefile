# Everything here works from a clean clone with Python 3.11 or newer.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test test-slow lint benchmark screenshots clean

# One file tells whether what is installed is what pyproject.toml and constraints.txt ask for.
.venv/installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

demo: .venv/installed  ## a real study on this machine, its winner exported and verified
	$(BIN)/bertailor search demo
	rm -rf build/demo-bundle
	$(BIN)/bertailor export demo --out build/demo-bundle
	$(BIN)/bertailor verify build/demo-bundle
	@echo
	$(BIN)/bertailor front demo
	@echo "bundle:     build/demo-bundle"
	@echo "browse it:  $(BIN)/bertailor ui"

test: lint  ## every test but those marked slow
	$(BIN)/pytest -m "not slow"

test-slow: .venv/installed  ## the tests that take minutes
	$(BIN)/pytest -m slow

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict -p spaces -p trackers
	$(BIN)/mypy -p search

clean:
	rm -rf .venv build mlruns/[!.]*
