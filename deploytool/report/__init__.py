"""Model and events → text. Pure: nothing here prints, and nothing here decides.

``plan`` writes the plan, ``status`` expected and actual, ``console`` a line an event, ``jsonlines`` the
same for programs, ``recap`` how a run ended.
"""
