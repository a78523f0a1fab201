"""Effects, in order: look, plan, change, look again. Sees hosts only through ``backend.base``.

``fanout`` works on many hosts at once, ``planning`` strings the pure decisions together, ``execute`` does
the steps of a plan, ``converge`` is the whole line, ``lease`` and ``releases`` say who runs and what.
"""
