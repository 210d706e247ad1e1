"""Finding the credential of a model: its Secret, its parameters, the environment, none.

A Secret that is missing is no failure by itself: the next source is tried, and the problem is kept
for the status, since it is the likely reason when the download is refused. The environment's own
token never goes to an endpoint that a model names: whoever may write a model could read it there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from ome.storage.settings import Credentials

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["SecretReader", "find_credentials"]

_NAMES = {
    "hf": ("token",),
    "github": ("github_token", "token"),
    "https": ("token",),
    "http": ("token",),
    "s3": (
        "aws_access_key_id",
        "aws_secret_access_key",
        "aws_session_token",
    ),
    "az": (
        "azure_account_key",
        "azure_sas_token",
        "azure_connection_string",
        "azure_tenant_id",
        "azure_client_id",
        "azure_client_secret",
    ),
    "gs": ("gcp_service_account_key",),
}
"""By scheme, the entries of a Secret and the keys of parameters that are credentials."""
_ENVIRONMENT = {
    "hf": ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"),
    "github": ("GITHUB_TOKEN",),
}
"""The stores that are not here look into the environment and the machine by themselves."""
_TOKEN_SCHEMES = frozenset({"hf", "github", "https", "http"})


class SecretReader(Protocol):
    """Reads a Secret's data, decoded; None when there is no such Secret. May raise ``OmeError``."""

    async def __call__(self, namespace: str, name: str) -> Mapping[str, bytes] | None: ...


async def find_credentials(
    scheme: str,
    *,
    key: str = "",
    parameters: Mapping[str, str] | None = None,
    namespace: str = "",
    secrets: SecretReader | None = None,
    environ: Mapping[str, str] | None = None,
) -> Credentials:
    """The credential for a URI of the scheme.

    ``key`` names a Secret of ``namespace``, that of the model, or the agent's own for a model of
    the whole cluster. Only the values that the scheme knows are taken, white space around them not.
    """
    parameters = {name: value.strip() for name, value in (parameters or {}).items()}
    problem = ""
    if key and secrets is not None and scheme in _NAMES:
        found, problem = await _from_secret(scheme, key, parameters, namespace, secrets)
        if found:
            return Credentials(found, f"Secret {namespace}/{key}")
    given = {name: parameters[name] for name in _NAMES.get(scheme, ()) if parameters.get(name)}
    if given:
        return Credentials(_as_token(scheme, given), "storage.parameters", problem)
    for variable in () if parameters.get("endpoint") else _ENVIRONMENT.get(scheme, ()):
        value = (environ or {}).get(variable, "").strip()
        if value:
            return Credentials({"token": value}, f"environment {variable}", problem)
    return Credentials({}, "none", problem)


async def _from_secret(
    scheme: str,
    key: str,
    parameters: Mapping[str, str],
    namespace: str,
    secrets: SecretReader,
) -> tuple[dict[str, str], str]:
    """The values, or why there are none."""
    wanted: tuple[str, ...] = _NAMES[scheme]
    if scheme in _TOKEN_SCHEMES and parameters.get("secretKey"):
        wanted = (parameters["secretKey"],)
    data = await secrets(namespace, key)
    if data is None:
        return {}, (
            f"Secret {namespace}/{key} (spec.storage.key) does not exist; create it with the entry"
            f" {wanted[0]}"
        )
    values = {name: data[name].decode(errors="replace").strip() for name in wanted if name in data}
    values = {name: value for name, value in values.items() if value}
    if not values:
        entries = " or ".join(wanted)
        return {}, f"Secret {namespace}/{key} (spec.storage.key) has no entry {entries}"
    return _as_token(scheme, values), ""


def _as_token(scheme: str, values: dict[str, str]) -> dict[str, str]:
    """A scheme with one credential knows it as its token, whatever its entry is called."""
    return {"token": next(iter(values.values()))} if scheme in _TOKEN_SCHEMES else values
