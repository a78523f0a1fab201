"""The images of a lab: the hosts' own, and two demo images in each host's engine. Built once, and kept."""

from __future__ import annotations

from dataclasses import dataclass

from deploytool.lab.base_image import base_image
from deploytool.lab.commands import Say, docker, output
from deploytool.lab.image_build import LABEL, build, data, digest, labelled, tar

DEMO_IMAGES = ("demo/web:1", "demo/web:2")
"""A web server on port 8080 that answers with the name of its image and of its container."""

_HOST_FILES = ("Dockerfile", "setup.sh", "start.sh", "engine.sh", "admit.sh")


@dataclass(frozen=True, slots=True)
class Images:
    """``host`` is the name of the hosts' image; ``demo_recipe`` is the recipe of the current demo images."""

    host: str
    demo_recipe: str


def ensure_images(say: Say) -> Images:
    """Build the images that are missing.

    Raises:
        LabError: an image could not be built.
    """
    host = _host_image(say)
    return Images(host, _demo_images(host, say))


def load_demo_images(container: str, recipe: str) -> None:
    """Load the demo images of this recipe into a host's engine, unless it has them."""
    form = "{{.Repository}}:{{.Tag}}"
    listing = ("docker", "image", "ls", "--filter", f"label={LABEL}={recipe}", "--format", form)
    if set(DEMO_IMAGES) <= set(docker("exec", container, *listing).split()):
        return
    saved = output(("docker", "save", *DEMO_IMAGES))
    docker("exec", "--interactive", container, "docker", "load", "--quiet", stdin=saved)


def remove_images() -> None:
    """Remove every image of every lab on this machine."""
    if images := labelled():
        docker("image", "rm", "--force", *images, timeout_s=120.0)


def _host_image(say: Say) -> str:
    base = base_image(say)
    files = {name: data(name) for name in _HOST_FILES}
    recipe = digest(base, *files.values())
    name = f"deploytool-lab/host:{recipe}"
    if name not in labelled(recipe):
        say("building the hosts' image")
        build(name, files, {"BASE": base}, recipe)
    return name


def _demo_images(host: str, say: Say) -> str:
    """The recipe of the demo images; builds them from files of the image ``host`` if they are missing."""
    recipe = digest(host, data("web.sh"))
    if set(DEMO_IMAGES) <= set(labelled(recipe)):
        return recipe
    say("building the demo images")
    busybox = output(("docker", "run", "--rm", "--entrypoint", "cat", host, "/bin/busybox"))
    root = tar({"bin/busybox": busybox, "bin/web": data("web.sh")})
    for name in DEMO_IMAGES:
        changes = (
            f"ENV DEMO_VERSION={name.partition(':')[2]}",
            f"LABEL {LABEL}={recipe}",
            "EXPOSE 8080",
            'ENTRYPOINT ["/bin/busybox", "sh", "/bin/web"]',
        )
        options = [word for change in changes for word in ("--change", change)]
        docker("import", *options, "-", name, stdin=root)
    return recipe
