"""Reading a play by the table of its keys."""

from __future__ import annotations

from tests.unit.load.playbooks import Site, play


def test_a_required_key_that_a_template_leaves_empty(site: Site) -> None:
    """A play whose pattern comes out as null is an error, not a play that is silently left out."""
    text = play("", "vars: {group: null}").replace("hosts: web", 'hosts: "{{ group }}"')
    assert site.problems(text) == ["2:10 the play has no 'hosts' | write hosts: all, or a group"]


def test_all_wrong_settings_are_found(site: Site) -> None:
    """A setting whose template fails hides no other, and none of the services' problems."""
    top = """
        serial: "{{ nope }}"
        max_fail_percentage: 101
        reschedule_after: soon
    """
    found = site.problems(play("imge: x", top))
    assert [line.partition(" | ")[0] for line in found] == [
        "3:11 'nope' is undefined",
        "4:24 'max_fail_percentage' cannot be more than 100",
        "5:21 'reschedule_after' is no duration: 'soon'",
        "9:7 unknown key 'imge' in web",
    ]


def test_a_key_on_which_others_depend_ends_the_play(site: Site) -> None:
    """Without the variables of a file, everything else would be undefined, too: one error says enough."""
    found = site.problems(play("command: '{{ tag }}'", "vars_files: ['{{ nope }}.yaml']"))
    assert [line.partition(" | ")[0] for line in found] == ["3:16 'nope' is undefined"]
