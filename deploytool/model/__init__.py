"""What things are: frozen dataclasses that every floor above may use.

One module a subject, and each word of the tool is defined in one place: ``inventory`` (host, group),
``service`` (intent, project, service), ``observed`` (containers, releases, leases), ``desired``
(the schedule, specs, the files of a host), ``plan`` (steps) and ``event`` (what a run reports).
No YAML here, no I/O, no decisions.
"""
