# Every target sets up what it needs. Works as root or not, without a terminal.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := build

TARGET := $(or $(CARGO_TARGET_DIR),target)
# Tests of all crates share one temporary PostgreSQL.
WITH_POSTGRES := $(TARGET)/debug/with-postgres
BENCH_PYTHON := .tools/venv-bench
LLVM := /usr/lib/llvm-22/bin

.PHONY: run demo build release test test-web test-rust test-examples soak journeys check-docs programs fmt lint bench coverage setup web

run: setup release
	$(TARGET)/release/greffe up

# The platform, with workflows that play a day of tickets and alerts on it.
demo: setup release
	scripts/demo $(TARGET)/release/greffe

build: web
	cargo build --workspace

# The program embeds web/dist: the pages are built first.
release: web
	cargo build --release --package greffe

test: check-docs test-web test-rust test-examples journeys

# Paths and links in README.md and docs/ lead somewhere.
check-docs:
	@scripts/check-docs

test-web: web
	cd web && npm run lint && npm test

test-rust: programs
	scripts/test-rust $(WITH_POSTGRES)

# Kills processes and servers at random for long, and checks that nothing was lost. KILLS, and
# GREFFE_TEST_SEED to play the same choices again. Then a day in five minutes, and no nats-server for
# half a minute of it.
soak: programs
	GREFFE_TEST_KILLS=$(or $(KILLS),200) cargo test --package greffe --test crash -- --nocapture
	GREFFE_TEST_FULL_DAY=1 cargo test --package greffe --test day -- --nocapture

# The examples of docs/workflows-over-nats.md, on a real platform.
test-examples: programs
	scripts/test-examples $(TARGET)/debug

journeys: programs
	scripts/setup browser
	scripts/journeys $(TARGET)/debug/greffe

# Built as the tests are, so that nothing is compiled twice.
programs: setup web
	cargo build --workspace --bins --examples

fmt: web
	cargo fmt --all
	cd web && npm run format

lint: web
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- --deny warnings
	cd web && npm run lint

# QUICK=1: under a minute, for every row that can be.
bench: setup web
	cd crates/bench/peers/emmett && npm ci --silent --no-audit --no-fund
	python3 -m venv $(BENCH_PYTHON)
	$(BENCH_PYTHON)/bin/pip install --quiet --disable-pip-version-check \
	  --requirement crates/bench/peers/eventsourcing/requirements.txt
	cargo build --release --package greffe --package bench
	BENCH_PYTHON=$(CURDIR)/$(BENCH_PYTHON)/bin/python $(TARGET)/release/bench

# cargo-llvm-cov with Debian's LLVM 22, which reads what rustc 1.95 (LLVM 22) writes.
coverage: programs
	@cargo llvm-cov --version >/dev/null 2>&1 || cargo install cargo-llvm-cov --locked
	@test -x $(LLVM)/llvm-cov || { echo 'coverage: as root: apt-get install llvm-22' >&2; exit 1; }
	export LLVM_COV=$(LLVM)/llvm-cov LLVM_PROFDATA=$(LLVM)/llvm-profdata; \
	  $(WITH_POSTGRES) cargo llvm-cov test --workspace --html --output-dir $(TARGET)/coverage; \
	  cargo llvm-cov report --summary-only

setup:
	@scripts/setup servers

web:
	@scripts/setup web
