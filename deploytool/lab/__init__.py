"""Disposable SSH and Docker hosts on this machine, for trying and testing. ``lab.Lab`` is the way in.

Nothing here knows about inventories, playbooks or plans beyond writing an inventory of its hosts.
"""
