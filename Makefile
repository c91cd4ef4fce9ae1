# Everything here works from a clean clone with Python 3.11 or newer.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test test-slow lint benchmark picture clean

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
	@$(BIN)/bertailor front demo
	@echo "the bundle of the recommended candidate:  build/demo-bundle"
	@echo "browse the study:                         $(BIN)/bertailor ui"

test: lint  ## every test but those marked slow
	$(BIN)/pytest -m "not slow"

test-slow: .venv/installed  ## the tests that take minutes
	$(BIN)/pytest -m slow

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict -p spaces -p trackers
	$(BIN)/mypy -p search

benchmark: .venv/installed  ## what Optuna and MLflow add to a trial
	$(BIN)/python benchmarks/tracking_overhead.py

picture: .venv/installed  ## the README's picture, from the demo's front; needs chromium
	command -v chromium || (apt-get update && apt-get install -y chromium)
	$(BIN)/python docs/picture.py demo docs/front.png

clean:
	rm -rf .venv build
