# Everything here works from a clean clone with Python 3.11 or newer.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test test-fast test-slow system lint docs benchmark screenshots clean

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

test: .venv/installed  ## the linters, and beside them every test but those marked slow
	$(MAKE) --no-print-directory --jobs=2 lint test-fast

# Two files of tests at a time, whole programs first, each on one thread: together they would wait for each other's.
test-fast: .venv/installed
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not slow"

test-slow: .venv/installed  ## the tests that take minutes
	$(BIN)/pytest -m slow

system:  ## what tests drive besides Python; those that miss it are skipped
	command -v sshd || test -x /usr/sbin/sshd || (apt-get update && apt-get install -y openssh-server)
	command -v chromium || (apt-get update && apt-get install -y chromium)
	ls /usr/lib/postgresql/*/bin/initdb || (apt-get update && apt-get install -y postgresql)

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict -p spaces -p results -p trackers
	$(BIN)/mypy -p search

docs: .venv/installed  ## the pages as a site in build/docs; a warning is an error
	$(BIN)/sphinx-build -W -E -q docs build/docs

benchmark: .venv/installed  ## those that take minutes; the others in benchmarks/ take up to hours
	$(BIN)/python benchmarks/early_stopping.py
	$(BIN)/python benchmarks/tracking_overhead.py
	$(BIN)/python benchmarks/training_speed.py

screenshots: .venv/installed system  ## the pictures of README and docs, of the demo's study
	$(BIN)/python docs/screenshots.py demo docs

clean:
	rm -rf .venv build
