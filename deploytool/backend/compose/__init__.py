"""Hosts with Docker and Compose v2, reached over a transport."""
