"""What a page wears so that it can be laid out: marks on its HTML that its words do not need, and the stylesheet does."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pipeline.finish import minify as lighten

SHORT = re.compile(r'<h2 id="in-30-seconds">.*?</h2>(?:\s*<p>.*?</p>)+', re.DOTALL)
RANGE = re.compile(r"\([^()<>a-zA-Z]+(?:–| to )[^()<>a-zA-Z]+\)(?=</strong>|</td>)")
TABLE = re.compile(r"<table>(.*?</table>)", re.DOTALL)
LONG = 32  # lines; of what is longer, the stylesheet shows the first two dozen until the box is ticked


def page(html: str) -> str:
    """A page with *In 30 seconds*, heading and paragraphs, as one block, and each table in a box that it can be scrolled
    in. (The theme's script makes such a box of what has no class, and what stands below has to move.) No range in a table
    is broken after its dash."""
    html = SHORT.sub(r'<section class="short">\g<0></section>', html, count=1)
    html = RANGE.sub(r'<span class="range">\g<0></span>', html)
    return TABLE.sub(r'<div class="table"><table class="data">\1</div>', html)


class Fence:
    """The Python blocks of the page that is being rendered. ``seconds`` are those of its cells, by their code."""

    def __init__(self) -> None:
        self.seconds: Mapping[str, float] = {}

    def __call__(self, source: str, language: str, css_class: str, options: Any, md: Any, **_: Any) -> str:
        """As `pymdownx.superfences` asks for it. Only the code itself is text: all else would be read, and run, as code."""
        seconds = self.seconds.get(source.strip())
        ran = "" if seconds is None else f' data-ran="{duration(seconds)}"'
        lines = source.rstrip().count("\n") + 1
        css_class, more = (
            (f"{css_class} long", f'<input type="checkbox" aria-label="Show all {lines} lines">')
            if lines > LONG
            else (css_class, "")
        )
        code = f"<pre><span></span><code>{lighten.highlighted(source)}</code></pre>"
        return f'<div class="language-{language} {css_class}"{ran}>{code}{more}</div>'


def duration(seconds: float) -> str:
    if seconds < 0.1:
        return "under 0.1 s"
    return f"{seconds:.0f} s" if seconds >= 9.95 else f"{seconds:.1f} s"
