"""Runs the Chroma server of the installed package, as ``chroma run`` does: python -m stack.chroma_server --path …

The package's own launcher imports its Python client first, which a server has no use for: measured, that is 0.8 of the
0.9 s of CPU time that a start takes, and a sign-off starts servers again and again.
"""

from __future__ import annotations

import sys

import chromadb_rust_bindings

if __name__ == "__main__":
    chromadb_rust_bindings.cli(["chroma", "run", *sys.argv[1:]])
