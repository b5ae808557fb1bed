# One recipe per task. Set-up is idempotent and lives in .venv: nothing outside the folder is touched.
PYTHON ?= python3
VENV   := .venv
PY     := $(VENV)/bin/python
PORT   ?= 8080
SHARED ?= ../shared

# pyvips builds its own binding against a system libvips when pkg-config finds one. The wheel's libvips is the one we
# test with, so pkg-config gets an empty folder to look in and nothing else.
NO_SYSTEM_VIPS := PKG_CONFIG_PATH= PKG_CONFIG_LIBDIR=$(CURDIR)/$(VENV)/no-pkg-config
PIP := PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore $(NO_SYSTEM_VIPS) $(PY) -m pip install -q

.PHONY: run test servers check conformance docs bench micro resilience dashboard image packages synth demo samples clean
.PHONY: system-vips-is-hidden

run: samples  ## a server with sample pictures, from nothing
	@IMGPROXY_BIND=127.0.0.1:$(PORT) IMGPROXY_LOCAL_FILESYSTEM_ROOT=$(CURDIR)/.samples $(VENV)/bin/bildwerk serve --examples

test: servers $(VENV)/emulator.stamp $(VENV)/checkov.stamp  ## the whole suite, from nothing
	@$(PY) -m pytest

servers: $(VENV)/dev.stamp  ## the servers that tests start, built or fetched once
	@$(PY) -m scripts.servers

check: $(VENV)/dev.stamp  ## format, lint, types, import rules, documentation drift
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/mypy
	@$(VENV)/bin/lint-imports --no-logo
	@$(PY) -m scripts.docs --check

conformance: $(VENV)/dev.stamp  ## the recorded answers, where they are there
	@$(PY) -m scripts.conformance $(SHARED)/conformance

system-vips-is-hidden:  ## fails if the build of pyvips could see a system libvips
	@! $(NO_SYSTEM_VIPS) pkg-config --exists vips

# All that it has to tell: python -m benchmarks.pictures --help, and benchmarks.memory, .processes, .overhead, .encoders.
bench: servers  ## what a picture costs, here, in bare libvips and in other servers: benchmarks/results/report.md
	@$(PY) -m benchmarks.pictures $(BENCH_OPTIONS)

micro: $(VENV)/dev.stamp  ## what parsing, signing and planning cost
	@$(PY) -m benchmarks.micro

resilience: servers  ## what the server does when the world is against it
	@$(PY) -m benchmarks.resilience

# It installs no Prometheus: where there is none it says so. The program can be named: PROMETHEUS=path.
dashboard: $(VENV)/dev.stamp samples  ## every query of the Grafana dashboard against a real Prometheus, and its picture
	@$(PY) -m scripts.dashboard $(if $(PROMETHEUS),--prometheus $(PROMETHEUS)) $(DASHBOARD_OPTIONS)

# Needs root, buildah and mmdebstrap, and says so where they are not: python -m scripts.image --help.
image: $(VENV)/dev.stamp samples  ## the container image: built, run without root on a read-only root, measured
	@$(PY) -m scripts.image $(IMAGE_OPTIONS)

packages: $(VENV)/dev.stamp  ## the code of the Lambda functions for arm64, without Docker: .packages
	@$(PY) -m scripts.packages

# It needs no account and no network, and no packages: it synthesises with a stand-in for them.
synth: $(VENV)/dev.stamp $(VENV)/checkov.stamp  ## every variant of the stack, and every check of its templates
	@$(PY) -m scripts.synth $(SYNTH_OPTIONS)

demo: servers samples  ## the whole platform on this machine without Docker: server, API, S3, CDN, metrics
	@$(PY) -m scripts.demo $(DEMO_OPTIONS)

docs: $(VENV)/dev.stamp  ## write docs/options.md, docs/settings.md and docs/openapi.json anew from the tables
	@$(PY) -m scripts.docs

samples: $(VENV)/runtime.stamp
	@$(PY) -m scripts.samples .samples

clean:
	rm -rf $(VENV) .samples .packages infra/cdk.out .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(VENV)/runtime.stamp: pyproject.toml requirements/build.txt requirements/runtime.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Bildwerk needs Python 3.11 or newer; set PYTHON=")'
	@echo "Setting up $(VENV) (once) ..."
	@$(PYTHON) -m venv $(VENV)
	@mkdir -p $(VENV)/no-pkg-config
	@$(PIP) --require-hashes -r requirements/build.txt
	@$(PIP) --require-hashes --no-build-isolation -r requirements/runtime.txt
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

# Two programs beside ours that pin what others need in other versions: each in an environment of its own.
$(VENV)/%.stamp: requirements/%.txt | $(VENV)/runtime.stamp
	@$(PYTHON) -m venv $(VENV)/$*
	@PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore $(VENV)/$*/bin/python -m pip install -q --require-hashes -r requirements/$*.txt
	@touch $@

$(VENV)/dev.stamp: $(VENV)/runtime.stamp requirements/extras.txt requirements/dev.txt
	@$(PIP) --require-hashes --no-build-isolation -r requirements/extras.txt
	@$(PIP) --require-hashes -r requirements/dev.txt
	@touch $@
