"""The go.mod files of wrapper modules."""

from __future__ import annotations

import pytest

from hack.control_plane import versions, wrapper

KUBERNETES = """\
// This text is like the go.mod of k8s.io/kubernetes, and shorter.
module k8s.io/kubernetes

go 1.26.0

godebug default=go1.26

require (
\tgithub.com/blang/semver/v4 v4.0.0
\tk8s.io/api v0.0.0
\tk8s.io/client-go v0.0.0
)

require (
\tcel.dev/expr v0.25.1 // indirect
\tgithub.com/docker/go v17.12.0+incompatible // indirect
)

replace (
\tk8s.io/api => ./staging/src/k8s.io/api
\tk8s.io/client-go => ./staging/src/k8s.io/client-go
)
"""


def test_every_staging_library_is_replaced_by_its_release() -> None:
    made = wrapper.kubernetes(KUBERNETES, "1.36.3", "v0.36.3")
    assert made == (
        "module ome.io/hack/kubernetes\n\n"
        "go 1.26.0\n\n"
        "require (\n"
        "\tk8s.io/kubernetes v1.36.3\n"
        "\tgithub.com/blang/semver/v4 v4.0.0\n"
        "\tk8s.io/api v0.0.0\n"
        "\tk8s.io/client-go v0.0.0\n"
        "\tcel.dev/expr v0.25.1\n"
        "\tgithub.com/docker/go v17.12.0+incompatible\n"
        ")\n\n"
        "replace (\n"
        "\tk8s.io/api => k8s.io/api v0.36.3\n"
        "\tk8s.io/client-go => k8s.io/client-go v0.36.3\n"
        ")\n"
    )


def test_one_line_statements_are_read_too() -> None:
    text = "go 1.26.0\nrequire a.b/c v1.0.0\nreplace k8s.io/api => ./staging/src/k8s.io/api\n"
    made = wrapper.kubernetes(text, "1.36.3", "v0.36.3")
    assert "\ta.b/c v1.0.0\n" in made
    assert "\tk8s.io/api => k8s.io/api v0.36.3\n" in made


def test_a_go_mod_without_staging_libraries_is_not_taken() -> None:
    with pytest.raises(ValueError, match=r"1\.36\.3: its go\.mod replaces no library"):
        wrapper.kubernetes("module k8s.io/kubernetes\n\ngo 1.26.0\n", "1.36.3", "v0.36.3")


def test_etcd_is_required_without_its_own_replacements() -> None:
    text = "module x\n\ngo 1.24\n\nreplace (\n\tgo.etcd.io/etcd/api/v3 => ../api\n)\n"
    made = wrapper.etcd(text, "3.6.5")
    assert "go 1.24\n" in made
    assert "\tgo.etcd.io/etcd/server/v3 v3.6.5\n" in made
    assert "replace" not in made


def test_the_libraries_version_follows_kubernetes() -> None:
    assert versions.staging("1.36.3") == "v0.36.3"


def test_what_a_module_replaces_by_another_stays_replaced() -> None:
    go_mod = """\
module sigs.k8s.io/lws

go 1.24.0

require k8s.io/api v0.33.0

replace k8s.io/api => k8s.io/api v0.33.1
"""
    made = wrapper.replacing("lws", "sigs.k8s.io/lws@v0.7.0", go_mod)
    assert "require (\n\tsigs.k8s.io/lws v0.7.0\n\tk8s.io/api v0.33.0\n)" in made
    assert made.endswith("replace (\n\tk8s.io/api => k8s.io/api v0.33.1\n)\n")
