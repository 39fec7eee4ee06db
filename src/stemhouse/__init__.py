"""Stemhouse."""
