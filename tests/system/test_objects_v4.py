#!/usr/bin/python3
"""Every kind of DHCPv4 object that is mirrored: upsert, change and removal, compared each time."""
from harness import tables_v4
from harness.case import SystemTest, main
from objects_case import ObjectsCase


class ObjectsV4Test(ObjectsCase, SystemTest):
    SERVICE = "dhcp4"
    TABLE = tables_v4
    GLOBALS = tables_v4.GLOBALS_V4


if __name__ == "__main__":
    main(limit_s=290)
