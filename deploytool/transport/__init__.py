"""Runs commands on a host: over SSH, or on this machine. Knows nothing of containers."""
