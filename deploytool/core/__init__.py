"""Decisions. Pure: the same input gives the same answer; no clock, no randomness, no logging, no I/O.

``schedule`` says where replicas run, ``reconcile`` what differs, ``rollout`` in which order it changes,
``guard`` what is refused; ``patterns`` and ``constraints`` choose hosts.
"""
