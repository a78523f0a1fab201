"""OpenSSH options that are supported, harmless or refused."""

from __future__ import annotations

import subprocess
import sys

from deploytool.transport.ssh import unsupported_options
from deploytool.transport.ssh.options import HARMLESS, HONOURED


def test_unsupported_options_are_named_in_order() -> None:
    """The pure check that loading uses: honoured and harmless options pass, others come back with a hint."""
    options = (("User", "x"), ("BatchMode", "yes"), ("SetEnv", "A=b"), ("stricthostkeychecking", "no"))
    assert [bad.option for bad in unsupported_options(options)] == ["setenv", "stricthostkeychecking"]
    assert all(bad.message and bad.hint for bad in unsupported_options(options))


def test_an_option_is_in_one_table_only() -> None:
    """Honoured or harmless, and every harmless one has its reason."""
    assert not HONOURED & set(HARMLESS)
    assert all(reason for _, reason in HARMLESS.values())


def test_looking_at_options_is_cheap() -> None:
    """The SSH libraries are imported with the first connection, not with the package."""
    code = "import sys, deploytool.transport.ssh; sys.exit(bool({'paramiko', 'fabric'} & set(sys.modules)))"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
