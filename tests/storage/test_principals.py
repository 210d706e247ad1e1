"""Names of OCI principals."""

from __future__ import annotations

import pytest

from ome.storage.principals import InvalidAuth, UserPrincipal, auth_type, user_principal


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "InstancePrincipal"),
        ("  ", "InstancePrincipal"),
        ("UserPrincipal", "UserPrincipal"),
        ("user_principal", "UserPrincipal"),
        ("OCIUserPrincipal", "UserPrincipal"),
        ("resource_principal", "ResourcePrincipal"),
        ("OkeWorkloadIdentity", "OkeWorkloadIdentity"),
        ("OCIOkeWorkloadIdentity", "OkeWorkloadIdentity"),
        ("oke_workload_identity", "OkeWorkloadIdentity"),
    ],
)
def test_names(text: str, expected: str) -> None:
    assert auth_type(text) == expected


@pytest.mark.parametrize("text", ["userprincipal", "none", "AWSDefault"])
def test_unknown_names(text: str) -> None:
    with pytest.raises(InvalidAuth, match=f"unknown auth_type: {text}.*UserPrincipal") as raised:
        auth_type(text)
    assert raised.value.reason == "invalid_uri"


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, UserPrincipal("~/.oci/config", "DEFAULT", use_session_token=False)),
        (
            {"OCI_CONFIG_PATH": "/c", "PROFILE": "p", "USE_SESSION_TOKEN": "True"},
            UserPrincipal("/c", "p", use_session_token=True),
        ),
        (
            {"USE_SESSION_TOKEN": "1"},
            UserPrincipal("~/.oci/config", "DEFAULT", use_session_token=False),
        ),
    ],
)
def test_the_user_of_the_environment(environ: dict[str, str], expected: UserPrincipal) -> None:
    assert user_principal(environ) == expected
