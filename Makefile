# kosmos_nb. From nothing but Python 3.11 or newer and make; everything lands in .venv.

# Bytecode makes imports two to three times cheaper.
unexport PYTHONDONTWRITEBYTECODE
unexport PYTHONPATH
unexport PYTHONHOME

.DEFAULT_GOAL := help
.PHONY: help demo test lab bench test-min wheel-demo changelog constraints clean

# An environment that a moved checkout or an upgraded Python has broken is made again.
$(shell for e in .venv .venv-min; do [ ! -d $$e ] || tools/env-is-sound $$e || rm -f $$e/*.stamp; done)

help: ## say what there is to make
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

demo: .venv/core.stamp ## install, and answer a question about the Palmer penguins
	@.venv/bin/kosmos demo

test: .venv/test.stamp ## style, types, rooms, tutorials and all tests (PYTEST="-k pool" selects)
	@tools/run-tests .venv $(PYTEST)

lab: .venv/lab.stamp ## open the tutorials in JupyterLab
	@.venv/bin/python -m jupyter lab notebooks

bench: .venv/bench.stamp ## measure every figure; fails on a miss (BENCH="--only execution" selects)
	@.venv/bin/python -m benchmarks $(BENCH)

test-min: .venv-min/test.stamp ## the core tests on the lowest versions that pyproject.toml allows
	@home=$$(mktemp -d); trap 'rm -rf "$$home"' EXIT; \
	  KOSMOS_HOME="$$home/kosmos" IPYTHONDIR="$$home/ipython" PATH="$$PWD/.venv-min/bin:$$PATH" \
	  .venv-min/bin/python -m pytest -m "not browser and not install" $(PYTEST)

wheel-demo: .venv/test.stamp ## build the wheel and run the demo from it in an empty environment
	@tools/wheel-demo .venv

changelog: .venv/test.stamp ## gather changelog.d into CHANGELOG.md (make changelog VERSION=0.1.0)
	@.venv/bin/python -m towncrier build --yes --version $(VERSION)

constraints: .venv/test.stamp ## bring constraints.txt up to date with pyproject.toml
	@tools/make-constraints .venv

clean: ## remove the environments and everything that was built or cached
	rm -rf .venv .venv-min build dist demo-results test-results .hypothesis .import_linter_cache \
	  .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -prune -exec rm -rf {} +

.venv/core.stamp: pyproject.toml constraints.txt
	@tools/make-env .venv constraints.txt ""
	@touch $@

.venv/lab.stamp: pyproject.toml constraints.txt
	@tools/make-env .venv constraints.txt lab
	@touch .venv/core.stamp $@

.venv/test.stamp: pyproject.toml constraints.txt
	@tools/make-env .venv constraints.txt test,lab
	@touch .venv/core.stamp .venv/lab.stamp $@

.venv/bench.stamp: pyproject.toml constraints.txt
	@tools/make-env .venv constraints.txt test,lab,bench
	@touch .venv/core.stamp .venv/lab.stamp .venv/test.stamp $@

# Colab ships Python 3.12, and that old numpy and pandas have no builds for 3.13. pyenv keeps its
# Pythons off the PATH until they are chosen.
OLD_ENOUGH = python3.12 $(wildcard $(or $(PYENV_ROOT),$(HOME)/.pyenv)/versions/3.12.*/bin/python3.12) python3.11 python3

.venv-min/test.stamp: pyproject.toml tools/lowest.py
	@mkdir -p build
	@for p in $(OLD_ENOUGH); do $$p tools/lowest.py >build/lowest.txt 2>/dev/null && break; done
	@tools/make-env .venv-min build/lowest.txt test "$(OLD_ENOUGH)"
	@touch $@
