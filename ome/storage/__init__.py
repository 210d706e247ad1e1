"""Storage URIs and the providers that fetch what they name.

``uris`` and ``objects`` parse and ``paths`` decides where bytes go: pure. ``sources`` says what a
provider offers, ``registry`` finds the provider of a URI, ``transfer`` and ``download`` fetch with
resume, verification and bounded concurrency. A provider, and the library it stands on, is imported
when a URI of its scheme is opened, never before: the manager parses URIs and fetches nothing.
"""

from __future__ import annotations
