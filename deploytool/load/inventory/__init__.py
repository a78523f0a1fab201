"""Inventories in every form, variables by precedence, the vault, and how each host is reached."""
