"""What the hook library and the agents that use it cost."""
