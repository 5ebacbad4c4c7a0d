"""The fonts that a page finds: sets of our own, so that what is green does not depend on what a machine has."""

from __future__ import annotations

import os
from pathlib import Path

import matplotlib

FOLDER = Path(matplotlib.get_data_path(), "fonts", "ttf")  # there wherever the site can be built
# The first is as wide as fonts for text come, the second as narrow.
SETS = {"wide": ("DejaVu Sans", "DejaVuSans[-.M]*.ttf"), "narrow": ("STIXGeneral", "STIXGeneral*.ttf")}
CONFIGURATION = """<fontconfig>
  <dir>{folder}</dir>
  <cachedir>{folder}/cache</cachedir>
  <match target="pattern"><edit name="family" mode="append" binding="same"><string>{family}</string></edit></match>
</fontconfig>
"""


def environment(name: str, folder: Path) -> dict[str, str]:
    """For a browser that is to find this set alone, whatever family it asks for; its configuration goes to ``folder``."""
    family, files = SETS[name]
    for font in FOLDER.glob(files):
        (folder / font.name).symlink_to(font)
    file = folder / "fonts.conf"
    file.write_text(CONFIGURATION.format(folder=folder, family=family), encoding="utf-8")
    return {**os.environ, "FONTCONFIG_FILE": str(file)}
