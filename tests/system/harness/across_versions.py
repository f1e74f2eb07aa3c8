"""Whether two Keas of different versions run the same: by what Kea's release notes say of names and
defaults, apart from the project's own."""
from . import compare

# Since 3.0 a list; since 3.0 another name.
_LISTED = {"client-classes": "client-class"}
_RENAMED = {"evaluate-additional-classes": "require-client-classes",
            "only-in-additional-list": "only-if-required"}
# What newer ones report and older ones do: (name, value).
_AS_EVER = (("allocator", "iterative"), ("pd-allocator", "iterative"), ("never-send", False),
            ("stash-agent-options", False), ("extended-info-checks", "fix"), ("cache-threshold", 0.0))
_MODES = {"check-with-dhcid": True, "no-check-with-dhcid": False}


def plain(value, name=""):
    """`value` of a configuration as all versions would report it. name: of the list it is in."""
    if isinstance(value, list):
        return [plain(item, name) for item in value]
    if not isinstance(value, dict):
        return value
    result = {}
    for member, content in value.items():
        if (member, content) in _AS_EVER:
            continue
        if member == "ddns-conflict-resolution-mode" and content in _MODES:
            member, content = "ddns-use-conflict-resolution", _MODES[content]
        # Those of a reservation are a list in all versions.
        if member in _LISTED and name not in ("", "reservations") and len(content) == 1:
            member, content = _LISTED[member], content[0]
        member = _RENAMED.get(member, member)
        result[member] = content if member == "user-context" else plain(content, member)
    return result


def compare_keas(primary, secondary):
    """As compare.compare(), for two versions."""
    return compare.differences(plain(compare.mirrored(primary.running())),
                               plain(compare.mirrored(secondary.running())))
