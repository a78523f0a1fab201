"""Hosts reached as somebody else than root: in the docker group, and through sudo with a password."""

from __future__ import annotations

import pytest

from deploytool.lab.layout import SUDOER_PASSWORD
from tests.lab.labhosts import LabHosts
from tests.lab.user import User, ok

WAYS = {
    "in the docker group": """
        ansible_user: deploy
        deploytool_dir: /home/deploy/deploytool
    """,
    "through sudo": f"""
        ansible_user: sudoer
        ansible_become: true
        ansible_become_password: "{SUDOER_PASSWORD}"
    """,
}


@pytest.fixture
def user(lab: LabHosts, tmp_path) -> User:
    someone = User(lab, tmp_path)
    someone.write(
        """\
        - name: Shop
          hosts: all
          services:
            web:
              image: "demo/web:1"
              init: true
              configs: [{source: page, target: /page}]
              deploy: {update_config: {monitor: 1s}}
          configs: {page: {content: hello}}
        """
    )
    return someone


@pytest.mark.parametrize("way", WAYS)
def test_a_user_without_root_can_converge(user, way):
    """The same run, and nothing to do the second time; the password is nowhere in the output."""
    lab1 = user.lab.host("lab1")
    fixed = f"""\
all:
  hosts:
    lab1:
      ansible_host: 127.0.0.1
      ansible_port: {lab1.ssh_port}
      ansible_ssh_private_key_file: {user.lab.key_file}
      ansible_ssh_common_args: "-o UserKnownHostsFile={user.lab.known_hosts_file} -o IdentitiesOnly=yes"
"""
    own = "".join(f"      {line.strip()}\n" for line in WAYS[way].strip().splitlines())
    inventory = user.write(fixed + own, "hosts.yaml")
    arguments = ("converge", inventory, user.folder / "site.yaml", "-v")
    done = ok(user.run(*arguments))
    (container,) = user.lab.containers("lab1", "shop")
    assert container.running
    assert user.lab.exec("lab1", "docker", "exec", container.id, "/bin/busybox", "cat", "/page") == "hello"
    assert SUDOER_PASSWORD not in (done.stdout + done.stderr).replace("sudoer@", "")
    assert "Nothing to do." in ok(user.run(*arguments)).stdout
