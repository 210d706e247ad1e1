"""The folder of one start: what lies where, which starts there are, and which addresses they use.

A start is described by `state.json` in its folder. The user's cache holds another copy, so that
`env` and `down` find it, and so that its processes can be ended when someone removed the folder.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import random
import re
import socket
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

from . import versions
from .errors import ControlPlaneError

STATE = "state.json"
PORTS = (
    "etcd",
    "etcd-peer",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kwok",
    "lws",
    "lws-webhook",
)


@dataclass
class Start:
    """One control plane. `pids` holds, by component, its process id and what tells it apart."""

    dir: Path
    ports: dict[str, int]
    address: str | None
    """An address of this machine that is not loopback, as EndpointSlices refuse loopback."""
    pids: dict[str, tuple[int, str]] = field(default_factory=dict)
    ready: bool = False
    began: float = field(default_factory=time.time)

    @property
    def server(self) -> str:
        """Where the API server answers."""
        return f"https://127.0.0.1:{self.ports['kube-apiserver']}"

    @property
    def kubeconfig(self) -> Path:
        """The cluster administrator's."""
        return self.dir / "kubeconfig"

    @property
    def audit_log(self) -> Path:
        """One JSON event for each finished request."""
        return self.dir / "audit.log"

    @property
    def pki(self) -> Path:
        """Keys and certificates."""
        return self.dir / "pki"

    def program(self, name: str) -> Path:
        """A program, by a link that this start owns."""
        return self.dir / "bin" / name

    def log(self, component: str) -> Path:
        """What a component printed."""
        return self.dir / "logs" / f"{component}.log"

    def save(self) -> None:
        """Write the state so that each copy is whole at every moment."""
        text = json.dumps(asdict(self) | {"dir": str(self.dir)}, indent=1)
        for path in (_entry(self.dir), self.dir / STATE):
            new = path.with_name(f"{path.name}.new")
            new.write_text(text)
            new.replace(path)


def create(folder: Path | None) -> Start:
    """A new start in an empty folder. Raises `ControlPlaneError` where it holds anything."""
    if folder is None:
        folder = Path(tempfile.mkdtemp(prefix="ome-control-plane-"))
    folder = folder.absolute()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ControlPlaneError(
            f"{folder} is in use: a control plane needs a folder of its own; if one was started "
            f"there, end it with 'hack/control-plane down --dir {folder}', else name another"
        )
    for part in ("bin", "logs", "pki"):
        (folder / part).mkdir(parents=True)
    start = Start(folder, free_ports(), local_address())
    _entry(folder).parent.mkdir(parents=True, exist_ok=True)
    start.save()
    return start


def load(folder: Path) -> Start:
    """The start in a folder. Raises `ControlPlaneError` where there is none."""
    folder = folder.absolute()
    start = _read(folder / STATE) or _read(_entry(folder))
    if start is None:
        raise ControlPlaneError(
            f"{folder} holds no control plane; start one with "
            f"'hack/control-plane up --dir {folder}', or name the folder that 'up' printed"
        )
    return start


def known() -> list[Start]:
    """Every start of this user that was not ended, the newest first."""
    found = [start for entry in _entries().glob("*.json") if (start := _read(entry))]
    return sorted(found, key=lambda start: start.began, reverse=True)


def is_known(folder: Path) -> bool:
    """Whether a start in this folder was not ended yet."""
    return _entry(folder.absolute()).is_file()


def forget(start: Start) -> None:
    """Take a start off the list."""
    _entry(start.dir).unlink(missing_ok=True)


def _entries() -> Path:
    return versions.home() / "starts"


def _entry(folder: Path) -> Path:
    return _entries() / f"{hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]}.json"


def _read(path: Path) -> Start | None:
    try:
        state = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    pids = {name: (pid, mark) for name, (pid, mark) in state.pop("pids").items()}
    return Start(**state | {"dir": Path(state["dir"]), "pids": pids})


def free_ports() -> dict[str, int]:
    """Ports of 127.0.0.1 that are free, below those that systems hand to outgoing connections.

    A port that the system may hand out can be taken by any client before the component binds it.
    """
    ports: dict[str, int] = {}
    with contextlib.ExitStack() as held:
        candidates = iter(random.sample(range(20000, 32000), 2000))
        for name in PORTS:
            for port in candidates:
                listener = held.enter_context(socket.socket())
                try:
                    listener.bind(("127.0.0.1", port))
                except OSError:
                    continue
                ports[name] = port
                break
            else:
                raise ControlPlaneError(
                    "no free ports on 127.0.0.1 from 20000 to 32000; end what uses them"
                )
    return ports


def local_address() -> str | None:
    """An IPv4 address of this machine that an EndpointSlice may hold, or None.

    The one that packets to elsewhere would carry; without a route, any that the machine has.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing: it only chooses a route
            chosen = str(probe.getsockname()[0])
        except OSError:
            chosen = ""
    routes = Path("/proc/net/fib_trie")
    found = own_addresses(routes.read_text()) if routes.is_file() else []
    return next((address for address in [chosen, *found] if allowed(address)), None)


def own_addresses(routes: str) -> list[str]:
    """This machine's addresses out of the text of `/proc/net/fib_trie`, loopback included."""
    return re.findall(r"\|-- (\S+)\n\s+/32 host LOCAL", routes)


def allowed(address: str) -> bool:
    """Whether the API server takes it as an endpoint: not loopback, link-local or unset."""
    return bool(address) and not address.startswith(("127.", "169.254.", "0."))
