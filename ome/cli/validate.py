"""``ome validate``: what admission would say of manifests, without a cluster."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

from ome.cli.goflags import Flag, parse
from ome.cli.manifests import Manifest, files, read
from ome.cli.offline import check
from ome.cli.output import form_of, name_of, names_text, output_flags, written
from ome.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ome.cli.offline import Finding

FLAGS = (
    Flag(
        "f",
        (),
        "a file, a directory of manifests, or - for standard input; the flag itself may be left"
        " out, as a pre-commit hook does",
        many=True,
    ),
    Flag("filename", (), "the same as -f", many=True),
    Flag("namespace", "default", "namespace of objects that name none"),
    Flag("n", "", "the same as --namespace"),
    Flag(
        "self-contained",
        False,
        "the files are all there is: a model or runtime that is not in them does not exist",
    ),
    Flag("strict", False, "warnings count as errors"),
    *output_flags(),
)

_MORE = """
Examples:
  ome validate -f manifests/
  kubectl get inferenceservice chat -n demo -o yaml | ome validate -f -

Exit code: 0 nothing is wrong, 1 an error (with --strict a warning too), 2 the command is wrong or a
file cannot be read."""


def run(words: Sequence[str]) -> int:
    """Print one line for each problem; 0 without an error, 1 with one, 2 for unusable input."""
    flags = parse("ome validate", FLAGS, words, words_as="f", takes="-f FILE", more=_MORE)
    given = (*flags["f"], *flags["filename"])
    if not given:
        raise UserError("ome validate: name the files to check: ome validate -f FILE...")
    manifests: list[Manifest] = []
    unusable = 0
    for file in dict.fromkeys(files(given)):
        try:
            manifests += read(file)
        except UserError as error:
            unusable += 1
            sys.stderr.write(f"{error}\n")
    count, findings = check(
        manifests,
        namespace=flags["n"] or flags["namespace"],
        self_contained=flags["self-contained"],
    )
    sys.stdout.write(_text(findings, form_of(flags)))
    sys.stdout.flush()
    levels = [finding.level for finding in findings]
    errors, warnings = levels.count("error"), levels.count("warning")
    sys.stderr.write(
        f"{_count(count, 'object')} checked: {_count(errors, 'error')},"
        f" {_count(warnings, 'warning')}"
        + (f", {_count(unusable, 'file')} could not be read" if unusable else "")
        + "\n"
    )
    if unusable:
        return 2
    return 1 if errors or (flags["strict"] and warnings) else 0


def _text(findings: Sequence[Finding], form: str) -> str:
    if form == "table":
        return "".join(f"{finding.text}\n" for finding in findings)
    if form == "name":
        kinds = (finding.subject.partition("/") for finding in findings)
        return names_text(name_of(kind, name) for kind, _, name in kinds)
    return written([asdict(finding) for finding in findings], form)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
