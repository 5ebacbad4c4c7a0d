"""TeX in the text cells of a finished notebook page becomes MathML."""

from __future__ import annotations

import re

from pipeline.write import formulas

# What nbconvert leaves in the text cells of a notebook.
NOTEBOOK_TEXT = re.compile(r'(<div class="[^"]*jp-RenderedMarkdown[^"]*"[^>]*>)(.*?)(</div>)', re.DOTALL)


def in_notebook(content: str) -> str:
    """The HTML of a notebook page with its formulas drawn."""
    return NOTEBOOK_TEXT.sub(lambda m: m[1] + formulas.in_html(m[2]) + m[3], content)
