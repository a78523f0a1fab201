"""The image of the server: Perl as the lab's hosts have it, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from deploytool.lab.commands import output, run
from deploytool.lab.image_build import LABEL, digest, labelled
from tests.lab.labhosts import LabHosts

IMAGES = ("traffic/web:1", "traffic/web:2", "traffic/web:sick")
_SERVER = Path(__file__).with_name("server.pl")
# What Debian's perl-base consists of, and the libraries that it needs.
_PACK = """
cat >/usr/bin/serve
perl=$(ldd /usr/bin/perl | sed -n 's/.* \\(\\/[^ ]*\\) (.*/\\1/p')
loader=$(ldd /usr/bin/perl | sed -n 's/^[[:space:]]*\\(\\/[^ ]*\\) (.*/\\1/p')
tar --create --dereference --absolute-names /usr/bin/serve /usr/bin/perl $perl $loader /usr/lib/*/perl-base
"""


def give_traffic_images(lab_hosts: LabHosts, host_image: str) -> None:
    """See to it that every host has the images; they are built once, and kept."""
    recipe = digest(host_image, _SERVER.read_bytes(), _PACK)
    if not set(IMAGES) <= set(labelled(recipe)):
        _build(host_image, recipe)
    load_images(lab_hosts, IMAGES, recipe)


def load_images(lab_hosts: LabHosts, names: Sequence[str], recipe: str) -> None:
    """Bring images that this machine has to every host that has none of this recipe."""
    listing = ("docker", "image", "ls", "--quiet", "--filter", f"label={LABEL}={recipe}")
    lacking = [host for host in lab_hosts.hosts if len(lab_hosts.exec(host, *listing).split()) < len(names)]
    if lacking:
        saved, load = output(("docker", "save", *names), timeout_s=120.0), ("docker", "load", "--quiet")
        with ThreadPoolExecutor(len(lacking)) as pool:
            list(pool.map(lambda host: lab_hosts.exec(host, *load, stdin=saved, timeout_s=300.0), lacking))


def _build(host_image: str, recipe: str) -> None:
    start = ("docker", "run", "--rm", "--interactive", "--entrypoint", "sh", host_image, "-ec", _PACK)
    packed = output(start, stdin=_SERVER.read_bytes())
    for name in IMAGES:
        version = name.partition(":")[2]
        environment = f"ENV VERSION={version}" + (" SICK=1" if version == "sick" else "")
        changes = (environment, f"LABEL {LABEL}={recipe}", 'ENTRYPOINT ["/usr/bin/perl", "/usr/bin/serve"]')
        options = [word for change in changes for word in ("--change", change)]
        run(("docker", "import", *options, "-", name), stdin=packed, timeout_s=120.0)
