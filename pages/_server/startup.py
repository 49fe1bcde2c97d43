"""Start the server: limits, settings and cleaning up, once before its first page."""

import os
from collections.abc import Mapping
from pathlib import Path
from threading import Thread

import streamlit as st
from streamlit import config

from fer_core.errors import FerError, SettingsError
from fer_core.models import store as model_store
from fer_core.system import files, memory, temp_folders
from fer_core.system.settings import settings
from fer_core.system.text import markdown
from pages._server import plotly_descriptions
from pages._server.garbage import limit_collections
from pages._server.uploads import limit_upload_memory


def start_once() -> None:
    """Set the limits and clear away what a killed server left; says so where settings are wrong."""
    try:
        _secrets_into_environment()
        _start()
    except FerError as error:
        st.error(markdown(str(error)))
        st.stop()


def _secrets_into_environment() -> None:
    """Streamlit hands on texts and numbers, not true and false, and passes over the rest.

    A switch that nobody hears would leave a public link as open as one's own computer.
    """
    if st.secrets.load_if_toml_exists():
        for name, value in st.secrets.items():
            if isinstance(value, bool):
                os.environ[name] = str(value).lower()
            if isinstance(value, Mapping) and any(key.startswith("FER_") for key in value):
                raise SettingsError(
                    f"Settings of the secrets stand below [{name}], where they do not count. Put "
                    "every line that begins with FER_ above the first [section], then start again."
                )
    elif any(Path(file).is_file() for file in config.get_option("secrets.files")):
        raise SettingsError(
            "The secrets cannot be read, so the settings in them are not known. Each line must be "
            'like FER_PUBLIC = "1", with the quotes; the log says which is not. Then start again.'
        )


@st.cache_resource(show_spinner=False)
def _start() -> None:
    switches = settings()
    os.umask(0o077)  # whatever is written here, this user alone may read
    config.set_option("server.maxUploadSize", switches.upload_mb)
    limit_upload_memory(switches.upload_mb * 2**20)  # as maxUploadSize counts
    if switches.is_space and switches.public:
        # Shown in a frame of another site, which gets no cookie; and there is no login to protect.
        config.set_option("server.enableXsrfProtection", False)
    if not switches.policy.shows_server:
        config.set_option("client.showErrorDetails", "none")
    limit_collections()
    memory.limit_freed()
    plotly_descriptions.read_when_needed()
    temp_folders.sweep()
    files.sweep(model_store.own_home())
    Thread(target=_sweep_halves, args=[switches.home, switches.cache], daemon=True).start()


def _sweep_halves(*folders: Path) -> None:
    """Remove half-written files; in a thread, because homes hold many files."""
    for folder in folders:
        files.sweep_below(folder)
