"""Keeps containers running as you wrote them down, on hosts that you reach by SSH."""

__version__ = "0.1.0"
