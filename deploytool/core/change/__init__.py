"""Desired against observed: what changes, in which order, and what is refused."""
