"""The text of a page becomes plain Markdown: its macros, includes, citations and links are resolved."""

from __future__ import annotations

import difflib
import posixpath
import re
from collections import Counter
from functools import partial, update_wrapper
from typing import Any
from urllib.parse import quote, unquote

import yaml

from pipeline.problem import Problem
from pipeline.write import citations, claims, glossary, macros, mathml, prose
from pipeline.write.page import Page
from pipeline.write.template import Template

# A file in a fence, and a line that includes one. Both keep their number of lines.
FENCED = re.compile(
    r'^(?P<indent>[ \t]*)(?P<marks>`{3,})(?P<info>[^`\n]*)\n(?P<line>[ \t]*-+8<-+ +"(?P<path>[^"\n]+)"[ \t]*\n)[ \t]*(?P=marks)[ \t]*$',
    re.MULTILINE,
)
INCLUDE = re.compile(r"""^(?P<indent>[ \t]*)-+8<-+(?: +(["'])(?P<path>.+?)\2)?[ \t]*(?P<rest>.*)$""", re.MULTILINE)
FROM_ROOT = re.compile(
    r"""(?P<before>\]\(|^[ ]*\[[^\]\n]+\]: |(?:href|src)=")/(?!/)(?P<path>[^)\s#?">]*)""", re.MULTILINE
)
ID = re.compile(r'(?<= id=")(?:figure|claim|ref)-[^"]+(?=")')
DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def markdown(page: Page) -> str:
    """The page as plain Markdown: front matter, text, and the terms that it uses; empty if its front matter cannot be read.

    What is wrong is noted with the page.
    """
    if not page.readable:
        return ""
    _, body, first = page.source.split
    names: dict[str, Any] = {m.__name__: update_wrapper(partial(m, page), m) for m in macros.MACROS}
    names |= {"page": page, "evidence_grades": claims.EVIDENCE, **page.shared.numbers(page.source.part)}
    text = INCLUDE.sub(partial(_include, page), FENCED.sub(_fence, body))
    text = Template(page.shared.environment, text, page.source.file, first).render(names, page.note)
    text = citations.resolve(text, page.shared.bibliography, page.meta.get("reference"))
    length = prose.measure(text)
    for name, place in macros.LENGTHS.items():
        text = text.replace(place, f"{getattr(length, name):,}")
    _check_formulas(page, text)
    text = prose.outside_code(lambda said: FROM_ROOT.sub(partial(_relative, page), said), text)
    text = ID.sub(partial(_once, Counter()), text)
    return _front_matter(page) + text.rstrip("\n") + "\n" + _terms(page, text)


def _fence(block: re.Match[str]) -> str:
    """A fence that no line of what it holds can end; around Python, with the time that it ran."""
    marks = f'{block["indent"]}{{{{ _marks("{block["path"]}") }}}}'
    ran = f'{{{{ _ran("{block["path"]}") }}}}' if block["info"].strip() == "python" else ""
    return f"{marks}{block['info'].rstrip()}{ran}\n{block['line']}{marks}"


def _include(page: Page, line: re.Match[str]) -> str:
    if line["path"] and not line["rest"] and '"' not in line["path"]:
        return f'{line["indent"]}{{{{ _code("{line["path"]}") }}}}'
    at = page.source.split[2] + line.string.count("\n", 0, line.start())
    page.note(Problem("This include cannot be checked.", line=at, todo='Write one line: --8<-- "path".'))
    return ""


def _check_formulas(page: Page, text: str) -> None:
    """The line of a formula is looked for in the source: with its macros resolved it may stand there otherwise."""
    for formula in mathml.find(text):
        try:
            mathml.draw(formula.tex, formula.block)
        except Problem as problem:
            lines, first = page.source.text.split("\n"), problem.detail.partition("\n")[0]
            body = lines[page.source.split[2] - 1 :]
            there = [line for line in body if first in line] or difflib.get_close_matches(first, body, cutoff=0)
            page.note(problem.at(line=page.source.split[2] + body.index(there[0])))


def _relative(page: Page, link: re.Match[str]) -> str:
    """A link from the root of the documents, as seen from this page: so it leads there in every engine."""
    path = unquote(link["path"])
    seen = posixpath.relpath(path or ".", page.source.part)
    return link["before"] + quote(seen if not path.endswith("/") else f"{seen}/")


def _once(seen: Counter[str], figure: re.Match[str]) -> str:
    """The id of a figure, a claim or a reference, which may be shown again."""
    seen[figure[0]] += 1
    return figure[0] if seen[figure[0]] == 1 else f"{figure[0]}-{seen[figure[0]]}"


def _front_matter(page: Page) -> str:
    """As YAML, with its macros resolved. Without any, an empty line keeps MkDocs from reading the first ones as such."""
    if not page.meta:
        return "\n"
    return f"---\n{yaml.dump(page.meta, Dumper=DUMPER, sort_keys=False, allow_unicode=True, width=10**6)}---\n"


def _terms(page: Page, text: str) -> str:
    address = posixpath.relpath(glossary.URI, page.source.part)
    found = glossary.definitions(page.shared.glossary, text, address) if page.source.uri != glossary.URI else []
    return "".join(f"{definition}\n" for definition in ("", *found) if found)
