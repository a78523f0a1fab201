"""Files are read as Compose on a host reads them: ``${}``, env files, scalars.

Compose itself is asked, once for all questions of a kind.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploytool.errors import InputError, Place
from deploytool.load.templates.dotenv import parse_dotenv
from deploytool.load.templates.interpolate import Interpolation
from deploytool.load.text.problems import Problems
from tests.lab.labhosts import LabHosts
from tests.unit.load.playbooks import Site

ENVIRONMENT = {"A": "aval", "EMPTY": "", "D": "a$b", "BR": "a}b", "SP": "a b", "DD": "$$A", "_x": "under"}


def _words(text: str) -> list[str]:
    return text.split()


# U and V are set nowhere.
TEXTS = _words(r"""
$A ${A} $A$A x$A-y $$A $$$A $$$$A $${A} $$${A} $EMPTY ${EMPTY} ${U:-d} ${U-d} ${EMPTY:-d} ${EMPTY-d} ${A:-d}
${A-d} ${A:+p} ${A+p} ${EMPTY:+p} ${EMPTY+p} ${U:+p} ${U+p} ${A:?err} ${A?err} ${EMPTY?err} ${U:-} ${U-}
${U:-${A}} ${U:-$A} ${U:-${V:-x}} ${U:-${V:-${U:-deep}}} ${A:+${A}} ${U:-a${A}b${A}c} ${U:-$${A}} ${U:-$$A}
${U:-a}b} ${U:-{a}} ${U:-{}} ${U:-a:b} ${U:--} ${U:-:-x} ${U:+${V:-x}} ${U:-http://x:80/p?q=1&r=2#f} ${U:-'q'}
${U:-"q"} ${U:-üñ} ${U:-$} $ a$ $1 $é $(A) $(date) $'A' $"A" $@ $* $? $! $- $0 $A$ $$$ } {A} ${A}} {${A}} $A.b
$A:b $A/b $Aé $_x ${_x} ${D} ${BR} ${SP} ${DD} $DD ${U:-$D} ${U:-${BR}} %A% #{A} \$A \${A} `date` ${U:-$$}
${EMPTY:-${EMPTY:-z}} ${A:+} ${A:+a}b} -${A} ${A}% ${U:-${A}-${A}} ${U:-x${V:+y}z} ${U:-}}} a${U:-b}c${V:-d}e
""")

SCALARS = _words("""
yes no on off y N true TRUE tRue False 012 0o12 0x1F 0b11 1_000 1e3 1E3 1.0 1.50 1e+3 .5 5. -1 +1 1:30
12:30:45 190:20:30.15 0123456789 08 1.2.3 1-2 0 00 007 -0 1e400 123456789012345678901234567890 1,000 0. 1__0
_1 0x 0xG 1e 12e03 0777 1.0e10 100000000000000000000.0 1e21 1e-7 0.1 3.14159265358979 -.5 -1.5e-9
999999.0 1234567.5
""")

# One line each, of a variable named NAME.
LINES = (
    *("NAME=1", "NAME = 1", "NAME= 1", "NAME =1", "NAME=1 ", "NAME='1'", 'NAME="1"', "NAME='a b' # c"),
    *("NAME=a b # c", "NAME=a#b", "NAME=#b", "NAME= # b", "NAME=a #b", "NAME=a\t#b", "export NAME=1"),
    *("NAME:1", "NAME: 1", "NAME:a:b", "NAME=a=b", "NAME=", "  NAME=1", "\tNAME=1", "NAME=${A}", "NAME=$A"),
    *("NAME='$A'", 'NAME="$A"', "NAME=$$A", "NAME='${U}'", "NAME=${U:-d}", 'NAME="${U:-d}"', "NAME=a\\nb"),
    *('NAME="a\\nb"', "NAME='a\\nb'", 'NAME="a\\"b"', "NAME='a\\'b'", 'NAME="a\\\\b"', 'NAME="a\\$b"'),
    *('NAME="a\\xb"', "NAME='a\nb'", 'NAME="a\n#b\nc"', "NAME=a'b'", "NAME=it's", "NAME=é", "NAME='\\\\'"),
    *("NAME=$(date)", "NAME=a$", "NAME=a $ b", 'NAME={"a":1}', "NAME=''", "NAME=' '", "NAME=  a  b  "),
    *("NAME=http://a:b@c/d?e=f&g=h#i", "NAME=$1", "NAME=a\\", "NAME=\\$A", "NAME=''#c", 'NAME="a" #'),
    *('NAME="multi\n  line\n" # c', 'NAME="\\a\\b\\f\\v\\r"', "NAME= 'a'", "NAME.x-y_0=1", "NAME[0]=1"),
)


def config(lab_hosts: LabHosts, document: Any, files: Mapping[str, str] | None = None) -> Mapping[str, Any]:
    """The service of ``document`` as Compose on a host understands it, dollars as they are."""
    texts = {"compose.yaml": document if isinstance(document, str) else json.dumps(document), **(files or {})}
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, text in texts.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    script = 'cd "$(mktemp -d)" && tar -x && env "$@" docker compose config --format json && rm -r "$PWD"'
    given = [f"{name}={value}" for name, value in ENVIRONMENT.items()]
    said = lab_hosts.exec("lab1", "sh", "-ec", script, "sh", *given, stdin=buffer.getvalue(), timeout_s=60.0)
    service: Mapping[str, Any] = json.loads(said)["services"]["web"]
    return service


def plain(values: Mapping[str, str]) -> dict[str, str]:
    """Every dollar that ``config`` prints is doubled; here it is single again."""
    return {name: value.replace("$$", "$") for name, value in values.items()}


def test_interpolation(lab_hosts: LabHosts) -> None:
    """Every operator, nested and odd, gives what Compose gives."""
    labels = {f"t{number}": text for number, text in enumerate(TEXTS)}
    theirs = plain(config(lab_hosts, {"services": {"web": {"image": "i", "labels": labels}}})["labels"])
    interpolation = Interpolation(ENVIRONMENT)
    assert {name: str(interpolation(text, Place("f", 1))) for name, text in labels.items()} == theirs


def test_env_files(lab_hosts: LabHosts) -> None:
    """Quotes, comments, escapes, references: each line gives what Compose gives."""
    text = "".join(line.replace("NAME", f"N{number}") + "\n" for number, line in enumerate(LINES))
    document = {"services": {"web": {"image": "i", "env_file": ["a.env"]}}}
    theirs = plain(config(lab_hosts, document, {"a.env": text})["environment"])
    problems = Problems()
    assert parse_dotenv(text, "a.env", ENVIRONMENT, problems) == theirs
    assert not problems.found


def test_scalars(lab_hosts: LabHosts, tmp_path: Path) -> None:
    """A scalar without quotes is the text that Compose makes of it."""
    lines = "".join(f"      S{number}: {text}\n" for number, text in enumerate(SCALARS))
    document = f"services:\n  web:\n    image: i\n    environment:\n{lines}"
    theirs = config(lab_hosts, document)["environment"]
    site = Site(tmp_path)
    site.write("compose.yaml", document)
    project = site.project("- {name: Shop, hosts: web1, compose: compose.yaml}\n")
    assert project.definitions.on(project.hosts[0], {}).services["web"]["environment"] == theirs
    assert len(yaml.safe_load(document)["services"]["web"]["environment"]) == len(theirs)


@pytest.mark.parametrize(
    "text", ["${", "${A", "${}", "${ A }", "${A!x}", "${A:}", "${1}", "${U:?no}", "${U?no}"]
)
def test_what_compose_refuses(text: str) -> None:
    """Each is refused by Compose 2.26, too: it was tried."""
    with pytest.raises(InputError):
        Interpolation(ENVIRONMENT)(text, Place("f", 1))
