# On a fresh machine, `make demo` and `make test` need Debian or Ubuntu, root, make, and python3 with venv.
# Elsewhere they need a Docker engine that answers, too.

BIN := .venv/bin
DEPLOYTOOL := $(BIN)/deploytool
FETCH := $(if $(shell command -v curl),curl -fsS,$(BIN)/python -c \
	'import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1]).read().decode(), end="")')

.PHONY: help demo docs test proof chaos endurance lint lab screenshots clean

help: ## Show this
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 8

.venv/installed: setup.cfg pyproject.toml
	python3 -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --editable .
	@touch $@

.venv/testable: setup.cfg pyproject.toml
	@# Not after .venv/installed, which it includes: pip would work out everything twice.
	python3 -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[test]'
	@touch .venv/installed $@

.venv/documented: .venv/installed
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[docs]'
	@touch $@

demo: .venv/installed ## See it work, on three disposable hosts
	@printf '\n# Three hosts, each a container with its own sshd and Docker:\n'
	$(DEPLOYTOOL) lab up --start-engine
	@printf '\n# Make them run what playbooks/site.yaml says:\n'
	$(DEPLOYTOOL) converge inventories/lab.yaml --yes
	@printf '\n# The front answers on port 8080 of lab1, which is port 8181 here:\n'
	$(FETCH) http://127.0.0.1:8181/
	@printf '\n# Once more: nothing is left to do.\n'
	$(DEPLOYTOOL) converge inventories/lab.yaml --yes
	@printf '\n# Remove one container behind its back, and let it repair that:\n'
	docker exec lab2 sh -c 'docker rm --force $$(docker ps --quiet --filter label=com.docker.compose.service=web | head -n 1)'
	$(DEPLOYTOOL) converge inventories/lab.yaml --yes
	@printf '\n# Try next:\n'
	@printf '  %-65s # %s\n' \
		'$(DEPLOYTOOL) status inventories/lab.yaml' 'what runs where' \
		'$(DEPLOYTOOL) plan inventories/lab.yaml -e tag=2' 'what another version would change' \
		'$(DEPLOYTOOL) converge inventories/lab.yaml -e tag=2' 'roll it out' \
		'$(DEPLOYTOOL) lab down' 'take the hosts away'

# Tests start hundreds of Python programs, each of which would compile all modules again.
export PYTHONDONTWRITEBYTECODE :=

# Each worker has a lab of its own. More: make test LABS=4
LABS := 3

test: .venv/testable ## Check and test everything, on disposable hosts too
	@# At the same time: tests on hosts wait half of the time. What is niced takes the other half.
	$(MAKE) --jobs=3 --output-sync=target test-on-hosts lint test-here

.PHONY: test-here test-on-hosts
test-on-hosts: .venv/testable
	@# The tests say so, or fail in CI, if the hosts cannot be had.
	-$(DEPLOYTOOL) lab up --start-engine
	$(BIN)/python -m pytest -q --durations=25 --durations-min=4 -m 'not proof' tests/lab \
		-n $(LABS) --dist loadfile --no-loadscope-reorder

test-here: .venv/testable
	nice $(BIN)/python -m pytest -q -n 2 -m 'not lab'

proof: .venv/testable ## Prove what updates and ingress promise, with faults and under load; takes half an hour to an hour
	$(DEPLOYTOOL) lab up --start-engine --envoy
	DEPLOYTOOL_PROOF_EXAMPLES=600 $(BIN)/python -m pytest -q -n 2 tests/unit/run/test_promises.py \
		tests/unit/run/test_ingress_promises.py tests/unit/run/test_any_runs.py tests/unit/watch/test_chaos.py
	$(BIN)/python -m pytest -q -s -m proof

lint: .venv/testable ## Check style and types, and the scripts that run on hosts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m tests.shellcheck

chaos: .venv/testable ## Break five hosts for ten minutes while a watcher keeps 20 replicas on them
	$(DEPLOYTOOL) lab up --start-engine -n 5
	$(BIN)/python -m bench.watch chaos --seconds 600

endurance: .venv/testable ## Measure the watcher: repairs, lost hosts, a thousand repairs, idle cost (an hour)
	$(DEPLOYTOOL) lab up --start-engine -n 5
	$(BIN)/python -m bench.watch kill host split leak
	$(DEPLOYTOOL) lab up -n 8
	$(BIN)/python -m bench.watch idle --seconds 120

docs: .venv/documented ## Build the documentation as a site, in build/site
	$(BIN)/python -m website.reference
	NO_MKDOCS_2_WARNING=1 PYTHONPATH=. $(BIN)/mkdocs build --quiet

lab: .venv/installed ## Bring the three disposable hosts up
	$(DEPLOYTOOL) lab up --start-engine

screenshots: .venv/testable lab ## Take the screenshots of docs/ anew
	$(BIN)/python -m bench.screenshots

clean: ## Remove the hosts, the virtual environment and what tools cached
	-[ ! -x $(DEPLOYTOOL) ] || $(DEPLOYTOOL) lab down
	-[ ! -e .venv/testable ] || $(BIN)/python -m tests.lab.own_lab
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis *.egg-info build dist

.venv/measurable: .venv/installed
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[bench]'
	@touch $@

# Small. More of it: make bench HOSTS=8 ROUNDS=3 SIMULATED=1000
HOSTS := 3
ROUNDS := 1
SIMULATED := 100

.venv/pyinfra/installed:
	python3 -m venv .venv/pyinfra
	.venv/pyinfra/bin/pip install --quiet --disable-pip-version-check 'pyinfra>=3.1'
	@touch $@

.PHONY: bench
bench: .venv/measurable .venv/pyinfra/installed ## Measure it: planning, a day of events, many simulated hosts, other tools on the lab's hosts
	$(BIN)/python bench/schedule.py
	$(BIN)/python bench/fleet.py --hosts 1000
	$(BIN)/python bench/scale.py --hosts $(SIMULATED) --ways
	$(BIN)/python bench/scale.py --hosts $(SIMULATED) --dead 5
	$(BIN)/python bench/scale.py --hosts 8 --latency-ms 50
	$(BIN)/python bench/scale.py --hosts 8 --latency-ms 200
	$(DEPLOYTOOL) lab up --start-engine -n $(HOSTS)
	$(BIN)/python bench/idle.py .lab/inventory.yaml
	$(BIN)/python bench/peers.py .lab/inventory.yaml --python --rounds $(ROUNDS)
	$(BIN)/python -m bench.ingress
