"""Long lists, a page at a time."""

import streamlit as st


def page_of(count: int, size: int, key: str) -> slice:
    """Show a pagination where there is more than one page; return the rows of the chosen page.

    Args:
        count: Rows in all.
        size: Rows a page.
        key: Of the widget; another key begins at page 1.
    """
    pages = -(-count // size)
    page = st.pagination(pages, key=key) if pages > 1 else 1
    return slice((page - 1) * size, min(page * size, count))
