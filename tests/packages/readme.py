"""The steps of README.md's "Two hosts", as the reader finds them there."""
import os
import re

from hosts import ROOT

HEADING = "Two hosts"


def steps():
    """[(host's name, commands)] of the section's code that is for a host, in order."""
    with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as file:
        text = file.read()
    section = re.search(rf"^## {HEADING}\n(.*?)^## ", text, re.M | re.S)
    assert section, f"README.md has no section {HEADING!r}"
    found = re.findall(r"^```sh (host-\w+)\n(.*?)^```$", section[1], re.M | re.S)
    fences = len(re.findall(r"^```", section[1], re.M))
    assert fences == 2 * len(found), f"README.md, {HEADING}: code that is for no host"
    return found
