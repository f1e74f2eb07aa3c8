#!/usr/bin/python3
"""A change of kea-dhcp4 through the hook library has the result of config-set, or none at all."""
from harness.case import SystemTest, main
from hook_oracle_case import HookOracleCase


class HookOracleV4Test(HookOracleCase, SystemTest):
    SERVICE = "dhcp4"


if __name__ == "__main__":
    main(limit_s=580, agents=False)
