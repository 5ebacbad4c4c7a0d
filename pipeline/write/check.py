"""Finds what a page names and does not exist: every such place of every page, before any page is rendered."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterator
from functools import lru_cache, partial
from pathlib import Path, PurePosixPath
from typing import Any

from jinja2 import Environment, TemplateSyntaxError, meta, nodes

from pipeline.problem import Problem, UnknownName
from pipeline.run.outputs import Outputs
from pipeline.write import claims, parts, references, verdicts
from pipeline.write.numbers import STATISTICS, show
from pipeline.write.pages import FILTERS, MACROS, concept_of, concepts, read, split

INCLUDE = re.compile(r"""^\s*-+8<-+ +(["'])(?P<path>.+?)\1\s*$""")
OTHER_INCLUDE = re.compile(r"^\s*-+8<-+")
FIGURES = ("figure", "watch")
GIVEN = ("page", "config", "environment")  # by MkDocs-Macros


def pages(root: Path) -> list[Path]:
    """The pages that people wrote."""
    docs = root / "docs"
    others = {docs / "generated", docs / "templates"}
    return sorted(p for p in docs.rglob("*.md") if not others & set(p.parents))


def check(root: Path) -> dict[str, list[Problem]]:
    """The problems of each page that has any, by its address within ``docs/``. Claims that do not hold are apart."""
    try:
        references.read(root)
    except Problem as problem:  # no page can be checked without it
        return {references.FILE: [problem]}
    # What every page depends on: the runs and the bibliography.
    common = [*sorted((root / "docs" / "generated").glob("*/*/run.json")), *root.glob(references.FILE)]
    then = tuple(path.stat().st_mtime_ns for path in common)
    found = {
        page.relative_to(root / "docs").as_posix(): _checked(root, page, page.stat().st_mtime_ns, then)
        for page in pages(root)
    }
    found |= {references.FILE: list(_check_bibliography(root))}
    return {source: problems for source, problems in found.items() if problems}


def _check_bibliography(root: Path) -> Iterator[Problem]:
    for reference in references.read(root).values():
        yield from reference.problems()


@lru_cache(maxsize=1000)
def _checked(root: Path, page: Path, _written: int, _common: tuple[int, ...]) -> list[Problem]:
    """Under `mkdocs serve`, only the page that was edited is looked at again, or all of them after a run or a change of the bibliography."""
    return list(_check(root, page))


def failing_claims(root: Path, but_not: Container[str] = ()) -> dict[str, list[Problem]]:
    """The claims of each page that do not hold. Pages that cannot be read have to be left out."""
    found: dict[str, list[Problem]] = {}
    for page in pages(root):
        source = page.relative_to(root / "docs").as_posix()
        if source in but_not:
            continue
        generated = Outputs(root, concept_of(source))
        for claim in claims.read(f"docs/{source}", split(read(page))[0]):
            verdict = verdicts.judge(claim, generated.results, generated.concept)
            if not verdict.holds:
                found.setdefault(source, []).append(verdict.problem(generated.results))
    return found


def _check(root: Path, page: Path) -> Iterator[Problem]:
    file = page.relative_to(root).as_posix()
    source = page.relative_to(root / "docs").as_posix()
    try:
        text = read(page)
    except Problem as problem:
        yield problem.at(file)
        return
    front_matter, body, first = split(text)
    stated = []
    try:
        stated = claims.read(file, front_matter)
    except Problem as problem:
        yield problem
    else:
        yield from _check_entries(root, source, file, front_matter)
    yield from _check_claims(root, source, stated)
    for number, line in enumerate(body.splitlines(), first):
        if include := INCLUDE.match(line):
            try:
                _check_include(root, include["path"])
            except Problem as problem:
                yield problem.at(file, number)
        elif OTHER_INCLUDE.match(line):
            yield Problem("This include cannot be checked.", file, number, 'Write one line: --8<-- "path".')
    for number, unknown in references.check(root, text):
        yield unknown.at(file, number)
    part = concepts(root, PurePosixPath(source).parent.as_posix())
    environment = Environment(autoescape=False)  # only to parse: nothing is rendered here
    environment.filters |= dict.fromkeys(FILTERS, show)
    try:
        tree = environment.parse(text)  # the front matter too: its lines are shown on other pages
        undeclared = meta.find_undeclared_variables(tree)
    except TemplateSyntaxError as error:
        what = f"This macro cannot be read: {error.message}"
        yield Problem(what, file, error.lineno, "Look for the braces, quotes and names of this line.")
        return
    for node, unnamed in _check_names(tree, undeclared, part, root):
        yield unnamed.at(file, node.lineno)
    if not stated and any(_is_call(call, "verdicts") for call in tree.find_all(nodes.Call)):
        yield Problem(
            "This page draws its claims, and states none.", file, 1, "State them in `claims:` of its front matter."
        )


def _check_entries(root: Path, source: str, file: str, front_matter: str) -> Iterator[Problem]:
    """What the page of a concept, or of a part, says of itself for other pages."""
    generated = Outputs(root, concept_of(source))
    if generated.record:
        yield from parts.check(file, front_matter, generated, references.read(root))
    elif re.fullmatch(r"\d+/index\.md", source):
        yield from parts.check_part(file, front_matter)


def _check_claims(root: Path, source: str, stated: list[claims.Claim]) -> Iterator[Problem]:
    generated = Outputs(root, concept_of(source))
    for claim in stated:
        if not generated.record:
            where = f"snippets/{generated.concept}.py"
            yield Problem(f"A claim needs a run, and {where} has none.", claim.file, claim.line, "Write that snippet.")
            return
        try:
            verdicts.judge(claim, generated.results, generated.concept)
        except Problem as problem:
            yield problem


def _check_include(root: Path, path: str) -> None:
    if (root / "docs" / "generated" / path).is_file():
        return
    named = re.fullmatch(r"(?P<concept>[^/]+/[^/]+)/cells/(?P<cell>[^/]+)\.(?P<kind>py|txt)", path)
    if not named:
        raise Problem(f"There is no {path!r} to include.", todo='Include "<part>/<concept>/cells/<cell>.py" or .txt.')
    generated = _generated(root, named["concept"])
    (generated.cell if named["kind"] == "py" else generated.output)(named["cell"])


def _generated(root: Path, concept: str) -> Outputs:
    generated = Outputs(root, concept)
    if not generated.record:
        docs = root / "docs" / "generated"
        raise UnknownName("concept", concept, (p.relative_to(docs).as_posix() for p in docs.glob("*/*/")), "This site")
    return generated


def _check_names(
    tree: nodes.Template, undeclared: set[str], part: dict[str, Outputs], root: Path
) -> Iterator[tuple[nodes.Node, Problem]]:
    known = {*part, *MACROS, *GIVEN}
    for name in tree.find_all(nodes.Name):
        if name.ctx == "load" and name.name in undeclared - known:
            yield name, UnknownName("concept or macro", name.name, known - set(GIVEN), "This page")
    calls = list(tree.find_all(nodes.Call))
    called = {id(call.node) for call in calls}
    for name in tree.find_all(nodes.Name):
        if name.name in MACROS and id(name) not in called:
            yield name, Problem(f"{name.name} is not called.", todo=f"Write {name.name}(…), with brackets.")
    checks: list[tuple[nodes.Node, Callable[[], None]]] = [
        *((access, partial(_check_access, access, part)) for access in tree.find_all(nodes.Getattr)),
        *((access, partial(_check_item, access, part)) for access in tree.find_all(nodes.Getitem)),
        *((use, partial(_check_format, use)) for use in tree.find_all(nodes.Filter)),
        *((call, partial(_check_figure, call, m, root)) for call in calls for m in FIGURES if _is_call(call, m)),
    ]
    for node, check_it in checks:
        try:
            check_it()
        except Problem as problem:
            yield node, problem


def _is_call(call: nodes.Call, macro: str) -> bool:
    return isinstance(call.node, nodes.Name) and call.node.name == macro


def _check_item(access: nodes.Getitem, part: dict[str, Outputs]) -> None:
    """``concept["result"]``, which says the same as ``concept.result``."""
    match access:
        case nodes.Getitem(node=nodes.Name(name=concept), arg=nodes.Const(value=str(result))) if concept in part:
            part[concept].result(result)


def _check_format(use: nodes.Filter) -> None:
    """``value | fmt(".1%")``."""
    match use:
        case nodes.Filter(name="fmt", args=[nodes.Const(value=spec)]):
            try:
                show(1.5, spec)
            except (ValueError, TypeError) as error:
                raise Problem(
                    f"fmt({spec!r}) is not a format: {error}.", todo='Try fmt(".3g") or fmt(".1%").'
                ) from None


def _check_access(access: nodes.Getattr, part: dict[str, Outputs]) -> None:
    """``concept.result`` and ``concept.result.statistic``."""
    match access.node:
        case nodes.Name(name=concept) if concept in part:
            part[concept].result(access.attr)
        case nodes.Getattr(node=nodes.Name(name=concept), attr=result) if concept in part:
            if access.attr not in STATISTICS:
                raise UnknownName("statistic", access.attr, STATISTICS, f"{concept}.{result}")


def _check_figure(call: nodes.Call, macro: str, root: Path) -> None:
    """``figure(…)`` and ``watch(…)``."""
    given: dict[str, Any] = dict(zip(("concept", "name", "alt", "caption"), call.args, strict=False))
    given |= {keyword.key: keyword.value for keyword in call.kwargs}
    constant = {key: node.value for key, node in given.items() if isinstance(node, nodes.Const)}
    if not {"concept", "name"} <= given.keys():
        raise Problem(
            "A figure needs its concept and its name.", todo=f'Write {macro}("29/concept", "cell", alt=…, caption=…).'
        )
    for key, why in (
        ("alt", "Say what the figure shows, for those who do not see it: alt=\"…\"."),
        ("caption", "Say what to look at: caption=\"…\"."),
    ):  # fmt: skip
        if key not in given or not str(constant.get(key, "given") or "").strip():
            label = "alt text" if key == "alt" else key
            raise Problem(f"The figure {constant.get('name', '')!r} has no {label}.", todo=why)
    if {"concept", "name"} <= constant.keys():
        generated = _generated(root, constant["concept"])
        (generated.animation if macro == "watch" else generated.figure)(constant["name"])
