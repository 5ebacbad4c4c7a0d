"""Blocks of Python: highlighted, with the time that they ran (```` ```python ran="0.3 s" ````), and foldable where they are long."""

from __future__ import annotations

from functools import cache
from html import escape
from typing import Any

LONG = 32  # lines; of what is longer, the stylesheet shows the first two dozen until the box is ticked


def draw(source: str, language: str, css_class: str, options: dict[str, str], md: Any, **_: Any) -> str:
    """As `pymdownx.superfences` asks for it. Only the code itself is text: all else would be read, and run, as code."""
    lines = source.rstrip().count("\n") + 1
    more = ""
    if lines > LONG:
        css_class, more = f"{css_class} long", f'<input type="checkbox" aria-label="Show all {lines} lines">'
    ran = f' data-ran="{escape(options["ran"])}"' if "ran" in options else ""
    code = f"<pre><span></span><code>{_highlighted(source)}</code></pre>"
    return f'<div class="language-{language} {css_class}"{ran}>{code}{more}</div>'


def _takes(language: str, inputs: dict[str, str], options: dict[str, str], attrs: dict[str, str], md: Any) -> bool:
    """What may follow the language; with anything else it is no block of ours."""
    options.update(inputs)
    return inputs.keys() <= {"ran"}


@cache
def _highlighted(source: str) -> str:
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer

    drawn: str = highlight(source, PythonLexer(), HtmlFormatter(nowrap=True))
    return drawn


SETTINGS: dict[str, dict[str, Any]] = {
    "pymdownx.highlight": {"pygments_lang_class": True},
    "pymdownx.superfences": {
        "custom_fences": [{"name": "python", "class": "highlight", "format": draw, "validator": _takes}]
    },
}
