"""The example configurations of Debian's kea-doc, made to fit a test host."""
import json
import os
import re

from . import compare, keaconf, requirements

FOLDER = "/usr/share/doc/kea/examples"

# Besides what tests choose (interfaces, sockets, databases, loggers): nothing of the examples is
# taken out but hook libraries that Debian does not ship.
_REPLACED = ("interfaces-config", "control-socket", "lease-database", "loggers", "server-id",
             "data-directory")
_DATABASES = ("hosts-database", "hosts-databases", "config-control")


def names(service):
    """The files' names, in order. AssertionError where kea-doc is not installed."""
    folder = f"{FOLDER}/kea{service[-1]}"
    assert os.path.isdir(folder), f"{folder} is missing: install kea-doc"
    return sorted(name for name in os.listdir(folder) if name.endswith(".json"))


def without_comments(text):
    """Kea's JSON with //, # and /* */ comments taken out; strings stay as they are."""
    out, place = [], 0
    while place < len(text):
        if text[place] == '"':
            end = place + 1
            while text[end] != '"':
                end += 2 if text[end] == "\\" else 1
            out.append(text[place:end + 1])
            place = end + 1
        elif text[place] == "#" or text.startswith("//", place):
            newline = text.find("\n", place)
            place = len(text) if newline < 0 else newline
        elif text.startswith("/*", place):
            place = text.index("*/", place) + 2
        else:
            out.append(text[place])
            place += 1
    # Kea also takes a number without its leading zero.
    return re.sub(r":(\s*)(\.\d)", r":\g<1>0\2", "".join(out))


def load(service, name):
    """The members of the example's Dhcp4 or Dhcp6, as it is written."""
    with open(f"{FOLDER}/kea{service[-1]}/{name}", encoding="utf-8") as file:
        content = json.loads(without_comments(file.read()))
    return content["Dhcp4" if service == "dhcp4" else "Dhcp6"]


def _on_this_host(value):
    """Interface names replaced by the one there is."""
    if isinstance(value, list):
        return [_on_this_host(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {name: "cl0" if name in ("interface", "4o6-interface") and member
            else _on_this_host(member) for name, member in value.items()}


def _shipped_hooks(libraries):
    kept = []
    for entry in libraries:
        name = os.path.basename(entry["library"])
        try:
            kept.append(dict(entry, library=requirements.hook(name)))
        except AssertionError:
            continue
    return kept


def adapted(service, name, folder):
    """The example for host a, whose files are in `folder`."""
    members = _on_this_host(load(service, name))
    for one in _DATABASES:
        members.pop(one, None)
    if "hooks-libraries" in members:
        members["hooks-libraries"] = _shipped_hooks(members["hooks-libraries"])
    own = keaconf.own_parts(service, "kea-a", "a", folder)
    members.update({one: own[one] for one in _REPLACED if one in own})
    members.get("dhcp-ddns", {}).pop("sender-ip", None)
    if service == "dhcp6" and "option-data" in members:
        # kea-dhcp6 2.2 takes an empty option 45 (client-data) and crashes at the next config-get.
        members["option-data"] = [option for option in members["option-data"]
                                  if option.get("name") != "client-data"]
    return members


def for_the_socket(value):
    """The same as Kea takes it by config-set: its file may have a `comment`, which is kept as the
    one of the user-context."""
    if isinstance(value, list):
        return [for_the_socket(item) for item in value]
    if not isinstance(value, dict):
        return value
    result = {name: member if name == "user-context" else for_the_socket(member)
              for name, member in value.items() if name != "comment"}
    if "comment" in value:
        result["user-context"] = dict(value.get("user-context", {}), comment=value["comment"])
    return result


def mirrored_names(members):
    return sorted(set(members) - set(compare.SERVER_SPECIFIC))
