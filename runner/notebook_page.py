"""What mkdocs-jupyter puts into each notebook page and a page does not need."""

from __future__ import annotations

import re

STYLE = re.compile(r"\s*<style\b[^>]*>(.*?)</style>", re.DOTALL)
# Formulas are MathML already, and nothing here draws diagrams: these two scripts would only look for another host.
NOT_NEEDED = re.compile(
    r'<!-- Load mathjax -->.*?<!-- End of mathjax configuration -->|<script type="module">.*?mermaid.*?</script>',
    re.DOTALL,
)


def lighten(html: str) -> tuple[str, str]:
    """The page's HTML without styles and unused scripts, and its styles: 600 kB that all notebook pages share."""
    # The last block is a Python list printed as text, which no browser can read.
    styles = [css.strip() for css in STYLE.findall(html) if not css.strip().startswith("[")]
    return NOT_NEEDED.sub("", STYLE.sub("", html)), "\n".join(styles)
