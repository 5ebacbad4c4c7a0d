"""Blocks of Python: highlighted, with the time that they ran (```` ```python ran="0.3 s" ````), and foldable where they are long."""

from __future__ import annotations

import hashlib
import os
from functools import cache, partial
from html import escape
from pathlib import Path
from typing import Any

LONG = 32  # lines; of what is longer, the stylesheet shows the first two dozen until the box is ticked


def draw(
    source: str, language: str, css_class: str, options: dict[str, str], md: Any, *, kept: Path | None = None, **_: Any
) -> str:
    """As `pymdownx.superfences` asks for it. Only the code itself is text: all else would be read, and run, as code."""
    lines = source.rstrip().count("\n") + 1
    more = ""
    if lines > LONG:
        css_class, more = f"{css_class} long", f'<input type="checkbox" aria-label="Show all {lines} lines">'
    ran = f' data-ran="{escape(options["ran"])}"' if "ran" in options else ""
    code = f"<pre><span></span><code>{_highlighted(source, kept)}</code></pre>"
    return f'<div class="language-{language} {css_class}"{ran}>{code}{more}</div>'


def _takes(language: str, inputs: dict[str, str], options: dict[str, str], attrs: dict[str, str], md: Any) -> bool:
    """What may follow the language; with anything else it is no block of ours."""
    options.update(inputs)
    return inputs.keys() <= {"ran"}


@cache
def _highlighted(source: str, kept: Path | None) -> str:
    """A sixth of a build that runs nothing: so where an engine names a folder, it is done once for each block."""
    from pygments import __version__

    file = kept and kept / f"{hashlib.sha256(f'{__version__} {source}'.encode()).hexdigest()[:32]}.html"
    if file and file.is_file():
        return file.read_text(encoding="utf-8")
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer

    drawn: str = highlight(source, PythonLexer(), HtmlFormatter(nowrap=True))
    if file:
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary = file.with_name(f"{file.stem}.{os.getpid()}")
        temporary.write_text(drawn, encoding="utf-8")
        temporary.replace(file)
    return drawn


def settings(kept: Path | None) -> dict[str, dict[str, Any]]:
    """How the extensions that find blocks of code are to call this one."""
    fence = {"name": "python", "class": "highlight", "format": partial(draw, kept=kept), "validator": _takes}
    return {"pymdownx.highlight": {"pygments_lang_class": True}, "pymdownx.superfences": {"custom_fences": [fence]}}
