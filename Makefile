PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8501

.PHONY: app test stress check

app: $(VENV)/.app-ready  ## install and start the dashboard
	@echo "FER Studio is starting on http://localhost:$(PORT) (stop it with Ctrl-C)"
	$(BIN)/streamlit run streamlit_app.py --server.port $(PORT)

test: $(VENV)/.test-ready check  ## install what is needed and run every check and test
	$(BIN)/python -m pytest

stress: $(VENV)/.test-ready  ## kill running jobs many more times than make test does
	FER_STRESS_KILLS=10 $(BIN)/python -m pytest tests/unit/test_bulk.py -k killed

check: $(VENV)/.test-ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

$(VENV)/.app-ready: requirements.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(not (3, 11) <= v < (3, 14))' || \
		{ echo "FER Studio needs Python 3.11, 3.12 or 3.13; try: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

$(VENV)/.test-ready: $(VENV)/.app-ready requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@
