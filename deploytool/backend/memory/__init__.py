"""Simulated hosts: they keep real state, and fail when they are told to."""
