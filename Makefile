PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8501
HOST ?= 127.0.0.1

.PHONY: app test check stress release-model

app: $(VENV)/.app-ready  ## install and start the dashboard
	@echo "FER Studio is starting on http://localhost:$(PORT) (stop it with Ctrl-C)"
	$(BIN)/streamlit run streamlit_app.py --server.port $(PORT) --server.address $(HOST)

test: $(VENV)/.test-ready check  ## install what is needed and run every check and test
	$(BIN)/python -m pytest

stress: $(VENV)/.test-ready  ## kill training runs 30 times with compiled networks, bulk runs 10 times
	$(BIN)/python -m pytest tests/unit/test_training_bursts.py --kills 30 --graph
	$(BIN)/python -m pytest tests/unit/test_bulk.py -k killed --kills 10

check: $(VENV)/.test-ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# DATA=folder with FER-2013, VOTES=its FER+ votes, START=ImageNet weights (default: Keras' download).
# An interrupted run is taken up again. See docs/data.md and docs/model.md.
RUNS ?= runs
define train
	$(BIN)/python -m fer_core train --config $(1) --data "$(DATA)" --votes "$(VOTES)" $(2) \
		--run $(RUNS)/$(1) $(if $(wildcard $(RUNS)/$(1)/config.yaml),--resume)
	rm -rf models/$(1)
	cp -r $(RUNS)/$(1)/model models/$(1)
endef

release-model: $(VENV)/.app-ready  ## train the shipped models anew
	@test -n "$(DATA)" -a -n "$(VOTES)" || { echo "Usage: make release-model DATA=FOLDER VOTES=labels.csv [START=WEIGHTS]"; exit 1; }
	$(call train,mobilenetv2,$(if $(START),--start "$(START)"))
	$(call train,fernet)

$(VENV)/.app-ready: requirements.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(not (3, 11) <= v < (3, 14))' || \
		{ echo "FER Studio needs Python 3.11, 3.12 or 3.13; try: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

$(VENV)/.test-ready: $(VENV)/.app-ready requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@
