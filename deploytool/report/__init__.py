"""Model and events → text, JSON, CI logs. Pure: nothing here prints, and nothing here decides.

``registry`` has the formats and reporters by name, ``base`` is what they promise. The formats of a run are
``run_text``, ``run_json`` and ``markdown``; its reporters ``console``, ``github`` and ``gitlab``, and
``progress`` is what a live display shows. ``run_summary`` adds events up for the end of a run and ``junit``.
The others are named as the command, or the file of a watcher, whose output they are.
"""
