"""Continuous reconciliation: re-observes the hosts that changed, and repairs drift."""
