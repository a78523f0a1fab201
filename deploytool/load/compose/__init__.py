"""The Compose specification: its keys, their validators, and the normalized form of a service."""
