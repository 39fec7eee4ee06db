"""Measurements: speed, memory and quality. Run by hand, through make, and never as a test."""
