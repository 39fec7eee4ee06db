# The one door. `make` lists what there is; `make run` and `make test` set everything up themselves.

VENV   ?= .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check
# The files are resolved to the end, so pip need not resolve again. When it did, it asked the index for
# the newest release behind an extra (coverage[toml]), which has no hash here, and refused.
RESOLVED := --quiet --require-hashes --no-deps
SONG   ?= examples/voice-over-guitars.flac
STEMS  ?= separated
MODEL  ?= spleeter-2stems
# Twice as many as two cores need: some wait for servers and clocks while others compute. Together
# they compute for ten minutes; two cores of a quiet machine take six, and slow ones twice as long.
# Each takes up to 3 GB, so give fewer where memory is short.
PYTEST_WORKERS ?= 4
# Neighbours stay together, because they share servers; who is done takes over from the other.
PYTEST_SPREAD  := -n $(PYTEST_WORKERS) --dist worksteal

# Each has a browser and a service of its own. Sound is measured: more than cores would be late.
BROWSER_WORKERS ?= 2

# Hundreds of Python processes start in a run of the tests: none should compile what another has.
unexport PYTHONDONTWRITEBYTECODE

# Stamps: a step runs again only when what it read has changed.
CREATED   := $(VENV)/.created
INSTALLED := $(VENV)/.installed
DEVELOP   := $(VENV)/.develop
NODE      := $(VENV)/.node

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run demo test test-browser test-faults check format coverage bench bench-service quality golden migration
.PHONY: bench-pages bench-player demo-payments example picture documents requirements dist clean weights dev ui

help: ## List what make can do
	@echo "Stemhouse takes songs apart. make run is the place to start."
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: demo ui ## Set up, separate the demo song, then serve the sites until Ctrl-C
	@echo
	@echo "Now the service starts, with its sites and their API: open one of the addresses below."
	@echo "It keeps what it has in your data folder (docs/operations.md). Ctrl-C ends it."
	@echo
	@$(BIN)/stemhouse serve --host 127.0.0.1 --port 8000

demo: $(INSTALLED) weights ## Set up, separate the demo song and say where the stems are
	@$(BIN)/stemhouse separate "$(SONG)" -o "$(STEMS)" --overwrite --model "$(MODEL)"
	@echo
	@echo "$(SONG) is in parts now. Listen to them:"
	@echo
	@find "$(STEMS)/$(basename $(notdir $(SONG)))" -type f | sort | sed 's/^/  /'
	@echo
	@echo "Then try a song of your own, and see what else there is:"
	@echo
	@echo "  $(BIN)/stemhouse separate YOUR-SONG.mp3 -o $(STEMS)"
	@echo "  $(BIN)/stemhouse --help"

dev: $(DEVELOP) $(NODE) weights ## Run the service and reload it, and the pages, when a source changes
	$(BIN)/python tools/dev.py $(ARGS)

ui: $(CREATED) ## Build the scripts and styles of the pages, if their sources changed
	@$(BIN)/python tools/ui.py fresh || \
		{ $(MAKE) --no-print-directory $(NODE) && $(BIN)/python tools/ui.py build; }

demo-payments: $(INSTALLED) ## Start the service with a pretended Stripe: buy with a test card in a browser
	@$(BIN)/python tools/demo_payments.py $(ARGS)

test: $(DEVELOP) $(NODE) ui ## Set up and run the tests (ARGS='-k codec' to choose)
	@$(MAKE) --no-print-directory weights || \
		echo "The weights could not be fetched: the tests that need them will be skipped and say so."
	$(BIN)/python -m pytest $(PYTEST_SPREAD) --ignore tests/browser $(ARGS)

test-browser: $(DEVELOP) $(NODE) ui weights ## Try the pages and the player in a real browser (about six minutes)
	$(BIN)/python -m tests.browser.chromium
	$(BIN)/python -m pytest -n $(BROWSER_WORKERS) --dist worksteal tests/browser $(ARGS)

test-faults: $(DEVELOP) ui ## Kill, freeze and starve real workers in mid-song (a quarter of an hour)
	$(BIN)/python -m pytest --faults tests/service/test_faults*.py $(ARGS)

check: $(DEVELOP) $(NODE) ## Formatting, lint, types, imports, requirement files, migrations
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python tools/requirements.py --check
	$(BIN)/python tools/migration.py --check
	$(BIN)/python tools/ui.py check

format: $(DEVELOP) $(NODE) ## Format the code and mend what the linter can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/python tools/ui.py format

coverage: $(DEVELOP) $(NODE) ui weights ## Run the tests and show which branches they miss
	$(BIN)/python -m pytest $(PYTEST_SPREAD) --cov --cov-report=term-missing $(ARGS)

bench: $(DEVELOP) weights ## Measure speed and memory (ARGS='--help' for the choices)
	$(BIN)/python -m bench $(ARGS)

bench-pages: $(DEVELOP) $(NODE) ui ## Measure the public pages in a browser: a slow phone on a slow line
	$(BIN)/python -m bench.pages $(ARGS)

bench-player: $(DEVELOP) $(NODE) ui ## Measure the player in a browser: first sound, memory, zooming
	$(BIN)/python -m bench.player $(ARGS)

bench-service: $(DEVELOP) ui weights ## Measure the service: overhead, load, watchers, workers (ARGS='--help')
	$(BIN)/python -m bench.service $(ARGS)

quality: $(DEVELOP) weights ## Measure SDR per song and setting (SONGS=folder of songs with stems)
	$(BIN)/python -m bench.quality $(if $(SONGS),"$(SONGS)") $(ARGS)

golden: $(DEVELOP) weights ## Compute the golden arrays of the tests anew, on purpose
	$(BIN)/python -m tests.golden $(ARGS)

migration: $(DEVELOP) ## Write the migration that the tables need (NAME=add_prices)
	@test -n "$(NAME)" || { echo "error: say what it does: make migration NAME=add_prices" >&2; exit 2; }
	$(BIN)/python tools/migration.py "$(NAME)" $(ARGS)

example: $(DEVELOP) weights ## Take the demo song apart for the first pages' example anew
	$(BIN)/python tools/example.py

picture: $(DEVELOP) $(NODE) ui ## Take the picture in README.md anew
	$(BIN)/python -m tools.picture

documents: $(DEVELOP) $(NODE) ## Write what is generated from the code: API description and types, settings
	$(BIN)/python tools/openapi.py
	$(BIN)/python tools/ui.py types
	$(BIN)/python tools/configuration.py
	$(BIN)/python tools/sites.py

requirements: $(DEVELOP) ## Resolve the hashed requirement files anew
	$(BIN)/python -m pip install --quiet "uv>=0.6"
	$(BIN)/python tools/requirements.py

dist: $(DEVELOP) ui ## Build the wheel, install it clean and separate one second with it
	rm -rf dist
	$(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .
	tools/check-wheel.sh dist/stemhouse-*.whl

# No stamp: the weights live in the user's cache, and pull knows at once whether they are there.
weights: $(INSTALLED)
	@$(BIN)/stemhouse models pull $(MODEL)

clean: ## Remove what make made here (the weights in the cache stay)
	rm -rf $(VENV) dist build separated screenshots ui/node_modules src/stemhouse/_ui .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage*
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(CREATED):
	@tools/make-venv.sh $(VENV)
	@touch $@

$(INSTALLED): $(CREATED) pyproject.toml requirements/run.txt requirements/build.txt
	@echo "Installing what Stemhouse needs (about 150 MB, once)"
	@$(PIP) install $(RESOLVED) -r requirements/build.txt -r requirements/run.txt
	@$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(DEVELOP): $(INSTALLED) requirements/dev.txt
	@echo "Installing what the tests and checks need"
	@$(PIP) install $(RESOLVED) -r requirements/dev.txt
	@touch $@

$(NODE): $(CREATED) requirements/ui.txt
	@echo "Installing Node, which builds the pages (about 60 MB, once)"
	@$(PIP) install $(RESOLVED) -r requirements/ui.txt
	@touch $@
