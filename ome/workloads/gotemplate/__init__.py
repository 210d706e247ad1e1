"""The part of Go's ``text/template`` that host and path templates are written in.

Fields, ``index``, ``if``, pipelines, literals and a few functions: no loops, no definitions, no
calls into anything, so rendering always ends and reads only what it is given.
"""

from __future__ import annotations

from ome.workloads.gotemplate.errors import TemplateError
from ome.workloads.gotemplate.parser import parse
from ome.workloads.gotemplate.render import render

__all__ = ["TemplateError", "parse", "render"]
