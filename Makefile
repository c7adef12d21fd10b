# `make up` shows your repository; `make test` proves the tree. Everything lands in .venv and .golive.
PYTHON ?= python3
REPO   ?= .
ARGS   ?=
BIN    := .venv/bin
# What tests drive for real, as Debian packages.
SYSTEM := chromium chromium-driver=chromedriver docker-registry ffmpeg influxdb=influxd nginx-light=nginx openjdk-17-jre-headless=java \
	postgresql=pg_ctlcluster prometheus prometheus-alertmanager prometheus-node-exporter prometheus-pushgateway redis-server \
	xvfb=Xvfb

.DEFAULT_GOAL := help
.PHONY: help up test setup setup-test check format bench screenshot lock clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/\1|\2/' | column -t -s '|'

up: setup  ## ingest REPO (default: this folder) and open the dashboards
	@exec $(BIN)/golive up --repo "$(REPO)" $(ARGS)

# Long end-to-end cases are left to CI, and to ARGS='-m ""'.
test: setup-test  ## run the tests but for the slow ones; ARGS goes to pytest
	$(BIN)/python -m pytest -n 2 --dist worksteal --cov --cov-report=term --cov-fail-under=90 -m "not slow" $(ARGS)

setup: .venv/run.stamp  ## install what running needs
setup-test: .venv/test.stamp  ## install what testing needs, Chromium too

check: .venv/test.stamp  ## formatting, lint, types, import floors, SQL, licence of names
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports --no-cache
	$(BIN)/sqlfluff lint --disable-progress-bar assets
	$(BIN)/sqlfluff lint --disable-progress-bar --templater placeholder --exclude-rules RF02,AM04 golive_gateway
	$(BIN)/pyright

format: .venv/test.stamp  ## put code and SQL into shape
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/sqlfluff fix --disable-progress-bar assets
	$(BIN)/sqlfluff fix --disable-progress-bar --templater placeholder --exclude-rules RF02,AM04 golive_gateway

bench: .venv/test.stamp  ## run every benchmark, each beside a peer or a limit
	@for script in benchmarks/[a-z]*.py benchmarks/scale/run.py; do echo "== $$script"; $(BIN)/python $$script $(ARGS) || exit 1; done

screenshot: .venv/test.stamp  ## make docs/screenshot.png anew in Chromium
	GOLIVE_UPDATE_SCREENSHOT=1 $(BIN)/python -m pytest tests/dashboards -m browser -q

lock: .venv/bin/uv  ## compile the lock files from pyproject.toml
	@./deploy/lock.sh $(BIN)/uv

clean:  ## remove the environment and all data
	rm -rf .venv .golive

.venv/bin/uv: requirements-uv.lock
	@./deploy/venv.sh "$(PYTHON)"

.venv/run.stamp: .venv/bin/uv requirements.lock pyproject.toml
	@./deploy/install.sh requirements.lock
	@touch $@

.venv/test.stamp: .venv/run.stamp requirements-test.lock deploy/node/package-lock.json
	@./deploy/install.sh requirements-test.lock
	@./deploy/system_packages.sh $(SYSTEM)
	@./deploy/node_packages.sh
	@touch $@
