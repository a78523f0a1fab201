"""A host's files: ordinary Compose, the same bytes for the same meaning, nothing of the host's leaks in."""

from __future__ import annotations

from dataclasses import replace

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from deploytool.backend.compose.render.compose import host_files
from deploytool.backend.compose.render.spec import spec_of
from deploytool.backend.compose.render.yaml_text import to_yaml
from deploytool.model.desired import Desired
from deploytool.model.intent import Definition, File, Mode, Resources, Service
from deploytool.model.policies import Dependency
from deploytool.plan.renderer import release_digest
from tests.builders import host, project

H1 = host("h1")


class TypedVars:
    """Definitions as a test wrote them down."""

    def __init__(self, definition: Definition) -> None:
        self.definition = definition

    def on(self, host, placements):
        return self.definition


def rendered(definition: Definition, *services: Service, **counts: int):
    wanted = replace(project(*services, hosts=[H1]), definitions=TypedVars(definition))
    return host_files(wanted, Desired("shop", {(name, "h1"): n for name, n in counts.items()}), H1)


def document(files) -> dict:
    return yaml.safe_load(files.manifest.text)


def test_a_host_gets_its_own_count_and_no_policy():
    """replicas are the host's; placement and update_config would make Compose recreate containers."""
    service = {
        "image": "a:1",
        "deploy": {"replicas": 6, "placement": {}, "resources": {"limits": {"cpus": "1"}}},
    }
    web = document(rendered(Definition({"web": service}), Service("web"), web=2))["services"]["web"]
    assert web["deploy"] == {"replicas": 2, "resources": {"limits": {"cpus": "1"}}}


def test_a_host_without_replicas_gets_no_file():
    """Nothing is to run there, so nothing says so."""
    assert rendered(Definition({"web": {"image": "a"}}), Service("web")).manifest is None


def test_dependencies_stay_out_of_the_file():
    """Compose hashes them: a neighbour that moves away would restart what depended on it."""
    both = Definition({"web": {"image": "a", "depends_on": {"db": {}}}, "db": {"image": "b"}})
    services = (Service("web", depends_on=(Dependency("db", "service_healthy"),)), Service("db"))
    assert "depends_on" not in rendered(both, *services, web=1, db=1).manifest.text


def test_what_is_meant_to_end_is_not_started_by_a_plain_up():
    """Compose starts again whatever ended: so a job, and what others wait for to complete, has a profile."""
    waits = Service("web", depends_on=(Dependency("migrate", "service_completed_successfully"),))
    services = (waits, Service("migrate"), Service("tidy", mode=Mode.REPLICATED_JOB))
    definition = Definition({service.name: {"image": "a"} for service in services})
    written = document(rendered(definition, *services, web=1, migrate=1, tidy=1))["services"]
    assert [name for name, service in written.items() if service.get("profiles")] == ["migrate", "tidy"]


def test_dollars_are_escaped_so_that_the_hosts_environment_never_leaks_in():
    """A literal ${HOME} stays one."""
    files = rendered(
        Definition({"web": {"image": "a", "command": ["echo", "$HOME ${X}"]}}), Service("web"), web=1
    )
    assert document(files)["services"]["web"]["command"] == ["echo", "$$HOME $${X}"]


def test_only_files_and_sections_that_are_used_travel():
    """A host gets no secret that none of its services mounts."""
    toplevel = {"secrets": {"a": {"file": "/d/files/aaa/a"}, "b": {"file": "/d/files/bbb/b"}}, "x-note": 1}
    files = (File("files/aaa/a", b"1", 0o600), File("files/bbb/b", b"2", 0o600))
    services = {"web": {"image": "a", "secrets": [{"source": "a"}]}, "db": {"image": "b", "secrets": ["b"]}}
    result = rendered(Definition(services, toplevel, files), Service("web"), Service("db"), web=1)
    assert document(result)["secrets"] == {"a": {"file": "/d/files/aaa/a"}}
    assert [file.path for file in result.files] == ["files/aaa/a"]
    assert "x-note" not in result.manifest.text


def test_policy_is_no_part_of_the_spec():
    """Scaling, moving or rolling otherwise restarts nothing; limits are what a container is made of."""
    plain = spec_of("web", Definition({"web": {"image": "a"}}))
    policy = {"image": "a", "deploy": {"replicas": 3, "update_config": {"parallelism": 2}}, "x-a": 1}
    assert spec_of("web", Definition({"web": {**policy, "depends_on": {"db": {}}}})) == plain
    limited = {"image": "a", "deploy": {"resources": {"limits": {"cpus": "1"}}}}
    assert spec_of("web", Definition({"web": limited})).digest != plain.digest


def test_key_order_is_no_part_of_the_spec():
    """Equal meaning, equal spec."""
    one = spec_of("web", Definition({"web": {"image": "a", "environment": {"A": "1", "B": "2"}}}))
    other = spec_of("web", Definition({"web": {"environment": {"B": "2", "A": "1"}, "image": "a"}}))
    assert one == other


def test_the_content_of_a_mounted_secret_is_part_of_the_spec():
    """Its path carries the hash of its content, so other content is another definition."""
    service = {"web": {"image": "a", "secrets": [{"source": "key"}]}}
    old = spec_of("web", Definition(service, {"secrets": {"key": {"file": "/d/files/aaa/key"}}}))
    new = spec_of("web", Definition(service, {"secrets": {"key": {"file": "/d/files/bbb/key"}}}))
    assert {k for k in old.keys if old.keys[k] != new.keys[k]} == {
        "secrets.key.file"
    } or old.digest != new.digest


def test_reservations_travel_as_a_label():
    """Other runs have to count them, and Docker forgets reserved CPUs."""
    web = Service("web", reserve=Resources(0.5, 1024))
    labels = document(rendered(Definition({"web": {"image": "a"}}), web, web=1))["services"]["web"]["labels"]
    assert labels["deploytool.reserve"] == "0.5 1024"


def test_the_release_is_named_by_what_runs_where():
    """Another count or another text is another release."""
    wanted = project(Service("web"), hosts=[H1])
    files = {"h1": host_files(wanted, Desired("shop", {("web", "h1"): 1}), H1)}
    one = release_digest(wanted, Desired("shop", {("web", "h1"): 1}), files)
    assert one == release_digest(wanted, Desired("shop", {("web", "h1"): 1}), files)
    assert one != release_digest(wanted, Desired("shop", {("web", "h1"): 2}), files)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_any_unicode_survives_yaml(value):
    """What is written is what is read, whatever the text."""
    assert yaml.safe_load(to_yaml(value)) == value


@pytest.mark.parametrize(
    "text",
    [
        "1e3",
        "0o17",
        "y",
        "no",
        "0x1f",
        "1_000",
        "12:30:45",
        "2020-01-01",
        "~",
        ".inf",
        "",
        "null",
        "a: b",
        "# c",
        "08",
    ],
)
def test_strings_that_some_reader_takes_for_something_else_are_quoted(text):
    """Compose reads YAML 1.2 and we write 1.1; a quoted string is one in both."""
    assert to_yaml({"k": text}) == f'k: "{text}"\n'
