"""`make engines`: build with MkDocs, ProperDocs and Zensical, and compare page by page."""

from __future__ import annotations

import sys

from tests.engines import build
from tests.engines.content import Site
from tests.engines.differences import ALLOWED, compare, judge
from tests.project import ROOT

WORK = ROOT / ".cache" / "engines"


def main() -> int:
    wrong = 0
    try:
        default = Site(build.mkdocs(ROOT, WORK))
        for engine, command in {"properdocs": build.properdocs, "zensical": build.zensical}.items():
            found = list(compare(default, Site(command(ROOT, WORK))))
            problems = judge(found, ALLOWED[engine])
            wrong += len(problems)
            print(f"{engine}: {len(default.pages)} pages, {len(found)} differences, {len(problems)} not allowed")
            for problem in problems:
                print(problem, file=sys.stderr)
    except build.Failed as failed:
        print(failed, file=sys.stderr)
        return 1
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
