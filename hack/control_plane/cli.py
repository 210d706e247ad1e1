"""The command line of `hack/control-plane`."""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from . import binaries, build, layout, lifecycle, lws, nodes, processes
from .crds import NAMES
from .errors import ControlPlaneError
from .terminal import progress

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .layout import Start

EPILOG = """\
examples:
  hack/control-plane up
  eval "$(hack/control-plane env)"
  kubectl get nodes
  hack/control-plane nodes --count 100 --label nvidia.com/gpu.product=NVIDIA-A100-SXM4-80GB
  kubectl --kubeconfig "$(hack/control-plane user ome-manager --group ome)" auth whoami
  hack/control-plane down

pods run (without containers) on the nodes that this makes. A pod with the annotation
kwok.ome.io/fail: ImagePullBackOff | CrashLoopBackOff | Error fails that way.
webhooks by Service: give the Service an EndpointSlice with $OME_CONTROL_PLANE_ADDRESS (loopback is
refused there) and listen on that address."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 when it did what was asked, 1 with a message when it could not."""
    wanted = _parser().parse_args(arguments)
    # What `up` has started must be ended when it is asked to end.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    os.umask(0o077)
    try:
        wanted.run(wanted)
    except ControlPlaneError as error:
        progress(f"hack/control-plane {wanted.command}: {error}")
        return 1
    except KeyboardInterrupt:
        progress("interrupted")
        return 130
    except OSError as error:
        progress(f"hack/control-plane {wanted.command}: {error}; see to this and run it again")
        return 1
    return 0


def _up(wanted: argparse.Namespace) -> None:
    began = time.monotonic()
    shape = _shape(wanted)
    wishes = lifecycle.Wishes(wanted.nodes, shape, wanted.feature, wanted.apply, wanted.crds)
    start = lifecycle.up(wanted.dir, wishes)
    progress(f"the control plane is ready ({time.monotonic() - began:.1f} s)")
    if not start.address:
        progress(
            "this machine has no address but loopback, so webhooks of a Service are not reached; "
            "give it one ('ip address add 198.51.100.1/32 dev lo', as root) and start anew"
        )
    progress("use it with:")
    print(f'eval "$(hack/control-plane env --dir {shlex.quote(str(start.dir))})"')
    progress(f"end it with:\nhack/control-plane down --dir {shlex.quote(str(start.dir))}")


def _env(wanted: argparse.Namespace) -> None:
    for line in exports(_running(wanted.dir)):
        print(line)


def exports(start: Start) -> list[str]:
    """Shell lines that make this start the one that is used."""
    values = {
        "KUBECONFIG": start.kubeconfig,
        "OME_CONTROL_PLANE_DIR": start.dir,
        "OME_AUDIT_LOG": start.audit_log,
        "OME_CONTROL_PLANE_ADDRESS": start.address or "",
    }
    lines = [f"export {name}={shlex.quote(str(value))}" for name, value in values.items()]
    return [*lines, f'export PATH={shlex.quote(str(start.dir / "bin"))}:"$PATH"']


def _down(wanted: argparse.Namespace) -> None:
    if wanted.all:
        starts = layout.known()
    elif wanted.dir:
        # Gone counts as done, so that it may be repeated; a folder that is not ours does not.
        gone = not wanted.dir.exists() and not layout.is_known(wanted.dir)
        starts = [] if gone else [layout.load(wanted.dir)]
    else:
        starts = layout.known()[:1]
    if not starts:
        progress("no control plane is there: nothing to end")
    for start in starts:
        lifecycle.down(start)
        progress(f"ended and removed {start.dir}")


def _nodes(wanted: argparse.Namespace) -> None:
    start = _running(wanted.dir)
    lifecycle.add_nodes(start, wanted.count, wanted.prefix, _shape(wanted))


def _lws(wanted: argparse.Namespace) -> None:
    start = _running(wanted.dir)
    if wanted.stop:
        lws.end(start)
    else:
        lws.begin(start)


def _user(wanted: argparse.Namespace) -> None:
    print(lifecycle.add_user(_running(wanted.dir), wanted.name, wanted.group))


def _build(_: argparse.Namespace) -> None:
    for path in binaries.find().values():
        print(path)
    build.ensure_crds(NAMES)
    print(build.ensure_lws())
    print(build.ensure_collector())
    for name in ("prometheus", "promtool"):
        print(build.ensure_prometheus(name))


def _running(folder: Path | None) -> Start:
    """The start in this folder, else the newest that runs."""
    if folder is not None:
        start = layout.load(folder)
        if not (start.ready and processes.alive(start, "kube-apiserver")):
            raise ControlPlaneError(
                f"the control plane in {folder} does not run (see {start.log('kube-apiserver')}); "
                f"remove it with 'hack/control-plane down --dir {folder}' and start another"
            )
        return start
    for start in layout.known():
        if start.ready and processes.alive(start, "kube-apiserver"):
            return start
    raise ControlPlaneError("no control plane runs; start one with 'hack/control-plane up'")


def _shape(wanted: argparse.Namespace) -> nodes.Shape:
    return nodes.Shape(wanted.gpus_per_node, dict(wanted.label))


def _number(text: str) -> int:
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0")
    return int(text)


def _label(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


def _gate(text: str) -> str:
    if text.partition("=")[2] not in ("true", "false"):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=true or NAME=false")
    return text


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="hack/control-plane",
        description="A real Kubernetes control plane on this machine, with simulated GPU nodes.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(
        name: str, run: Callable[[argparse.Namespace], None], text: str, folder: str
    ) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=text)
        added.set_defaults(run=run)
        added.add_argument("--dir", type=Path, help=folder)
        return added

    newest = "the folder of the control plane (default: the newest one)"
    up = command("up", _up, "start a control plane", "an empty folder (default: a new one)")
    up.add_argument("--nodes", type=_number, default=3, help="how many nodes (default: 3)")
    up.add_argument(
        "--feature", type=_gate, action="append", default=[], metavar="NAME=BOOL",
        help="a feature gate of Kubernetes; may be repeated",
    )  # fmt: skip
    up.add_argument(
        "--apply", type=Path, action="append", default=[], metavar="FILE",
        help="manifests (CRDs) to apply before the controllers start: only then does the garbage "
        "collector know their kinds at once, else within 30 s; may be repeated",
    )  # fmt: skip
    up.add_argument(
        "--crds", choices=[*NAMES, "all"], action="append", default=[], metavar="PROJECT",
        help=f"the CRDs of a project, from its Go module: {', '.join(NAMES)}, or all; may be "
        "repeated",
    )  # fmt: skip
    command("env", _env, "print what a shell needs to use it", newest)
    down = command("down", _down, "end it and remove its folder", newest)
    down.add_argument("--all", action="store_true", help="end every one of this user")
    more = command("nodes", _nodes, "add nodes", newest)
    more.add_argument("--count", type=_number, required=True, help="how many")
    more.add_argument("--prefix", default="gpu", help="names are PREFIX-NUMBER (default: gpu)")
    for with_nodes in (up, more):
        with_nodes.add_argument("--gpus-per-node", type=_number, default=8, metavar="G")
        with_nodes.add_argument(
            "--label", type=_label, action="append", default=[], metavar="NAME=VALUE",
            help="a label of these nodes, also in place of a usual one; may be repeated",
        )  # fmt: skip
    sets = command("lws", _lws, "run the real controller of LeaderWorkerSets there", newest)
    sets.add_argument("--stop", action="store_true", help="end it")
    user = command("user", _user, "write a kubeconfig for a user and print its path", newest)
    user.add_argument("name", help="system:serviceaccount:NAMESPACE:NAME gets a token")
    user.add_argument("--group", action="append", default=[], help="may be repeated")
    text = "build what the tests on a real control plane need and print where it is"
    commands.add_parser("build", help=text, description=text).set_defaults(run=_build)
    return parser
