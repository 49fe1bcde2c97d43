import html.parser

import pytest

from fer_core.system import text

NAMES = [
    "![x](http:&#47;&#47;127.0.0.1&#47;seen.png).jpg", "[x](javascript:alert)", "<img src=x>",
    "# big.jpg", "- item", "1. item", "**bold** _it_ ~~s~~ `code` $m$", ":red[x] :material/home:",
    "www.example.com", "https://example.com/x", "me@example.com", "a|b", "\x1b[31mred", "a\rb\nc",
    "\u202egpj.exe", "\udcff", "&amp;", "\\",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_markdown_shows_the_name_and_nothing_else(name: str) -> None:
    """As the CommonMark parser reads it that the tests have: plain text, and no other node."""
    markdown_it = pytest.importorskip("markdown_it")
    parser = markdown_it.MarkdownIt("commonmark").enable(["table", "strikethrough"])
    (opening, inline, _) = parser.parse(text.markdown(name))
    assert opening.type == "paragraph_open"
    kinds = {token.type for token in inline.children or []}
    assert kinds <= {"text", "text_special"}
    shown = "".join(token.content for token in inline.children or [])
    assert shown.replace(text.WORD_JOINER, "") == text.terminal(name)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_becomes_a_link_or_an_icon_by_itself(name: str) -> None:
    shown = text.markdown(name).replace("\\", "")
    for start in ("https://", "www.", "@e", ":material/home:", ":smile:"):
        assert start not in shown


@pytest.mark.parametrize("name", NAMES)
def test_html_shows_the_name_and_nothing_else(name: str) -> None:
    class Parser(html.parser.HTMLParser):
        seen = ""

        def handle_starttag(self, tag: str, attrs: list) -> None:
            raise AssertionError(tag)

        def handle_data(self, data: str) -> None:
            self.seen += data

    parser = Parser()
    parser.feed(text.html(name))
    parser.close()
    assert parser.seen == text.terminal(name)


@pytest.mark.parametrize(
    ("name", "shown"),
    [("a\x1b[31m", r"a\x1b[31m"), ("a\rb\n\t", r"a\rb\n\t"), ("\u202e\u2028", r"\u202e\u2028"),
     ("\udcff", r"\udcff"), ("ünïcode 😀 日本.jpg", "ünïcode 😀 日本.jpg")],
)  # fmt: skip
def test_control_codes_are_shown_on_a_terminal(name: str, shown: str) -> None:
    assert text.terminal(name) == shown


def test_one_has_no_plural() -> None:
    assert text.counted(0, "file") == "0 files"
    assert text.counted(1, "file") == "1 file"
    assert text.counted(2000, "file was", "files were") == "2,000 files were"
    assert text.counted(1, "file was", "files were") == "1 file was"
