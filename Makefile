# One verb a target; `make` lists them.
.DEFAULT_GOAL := help
.PHONY: help venv validator rig lint test demo bench docs build lock clean

ifeq ($(OS),Windows_NT)
PYTHON := .venv/Scripts/python
else
PYTHON := .venv/bin/python
endif
# The bpy 4.5 wheel exists for Python 3.11 alone.
PYTHON311 = $(shell for p in python3.11 python3 python; do $$p -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null && command -v $$p && break; done)
PIP_INSTALL := -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps
# What the bpy wheel loads from the system.
BPY_LIBRARIES := libegl1 libgl1 libsm6 libxfixes3 libxi6 libxkbcommon0 libxrender1
apt_install = { test "$$(id -u)" = 0 && apt-get update -q && apt-get install -qy --no-install-recommends $(1); } \
	|| { echo "make: this needs, by Debian's names: $(1)" >&2; exit 1; }
TYPED := $(wildcard glb_batch_validator_addon run_batch.py build_addon.py fetch_validator.py container demo benchmarks docs) tests/rig tests/servers

help:  ## list the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## */  make \1\t/' | expand -t 14

venv: .venv/.stamp .deps/.stamp validator  ## make .venv (Python 3.11, bpy, tools) and .deps (what a real Blender borrows)

.venv/.stamp: requirements/dev.txt
	@test ! -L .venv || { echo ".venv is a link: make would clear what it leads to. Remove the link." >&2; exit 1; }
	@test -n "$(PYTHON311)" || { echo "Python 3.11 is needed and was not found (python3.11, python3)." >&2; exit 1; }
	@$(PYTHON311) -c 'import ensurepip' 2>/dev/null || $(call apt_install,python3-venv)
	$(PYTHON311) -m venv --clear .venv
	$(PYTHON) $(PIP_INSTALL) -r $<
	@$(PYTHON) -c 'import bpy' 2>/dev/null || $(call apt_install,$(BPY_LIBRARIES))
	@$(PYTHON) -c 'import bpy'
	@touch $@

.deps/.stamp: requirements/runtime.txt .venv/.stamp
	rm -rf .deps
	$(PYTHON) $(PIP_INSTALL) --target .deps -r $<
	@touch $@

# The Khronos validator is an npm package: npm fetches it once, and nothing else needs npm.
validator: .venv/.stamp
	@$(PYTHON) fetch_validator.py --without-npm 2>/dev/null || command -v npm >/dev/null || $(call apt_install,npm)
	@$(PYTHON) fetch_validator.py

rig: venv  ## make what the tests need besides: other Blenders, servers (cached outside the checkout)
	$(PYTHON) -m tests.rig

lint: venv  ## ruff and mypy
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy $(TYPED)

test: lint rig  ## lint and all tests
	$(PYTHON) -m pytest --numprocesses 2 --dist loadfile

demo: venv  ## validate a generated library on an embedded S3 server
	$(PYTHON) -m demo

bench: rig  ## measure us and the peers side by side, and a farm
	$(PYTHON) -m benchmarks
	$(PYTHON) -m benchmarks.stages
	$(PYTHON) -m benchmarks.farm
	$(PYTHON) -m benchmarks.scaling

docs: venv  ## write the pages of the rules and the schema of reports anew
	$(PYTHON) docs/generate.py

build: venv  ## build the extension, a zip for each platform
	$(PYTHON) build_addon.py

lock:  ## compile requirements/**/*.in anew to pinned and hashed *.txt (needs uv)
	cd requirements && for name in runtime farm dev worker rig/bpy-4.2 rig/bpy-5.0 rig/bpy-5.2 rig/hadolint rig/pytest-blender; do \
		uv pip compile --quiet --upgrade --universal --generate-hashes --no-header \
			--python-version $$(test $$name = rig/bpy-5.2 && echo 3.13 || echo 3.11) $$name.in -o $$name.txt || exit 1; \
	done

clean:  ## remove what make made in the checkout; the cache stays
	rm -rf .venv .deps dist glb_batch_validator_addon/khronos/gltf-validator .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
