"""Files → model. Reports all problems at once, each with file, line and column.

Common ground: ``yamlfile`` reads YAML and remembers places, ``problems`` collects what is wrong, ``template``
renders strings (with ``sandbox``, ``limits``, ``filters``, ``lookups``).

Hosts: ``inventory`` and the readers of its forms, ``variables`` and their precedence, ``vault``.

Plays: ``playbook`` reads the list, ``play`` one play. Its Compose document (``document``, ``extends``) is
split into what decides scheduling and what a container is made from (``split``, ``parts``), checked
against the tables of keys (``schema``, ``shapes``) and brought into one form (``canonical``); ``deploy``
makes the services that the scheduler sees, ``definitions`` the definition of each host.

Nothing here decides where anything runs, and nothing talks to a host.
"""
