"""No secret leaves: whatever an object's shape, and what is none stays."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ome.cli.support.redact import REMOVED, redacted

SECRET = "hunter2-hunter2-hunter2"


@pytest.mark.parametrize(
    "value",
    [
        {"password": SECRET},
        {"parameters": {"aws_secret_access_key": SECRET}},
        {"parameters": {"hf_token": SECRET}},
        {"token": SECRET},
        {"env": [{"name": "HF_TOKEN", "value": SECRET}]},
        {"env": [{"name": "OTEL_AUTHORIZATION", "value": SECRET}]},
        {"clientConfig": {"caBundle": SECRET}},
        {"metadata": {"annotations": {"kubectl.kubernetes.io/last-applied-configuration": SECRET}}},
        {"metadata": {"managedFields": [{"manager": SECRET}]}},
        {"args": [f"--proxy=http://user:{SECRET}@proxy:3128/"]},
        {"connectionString": SECRET},
        {
            "data": {
                "modelInit": json.dumps({"extraEnvVars": [{"name": "A_TOKEN", "value": SECRET}]})
            }
        },
    ],
    ids=str,
)
def test_a_secret_is_removed(value: Any) -> None:
    assert SECRET not in json.dumps(redacted(value))


@pytest.mark.parametrize(
    "value",
    [
        {"parameters": {"secretKey": "token"}},
        {"secretName": "hf-token", "key": "hf-token"},
        {"env": [{"name": "HF_TOKEN", "valueFrom": {"secretKeyRef": {"name": "a", "key": "b"}}}]},
        {"env": [{"name": "MODEL_PATH", "value": "/mnt/models"}]},
        {"storageUri": "https://host:8443/a@b", "password": ""},
        {"maxTokens": 4096, "tokens": ["a"]},
        {"data": {"deploy": '{"defaultDeploymentMode":"RawDeployment"}', "other": "{no json"}},
    ],
    ids=str,
)
def test_what_is_no_secret_stays(value: Any) -> None:
    assert redacted(value) == value


DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["a", "b:c", ""]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "name", "value", "password", "token"]), inner)
    ),
    max_leaves=8,
)


@given(DOCUMENTS)
def test_it_is_a_copy_and_the_same_again(document: Any) -> None:
    before = json.dumps(document)
    once = redacted(document)
    assert json.dumps(document) == before
    assert redacted(once) == once
    assert REMOVED not in before
