"""Makes inventories by chance, from seeds: combinations of the rules that nobody would write by hand."""

from __future__ import annotations

from random import Random
from typing import Any

import yaml

from tests.ansible.oracle_cases import Case

SEEDS = 60

_VARIABLES = ("v", "w", "x", "y")
_VALUES: tuple[Any, ...] = (1, "two", True, None, [1, 2], {"k": "v"}, "{{ v }}", "0", 1.5, "ü")
_HOSTS = (
    "a1",
    "a2",
    "b[1:2]",
    "c[01:03]",
    "d.example.com",
    "10.0.0.1",
    "e:2222",
    "f[a:c]",
    "[2001:db8::1]:22",
)
_PARTS = (
    "all", "g0", "g1", "g2", "g3", "g*", "a*", "~[ab]", "a1", "b1", "*.example.com", "ungrouped", "g0[0]",
    "g1[0:1]",
    "c0?", "&g1", "!g2", "&g3", "!a1", "!b*", "&~[a-c]", "g2[-1]", "10.0.0.1",
)  # fmt: skip


def generated() -> list[Case]:
    """One case a seed; every third is INI."""
    makers = (_yaml, _yaml, _ini)
    return [makers[seed % 3](Random(seed), seed) for seed in range(SEEDS)]  # noqa: S311 - not for secrets


def _variables(random: Random, limit: int) -> dict[str, Any]:
    return {random.choice(_VARIABLES): random.choice(_VALUES) for _ in range(random.randrange(limit + 1))}


def _patterns(random: Random) -> tuple[str, ...]:
    separators = [":", ","]
    return tuple(
        random.choice(separators).join(random.choices(_PARTS, k=random.randrange(1, 5))) for _ in range(8)
    )


def _files(random: Random, groups: list[str]) -> dict[str, str]:
    """``group_vars/`` and ``host_vars/`` beside the inventory and in the working directory."""
    files = {}
    for folder in ("", "play/"):
        for group in random.sample(["all", *groups], k=2):
            ending = random.choice(("", ".yml", ".yaml", "/main.yml"))
            files[f"{folder}group_vars/{group}{ending}"] = yaml.safe_dump(
                _variables(random, 3), allow_unicode=True
            )
        for host in random.sample(["a1", "b1", "c02"], k=1):
            files[f"{folder}host_vars/{host}.yml"] = yaml.safe_dump(_variables(random, 2), allow_unicode=True)
    return files


def _yaml(random: Random, seed: int) -> Case:
    groups = [f"g{n}" for n in range(random.randrange(2, 7))]
    bodies = {group: _group(random, groups[number + 1 :]) for number, group in enumerate(groups)}
    root: dict[str, Any] = {}
    for group in random.sample(groups, k=len(groups)):
        root[group] = bodies[group]
    if random.random() < 0.7:
        inside = random.sample(groups, k=random.randrange(len(groups)))
        root = {
            "all": {
                "vars": _variables(random, 3),
                "children": {group: root.pop(group) for group in inside},
                "hosts": {host: _variables(random, 2) for host in random.sample(_HOSTS, k=2)},
            },
            **root,
        }
    text = yaml.safe_dump(root, sort_keys=False, allow_unicode=True)
    return _case(random, seed, {"hosts.yaml": text, **_files(random, groups)}, "hosts.yaml")


def _group(random: Random, below: list[str]) -> dict[str, Any]:
    """Children come from ``below`` only, so that there are no circles; sections in any order."""
    variables = _variables(random, 3)
    if random.random() < 0.3:
        variables["ansible_group_priority"] = random.randrange(4)
    sections: dict[str, Any] = {
        "hosts": {
            host: _variables(random, 2) or None for host in random.sample(_HOSTS, k=random.randrange(4))
        },
        "vars": variables,
        "children": {
            child: ({"vars": _variables(random, 2)} if random.random() < 0.3 else None)
            for child in random.sample(below, k=min(len(below), random.randrange(3)))
        },
    }
    return {key: sections[key] for key in random.sample(list(sections), k=3)}


def _ini(random: Random, seed: int) -> Case:
    groups = [f"g{n}" for n in range(random.randrange(2, 6))]
    sections = [_ini_hosts(random, group) for group in groups]
    for number, group in enumerate(groups):
        children = random.sample(groups[number + 1 :], k=min(len(groups) - number - 1, random.randrange(3)))
        sections.append("\n".join([f"[{group}:children]", *children]))
        sections.append(
            "\n".join([f"[{group}:vars]", *(f"{k} = {v!r}" for k, v in _variables(random, 3).items())])
        )
    random.shuffle(sections)
    text = "\n\n".join([_ini_hosts(random, "").removeprefix("[]\n"), *sections]) + "\n"
    return _case(random, seed, {"hosts.ini": text, **_files(random, groups)}, "hosts.ini")


def _ini_hosts(random: Random, group: str) -> str:
    hosts = random.sample(_HOSTS, k=random.randrange(1, 4))
    lines = [" ".join([host, *(f'{k}="{v!r}"' for k, v in _variables(random, 2).items())]) for host in hosts]
    return "\n".join([f"[{group}]", *lines])


def _case(random: Random, seed: int, files: dict[str, str], source: str) -> Case:
    return Case(
        f"seed {seed}",
        files,
        source=source,
        cwd=random.choice((".", "play")),
        patterns=_patterns(random),
        limits=_patterns(random)[:2],
        render=("group_names",),
        shallow=False,
    )
