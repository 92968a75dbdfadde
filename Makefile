# Each goal sets up what it needs: a fresh machine has to have only make and Python 3.11 or later.

PYTHON ?= $(firstword $(foreach p,python3 python3.14 python3.13 python3.12 python3.11,$(shell $(p) -c \
	'import sys; print("$(p)" if sys.version_info >= (3, 11) else "")' 2>/dev/null)))
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test references variants zoo prove keras onnx exported fuzz bench bench-cuda docs lint release-check site page playground vscode clean

demo: $(VENV)/run.stamp  ## compile EfficientNet at phi 3, draw it and run it
	$(BIN)/python scripts/demo.py

test: $(VENV)/test.stamp references $(VENV)/mermaid.stamp  ## run every test
	$(BIN)/python -m pytest -n 2 --dist loadgroup

variants: $(VENV)/test.stamp references  ## run on all variants and cases what `make test` runs on some
	$(BIN)/python -m pytest -n 2 --dist loadgroup --all-variants $(shell grep -lE "of_each_kind|all_variants: bool|mark.sampled" tests/test_*.py)

zoo: $(VENV)/test.stamp  ## import public models, for hours, and write the record; goes on where it was stopped
	nice -n 19 $(BIN)/python scripts/zoo.py

references: $(VENV)/references.stamp  ## fetch further public implementations, which proofs and tests read

prove: $(VENV)/test.stamp references  ## prove the gallery equal to its public implementations, and write the record
	$(BIN)/python scripts/prove_gallery.py

keras: $(VENV)/test.stamp  ## compare the gallery in Keras with its PyTorch modules
	$(BIN)/python scripts/keras_gallery.py

onnx: $(VENV)/test.stamp  ## compare the gallery in onnxruntime with its PyTorch modules
	$(BIN)/python scripts/onnx_gallery.py

exported: $(VENV)/test.stamp  ## export public networks to ONNX with both of PyTorch's exporters, read the files, and compare
	$(BIN)/python scripts/exported_networks.py

FUZZED := proofs emitter specs ops files onnx editor

fuzz: $(VENV)/test.stamp  ## slips, random networks, damaged specs and files, for hours; goes on where it was stopped
	@failed=0; for part in $(FUZZED); do $(BIN)/python scripts/fuzz_$$part.py || failed=1; done; exit $$failed

bench: $(VENV)/test.stamp  ## measure; nothing is asserted on time
	$(BIN)/python -m pytest -q -s -o python_files='bench_*.py' -o python_functions='bench_*' tests/benchmarks

bench-cuda: $(VENV)/test.stamp  ## on a machine with a GPU: tests that need one, then measure; goes on where it was stopped
	$(BIN)/python scripts/bench_cuda.py --check
	$(BIN)/python -m pytest -q -m cuda $(shell grep -lE "^@(needs_cuda|on_each_device)" tests/test_*.py)
	$(BIN)/python scripts/bench_cuda.py

docs: $(VENV)/test.stamp  ## write the generated documents anew
	$(BIN)/python scripts/write_docs.py

site: $(VENV)/test.stamp  ## build the documentation site in build/site, with the playground if it is built
	$(BIN)/python scripts/build_site.py

page: editors/page/node_modules/.stamp  ## build the script of the live page; needs Node
	cd editors/page && npm run -s build

playground: $(VENV)/run.stamp editors/page/node_modules/.stamp  ## build the live page that needs no server; needs Node
	$(BIN)/python scripts/playground.py

VSCODE := editors/vscode
VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)

vscode: $(VSCODE)/node_modules/.package-lock.json  ## build the extension for Visual Studio Code; needs Node.js 20
	cd $(VSCODE) && npm run package -- $(VERSION) --out dist/archdsl-$(VERSION).vsix

# Only this asks for packages; building the extension from them needs no network.
$(VSCODE)/node_modules/.package-lock.json: $(VSCODE)/package-lock.json
	cd $(VSCODE) && npm ci --no-audit --no-fund
	touch $@

lint: $(VENV)/test.stamp  ## style, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict archdsl/

release-check: $(VENV)/test.stamp  ## build wheel and source, and use the wheel on each Python that is found
	$(BIN)/python scripts/release_check.py

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

# Mermaid's own parser brings an engine for JavaScript; where it cannot be had, the tests that use it skip and say so.
$(VENV)/mermaid.stamp: constraints.txt | $(BIN)/python
	-$(BIN)/python -m pip install -q -c constraints.txt mermaid-parser-py
	touch $@

$(VENV)/references.stamp: references.txt | $(BIN)/python
	$(BIN)/python -m pip install -q --no-deps --ignore-requires-python --upgrade --target $(VENV)/references -r $<
	touch $@

editors/page/node_modules/.stamp: editors/page/package.json editors/page/package-lock.json
	cd editors/page && npm ci --no-audit --no-fund
	touch $@
