# Each goal sets up what it needs: a fresh machine has to have only make and Python 3.11 or later.

PYTHON ?= $(firstword $(foreach p,python3 python3.14 python3.13 python3.12 python3.11,$(shell $(p) -c \
	'import sys; print("$(p)" if sys.version_info >= (3, 11) else "")' 2>/dev/null)))
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test references zoo prove exported fuzz bench docs lint clean

demo: $(VENV)/run.stamp  ## compile EfficientNet at phi 3, draw it and run it
	$(BIN)/python scripts/demo.py

test: $(VENV)/test.stamp references  ## run every test
	$(BIN)/python -m pytest -n 2

zoo: $(VENV)/test.stamp references  ## run what `make test` runs on one variant of each kind on all variants of the gallery
	$(BIN)/python -m pytest -n 2 --zoo $(shell grep -lE "of_each_kind|zoo: bool" tests/test_*.py)

references: $(VENV)/references.stamp  ## fetch further public implementations, which proofs and tests read

prove: $(VENV)/test.stamp references  ## prove the gallery equal to its public implementations, and write the record
	$(BIN)/python scripts/prove_gallery.py

exported: $(VENV)/test.stamp  ## export public networks to ONNX with both of PyTorch's exporters, read the files, and compare
	$(BIN)/python scripts/exported_networks.py

fuzz: $(VENV)/test.stamp  ## slips, random networks and damaged specs, for hours; goes on where it was stopped
	@failed=0; for part in proofs emitter specs onnx ops; do $(BIN)/python scripts/fuzz_$$part.py || failed=1; done; exit $$failed

bench: $(VENV)/test.stamp  ## measure; nothing is asserted on time
	$(BIN)/python -m pytest -q -s -o python_files='bench_*.py' -o python_functions='bench_*' tests/benchmarks

docs: $(VENV)/test.stamp  ## write the generated documents anew
	$(BIN)/python scripts/write_docs.py

lint: $(VENV)/test.stamp  ## style, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict archdsl/

clean:  ## remove what was made, but for the environment
	rm -rf build dist .hypothesis .mypy_cache .pytest_cache .ruff_cache

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "archdsl needs Python 3.11 or later: make PYTHON=/path/to/python3" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

# Stamps let a second run start at once; a changed pin or dependency installs again. Bytecode is written as it is for
# what pip copies, since some environments forbid Python to write it later: without it commands take half as long again.
$(VENV)/run.stamp: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install -c constraints.txt -e '.[torch]'
	$(BIN)/python -m compileall -q archdsl
	touch $@

$(VENV)/test.stamp: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install -c constraints.txt -e '.[torch,onnx,test]'
	$(BIN)/python -m compileall -q archdsl
	touch $@ $(VENV)/run.stamp

$(VENV)/references.stamp: references.txt | $(BIN)/python
	$(BIN)/python -m pip install -q --no-deps --ignore-requires-python --upgrade --target $(VENV)/references -r $<
	touch $@
