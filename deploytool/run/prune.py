"""Pruning: after a run, also a failed one, remove the images that no release needs any more."""

from __future__ import annotations

from deploytool.errors import HostUnreachable
from deploytool.model.event import Level, Note
from deploytool.run.converge import Run
from deploytool.transport.futures import each


def prune_images(run: Run) -> dict[str, tuple[str, ...]]:
    """Remove, on every host of the run that answers, the images of its projects that no release needs.

    Emits a note for each host with removed images, and for each failure. Returns the removed images by host.
    """
    projects = [project.name for project in run.intent.projects]
    seen = run.answering()

    def one(host_name: str) -> tuple[str, ...]:
        gone: list[str] = []
        for project in projects:
            if project not in seen[host_name].projects:
                continue
            try:
                outcome, images = run.backend.prune(host_name, project, run.claim)
            except HostUnreachable as error:
                run.emit(
                    Note(f"{host_name}: images were not pruned: {error.message}", Level.WARNING, host_name)
                )
                break
            gone += images
            if not outcome.ok:
                message = f"{host_name}: {project}: images were not pruned: {outcome.reason}"
                run.emit(Note(message, Level.WARNING, host_name))
        if gone:
            images_text = f"{len(gone)} image{'s' * (len(gone) != 1)}"
            run.emit(Note(f"{host_name}: removed {images_text}: {', '.join(gone)}", host=host_name))
        return tuple(gone)

    return each(sorted(seen), one, run.options.forks)
