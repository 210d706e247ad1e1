"""What ``kubectl get`` shows of every kind, column by column, and how a kind is called."""

from __future__ import annotations

import re

import pytest

from ome.api import KINDS
from tests.api.schemas import CRDS, version

TRAFFIC = ".status.components.engine.traffic"
COLUMNS = {
    "InferenceService": """
        URL                    string   .status.url
        Ready                  string   .status.conditions[?(@.type=='Ready')].status
        BaseModel              string   .spec.model.name
        Runtime                string   .spec.runtime.name
        Prev                   integer  PREV.percent
        Latest                 integer  LATEST.percent
        PrevRolledoutRevision  string   PREV.revisionName
        LatestReadyRevision    string   LATEST.revisionName
        Age                    date     .metadata.creationTimestamp
    """.replace("LATEST", f"{TRAFFIC}[?(@.latestRevision==true)]").replace(
        "PREV", f"{TRAFFIC}[?(@.tag=='prev')]"
    ),
    "ServingRuntime": """
        Disabled               boolean  .spec.disabled
        ModelFormat            string   .spec.supportedModelFormats[*].modelFormat.name
        ModelFramework         string   .spec.supportedModelFormats[*].modelFramework.name
        ModelFrameworkVersion  string   .spec.supportedModelFormats[*].modelFramework.version
        ModelArchitecture      string   .spec.supportedModelFormats[*].modelArchitecture
        ModelSizeMin           string   .spec.modelSizeRange.min
        ModelSizeMax           string   .spec.modelSizeRange.max
        Images                 string   .spec.containers[*].image
        Age                    date     .metadata.creationTimestamp
    """,
    "BaseModel": """
        Disabled          boolean  .spec.disabled
        Version           string   .spec.version
        Vendor            string   .spec.vendor
        Framework         string   .spec.modelFramework.name
        FrameworkVersion  string   .spec.modelFramework.version
        ModelFormat       string   .spec.modelFormat.name
        Architecture      string   .spec.modelArchitecture
        Capabilities      string   .spec.modelCapabilities[*]
        Size              string   .spec.modelParameterSize
        CompartmentID     string   .spec.compartmentID
        Ready             string   .status.state
        Age               date     .metadata.creationTimestamp
        NodesReady        integer  .status.nodesReadyCount
        NodesFailed       integer  .status.nodesFailedCount
        NodesUpdating     integer  .status.nodesUpdatingCount
    """,
    "FineTunedWeight": """
        Disabled       boolean  .spec.disabled
        Version        string   .spec.version
        Vendor         string   .spec.vendor
        CompartmentID  string   .spec.compartmentID
        ModelType      string   .spec.modelType
        Ready          string   .status.state
        Age            date     .metadata.creationTimestamp
        NodesReady     integer  .status.nodesReadyCount
        NodesFailed    integer  .status.nodesFailedCount
        NodesUpdating  integer  .status.nodesUpdatingCount
    """,
    "BenchmarkJob": """
        Age     date    .metadata.creationTimestamp
        Status  string  .status.state
    """,
    "AcceleratorClass": """
        Vendor  string   .spec.vendor
        Family  string   .spec.family
        Memory  string   .spec.capabilities.memoryGB
        Nodes   integer  .status.availableNodes
    """,
}
COLUMNS["ClusterServingRuntime"] = COLUMNS["ServingRuntime"]
COLUMNS["ClusterBaseModel"] = COLUMNS["BaseModel"]

# kind: plural, singular, scope, short names
NAMES = {
    "InferenceService": ("inferenceservices", "inferenceservice", "Namespaced", ["isvc"]),
    "ServingRuntime": ("servingruntimes", "servingruntime", "Namespaced", None),
    "ClusterServingRuntime": ("clusterservingruntimes", "clusterservingruntime", "Cluster", None),
    "BaseModel": ("basemodels", "basemodel", "Namespaced", None),
    "ClusterBaseModel": ("clusterbasemodels", "clusterbasemodel", "Cluster", None),
    "FineTunedWeight": ("finetunedweights", "finetunedweight", "Cluster", None),
    "BenchmarkJob": ("benchmarkjobs", "benchmarkjob", "Namespaced", None),
    "AcceleratorClass": ("acceleratorclasses", "acceleratorclass", "Cluster", None),
}


@pytest.mark.parametrize("kind", sorted(COLUMNS))
def test_columns(kind: str) -> None:
    shown = [
        (column["name"], column["type"], column["jsonPath"])
        for column in version(kind)["additionalPrinterColumns"]
    ]
    wanted = [tuple(line.split()) for line in COLUMNS[kind].strip().splitlines()]
    assert shown == wanted


@pytest.mark.parametrize("kind", sorted(COLUMNS))
def test_columns_show_fields_that_exist(kind: str) -> None:
    schema = version(kind)["schema"]["openAPIV3Schema"]
    for column in version(kind)["additionalPrinterColumns"]:
        if column["jsonPath"].startswith(".metadata"):
            continue
        place = schema
        for part in re.sub(r"\[[^]]*\]", "[]", column["jsonPath"]).strip(".").split("."):
            name, listed = part.removesuffix("[]"), part.endswith("[]")
            place = place.get("properties", {}).get(name) or place["additionalProperties"]
            place = place["items"] if listed else place


@pytest.mark.parametrize("kind", sorted(NAMES))
def test_a_kind_is_served_under_its_names(kind: str) -> None:
    spec = CRDS[kind]["spec"]
    names = spec["names"]
    plural, singular, scope, short = NAMES[kind]
    assert CRDS[kind]["metadata"]["name"] == f"{plural}.ome.io"
    assert (names["plural"], names["singular"], spec["scope"]) == (plural, singular, scope)
    assert (names["kind"], names["listKind"]) == (kind, f"{kind}List")
    assert names.get("shortNames") == short
    assert spec["group"] == "ome.io"
    only = version(kind)
    assert (only["name"], only["served"], only["storage"]) == ("v1beta1", True, True)
    assert only["subresources"] == {"status": {}}


def test_the_class_variables_say_the_same() -> None:
    for kind in KINDS:
        plural, singular, scope, short = NAMES[kind.KIND]
        assert (kind.PLURAL, kind.SINGULAR) == (plural, singular)
        assert kind.NAMESPACED == (scope == "Namespaced")
        assert list(kind.SHORT_NAMES) == (short or [])
        assert (kind.GROUP, kind.VERSION, kind.HAS_STATUS) == ("ome.io", "v1beta1", True)
    assert {kind.KIND for kind in KINDS} == set(NAMES)
