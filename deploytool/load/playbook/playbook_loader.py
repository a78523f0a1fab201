"""Playbooks → the intent: a list of plays, each a project on the hosts of a pattern."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Set
from pathlib import Path

from deploytool.errors import InputError, Place
from deploytool.load.compose.validators import kind_of
from deploytool.load.inventory.inventory_loader import LoadedInventory
from deploytool.load.playbook.play import PlayFile, Select, load_play
from deploytool.load.playbook.play_keys import PlaySettings, Stage
from deploytool.load.playbook.play_settings import PLAY_KEYS, TAGS
from deploytool.load.playbook.tags import TagFilter
from deploytool.load.text.problems import Problems, input_error
from deploytool.load.text.yaml_file import Dialect, Map, read_yaml
from deploytool.model.intent import Intent, Project

DEFAULT_NAMES = ("playbooks/site.yaml", "playbooks/site.yml")
_FORM = "a playbook is a list: begin each play with '- name: …'"


def find_playbook(inventory_source: str, cwd: Path) -> Path:
    """The default playbook: looked for in ``cwd``, then in the inventory's folder and upwards.

    Raises:
        InputError: there is none.
    """
    source = Path(inventory_source)
    start = (cwd / source).parent.resolve() if (cwd / source).exists() else cwd
    for folder in (cwd, start, *start.parents):
        for name in DEFAULT_NAMES:
            if (folder / name).is_file():
                return Path(name) if folder == cwd else folder / name
    hint = "name the playbook after the inventory, or write playbooks/site.yaml"
    raise input_error(Place(DEFAULT_NAMES[0]), "no such file, and none above the inventory", hint)


def load_intent(
    inventory: LoadedInventory,
    playbooks: Sequence[Path],
    *,
    select: Select,
    tags: Set[str] = frozenset(),
    skip_tags: Set[str] = frozenset(),
    check_mode: bool = False,
) -> Intent:
    """All plays of all playbooks, rendered and checked for every one of their hosts. Touches no host.

    ``select`` is that of ``core.placement.patterns``. The extra variables, the vault and the environment of
    the process are those that the inventory was loaded with.

    Raises:
        InputError: with every problem of every file.
        UsageError: no play has the tags.
    """
    problems = Problems()
    files = (PlayFile(path, str(path), check_mode) for path in playbooks)
    plays = [(file, settings) for file in files for settings in _plays(file, problems)]
    chosen = TagFilter(tags, skip_tags)
    selected = [(file, settings) for file, settings in plays if chosen.selects(settings[TAGS])]
    projects: list[Project] = []
    for file, settings in selected:
        project = load_play(settings, file, inventory, select, problems)
        if project:
            _check_unique(project, projects, problems)
            projects.append(project)
    intent = _intent(inventory, projects, problems)
    problems.raise_if_any()
    chosen.check(len(selected), {tag for _, settings in plays for tag in settings[TAGS]})
    return intent


def _intent(inventory: LoadedInventory, projects: Sequence[Project], problems: Problems) -> Intent:
    resolved = {host.name: host for project in reversed(projects) for host in project.hosts}
    try:
        return Intent(inventory.inventory(resolved), tuple(projects))
    except InputError as error:
        problems.extend(error)
        return Intent(inventory.names, ())


def _plays(file: PlayFile, problems: Problems) -> Iterator[PlaySettings]:
    """The plays of a playbook, each with its tags read."""
    before = len(problems.found)
    document = read_yaml(file.path, file.name, problems, Dialect.PLAYBOOK)
    if not isinstance(document, list):
        if len(problems.found) == before:
            what = "is empty" if document is None else f"is {kind_of(document)}, not a list of plays"
            problems.add(Place(file.name, 1), what, _FORM)
        return
    for index, play in enumerate(document):
        if isinstance(play, Map):
            settings = PlaySettings(PLAY_KEYS, play, problems)
            settings.read(Stage.SELECTION)
            yield settings
        else:
            place = document.place_of(index)  # type: ignore[attr-defined]
            problems.add(place, f"a play has to be a mapping, not {kind_of(play)}", _FORM)
    if not document:
        problems.add(Place(file.name, 1), "is empty", _FORM)


def _check_unique(project: Project, others: Iterable[Project], problems: Problems) -> None:
    other = next((other for other in others if other.name == project.name), None)
    if other:
        message = f"the project '{project.name}' is already that of the play '{other.title}' at {other.place}"
        problems.add(project.place, message, "give one of the two another name with 'project'")
