"""Disposable SSH and Docker hosts on this machine, for trials and tests. The entry point is ``lab.Lab``.

Of the rest of the program this room uses errors and the local transport only; it writes an inventory of its
hosts and reads none.
"""
