"""Normalized services: their files, configs and secrets."""

# ruff: noqa: E501 - a case of a table stands on one line

from __future__ import annotations

import os

import pytest

from tests.unit.load.playbooks import Site, play


class TestFiles:
    """Files travel by content."""

    def test_bind_mounts(self, site: Site) -> None:
        """A relative file or folder is copied; its path on the host carries the hash of its content."""
        site.write("conf/a.txt", "a")
        site.write("conf/sub/run.sh", "#!").chmod(0o755)
        site.write("key", "k").chmod(0o600)
        text = play("volumes: ['./conf:/a:ro', './key:/b', '/abs:/c']")
        first = site.definition(text)
        sources = [mount["source"] for mount in first.services["web"]["volumes"]]
        modes = {file.path.split("/", 2)[2]: file.mode for file in first.files}
        assert modes == {"conf/a.txt": 0o644, "conf/sub/run.sh": 0o755, "key": 0o600}
        hashes = {file.path.split("/")[2]: file.path.split("/")[1] for file in first.files}
        assert sources == [
            f"/var/lib/deploytool/shop/files/{hashes['conf']}/conf",
            f"/var/lib/deploytool/shop/files/{hashes['key']}/key",
            "/abs",
        ]
        assert site.definition(text) == first
        site.write("conf/a.txt", "b")
        second = site.definition(text)
        changed = [mount["source"] for mount in second.services["web"]["volumes"]]
        assert (changed[0] != sources[0], changed[1:]) == (True, sources[1:])

    def test_configs_and_secrets(self, site: Site) -> None:
        """From a file, from content and from the environment; modes as asked for."""
        site.write("c.txt", b"\xff\x00binary")
        top = """
            environment: {TOKEN: t0k}
            configs:
              file: {file: c.txt}
              text: {content: "for {{ inventory_hostname }} ${TOKEN} $$x"}
            secrets: {token: {environment: TOKEN}, open: {content: x}}
        """
        body = """
            configs: [file, {source: text, target: /etc/text}]
            secrets: [token, {source: open, mode: "0444", target: other}]
        """
        definition = site.definition(play(body, top))
        files = {file.path.split("/", 2)[2]: (file.content, file.mode) for file in definition.files}
        assert files == {
            "file": (b"\xff\x00binary", 0o444),
            "text": (b"for web1 t0k $x", 0o444),
            "token": (b"t0k", 0o600),
            "open": (b"x", 0o444),
        }
        web = definition.services["web"]
        assert web["configs"] == [
            {"source": "text", "target": "/etc/text"},
            {"source": "file", "target": "/file"},
        ]
        assert [grant["target"] for grant in web["secrets"]] == ["/run/secrets/other", "/run/secrets/token"]
        token = next(file.path for file in definition.files if file.path.endswith("token"))
        assert definition.toplevel["secrets"]["token"] == {"file": f"/var/lib/deploytool/shop/{token}"}

    def test_secrets_have_no_repr(self, site: Site) -> None:
        """What a definition prints never holds the content of a file."""
        definition = site.definition(play("secrets: [s]", "secrets: {s: {content: geheim}}"))
        assert "geheim" not in repr(definition)

    def test_env_files_follow_each_other(self, site: Site) -> None:
        """A value may refer to what the files before it say, which win over the process there."""
        site.environ = {"B": "process"}
        site.write("a.env", "A=1\nB=2\n")
        site.write("b.env", "C=${A}-${B}\nA=3\n")
        assert site.body("env_file: [a.env, b.env]")["environment"] == {"A": "3", "B": "2", "C": "1-2"}

    def test_env_files(self, site: Site) -> None:
        """Read here and merged in order; what ``environment`` says wins; raw files are not interpreted."""
        site.write("a.env", "A=1\nB=1\nC='$X'\n")
        site.write("b.env", "B='2'\n")
        body = site.body(
            "env_file: [a.env, {path: b.env, format: raw}, {path: no.env, required: false}]\nenvironment: {A: 9}"
        )
        assert body["environment"] == {"A": "9", "B": "'2'", "C": "$X"}
        assert "env_file" not in body

    @pytest.mark.parametrize(
        ("body", "expected"),
        [
            ("volumes: ['./none:/x']", "6:17 there is no file or folder 'none'"),
            ("volumes: ['~/x:/x']", "6:17 '~/x' has a ~"),
            ("volumes: ['./fifo:/x']", "6:17 'fifo' is neither a file nor a folder"),
            ("volumes: ['./links:/x']", "6:17 the link 'links/out' leads out of 'links'"),
            ("volumes: ['./large:/x']", "6:17 with 'large' the project carries more than 64 MiB"),
            ("env_file: none.env", "6:17 there is no file 'none.env'"),
            ("env_file: bad.env", "bad.env:1 is not NAME=value"),
            ("configs: [c]", "6:17 the config 'c' is not defined | add 'c:' to the top-level 'configs'"),
        ],
    )
    def test_wrong_files(self, site: Site, body: str, expected: str) -> None:
        """What cannot be copied is an error where it is named."""
        os.mkfifo(site.folder / "fifo")
        (site.folder / "links").mkdir()
        (site.folder / "links" / "out").symlink_to("/etc/passwd")
        site.write("bad.env", "no line\n")
        with (site.folder / "large").open("wb") as large:
            large.truncate(65 * 1024 * 1024)
        (found,) = site.problems(play(body))
        assert found.startswith(expected)


def test_an_image_is_needed(site: Site) -> None:
    """A service without an image cannot run."""
    (found,) = site.problems("- name: x\n  hosts: web\n  services: {web: {command: x}}\n")
    assert found == "3:14 the service 'web' has no image | name it with 'image'"
