"""The child process in which songs come apart.

A decoder that runs off the end of a hostile file, or a runtime that takes all memory, then ends the
child and not the worker. The child is started once and keeps its models loaded.
"""
