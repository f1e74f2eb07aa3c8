"""The commands of the documents, as their readers find them there."""
import os
import re
import textwrap

from hosts import ROOT

_FENCE = re.compile(r"^( *)```([^\n]*)\n(.*?)^\1```$", re.M | re.S)
# Code that is to be looked at: output, and the agents' configuration.
_SHOWN = ("text", "jsonc")


def _below(heading, text):
    """The lines of that section; a # in code is no heading."""
    lines, inside, in_code = [], False, False
    for line in text.splitlines():
        in_code ^= line.lstrip().startswith("```")
        level = 0 if in_code else len(re.match("#*", line)[0])
        if inside and 0 < level <= len(heading.split()[0]):
            break
        if inside:
            lines.append(line)
        inside = inside or line == heading
    return "\n".join([*lines, ""])


class Section:
    """What stands below a heading, down to the next one of its level or above.

    commands: [(place, text)] of its code "```sh PLACE", in order; place is a host's name, or what the test
    knows by it.
    """

    def __init__(self, path, heading=None):
        """heading: as it is written, with its #; None: the whole document."""
        with open(os.path.join(ROOT, path), encoding="utf-8") as file:
            self.text = file.read()
        if heading:
            self.text = _below(heading, self.text)
            assert self.text, f"{path} has no section {heading!r}"
        self.commands = []
        for _, info, code in _FENCE.findall(self.text):
            words = info.split()
            if words[:1] == ["sh"] and len(words) == 2:
                self.commands.append((words[1], textwrap.dedent(code)))
            else:
                assert info in _SHOWN, f"{path}, {heading}: code that is for no host and not only to be seen:\n{code}"
        fences = len(re.findall(r"^ *```", self.text, re.M))
        assert fences == 2 * len(_FENCE.findall(self.text)), f"{path}, {heading}: code that does not end"
