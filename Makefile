# Few commands, the same by hand and in CI.
#   make run     set up, then the quick suite on the embedded engine
#   make test    set up, then all tests
#   make check   format, lint, types, house style
#   make bench   judging, from columns, from files and along, and the engine beside its peers, against the goals
#   make fuzz    100,000 cases of hostile input for each reader of histories
#   make proof   the engine's durability in every crash of many runs, and its isolation on the complete small world
#   make soak    the engine's threads at full length: more orders, more seeds, more rounds
#   make docs    docs/anomalies.md and docs/levels.md, from the tables
PYTHON ?= python3
BIN := .venv/bin
SOCHDB_RELEASES := 0.4.9 0.5.2 0.8.3

.PHONY: run test check bench fuzz proof soak sochdb docs clean

run: .venv/.installed
	$(BIN)/anomalist run

test: .venv/.tests-installed
	$(BIN)/python -m pytest -n auto --dist worksteal

check: .venv/.tests-installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest tests/test_architecture.py tests/test_style.py

# All are run even where one misses a goal.
bench: .venv/.bench-installed
	@missed=0; for part in checking reading streaming engine; do $(BIN)/python -m benchmarks.$$part || missed=1; done; exit $$missed

fuzz: .venv/.tests-installed
	ANOMALIST_FUZZ=100000 $(BIN)/python -m pytest -n auto tests/harness/test_formats_fuzz.py

proof: .venv/.installed
	$(BIN)/python -m engine.proof.crashes.crash
	$(BIN)/python -m engine.proof.worlds.small_world

soak: .venv/.tests-installed
	ANOMALIST_SOAK=1 $(BIN)/python -m pytest -n auto tests/engine/test_engine_races.py tests/engine/test_engine_threads.py

docs: .venv/.installed
	$(BIN)/python -m anomalist.pages docs

# A venv for each release of SochDB; what else is needed comes from .venv.
sochdb: $(SOCHDB_RELEASES:%=.venvs/sochdb-%/.installed)

.venv/.installed: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	touch $@

.venv/.tests-installed: .venv/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[test]'
	touch $@

.venv/.bench-installed: .venv/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[bench]'
	touch $@

.venvs/sochdb-%/.installed: .venv/.installed
	$(PYTHON) -m venv .venvs/sochdb-$*
	echo "import site; site.addsitedir('$(CURDIR)/.venv/lib/$$(ls .venv/lib)/site-packages')" \
		> .venvs/sochdb-$*/lib/$$(ls .venvs/sochdb-$*/lib)/site-packages/anomalist.pth
	.venvs/sochdb-$*/bin/python -m pip install --quiet --disable-pip-version-check sochdb==$*
	touch $@

clean:
	rm -rf .venv .venvs .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist
