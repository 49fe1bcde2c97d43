"""Home: the recognizer at work on a photo, the ways in, and the shipped model's test results."""

import streamlit as st


def show_sections() -> None:
    from pages._home import sections  # half a second after a start: the title stands by then

    sections.show()


st.title("FER Studio", anchor=False)
st.write(
    "Recognizes seven facial expressions, with a calibrated confidence: *uncertain* where that is "
    "too low, and *no face* where there is none."
)
show_sections()
