"""Settings of the agent's subcommands: flag, then environment, then file, then default.

A file may import others, relative to itself; they are read first, each once, and what the importing
file says wins.
"""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog
import yaml

from ome.cli.goflags import Flag, parse_duration
from ome.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["COMMON_FLAGS", "EXAMPLE", "Configuration", "JobFailed"]

COMMON_FLAGS = (
    Flag("config", "", "configuration file (yaml, json or toml)"),
    Flag("c", "", "the same as --config"),
    Flag("debug", False, "accepted and without effect"),
    Flag("d", False, "the same as --debug"),
)
"""What every subcommand takes."""
EXAMPLE = """
Examples:
  ome agent {} --config /ome-agent.yaml"""
"""For the help of a subcommand."""
_PREFIX = "OME_AGENT_"
_READERS: dict[str, Callable[[str], Any]] = {
    ".yaml": yaml.safe_load,
    ".yml": yaml.safe_load,
    ".json": json.loads,
    ".toml": tomllib.loads,
}
log = structlog.get_logger("agent")


class JobFailed(UserError):
    """A subcommand could not do its work; the pod fails with it."""

    exit_code = 1


class Configuration:
    """The settings of one subcommand, by keys such as ``model.bucket_name``."""

    def __init__(
        self, flags: Mapping[str, Any], environ: Mapping[str, str], file: Mapping[str, Any]
    ) -> None:
        """``flags`` by key; an empty one was not given."""
        self._flags = flags
        self._environ = environ
        self._file = file

    @classmethod
    def read(cls, path: str, flags: Mapping[str, Any], environ: Mapping[str, str]) -> Configuration:
        """With a file, whose absence is only noted: flags and environment may say everything.

        Raises ``JobFailed`` for no path and for a file that cannot be understood.
        """
        if not path:
            raise JobFailed("no config file provided; name it by --config")
        return cls(flags, environ, _load(Path(path), set()))

    def text(self, key: str, default: str = "") -> str:
        """A setting, without white space around it."""
        value = self._flags.get(key) or self._environ.get(
            _PREFIX + key.upper().replace(".", "_"), ""
        )
        if not value:
            found: Any = self._file
            for part in key.split("."):
                found = found.get(part) if isinstance(found, dict) else None
            value = "" if found is None else found
        if isinstance(value, bool):
            return "true" if value else "false"
        return str(value).strip() or default

    def required(self, key: str) -> str:
        """A setting that must be there. Raises ``JobFailed``."""
        value = self.text(key)
        if not value:
            variable = _PREFIX + key.upper().replace(".", "_")
            raise JobFailed(f"{key} is required; set it in the config file or by {variable}")
        return value

    def yes(self, key: str, *, default: bool = False) -> bool:
        """A setting that is true or not."""
        return self.text(key, str(default)).lower() in ("true", "1", "yes")

    def number(self, key: str, default: float) -> float:
        """A setting that is a number. Raises ``JobFailed``."""
        text = self.text(key)
        try:
            return float(text) if text else default
        except ValueError:
            raise JobFailed(f"{key}: {text!r}: expected a number") from None

    def above_zero(self, key: str, default: int, what: str) -> int:
        """A whole number above 0; ``what`` names it in errors. Raises ``JobFailed``."""
        value = self.number(key, default)
        if value < 1 or value != int(value):
            raise JobFailed(f"{what} must be positive: {key} is {value:g}")
        return int(value)

    def seconds(self, key: str, default: float) -> float:
        """A duration such as ``15s`` or ``2h``, or a number of seconds. Raises ``JobFailed``."""
        text = self.text(key)
        found = parse_duration(text) if text else default
        if found is None:
            raise JobFailed(f"{key}: {text!r}: expected a duration such as 15s or 2h")
        return found


def _load(path: Path, seen: set[Path]) -> dict[str, Any]:
    if not path.suffix:
        raise JobFailed(f"{path}: configuration file has no extension")
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        known = ", ".join(_READERS)
        raise JobFailed(
            f"{path}: unsupported configuration file extension: {path.suffix}; use one of {known}"
        )
    seen.add(path.resolve())
    try:
        own = reader(path.read_text("utf-8"))
    except FileNotFoundError:
        log.warning("config.absent", file=str(path), now="flags and environment count alone")
        return {}
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise JobFailed(f"{path}: {error}") from error
    if own is None:
        own = {}
    if not isinstance(own, dict):
        raise JobFailed(f"{path}: expected keys and values")
    merged: dict[str, Any] = {}
    for name in own.get("imports") or ():
        imported = path.parent / str(name)
        if imported.resolve() not in seen:
            merged = _merged(merged, _load(imported, seen))
    return _merged(merged, {key: value for key, value in own.items() if key != "imports"})


def _merged(below: dict[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(below)
    for key, value in above.items():
        held = result.get(key)
        if isinstance(held, dict) and isinstance(value, dict):
            value = _merged(held, value)
        result[key] = value
    return result
