"""Ansible Vault. The encrypted texts were written by ansible-vault 2.19."""

# ruff: noqa: E501 - broken inputs are shown in one piece

from __future__ import annotations

from pathlib import Path

import pytest

from deploytool.errors import InputError, Place
from deploytool.load.inventory.inventory_loader import Sources, load_inventory
from deploytool.load.inventory.vault import Vault, passwords_of, read_password
from deploytool.load.text.problems import Problems

TEXT = """$ANSIBLE_VAULT;1.1;AES256
64333031616161653062323766376462363039366639336439363739333031623062666536353538
3163626335306435376262656638386630346262663731650a646336336631346331623739623931
31313662623233653463393038336433323436323334663737393935636232656461613533633961
6366323065383737620a636361633833383835656137623937346466653437363930626164336134
6262
"""
LABELLED = """$ANSIBLE_VAULT;1.2;AES256;dev
35323934346161643230626263623630356363646235373066373338346432323735316239633661
3066663765663337316433316265323338383737643932630a336264316337656662323138316432
37646664643834663861376264356639346333383739323031313833336239643161313732343366
3566366233666437390a343830646234613561393338333864323133363730656534326633323830
3563
"""
GOOD = b"correct horse"


@pytest.mark.parametrize(("text", "content"), [(TEXT, "s3cret {{ v }}"), (LABELLED, "label")])
def test_decrypts(text: str, content: str) -> None:
    """What ansible-vault encrypted comes back, with whichever of the passwords fits."""
    assert Vault((b"wrong", GOOD)).decrypt(text) == content
    assert Vault((GOOD,)).decrypt(text.replace("\n", "\n      ")) == content


def test_wrong_password() -> None:
    """A wrong password is told from damaged text, and neither shows the password."""
    with pytest.raises(ValueError, match="no vault password fits"):
        Vault((b"wrong",)).decrypt(TEXT)
    assert "wrong" not in repr(Vault((b"wrong",)))


@pytest.mark.parametrize(
    "text",
    ["", "xyz", "$ANSIBLE_VAULT;1.1;AES256\n", "$ANSIBLE_VAULT;1.1;AES256\nzz", "$ANSIBLE_VAULT;1.1;AES256\n3030",
     "$ANSIBLE_VAULT;2.0;AES256\n00", "$ANSIBLE_VAULT;1.1;ROT13\n00", "$ANSIBLE_VAULT", TEXT[:200]],
)  # fmt: skip
def test_damaged(text: str) -> None:
    """Whatever is no vault is a sentence."""
    with pytest.raises(ValueError, match="vault"):
        Vault((GOOD,)).decrypt(text)


def test_password_files(tmp_path: Path) -> None:
    """A text file is the password, an executable prints it; white space around it is dropped."""
    text, program = tmp_path / "text", tmp_path / "program"
    text.write_bytes(b"  correct horse\n")
    program.write_text("#!/bin/sh\necho correct horse\n")
    program.chmod(0o755)
    problems = Problems()
    assert passwords_of([text, program], problems) == Vault((GOOD, GOOD))
    assert not problems.found


def test_password_file_problems(tmp_path: Path) -> None:
    """A missing, empty or failing password file is a problem with its name."""
    (tmp_path / "empty").write_text("\n")
    failing = tmp_path / "failing"
    failing.write_text("#!/bin/sh\necho locked >&2\nexit 1\n")
    failing.chmod(0o755)
    problems = Problems()
    for name in ("missing", "empty", "failing"):
        read_password(tmp_path / name, problems)
    messages = [problem.message for problem in problems.found]
    assert messages == [
        "cannot be read: No such file or directory",
        "holds no vault password",
        "failed with exit code 1: locked",
    ]


def test_encrypted_values(tmp_path: Path) -> None:
    """An encrypted value is needed only where it is used; then its absence has a place."""
    hosts = tmp_path / "hosts.yaml"
    hosts.write_text(
        "all:\n  hosts:\n    h:\n      ansible_password: !vault |\n"
        + "        ".join(["", *TEXT.splitlines(True)])
    )
    assert load_inventory(str(hosts)).names.hosts
    with pytest.raises(InputError) as caught:
        load_inventory(str(hosts)).inventory()
    assert caught.value.problems[0].place == Place(str(hosts), 4, 25)
    opened = load_inventory(str(hosts), Sources(vault=Vault((GOOD,)))).inventory()
    password = opened.hosts["h"].connection.password
    assert password is not None
    assert password.reveal().startswith("s3cret")
    assert "s3cret" not in repr(opened)


def test_encrypted_file_without_a_password(tmp_path: Path) -> None:
    """A whole file that cannot be read is an error with the option that is missing."""
    (tmp_path / "hosts.yaml").write_text("all: {hosts: {h: }}")
    (tmp_path / "group_vars").mkdir()
    (tmp_path / "group_vars" / "all.yml").write_text(TEXT)
    with pytest.raises(InputError) as caught:
        load_inventory(str(tmp_path / "hosts.yaml"))
    assert caught.value.problems[0].message == "is encrypted"
    assert "--vault-password-file" in caught.value.problems[0].hint
