"""What a model is, read from its own files: pure over a directory that can be listed and read.

``describe`` is the door: files in, a ``Record`` out, with the rule that gave each value. ``spec``
turns a record into what is written to a model's spec. No code of a repository is run, no tensor is
read, and a family that nobody knows gets the generic rules instead of an error.
"""

from __future__ import annotations
