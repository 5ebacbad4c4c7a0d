"""Executes the cells of one snippet, one after the other, as Python executes the file.

``kernel.py`` starts it with a folder, in which ``job`` says what to do. What the cells print goes to standard output as
it is; a file for each cell tells up to where that is the cell's, in bytes, and what else came of it.
"""

from __future__ import annotations
import __future__

import ast
import json
import linecache
import os
import runpy
import signal
import sys
import threading
import time
import traceback
import types
import warnings
from pathlib import Path
from typing import Any

BACKEND = "page_backend"
MOTION = Path(__file__).parent.with_name("motion.py")
FUTURES = sum(getattr(__future__, name).compiler_flag for name in __future__.all_feature_names)


class Session:
    """The names that the cells share, and where the file says what they say. Lines are lines of the file."""

    def __init__(self, file: str, source: str) -> None:
        self.file = file
        self.module = types.ModuleType("__main__")
        self.module.__file__ = file
        self.flags = 0  # of `from __future__ import …`, which counts for all cells that follow
        self.line = 1  # at which the present cell begins
        self.warned: dict[str, Any] = {}
        linecache.cache[file] = (len(source), None, [f"{line}\n" for line in source.split("\n")], file)
        sys.modules["__main__"] = self.module
        sys.argv = [file]
        warnings.showwarning = self.note

    def run(self, line: int, code: str) -> dict[str, Any]:
        """Execute the cell whose mark stands at this line: its figures as SVG, its seconds, and what went wrong."""
        self.line, self.warned = line, {}
        outcome: dict[str, Any] = {"figures": []}
        start = time.perf_counter()
        try:
            outcome["figures"] = self._figures(self._execute("\n" * (line - 1) + code))
            outcome["problem"] = self.warned
        except BaseException as error:  # SystemExit and KeyboardInterrupt too: whatever ends a script
            outcome["problem"] = self._told(error)
        outcome["seconds"] = time.perf_counter() - start
        return outcome

    def _execute(self, code: str) -> Any:
        """The value of the last line, if it has one: an animation is shown by its name alone."""
        tree = ast.parse(code, self.file)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        compiled = compile(tree, self.file, "exec", self.flags, dont_inherit=True)
        self.flags |= compiled.co_flags & FUTURES
        exec(compiled, vars(self.module))
        if not isinstance(last, ast.Expr):
            return None
        value = ast.Expression(last.value)
        return eval(compile(value, self.file, "eval", self.flags, dont_inherit=True), vars(self.module))

    def _figures(self, value: Any) -> list[str]:
        """What the cell has drawn, shown or not. An animation is one figure, however often it was shown as it stood."""
        pyplot, animation = sys.modules.get("matplotlib.pyplot"), sys.modules.get("matplotlib.animation")
        if pyplot is None:
            return []
        if (name := pyplot.get_backend()) != f"module://{BACKEND}":
            what = f"sends its figures to {name!r}, where no page finds them: leave out matplotlib.use() or MPLBACKEND."
            self.warned = {"what": what, "line": self.line}
            return []
        moving = animation and isinstance(value, animation.Animation)
        drawn = [runpy.run_path(str(MOTION))["draw"](value)] if moving else []
        if moving:
            pyplot.close("all")
        pyplot.show()
        shown = sys.modules[BACKEND].shown
        drawn, shown[:] = drawn or shown[:], []
        return drawn

    def note(
        self, message: Warning | str, category: type[Warning], filename: str, lineno: int, *_: Any, **__: Any
    ) -> None:
        """A warning about the snippet or its figures is a fault of the cell; another library's own is not."""
        if filename == self.file or Path(filename) == MOTION or Path(filename).stem == BACKEND:
            at = lineno if filename == self.file else self.line
            self.warned = self.warned or {"what": f"warns: {category.__name__}: {message}", "line": at}
        else:
            sys.stderr.write(warnings.formatwarning(message, category, filename, lineno))

    def _told(self, error: BaseException) -> dict[str, Any]:
        trace = traceback.TracebackException.from_exception(error)
        while trace.stack and trace.stack[0].filename == __file__:
            del trace.stack[0]
        lines = [frame.lineno for frame in trace.stack if frame.filename == self.file]
        said = " ".join("".join(trace.format_exception_only()).split())
        verb = "ended the script:" if isinstance(error, SystemExit) else "raised"
        detail = "".join(trace.format())
        return {"what": f"{verb} {said}", "line": lines[-1] if lines else self.line, "detail": detail}

    def results(self) -> dict[str, Any]:
        """``results`` as it is in JSON, an odd value by the name of its type, for ``collect`` to refuse."""
        try:
            value = eval("results", vars(self.module))
            return {"results": json.loads(json.dumps(value, default=lambda odd: f"<{type(odd).__name__}>"))}
        except Exception as error:  # a reader's own object can raise anything
            what = f"leaves no dict `results` behind: {type(error).__name__}: {error}."
            return {"problem": {"what": what, "line": self.line}}


def peak_memory() -> int:
    """The most memory that this process ever had, in MB."""
    try:
        status = Path("/proc/self/status").read_text(encoding="utf-8")
        return int(status.partition("VmHWM:")[2].split()[0]) // 2**10
    except (OSError, IndexError):
        import resource  # counts from what the parent had on some systems, so it comes second

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak // (2**20 if sys.platform == "darwin" else 2**10)


def _end_with(parent: int) -> None:
    """Wait until the process that started this one is gone, and follow it with all that was started here."""
    os.read(parent, 1)
    os.killpg(0, signal.SIGKILL)


def main(folder: Path) -> None:
    job = json.loads((folder / "job").read_text(encoding="utf-8"))
    parent, *streams = os.dup(0), os.dup(1), os.dup(2)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    sys.path.append(sys.path.pop(0))  # this folder, for matplotlib to find the backend
    session = Session(job["file"], job["source"])
    for name, line, code in job["cells"]:
        outcome = session.run(line, code)
        if name == "results" and not outcome["problem"]:
            outcome |= session.results() | {"peak_memory_mb": peak_memory()}
        if sys.__stdout__:
            sys.__stdout__.flush()
        printed, errors = (os.fstat(stream).st_size for stream in streams)
        if max(printed, errors) > job["limit"]:
            break
        (told := folder / "told").write_text(json.dumps(outcome | {"printed": printed}), encoding="utf-8")
        told.rename(folder / f"{name}.json")  # whole, or not there
        if outcome["problem"]:
            break
    os._exit(0)  # whatever else still runs here


if __name__ == "__main__":
    main(Path(sys.argv[1]))
