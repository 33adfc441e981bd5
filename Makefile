.PHONY: setup demo run test quick check format lock docs bench fuzz fault-matrix package clean
BIN := .venv/bin
# Tests start hundreds of programs: without its compiled modules each would compile them again.
unexport PYTHONDONTWRITEBYTECODE

setup: ; @scripts/setup dev
demo: ; @scripts/setup && $(BIN)/mail-ingest demo
run: ; @scripts/setup && $(BIN)/mail-ingest serve
test: setup ; $(BIN)/pytest -n 4 --dist worksteal
quick: setup ; @$(BIN)/python scripts/quick_tests.py
check: setup ; @scripts/check
format: setup ; $(BIN)/ruff format . && $(BIN)/ruff check --fix .
lock: setup ; @scripts/lock
docs: setup ; $(BIN)/python scripts/print_configuration.py > docs/configuration.md && $(BIN)/python scripts/fill_telemetry_page.py
bench: setup ; @for b in extraction engine describe end_to_end cold_start; do echo "== $$b"; $(BIN)/python -m benchmarks.$$b || exit 1; done
fuzz: setup ; $(BIN)/python -m tests.fuzz.fuzz_mime -max_total_time=60 -artifact_prefix=/tmp/
fault-matrix: setup ; $(BIN)/python -m tests.fault_matrix
package: setup ; $(BIN)/python scripts/stage_package.py
clean: ; rm -rf .venv build dist .pytest_cache .ruff_cache .hypothesis *.egg-info demo-data
