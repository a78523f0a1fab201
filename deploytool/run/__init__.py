"""Runs: observe the hosts, plan, change, observe again. Hosts are reached only through ``backend.base``.

``converge`` is a whole run, ``execute`` the execution of one plan, ``step_queue`` the order of its steps.
``leases``, ``lease_wait`` and ``locks`` keep two runs apart; ``rollback`` and ``down`` change the intent of a
run; ``feeds`` and ``log_merge`` read events and logs of many hosts.
"""
