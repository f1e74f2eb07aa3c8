"""Man pages, changelogs and the copyright file of Debian's packages, from what is documented anyway.

package_texts.py SOURCE PROGRAMS TARGET VERSION MAINTAINER: man pages from docs/operations.md and each
program's --help by pandoc, the changelogs from CHANGELOG.md, all into the folder TARGET.
"""
import email.utils
import gzip
import os
import re
import subprocess
import sys

# page: section, purpose, sections of docs/operations.md: (title there, heading here), files
_SHARED = [("Configuring", "CONFIGURATION"), ("Keys and rights", "KEYS AND RIGHTS"), ("Kea's file", "KEA'S FILE"),
           ("Monitoring", "MONITORING")]
_AGENT_FILES = """`/etc/nestor/{role}-agent.json`, `/etc/nestor/keys/`, `/var/lib/nestor/{role}.db`,
`/run/nestor/{role}-agent.sock`, `/usr/share/doc/nestor-{role}-agent/`"""
PAGES = {
    "nestor-primary-agent": (8, "publishes each change of this host's Kea DHCP servers",
                             [*_SHARED, ("Exit codes", "EXIT STATUS")], _AGENT_FILES.format(role="primary")),
    "nestor-secondary-agent": (8, "keeps this host's Kea DHCP servers the same as its primary's",
                               [*_SHARED, ("Exit codes", "EXIT STATUS")], _AGENT_FILES.format(role="secondary")),
    "nestorctl": (1, "shows and does what Nestor's agents know and do",
                  [("nestorctl", "VERBS"), ("Reading status", "READING STATUS"),
                   ("Creating a relationship", "CREATING A RELATIONSHIP"),
                   ("Editing a relationship", "EDITING A RELATIONSHIP"),
                   ("Removing a relationship", "REMOVING A RELATIONSHIP"), ("HA by hand", "HA BY HAND"),
                   ("Adopting a pair", "ADOPTING A PAIR"), ("Changing the primary", "CHANGING THE PRIMARY"),
                   ("Held changes", "HELD CHANGES"), ("What to do when", "WHAT TO DO WHEN")],
                  "`/run/nestor/primary-agent.sock`, `/run/nestor/secondary-agent.sock`"),
}
COPYRIGHT = """Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: Nestor

Files: *
Copyright: 2026, Nestor's contributors
License: MPL-2.0
 On Debian systems the full text of the Mozilla Public License 2.0 is in
 /usr/share/common-licenses/MPL-2.0.
"""


def sections(markdown):
    """{title: text below it, down to the next heading of the same or a higher level}"""
    found, open_ones, fenced = {}, [], False
    for line in markdown.splitlines():
        fenced ^= line.startswith("```")
        heading = None if fenced else re.match(r"(#+) (.*)", line)
        if heading:
            level = len(heading[1])
            open_ones = [one for one in open_ones if one[0] < level]
            for _, lines in open_ones:
                lines.append(line)
            lines = []
            found[heading[2]] = lines
            open_ones.append((level, lines))
        else:
            for _, lines in open_ones:
                lines.append(line)
    return {title: "\n".join(lines) for title, lines in found.items()}


def without_links(text):
    return re.sub(r"\[([^\]]+)\]\((?!http)[^)]*\)", r"\1", text)


def without_tables(text):
    """Tables as definition lists, since a terminal is too narrow for them: the first cell, and what the others say."""
    lines, heads = [], None
    for line in text.splitlines():
        # A bar that is no border is written \\|.
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip())[1:-1]]
        if not cells:
            heads = None
            lines.append(line)
        elif heads is None:
            heads = cells
        elif not all(re.fullmatch(":?-+:?", cell) for cell in cells):
            others = [f"{head}: {cell}" if head and len(heads) > 2 else cell
                      for head, cell in zip(heads[1:], cells[1:]) if cell]
            lines += [cells[0].replace("\\|", "|"), "", ":   " + ("; ".join(others) or " "), ""]
    return "\n".join(lines)


def page(name, operations, programs, version):
    """The page as groff has it."""
    section, purpose, parts, files = PAGES[name]
    help_text = subprocess.run([f"{programs}/{name}", "--help"], capture_output=True, text=True,
                               check=True).stdout.strip()
    described = help_text.splitlines()[0]
    usage = re.search("^Usage: (.*)$", help_text, re.M)[1]
    body = [f"# NAME\n\n{name} - {purpose}", f"# SYNOPSIS\n\n{usage}",
            f"# DESCRIPTION\n\n{described}", f"# OPTIONS\n\n```\n{help_text}\n```"]
    for title, heading in parts:
        if title not in operations:
            raise SystemExit(f"docs/operations.md has no section {title!r}, which {name}({section}) is made of")
        body.append(f"# {heading}\n\n{without_tables(without_links(operations[title]))}")
    others = ", ".join(f"**{other}**({PAGES[other][0]})" for other in PAGES if other != name)
    body += [f"# FILES\n\n{files}", f"# SEE ALSO\n\n{others}, **kea-dhcp4**(8), **kea-dhcp6**(8)"]
    return subprocess.run(
        ["pandoc", "--from=gfm+definition_lists", "--to=man", "--standalone", f"--metadata=title:{name}",
         f"--metadata=section:{section}", f"--metadata=footer:Nestor {version}", "--columns=78"],
        input="\n\n".join(body), capture_output=True, text=True, check=True).stdout


def changelog(package, text, version, maintainer, date):
    """CHANGELOG.md's newest part in Debian's form."""
    part = re.split(r"^## .*$", text, flags=re.M)[1]
    items = [" ".join(item.split()) for item in re.split(r"^- ", part, flags=re.M)[1:]]
    lines = []
    for item in items:
        line = "  *"
        for word in without_links(item).split():
            if len(line) + 1 + len(word) > 78:
                lines.append(line)
                line = "   "
            line += " " + word
        lines.append(line)
    return (f"{package} ({version}) bookworm; urgency=medium\n\n" + "\n".join(lines)
            + f"\n\n -- {maintainer}  {date}\n")


def compress(path, text):
    """The same for the same text, whenever it is made."""
    with open(path, "wb") as file, gzip.GzipFile(filename="", mode="wb", fileobj=file, compresslevel=9,
                                                 mtime=0) as packed:
        packed.write(text.encode())


def main():
    source, programs, target, version, maintainer = sys.argv[1:]
    os.makedirs(target, exist_ok=True)
    with open(f"{source}/docs/operations.md", encoding="utf-8") as file:
        operations = sections(file.read())
    with open(f"{source}/CHANGELOG.md", encoding="utf-8") as file:
        changes = file.read()
    date = email.utils.formatdate(int(os.environ.get("SOURCE_DATE_EPOCH") or os.stat(
        f"{source}/CHANGELOG.md").st_mtime))
    for name, (section, *_) in PAGES.items():
        compress(f"{target}/{name}.{section}.gz", page(name, operations, programs, version))
    for package in (*PAGES, "nestor-kea-hook"):
        compress(f"{target}/{package}.changelog.gz", changelog(package, changes, version, maintainer, date))
    with open(f"{target}/copyright", "w", encoding="utf-8") as file:
        file.write(COPYRIGHT)


if __name__ == "__main__":
    main()
