"""A rendered Compose service → its normalized form: long syntax, files and references resolved.

Equal meaning gives equal form, since the spec of a container is a hash of it. ``env_file`` is read into
``environment``, relative paths become files of the project and absolute paths on the host.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from deploytool.errors import Place
from deploytool.load.compose.deploy import restart_of
from deploytool.load.compose.env_files import EnvFile, EnvFiles
from deploytool.load.compose.equivalence import apply_equivalences
from deploytool.load.compose.known_keys import Normalized, key_place
from deploytool.load.compose.schema import SERVICE_VALIDATOR
from deploytool.load.compose.section_schema import TOPLEVEL_VALIDATORS
from deploytool.load.compose.shipped_files import Copied, FileMistake, FileStore, generated_file, is_file
from deploytool.load.compose.validators import INVALID, Spot
from deploytool.load.templates.placeholders import BROKEN
from deploytool.load.text.located import Raw
from deploytool.load.text.problems import Problems, near
from deploytool.load.text.yaml_file import Map, place_of
from deploytool.model.intent import File

CONFIG_MODE = 0o444
SECRET_MODE = 0o600
_SOURCES = ("file", "environment", "content")
_DEFAULT_MODES = {"configs": CONFIG_MODE, "secrets": SECRET_MODE}


@dataclass(frozen=True, slots=True)
class ComposeContext:
    """The context of a document's services: its folder, its variables, its top-level names by section."""

    folder: Path
    environment: Mapping[str, str]
    env_files: EnvFiles
    names: dict[str, set[str]] = field(default_factory=dict)
    store: FileStore = field(default_factory=FileStore)


@dataclass(slots=True)
class HostNormalizer:
    """Normalizes the services of one host, and collects their files. ``root`` is the project's folder there.

    ``modes`` are the modes that services ask for, by section and name; ``place`` is where they are written.
    """

    context: ComposeContext
    root: str
    problems: Problems
    files: dict[str, File] = field(default_factory=dict)
    modes: dict[tuple[str, str], int] = field(default_factory=dict)
    place: Place = Place("")

    def absorb(self, other: HostNormalizer) -> None:
        """Add the problems, files and modes that another normalizer of the same host found."""
        self.problems.found += other.problems.found
        self.files |= other.files
        for key, mode in other.modes.items():
            if self.modes.setdefault(key, mode) != mode:
                section, name = key
                hint = "define it twice in the top level, under two names"
                self.problems.add(
                    other.place, f"{section}: '{name}' is wanted with two different modes", hint
                )

    def service(self, name: str, rendered: Raw, decided: Normalized, place: Place) -> Map:
        """A service in normalized form. ``decided`` is its normalized part that was rendered for the play."""
        self.place = place
        valid = SERVICE_VALIDATOR(rendered, Spot(place, name, self.problems))
        if valid is INVALID:
            return Map(place)
        result = Map(place)
        result.overlay(valid)
        result.overlay(decided)
        if "healthcheck" in valid and "healthcheck" in decided:
            result["healthcheck"] = {**valid["healthcheck"], **decided["healthcheck"]}
        if "image" not in result and "image" not in rendered:
            self.problems.add(place, f"the service '{name}' has no image", "name it with 'image'")
        self._resolve_references(result, valid, place)
        for key in [key for key, value in result.items() if value in ({}, []) and key not in _MAY_BE_EMPTY]:
            del result[key]
        apply_equivalences(result)
        return result

    def _resolve_references(self, result: dict[str, Raw], valid: Raw, place: Place) -> None:
        environment = self._from_files(result.pop("env_file", ()), place)
        environment |= self._own(result.pop("environment", {}))
        result["environment"] = environment
        result["labels"] = {
            **self._from_files(result.pop("label_file", ()), place),
            **result.get("labels", {}),
        }
        result["volumes"] = [self._mount(mount) for mount in result.get("volumes", ())]
        result["networks"] = self._networks(result, valid, place)
        for name in (result.get("x-ingress") or {}).get("tls", {}).values():
            self._known("secrets", "secret", name, getattr(name, "place", place))
        for section in _DEFAULT_MODES:
            result[section] = self._grants(section, result.get(section, ()), place_of(valid, section, place))
        result["restart"] = restart_of(result) or "no"
        result.pop("scale", None)

    def _own(self, variables: Mapping[str, str | None]) -> dict[str, str]:
        """The variables of ``environment``; a name alone has the value in the play's environment, if any."""
        known = self.context.environment
        return {
            name: known[name] if value is None else value
            for name, value in variables.items()
            if value is not None or name in known
        }

    def _from_files(self, entries: Iterable[Normalized], place: Place) -> dict[str, str]:
        chain: tuple[EnvFile, ...] = ()
        for entry in entries:
            at = getattr(entry["path"], "place", place)
            path = self.context.folder / entry["path"]
            if not is_file(path) and entry.get("required") is False:
                continue
            if not is_file(path):
                self.problems.add(
                    at, f"there is no file '{path}'", "write required: false if it may be missing"
                )
                continue
            chain = (*chain, EnvFile(path, entry.get("format") == "raw"))
        values, problems = self.context.env_files.read(chain)
        self.problems.found += problems.found
        return dict(values)

    def _mount(self, mount: dict[str, Raw]) -> dict[str, Raw]:
        result = {key: value for key, value in mount.items() if key != "place"}
        source = result.get("source", "")
        place = mount["place"]
        if mount["type"] == "volume" and source:
            self._known("volumes", "volume", source, place)
        elif mount["type"] == "bind" and source.startswith("~"):
            self.problems.add(
                place, f"'{source}' has a ~, which has no meaning on a host", "write an absolute path"
            )
        elif mount["type"] == "bind" and not source.startswith("/"):
            copied = self._copied(self.context.folder / source, place)
            bind = {key: value for key, value in result.pop("bind", {}).items() if key != "create_host_path"}
            result |= {
                "source": f"{self.root}/{copied.path}" if copied else source,
                **({"bind": bind} if bind else {}),
            }
        return result

    def _copied(self, path: Path, place: Place) -> Copied | None:
        try:
            copied = self.context.store.copy(path)
        except FileMistake as error:
            self.problems.add(place, str(error), error.hint)
            return None
        self.files.update((file.path, file) for file in copied.files)
        return copied

    def _networks(self, result: Normalized, valid: Raw, place: Place) -> dict[str, Raw]:
        networks: dict[str, Raw] = dict(result.get("networks", {}))
        for name in networks:
            if name != "default":
                at = getattr(name, "place", place_of(valid, "networks", place))
                self._known("networks", "network", name, at)
        if networks and "network_mode" in result:
            at = key_place(valid, "network_mode", place)
            self.problems.add(at, "'network_mode' and 'networks' exclude each other", "keep one of them")
        return networks

    def _known(self, section: str, word: str, name: str, place: Place) -> None:
        known = self.context.names.get(section, set())
        if name not in known:
            hint = near(name, known) or f"add '{name}:' to the top-level '{section}'"
            self.problems.add(place, f"the {word} '{name}' is not defined", hint)

    def _grants(self, section: str, grants: Iterable[Normalized], place: Place) -> list[dict[str, Raw]]:
        result = []
        for grant in grants:
            name = grant["source"]
            self._known(section, section.rstrip("s"), name, getattr(name, "place", place))
            self.modes[section, name] = grant.get("mode", _DEFAULT_MODES[section])
            target = grant.get("target") or (f"/{name}" if section == "configs" else f"/run/secrets/{name}")
            if section == "secrets" and not target.startswith("/"):
                target = f"/run/secrets/{target}"
            result.append({"source": name, "target": target})
        return result

    def toplevel(self, section: str, name: str, rendered: Raw, place: Place) -> dict[str, Raw] | None:
        """One entry of a top-level section; None where it is wrong."""
        if rendered is BROKEN:
            return None
        written = {} if rendered is None else rendered
        valid = TOPLEVEL_VALIDATORS[section](written, Spot(place, name, self.problems))
        if valid is INVALID:
            return None
        if section in _DEFAULT_MODES:
            sources = [key for key in _SOURCES if key in written]
            return self._file_entry(section, name, valid, sources, place)
        external = valid.get("external")
        if isinstance(external, dict):
            return {**valid, **external, "external": True}
        return dict(valid)

    def _file_entry(
        self, section: str, name: str, valid: Normalized, sources: Sequence[str], place: Place
    ) -> dict[str, Raw] | None:
        """The entry for a file; ``sources`` are the ways in which the entry names its content."""
        if len(sources) != 1:
            what = "needs one of" if not sources else "has more than one of"
            self.problems.add(place, f"'{name}' {what} file, environment and content")
        if len(sources) != 1 or sources[0] not in valid:
            return None
        content = self._content(sources[0], valid[sources[0]], place_of(valid, sources[0], place))
        if content is None:
            return None
        copied = generated_file(name, content, self.modes.get((section, name), _DEFAULT_MODES[section]))
        self.files.update((file.path, file) for file in copied.files)
        return {"file": f"{self.root}/{copied.path}"}

    def _content(self, kind: str, value: str, place: Place) -> bytes | None:
        if kind == "content":
            return value.encode()
        if kind == "environment":
            if value in self.context.environment:
                return self.context.environment[value].encode("utf-8", "surrogateescape")
            self.problems.add(
                place, f"the variable '{value}' is not set", near(value, self.context.environment)
            )
            return None
        try:
            return self.context.store.read(self.context.folder / value)
        except FileMistake as error:
            self.problems.add(place, str(error), error.hint if value.startswith("/") else _PATHS)
            return None


_PATHS = "a relative path starts from the folder of the file with 'services'"
_MAY_BE_EMPTY = frozenset({"command", "entrypoint"})
