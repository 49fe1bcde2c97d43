"""What the server does once, before it shows its first page."""

import os

import streamlit as st
from streamlit import config

from fer_core import files, model_store, scratch
from fer_core.errors import FerError
from fer_core.settings import settings
from pages._uploads import limit_held


def start_once() -> None:
    """Set the limits and clear away what a killed server left; says so where settings are wrong."""
    try:
        _start()
    except FerError as error:
        st.error(str(error))
        st.stop()


@st.cache_resource(show_spinner=False)
def _start() -> None:
    switches = settings()
    os.umask(0o077)  # whatever is written here, this user alone may read
    config.set_option("server.maxUploadSize", switches.upload_mb)
    limit_held(switches.upload_mb * 2**20)  # as maxUploadSize counts
    if switches.public:
        config.set_option("client.showErrorDetails", "none")
    scratch.sweep()
    files.sweep(model_store.own_home())
