"""Models: every network that can run here, with its card; use, download and import."""

import streamlit as st

from pages._components.background import finish_or_show
from pages._models import models_view

st.title("Models", anchor=False)
st.write("The networks that can run here: those shipped, your own, and those of finished runs.")
finish_or_show()
models_view.show()
