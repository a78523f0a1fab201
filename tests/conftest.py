"""For all tests: examples are the same in every run, a busy machine is no failure, and ^C works."""

from __future__ import annotations

import signal

from hypothesis import settings

settings.register_profile("deploytool", deadline=None, derandomize=True)
settings.load_profile("deploytool")

# A shell without job control starts what goes to the background with ^C ignored, and every process of the
# tests would inherit that: those that have to be interrupted as well.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
# The same for nohup: with a handler of their own the tests still live on, and what they start does not.
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, lambda *_: None)
