"""``ome completion``: a script by which a shell completes commands, flags and their values.

It is made of what the commands say of themselves, so it knows no more and no less than ``--help``.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING

from ome.cli import COMMANDS
from ome.cli.goflags import Flag, HelpWanted, dashed, parse
from ome.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["run", "subcommands"]

_PROGRAMS = ("ome", "kubectl-ome", "ome-agent")
_SHELLS = {
    "bash": "source <(ome completion bash), in ~/.bashrc",
    "zsh": "source <(ome completion zsh), in ~/.zshrc after compinit",
    "fish": "ome completion fish > ~/.config/fish/completions/ome.fish",
}
FLAGS = (
    Flag("shell", (), f"{', '.join(_SHELLS)}; the word may stand without the flag", many=True),
)
_MORE = """
Examples:
  ome completion bash > /etc/bash_completion.d/ome

""" + "\n".join(f"{shell}: {how}" for shell, how in _SHELLS.items())


def run(words: Sequence[str]) -> int:
    """Print the script of a shell. Raises ``UserError`` for one that is not known."""
    flags = parse("ome completion", FLAGS, words, words_as="shell", takes="SHELL", more=_MORE)
    if len(flags["shell"]) != 1 or flags["shell"][0] not in _SHELLS:
        raise UserError(f"ome completion: expected one of {', '.join(_SHELLS)}")
    known = {path: _flags_of(path) for name in COMMANDS for path in _paths(name)}
    (shell,) = flags["shell"]
    sys.stdout.write(_fish(known) if shell == "fish" else _bash(known, zsh=shell == "zsh"))
    return 0


def subcommands(name: str) -> Mapping[str, str]:
    """The words that may follow a command, with what they mean."""
    if name == "agent":
        # Imported when used: the client of a cluster comes with it.
        from ome.cli.agent import SUBCOMMANDS

        return {word: what for word, (_, what) in SUBCOMMANDS.items()}
    if name == "benchmark":
        return {"report": "report what benchmarks measured, and compare them"}
    return {shell: how for shell, how in _SHELLS.items() if name == "completion"}


def _paths(name: str) -> Iterator[tuple[str, ...]]:
    """A command, and each of its subcommands that has flags of its own."""
    yield (name,)
    if name != "completion":
        yield from ((name, word) for word in subcommands(name))


def _flags_of(path: tuple[str, ...]) -> Sequence[Flag]:
    name, *rest = path
    try:
        importlib.import_module(COMMANDS[name][0]).run([*rest, "--help"])
    except HelpWanted as wanted:
        return wanted.flags
    return ()


def _choices(flag: Flag) -> str:
    if isinstance(flag.default, bool):
        return ""
    return " ".join(filter(None, flag.choices))


def _bash(known: Mapping[tuple[str, ...], Sequence[Flag]], *, zsh: bool) -> str:
    flags, values = [], []
    for path, held in known.items():
        flags.append(f'    "{" ".join(path)}") flags="{" ".join(dashed(f.name) for f in held)}" ;;')
        values += [
            f'    "{" ".join(path)} {dashed(flag.name)}") values="{_choices(flag)}" ;;'
            for flag in held
            if _choices(flag)
        ]
    words = [
        f'    {name}) words="{" ".join(found)}" ;;'
        for name in COMMANDS
        if (found := subcommands(name))
    ]
    head = "#compdef ome\nautoload -U +X bashcompinit && bashcompinit\n" if zsh else ""
    return head + _BASH % {
        "commands": " ".join(COMMANDS),
        "words": "\n".join(words),
        "flags": "\n".join(flags),
        "values": "\n".join(values),
        "programs": " ".join(_PROGRAMS),
    }


_BASH = """# Completion of ome, of kubectl-ome and of ome-agent, which is ome agent.
_ome() {
  local given at word before path words flags values
  given=("${COMP_WORDS[@]}")
  at=$COMP_CWORD
  case "${given[0]##*/}" in
    ome-agent) given=(ome agent "${COMP_WORDS[@]:1}"); at=$((at + 1)) ;;
  esac
  word=${given[at]}
  before=${given[at-1]}
  if [ "$word" = "=" ]; then word=""; elif [ "$before" = "=" ]; then before=${given[at-2]}; fi
  COMPREPLY=()
  if [ "$at" -eq 1 ]; then
    COMPREPLY=($(compgen -W "%(commands)s" -- "$word"))
    return
  fi
  path=${given[1]} words="" flags="" values=""
  case "$path" in
%(words)s
  esac
  if [ "$at" -gt 2 ]; then
    case " $words " in *" ${given[2]} "*) path="$path ${given[2]}" ;; esac
    words=""
  fi
  case "$path" in
%(flags)s
  esac
  case "$path $before" in
%(values)s
  esac
  if [ -n "$values" ]; then
    COMPREPLY=($(compgen -W "$values" -- "$word"))
    return
  fi
  case "$word" in
    -*) COMPREPLY=($(compgen -W "$flags" -- "$word")) ;;
    *) if [ -n "$words" ]; then COMPREPLY=($(compgen -W "$words" -- "$word")); fi ;;
  esac
}
complete -o default -F _ome %(programs)s
"""


def _fish(known: Mapping[tuple[str, ...], Sequence[Flag]]) -> str:
    lines = ["# Completion of ome."]
    for name, (_, what) in COMMANDS.items():
        lines.append(f"complete -c ome -n __fish_use_subcommand -f -a {name} -d {_quoted(what)}")
        inner = subcommands(name)
        alone = f"{_seen(name)}; and not {_seen(*inner)}"
        lines += [
            f"complete -c ome -n {_quoted(alone)} -f -a {word} -d {_quoted(meaning)}"
            for word, meaning in inner.items()
        ]
    for path, flags in known.items():
        where = "; and ".join(_seen(word) for word in path)
        for flag in flags:
            letter = f"-s {flag.name}" if len(flag.name) == 1 else f"-l {flag.name}"
            value = "" if isinstance(flag.default, bool) else " -r"
            if choices := _choices(flag):
                value = f" -x -a {_quoted(choices)}"
            lines.append(
                f"complete -c ome -n {_quoted(where)} {letter}{value} -d {_quoted(flag.help)}"
            )
    return "\n".join(lines) + "\n"


def _seen(*words: str) -> str:
    return f"__fish_seen_subcommand_from {' '.join(words)}"


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
