"""Asks ansible-core about inventories: the program that the tests run, once for all of their questions.

Reads a JSON list of questions on stdin and prints a JSON list of answers. Each question is answered in a
child of its own by ``ansible-inventory``'s own code, so that nothing of one can colour another.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
from typing import Any


def main() -> None:
    import ansible.cli.inventory
    import ansible.plugins.inventory.ini
    import ansible.plugins.inventory.yaml
    import ansible.plugins.vars.host_group_vars  # noqa: F401
    import jinja2  # noqa: F401

    answers = [_in_child(question) for question in json.load(sys.stdin)]
    json.dump(answers, sys.stdout)


def _in_child(question: dict[str, Any]) -> dict[str, Any]:
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        with os.fdopen(writing, "w") as out:
            json.dump(_answer(question), out)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        text = pipe.read()
    os.waitpid(child, 0)
    return json.loads(text)


def _answer(question: dict[str, Any]) -> dict[str, Any]:
    os.chdir(question["cwd"])
    said = io.StringIO()
    answer: dict[str, Any] = {}
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
        try:
            answer = _ask(question)
        except BaseException as error:
            answer = {"refused": f"{type(error).__name__}: {error}"}
    answer["said"] = said.getvalue()
    return answer


def _ask(question: dict[str, Any]) -> dict[str, Any]:
    from ansible.cli.inventory import InventoryCLI

    cli = InventoryCLI(["ansible-inventory", "-i", question["source"], "--list", *question.get("args", [])])
    cli.parse()
    cli.loader, cli.inventory, cli.vm = cli._play_prereqs()
    matches = {pattern: _hosts(cli, pattern) for pattern in question.get("patterns", [])}
    limited = {limit: _limited(cli, limit) for limit in question.get("limits", [])}
    cli.inventory.subset(None)
    return {
        "list": cli.dump(cli.json_inventory(cli._get_group("all"))),
        "graph": cli.inventory_graph(),
        "hosts": {
            name: cli.dump(cli._get_host_variables(host)) for name, host in cli.inventory.hosts.items()
        },
        "patterns": matches,
        "limits": limited,
        "vars": _rendered(cli, question.get("render", [])),
    }


def _hosts(cli: Any, pattern: str) -> list[str] | None:
    try:
        return [host.name for host in cli.inventory.get_hosts(pattern)]
    except Exception:
        return None


def _limited(cli: Any, limit: str) -> str:
    cli.inventory.subset(limit)
    return cli.dump(cli.json_inventory(cli._get_group("all")))


def _rendered(cli: Any, names: list[str]) -> dict[str, dict[str, Any]]:
    """The values of variables as a task would see them."""
    from ansible.template import Templar
    from ansible.vars.hostvars import HostVars

    HostVars(cli.inventory, cli.vm, cli.loader)  # makes itself known to the variable manager
    result: dict[str, dict[str, Any]] = {}
    for host in cli.inventory.get_hosts("all"):
        templar = Templar(loader=cli.loader, variables=cli.vm.get_vars(host=host))
        known = cli.vm.get_vars(host=host)
        result[host.name] = {
            n: json.loads(json.dumps(templar.template(known[n]), default=str)) for n in names if n in known
        }
    return result


if __name__ == "__main__":
    main()
