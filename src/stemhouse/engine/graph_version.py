"""Version of the graph that is built from a checkpoint."""

GRAPH_VERSION = 1
"""Raised whenever the graph changes, so that graphs stored by older releases are not used."""
