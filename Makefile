PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8501
HOST ?= 127.0.0.1
# Names under which the page is asked for; empty for any. Another one may be a foreign page's name
# that was made to point here.
HOSTS ?= $(if $(filter 127.0.0.1 localhost,$(HOST)),localhost 127.0.0.1)

# Where this computer's browser finds it.
ADDRESS := $(if $(filter 127.0.0.1 0.0.0.0,$(HOST)),localhost,$(HOST))
# An environment whose Python is gone is made anew.
GONE := $(if $(wildcard $(VENV)/.app-ready),$(shell $(BIN)/python -c "" 2>/dev/null || echo gone))

.PHONY: $(GONE) app test check suite stress audit lock docs screenshots release-model

app: $(VENV)/.app-ready  ## install and start the dashboard; PORT=8502, HOST=0.0.0.0 for the network
	@$(BIN)/python scripts/install.py port $(HOST) $(PORT)
	@echo "FER Studio is starting on http://$(ADDRESS):$(PORT) (stop it with Ctrl-C)"
	@$(BIN)/python -m streamlit run streamlit_app.py --server.port $(PORT) --server.address $(HOST) \
		$(foreach name,$(HOSTS),--server.allowedHosts $(name))

# The checks use one core: the tests run beside them.
test: $(VENV)/.test-ready  ## install what is needed and run every check and test
	@$(MAKE) --no-print-directory --jobs 2 check suite

suite: $(VENV)/.test-ready
	$(BIN)/python -m pytest -n 2 --dist loadgroup --no-loadscope-reorder

stress: $(VENV)/.test-ready  ## the long counts: kills, threads, damaged files, the installed wheel
	$(BIN)/python -m pytest tests/unit/test_training_bursts.py --kills 30 --graph
	$(BIN)/python -m pytest tests/unit/test_bulk_stops.py -k killed --kills 10
	$(BIN)/python -m pytest tests/browser/test_live_faults.py -k killed --browser-kills 10
	$(BIN)/python -m pytest tests/unit/test_recognition.py -k threads --rounds 50
	$(BIN)/python -m pytest tests/pages/test_damaged_home.py --states 1000
	$(BIN)/python -m pytest tests/unit/test_fuzz.py --fuzz 600
	$(BIN)/python -m pytest tests/browser/test_wheel.py --bare-venv

audit: $(VENV)/.test-ready  ## look for known flaws in the packages; needs the internet
	$(BIN)/python -m pip install --quiet --disable-pip-version-check pip-audit==2.10.1
	$(BIN)/python -m pip_audit -r requirements.lock --no-deps --disable-pip

lock: $(VENV)/.test-ready  ## pin every package that requirements.txt leads to, with its hashes
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==0.13.9
	$(BIN)/uv pip compile requirements.txt --quiet --python-version 3.11 --universal \
		--generate-hashes --no-annotate --custom-compile-command "make lock" -o requirements.lock

docs: $(VENV)/.app-ready  ## write the pages of the reference that come from code
	$(BIN)/python docs/generate.py

screenshots: $(VENV)/.test-ready  ## make the documents' pictures anew from the real app
	$(BIN)/python -m benchmarks.screenshots

check: $(VENV)/.test-ready
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m mypy
	$(BIN)/lint-imports
	$(BIN)/python scripts/house.py

# DATA=folder with FER-2013, VOTES=its FER+ votes, START=ImageNet weights (default: Keras' download).
# An interrupted run is taken up again. See docs/data.md and docs/model.md.
RUNS ?= runs
define train  # recipe, more options
	$(BIN)/python -m fer_core train --config $(1) --data "$(DATA)" --votes "$(VOTES)" $(2) \
		--run $(RUNS)/$(1) $(if $(wildcard $(RUNS)/$(1)/config.yaml),--resume)
endef
define ship  # recipe, name of the model
	rm -rf models/$(2)
	cp -r $(RUNS)/$(1)/model models/$(2)
endef

# Recipes that go on or learn from mobilenetv2 and fernet mean those shipped by the lines above them.
release-model: $(VENV)/.app-ready  ## train the shipped models anew
	@test -n "$(DATA)" -a -n "$(VOTES)" || { echo "Usage: make release-model DATA=FOLDER VOTES=labels.csv [START=WEIGHTS]"; exit 1; }
	$(call train,mobilenetv2-imagenet,$(if $(START),--start "$(START)"))
	$(call ship,mobilenetv2-imagenet,mobilenetv2)
	$(call train,fernet-scratch)
	$(call ship,fernet-scratch,fernet)
	$(call train,mobilenetv2-second)
	$(call ship,mobilenetv2-second,mobilenetv2)
	$(call train,mobilenetv2-third)
	$(call train,fernet-second)
	$(call ship,mobilenetv2-third,mobilenetv2)
	$(call ship,fernet-second,fernet)
	$(call train,mobilenetv2)
	$(call train,fernet)
	$(call ship,mobilenetv2,mobilenetv2)
	$(call ship,fernet,fernet)
	$(call train,mobilenetv2-occlusion)
	$(call ship,mobilenetv2-occlusion,mobilenetv2)

define install  # requirements
	@command -v $(PYTHON) >/dev/null || \
		{ echo "There is no $(PYTHON) here. Install Python 3.11, 3.12 or 3.13 (python.org)."; exit 1; }
	@$(PYTHON) scripts/install.py install $(VENV) $(1)
endef

$(VENV)/.app-ready: requirements.txt $(GONE)
	$(call install,$<)
	@touch $@

# These requirements include those of the app: one run of pip installs both.
$(VENV)/.test-ready: requirements-dev.txt requirements-cluster.txt requirements.txt $(GONE)
	$(call install,$<)
	@touch $(VENV)/.app-ready $@
