"""The table of Compose keys: every key of the specification has a state."""

# ruff: noqa: E501 - a case of a table stands on one line

from __future__ import annotations

from pathlib import Path

import pytest

from deploytool.load.compose.known_keys import State
from deploytool.load.compose.schema import SERVICE
from tests.unit.load.playbooks import Site, play
from website.support import support_tables

ROOT = Path(__file__).parents[4]


def test_the_docs_list_every_key() -> None:
    """docs/compose-support.md ends with the tables that the code is made of."""
    assert (ROOT / "docs" / "compose-support.md").read_text().endswith(support_tables())


def test_every_key_of_the_specification_has_a_state() -> None:
    """No key of a Compose service is unknown: each is honoured, passed through, or refused."""
    specification = """
        annotations attach blkio_config build cap_add cap_drop cgroup cgroup_parent command configs container_name
        cpu_count cpu_percent cpu_period cpu_quota cpu_rt_period cpu_rt_runtime cpu_shares cpus cpuset credential_spec
        depends_on deploy develop device_cgroup_rules devices dns dns_opt dns_search domainname entrypoint env_file
        environment expose extends external_links extra_hosts gpus group_add healthcheck hostname image init ipc
        isolation label_file labels links logging mac_address mem_limit mem_reservation mem_swappiness memswap_limit
        models network_mode networks oom_kill_disable oom_score_adj pid pids_limit platform ports post_start pre_stop
        privileged profiles provider pull_policy pull_refresh_after read_only restart runtime scale secrets
        security_opt shm_size stdin_open stop_grace_period stop_signal storage_opt sysctls tmpfs tty ulimits
        use_api_socket user userns_mode uts volumes volumes_from working_dir
    """
    assert sorted(SERVICE) == sorted([*specification.split(), "x-ingress"])


@pytest.mark.parametrize("key", sorted(name for name, key in SERVICE.items() if key.state is State.REFUSED))
def test_refused_keys_say_why(site: Site, key: str) -> None:
    """A key that cannot be honoured is an error with a reason, at the key."""
    (found,) = site.problems(play(f"{key}: x"))
    assert found.startswith(f"6:7 '{key}' is not supported: ")
    assert len(found) > len(f"6:7 '{key}' is not supported: ") + 10
