"""The change from the old site to the new one: at the very end, whole, or not at all.

The new site is made within the folder of the old, as ``.site.new``: that is on the same disk, whether the folder is a folder, a
link to one, or a disk of its own. The two change places entry by entry. As MkDocs does it, what begins with a dot and is no
part of the new site stays, such as the ``.git`` of a checkout.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from pipeline.problem import Problem


class Changeover:
    """One build's. ``site`` is the folder that people know; ``new`` is where the build has to write."""

    def __init__(self, site: Path) -> None:
        self.site, self.new, self._old = site, site / ".site.new", site / ".site.old"
        self._begun = self._made = False

    def begin(self) -> None:
        """Make the place for the new site, when no other build is at work. Raises ``Problem`` if nothing can be written."""
        self._begun = True
        with self._told():
            self._made = not self.site.exists()
            self.site.mkdir(parents=True, exist_ok=True)
            if self._old.exists():  # a change that was killed midway
                for entry in list(self._old.iterdir()):
                    _remove(self.site / entry.name)
                    entry.rename(self.site / entry.name)
                self._old.rmdir()
            _remove(self.new)
            self.new.mkdir()

    def complete(self) -> None:
        """Put the new site in the old one's place. Raises ``Problem``, with the old site as it was, if that fails."""
        with self._told(), ExitStack() as undo:  # an interruption, too, is to leave the old site
            undo.callback(self.abandon)
            self._old.mkdir()
            for here, there in list(self._moves()):
                undo.callback(_bring_back, there, here)
                here.rename(there)
            self._old.rename(self.new / "old")
            undo.pop_all()  # from here on it is not brought back
        shutil.rmtree(self.new, ignore_errors=True)

    def abandon(self) -> None:
        """Drop what there is of the new site; of another build's, nothing."""
        if not self._begun:
            return
        shutil.rmtree(self.new, ignore_errors=True)
        for folder in (self._old, *([self.site] if self._made else [])):
            with suppress(OSError):
                folder.rmdir()

    def _moves(self) -> Iterator[tuple[Path, Path]]:
        """What goes from where to where: first the old aside, then the new to its place."""
        names = [entry.name for entry in self.new.iterdir()]
        for entry in self.site.iterdir():
            if entry.name in names or not entry.name.startswith("."):
                yield entry, self._old / entry.name
        for name in names:
            yield self.new / name, self.site / name

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            what = f"The site cannot be written to {self.site}: {error.strerror}."
            todo = "The site there is as it was. Free that folder, or choose another with `mkdocs build --site-dir`."
            raise Problem(what, todo=todo) from None


def _bring_back(there: Path, here: Path) -> None:
    with suppress(FileNotFoundError):  # this was the move that failed
        there.rename(here)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
