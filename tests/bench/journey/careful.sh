#!/bin/bash
# What a careful administrator runs today: copies what the primary's Kea runs to the secondary's,
# keeps the secondary's own parts, tests before setting, and compares afterwards.
#
# careful.sh PRIMARY_SOCKET SECONDARY_SOCKET Dhcp4|Dhcp6
set -euo pipefail
primary=$1 secondary=$2 root=$3
own='["interfaces-config", "control-socket", "lease-database", "hosts-database", "hosts-databases",
      "config-control", "loggers", "server-id", "server-tag", "hooks-libraries", "dhcp-ddns",
      "multi-threading", "dhcp-queue-control"]'
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# ask SOCKET <COMMAND: Kea's answer. Kea closes the connection, which ends socat.
ask() { socat -t 300 - "UNIX-CONNECT:$1"; }
get() { echo '{"command": "config-get"}' | ask "$1"; }
# with_configuration COMMAND: the same with the merged configuration; fails where Kea refuses.
with_configuration() {
  { printf '{"command": "%s", "arguments": ' "$1"; cat "$work/merged"; printf '}'; } |
    ask "$secondary" | jq -e '.result == 0' >/dev/null
}
# mirrored <ANSWER: what is to be equal, in one order.
mirrored() {
  jq -cS --arg root "$root" --argjson own "$own" \
    '.arguments[$root] | with_entries(select(.key | IN($own[]) | not))'
}

get "$primary" >"$work/primary"
get "$secondary" >"$work/secondary"
jq -c --arg root "$root" --argjson own "$own" --slurpfile there "$work/secondary" '
  {($root): (
    (.arguments[$root] | with_entries(select(.key | IN($own[]) | not))) +
    ($there[0].arguments[$root] | with_entries(select(.key | IN($own[])))))}' \
  "$work/primary" >"$work/merged"
with_configuration config-test
with_configuration config-set
get "$secondary" >"$work/after"
cmp <(mirrored <"$work/primary") <(mirrored <"$work/after")
echo '{"command": "config-write"}' | ask "$secondary" | jq -e '.result == 0' >/dev/null
