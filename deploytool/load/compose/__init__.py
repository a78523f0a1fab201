"""The Compose specification: its keys, what their values may look like, and their canonical form."""
