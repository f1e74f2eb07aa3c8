"""What the system tests stand on: namespaces, real Keas, the agents, and faults to throw at them."""
