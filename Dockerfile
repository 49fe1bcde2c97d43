# FER Studio in a container, or as a Space of Hugging Face; docs/deploy.md says how to run it.
# The tag fixes Python's minor version; to fix every byte, add the image's digest behind it.
FROM python:3.11-slim-bookworm AS packages
COPY requirements.lock /requirements.lock
RUN python -m venv /venv \
    && /venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes \
        -r /requirements.lock

FROM python:3.11-slim-bookworm
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    FER_HOME=/data FER_CACHE=/data/cache HOME=/tmp
# Spaces run as user 1000.
RUN useradd --system --uid 1000 --no-create-home fer \
    && install -d -o fer -g fer -m 700 /data
COPY --from=packages /venv /venv
WORKDIR /app
COPY --chown=root:root streamlit_app.py LICENSE ./
COPY .streamlit/config.toml .streamlit/config.toml
COPY docs/images/astronaut.jpg docs/images/example.mp4 docs/images/
COPY docs/glossary.md docs/glossary.md
COPY fer_core fer_core
COPY pages pages
COPY models models
USER 1000
VOLUME /data
EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8501/_stcore/health', timeout=4)"]
CMD ["streamlit", "run", "streamlit_app.py", "--server.address=0.0.0.0", "--server.port=8501", "--server.headless=true"]
