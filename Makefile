# make help lists the targets. Every target makes what it needs first; nothing has to be installed or sourced before.
#   PYTHON=python3.12   the Python to make the environment with (default: the existing one's, else the first that serves)
#   VENV=.venv          where the environment is

VENV ?= .venv
PYTHON ?=
# Makes the environment where it is not there or not up to date, then runs a command in it.
RUN = PYTHON="$(PYTHON)" tools/env --venv "$(VENV)" --run
CORE := not ros and not launch
# The demo and the tests never talk to other machines' nodes.
export ROS_AUTOMATIC_DISCOVERY_RANGE ?= LOCALHOST

.DEFAULT_GOAL := help
.PHONY: help env demo test check test-core test-ros format lock colcon clean clean-env

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | column -t -s '|' 2>/dev/null || \
		sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1  \2/p' $(MAKEFILE_LIST)

env:  ## make the environment in .venv: Python packages, ROS 2, our interfaces, microcell itself
	@PYTHON="$(PYTHON)" tools/env --venv "$(VENV)"

demo:  ## build, inspect and pack a small order in a simulated cell, and show what happened
	@$(RUN) tools/demo

test: check test-core test-ros  ## all checks and tests

check:  ## ruff and mypy
	@$(RUN) ruff check
	@$(RUN) ruff format --check --quiet
	@$(RUN) mypy

test-core:  ## the tests that need no ROS 2 node, two at a time (TESTS=test/motion: those alone)
	@$(RUN) python -m pytest -n 2 -m "$(CORE)" $(TESTS)

test-ros:  ## the tests with ROS 2 nodes, one after the other
	@$(RUN) python -m pytest -m "not ($(CORE))" $(TESTS)

format:  ## let ruff order imports, repair what it can and lay the code out
	@$(RUN) ruff check --fix-only
	@$(RUN) ruff format

colcon:  ## build both packages with colcon into build/ and install/
	@$(RUN) colcon build

lock:  ## resolve requirements/*.txt afresh into requirements/lock.txt (needs Python 3.10 to 3.13)
	@python3 tools/lock.py

clean:  ## remove what builds and tests leave behind, keep the environment
	rm -rf build install log .pytest_cache .mypy_cache .ruff_cache .hypothesis microcell.egg-info
	find . -name __pycache__ -type d -not -path './.venv/*' -prune -exec rm -rf {} +

clean-env: clean  ## remove the environment as well
	rm -rf "$(VENV)"
