"""The code that a reader sees on a page, made ready for pytest-codeblocks.

A page's Python blocks run one after the other down the page, as one program; pytest-codeblocks knows that as a chain
of `cont` blocks. What the page shows as output is what that whole program prints.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

FENCE = re.compile(r"^(?P<indent>[ \t]*)(?P<marks>`{3,}|~{3,})[ ]*(?P<info>[^\n`]*)$")
EXPECTED = "<!--pytest-codeblocks:expected-output-->"
RUN = ("python", "sh", "bash")  # what pytest-codeblocks runs; of anything else it says nothing


@dataclass
class Blocks:
    """The fences of a page: code by language, and what the page shows as output."""

    code: list[tuple[str, str]] = field(default_factory=list)
    output: list[str] = field(default_factory=list)


def read(markdown: str) -> Blocks:
    """Every fenced block of an expanded page."""
    blocks = Blocks()
    lines = iter(markdown.splitlines())
    expected = False
    for line in lines:
        if line.strip() == EXPECTED:
            expected = True
        elif fence := FENCE.match(line):
            body = []
            for inner in lines:
                if inner.strip() == fence["marks"]:
                    break
                body.append(inner.removeprefix(fence["indent"]))
            text = "\n".join(body)
            if expected:
                blocks.output.append(text)
            else:
                info = fence["info"].strip()
                blocks.code.append((re.split(r"[\s{]", info)[0] if info else "", text))
            expected = False
    return blocks


def chain(markdown: str) -> str:
    """A Markdown file on which pytest-codeblocks runs all of the page's code and compares all of its output."""
    blocks = read(markdown)
    python = [code for language, code in blocks.code if language == "python"]
    parts = [f"```python\n{code}\n```\n" for code in python]
    file = "\n<!--pytest-codeblocks:cont-->\n".join(parts)
    if blocks.output:
        shown = "\n".join(blocks.output)
        file += f"\n{EXPECTED}\n```\n{shown}\n```\n"
    for language, code in blocks.code:
        if language in ("sh", "bash"):
            file += f"\n```{language}\n{code}\n```\n"
    return file
