"""The pages; ``streamlit_app.py`` routes to them.

Streamlit takes a folder of this name for its older kind of multipage app until a router has run
once. On a fresh server, a link straight to an inner page would therefore open it without the
router; starting over, once a process, puts that right.
"""

import streamlit as st
from streamlit.runtime.pages_manager import PagesManager

if PagesManager.uses_pages_directory:
    PagesManager.uses_pages_directory = False
    st.rerun()
