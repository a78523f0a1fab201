"""Talks to one host. ``base`` has the seams. What to do is decided elsewhere.

``docker`` reads what the scripts print, ``compose`` is the engine on top of a transport, ``ssh`` and
``local`` are the transports, ``memory`` is an engine in this process with scripted faults.
"""
