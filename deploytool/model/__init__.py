"""The data model: frozen dataclasses without I/O, YAML or decisions, for all packages above.

Each term of the tool is defined in one module: ``inventory`` (host, group), ``intent`` (project, service),
``observed`` (the answers of hosts), ``container``, ``release`` (release, lease), ``desired`` (schedule, spec,
the files of a host), ``plan`` (step), ``event`` (the events and the report of a run).
"""
