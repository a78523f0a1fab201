"""Model and events → text. Pure: nothing here prints, and nothing here decides.

``plan`` writes the plan, ``markdown`` the same for a comment, ``status`` expected and actual. Of events,
``console``, ``github`` and ``gitlab`` make lines of a log and ``progress`` what a terminal shows;
``tally`` adds them up, for ``recap`` (how a run ended) and ``junit``.
"""
