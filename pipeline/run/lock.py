"""One build at a time: while it runs snippets and reads what they gave, no other changes it."""

from __future__ import annotations

import sys
from pathlib import Path

from filelock import BaseFileLock, FileLock, Timeout

from pipeline.problem import unwritable


def acquire(root: Path) -> BaseFileLock:
    """The project's lock, held: ``release()`` gives it back, and so does the system if this process dies.

    Raises ``Problem`` where nothing can be written.
    """
    lock = FileLock(root / ".cache" / "build.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        print("Another build is at work here; waiting for it to finish.", file=sys.stderr)
        lock.acquire()
    except OSError as error:
        raise unwritable(".cache", error) from None
    return lock
