"""``ome inspect``: what a model's files say, and what would be written to its spec."""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio

from ome.cli.goflags import Flag, parse
from ome.cli.output import form_of, output_flags, written
from ome.clock import SystemClock
from ome.errors import StorageError, UserError
from ome.modelconfig.describe import describe
from ome.modelconfig.directory import LocalDirectory
from ome.modelconfig.spec import rules_of, spec_values
from ome.modelconfig.values import ConfigError
from ome.storage.credentials import find_credentials
from ome.storage.download import list_files
from ome.storage.errors import InvalidUri, UnsupportedStorage
from ome.storage.objects import source_uri
from ome.storage.registry import open_source
from ome.storage.retry import RetryPolicy
from ome.storage.settings import Surroundings, wishes_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ome.modelconfig.record import Record
    from ome.storage.uris import StorageUri

FLAGS = (
    Flag(
        "model", (), "a directory or a storage URI; the word may stand without the flag", many=True
    ),
    *output_flags("table", "json", "yaml"),
    Flag(
        "parameter", (), "KEY=VALUE as in spec.storage.parameters, such as endpoint=URL", many=True
    ),
)
_MORE = """
Examples:
  ome inspect hf://Qwen/Qwen3-8B
  ome inspect /mnt/models/my-model -o json

Credentials come from the environment: HF_TOKEN, AWS_ACCESS_KEY_ID and so on."""
_POLICY = RetryPolicy(attempts=3, interval=1.0, patience=30.0)
_USAGE = "ome inspect: expected one directory or storage URI, as in: ome inspect hf://org/name"


class _Failed(UserError):
    """The model could not be read; nothing is wrong with the words of the command."""

    exit_code = 1


def run(words: Sequence[str]) -> int:
    """Print what the files say; 0 when something was derived. Credentials come from the
    environment (``HF_TOKEN``, ``AWS_ACCESS_KEY_ID``, ...), never from the command line.
    """
    flags = parse("ome inspect", FLAGS, words, words_as="model", takes="MODEL", more=_MORE)
    if len(flags["model"]) != 1:
        raise UserError(_USAGE)
    (model,) = flags["model"]
    parameters = _parameters(flags["parameter"])
    try:
        if "://" in model:
            report = anyio.run(_of_uri, source_uri(model), model, parameters)
        else:
            report = _of_directory(model)
    except (InvalidUri, UnsupportedStorage) as error:
        raise UserError(f"ome inspect: {error}") from error
    except (StorageError, ConfigError) as error:
        raise _Failed(f"ome inspect: {model}: {error}") from error
    form = form_of(flags)
    sys.stdout.write(text_of(report) if form == "table" else written(report, form))
    return 0


def _parameters(pairs: Sequence[str]) -> dict[str, str]:
    found = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise UserError(f"ome inspect: --parameter={pair}: expected KEY=VALUE")
        if "token" in key or "secret" in key or "key" in key:
            raise UserError(
                f"ome inspect: --parameter={key}=...: others can see the words of a command; put"
                " credentials into the environment"
            )
        found[key] = value
    return found


def _of_directory(path: str) -> dict[str, Any]:
    if not Path(path).is_dir():
        raise UserError(
            f"ome inspect: {path}: no such directory; expected one, or a storage URI such as"
            " hf://org/name"
        )
    directory = LocalDirectory(path)
    return report_of(path, describe(directory), directory.files())


async def _of_uri(uri: StorageUri, written: str, parameters: Mapping[str, str]) -> dict[str, Any]:
    # Late: the library of a provider is loaded for its scheme alone.
    from ome.modelconfig.remote import describe_source

    around = Surroundings(SystemClock(), random.Random(), os.environ)
    wishes = wishes_of(parameters)
    credentials = await find_credentials(uri.SCHEME, parameters=parameters, environ=around.environ)
    async with open_source(uri, credentials, wishes, around) as source:
        listing = await list_files(source, wishes, around, _POLICY)
        record = await describe_source(source, listing, written, around)
    sizes = {file.path: file.size or 0 for file in listing.files}
    return report_of(written, record, sizes, listing.revision)


def report_of(
    source: str, record: Record, sizes: Mapping[str, int], revision: str = ""
) -> dict[str, Any]:
    """All that is printed, as a JSON object."""
    return {
        "source": source,
        **({"revision": revision} if revision else {}),
        "files": len(sizes),
        "totalBytes": sum(sizes.values()),
        "configFile": record.config_file,
        "family": record.family or "generic rules",
        "spec": spec_values(record),
        "rules": rules_of(record),
        "notes": list(record.notes),
    }


def text_of(report: Mapping[str, Any]) -> str:
    """The report for a person: a line for each field of the spec, with its rule."""
    at = f" at {report['revision']}" if "revision" in report else ""
    lines = [
        f"source   {report['source']}{at}",
        f"files    {report['files']} with {report['totalBytes']} bytes",
        f"read     {report['configFile']} as {report['family']}",
        "",
    ]
    rows = [("FIELD", "VALUE", "RULE")]
    rows += [
        (field, _value(value), report["rules"].get(field, ""))
        for field, value in report["spec"].items()
    ]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    lines += [f"{a:{widths[0]}}  {b:{widths[1]}}  {c}".rstrip() for a, b, c in rows]
    lines += [f"note: {note}" for note in report["notes"]]
    return "\n".join(lines) + "\n"


def _value(value: Any) -> str:
    if isinstance(value, dict):
        if value.keys() <= {"name", "version"}:
            return " ".join(value.values())
        return f"{len(value)} members (see -o json)"
    return ", ".join(value) if isinstance(value, list) else str(value)
