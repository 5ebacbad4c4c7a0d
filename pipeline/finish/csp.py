"""What a page may load and run, written into the page: browsers refuse all else, an injected script included.

It stands in a ``<meta>`` element, for hosts that send no headers of ours, as GitHub Pages. The few things that only a
header can say are in ``docs/_headers``.
"""

from __future__ import annotations

import base64
import hashlib

from selectolax.lexbor import LexborHTMLParser

from pipeline.finish.html import element

# What stands in the page itself and runs: a `src` names a file, and other types are data.
RUNS = 'script:not([src], [type]), script[type="module"]:not([src]), script[type="text/javascript"]:not([src])'


def protect(tree: LexborHTMLParser) -> None:
    """Put its policy into a page that is otherwise finished, before anything that it is about."""
    meta = element(tree, "meta", http_equiv="Content-Security-Policy", content=policy(tree))
    if charset := tree.css_first("head meta[charset]"):
        charset.insert_after(meta)
    elif tree.head and tree.head.first_child:
        tree.head.first_child.insert_before(meta)


def policy(tree: LexborHTMLParser) -> str:
    """Only this site's own files; and of the scripts within the page only these very ones, named by their digests."""
    scripts = dict.fromkeys(_digest(script.text()) for script in tree.css(RUNS))
    images = "img-src 'self' data:"  # the theme's icons are images within its stylesheet
    others = ("object-src 'none'", "base-uri 'none'", "form-action 'self'")
    return "; ".join(("default-src 'self'", " ".join(("script-src 'self'", *scripts)), images, *others))


def _digest(script: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
