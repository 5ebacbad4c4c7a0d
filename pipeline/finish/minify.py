"""What MkDocs and mkdocs-jupyter put into a page and no reader needs."""

from __future__ import annotations

import re
from functools import cache

# Names, numbers, brackets, operators and spaces are most of a program; they keep the colour of the text, and the page half its weight.
PLAIN_TOKEN = re.compile(r'<span class="(?:n|w|p|o|ow|mi|mf|nb|nn|ne|sa)">([^<]*)</span>')
# What the theme draws alike is one class with a short name, and one span where it stands together.
ALIKE = {"s1": "s", "s2": "s", "si": "s", "c1": "c", "sd": "c", "kn": "k"}
TOKEN = re.compile(rf'<span class="({"|".join(ALIKE)})">')
TOGETHER = re.compile(r'(<span class="([sck])">[^<]*)</span>(\s*)<span class="\2">')
STYLE = re.compile(r"\s*<style\b[^>]*>(.*?)</style>", re.DOTALL)
# Formulas are MathML already, and nothing here draws diagrams: these two scripts would only look for another host.
NOT_NEEDED = re.compile(
    r'<!-- Load mathjax -->.*?<!-- End of mathjax configuration -->|<script type="module">.*?mermaid.*?</script>',
    re.DOTALL,
)

SVG = '<svg xmlns="http://www.w3.org/2000/svg"'  # within HTML there is no other
# Line breaks and indents mean nothing but in these; the last is what a notebook page's button copies.
AS_IT_STANDS = re.compile(
    r'(<(pre|script|style|textarea)\b.*?</\2>|<div class="clipboard-copy-txt".*?</div>)', re.DOTALL
)

# What Markdown's tables say in a style attribute, which the policy of the page forbids.
ALIGNED = re.compile(r'(<t[hd]) style="text-align: (\w+);?"')


def page(html: str) -> str:
    """A page without the empty lines and indents that templates leave, and what goes without saying: 6 kB of an article."""
    parts = AS_IT_STANDS.split(html)  # text, element, its name, text, ...
    parts[::3] = [re.sub(r"\s*\n\s*", "\n", text).replace(SVG, "<svg") for text in parts[::3]]
    del parts[2::3]
    return ALIGNED.sub(r'\1 class="\2"', "".join(parts))


@cache
def highlighted(source: str) -> str:
    """A Python block of an article; the same block costs nothing the next time."""
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer

    return code(highlight(source, PythonLexer(), HtmlFormatter(nowrap=True)))


def code(html: str) -> str:
    """Highlighted code at half its weight: without the marks of tokens that are not highlighted, or are drawn alike."""
    html = TOKEN.sub(lambda token: f'<span class="{ALIKE[token[1]]}">', PLAIN_TOKEN.sub(r"\1", html))
    while (shorter := TOGETHER.sub(r"\1\3", html)) != html:
        html = shorter
    return html


def notebook(html: str) -> tuple[str, str]:
    """A notebook page without styles and unused scripts, and its styles: 600 kB that all notebook pages share."""
    # The last block is a Python list printed as text, which no browser can read.
    styles = [css.strip() for css in STYLE.findall(html) if not css.strip().startswith("[")]
    return NOT_NEEDED.sub("", STYLE.sub("", html)), "\n".join(styles)
