from __future__ import annotations

import ome.kube


def test_the_public_names() -> None:
    assert sorted(ome.kube.__all__) == [
        "Applied",
        "Applier",
        "ByteStream",
        "Client",
        "Discovery",
        "EventRecorder",
        "NotSent",
        "ObjectKey",
        "Request",
        "Resource",
        "Response",
        "Transport",
        "WriteGuard",
        "contains",
        "document_hash",
        "parse_quantity",
        "pointer",
        "same_quantity",
        "status_error",
    ]
    assert all(hasattr(ome.kube, name) for name in ome.kube.__all__)
