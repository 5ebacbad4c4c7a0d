"""What MkDocs and mkdocs-jupyter put into a page and no reader needs."""

from __future__ import annotations

import re

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


def notebook(html: str) -> tuple[str, str]:
    """A notebook page without styles and unused scripts, and its styles: 600 kB that all notebook pages share."""
    # The last block is a Python list printed as text, which no browser can read.
    styles = [css.strip() for css in STYLE.findall(html) if not css.strip().startswith("[")]
    return NOT_NEEDED.sub("", STYLE.sub("", html)), "\n".join(styles)
