"""The version of the distribution, and nothing else: hatchling reads it."""

__version__ = "0.1.0"
