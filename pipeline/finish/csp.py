"""What a page may load and run, written into the page: browsers refuse all else, an injected script included.

It stands in a ``<meta>`` element, for hosts that send no headers of ours, as GitHub Pages. The few things that only a
header can say are in ``docs/_headers``.
"""

from __future__ import annotations

import base64
import hashlib
import re

# What stands in the page itself and runs; a type marks data, a src a file.
INLINE_SCRIPT = re.compile(r"<script(?![^>]*\s(?:src|type)=)[^>]*>(.*?)</script>", re.DOTALL)
CHARSET = '<meta charset="utf-8">'


def in_page(html: str) -> str:
    """The page with its policy, before anything that it is about."""
    return html.replace(CHARSET, f'{CHARSET}<meta http-equiv="Content-Security-Policy" content="{policy(html)}">', 1)


def policy(html: str) -> str:
    """Only this site's own files; and of the scripts within the page only these very ones, named by their digests."""
    scripts = dict.fromkeys(_digest(script) for script in INLINE_SCRIPT.findall(html))
    return "; ".join(
        (
            "default-src 'self'",
            " ".join(("script-src 'self'", *scripts)),
            "img-src 'self' data:",  # the theme's icons are images within its stylesheet
            "object-src 'none'",
            "base-uri 'none'",
            "form-action 'self'",
        )
    )


def _digest(script: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
