#!/usr/bin/python3
"""Every kind of DHCPv6 object that is mirrored: upsert, change and removal, compared each time."""
from harness import tables_v6
from harness.case import SystemTest, main
from objects_case import ObjectsCase


class ObjectsV6Test(ObjectsCase, SystemTest):
    SERVICE = "dhcp6"
    TABLE = tables_v6
    GLOBALS = tables_v6.GLOBALS_V6


if __name__ == "__main__":
    main(limit_s=290)
