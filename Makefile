.PHONY: setup demo run test check format lock docs bench fuzz clean
BIN := .venv/bin

setup: ; @scripts/setup dev
demo: ; @scripts/setup && $(BIN)/mail-ingest demo
run: ; @scripts/setup && $(BIN)/mail-ingest serve
test: setup ; $(BIN)/pytest -n 2 --dist worksteal
check: setup ; @scripts/check
format: setup ; $(BIN)/ruff format . && $(BIN)/ruff check --fix .
lock: setup ; @scripts/lock
docs: setup ; $(BIN)/python scripts/print_configuration.py > docs/configuration.md
bench: setup ; @for b in benchmarks/[a-z]*.py; do echo "== $$b"; $(BIN)/python $$b || exit 1; done
fuzz: setup ; $(BIN)/python tests/fuzz/fuzz_mime.py tests/fuzz/corpus -max_total_time=60 -max_len=65536
clean: ; rm -rf .venv .pytest_cache .ruff_cache .hypothesis *.egg-info demo-data
