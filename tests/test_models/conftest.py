"""Fixtures of the tests of models."""

from foundation_inputs import folder  # noqa: F401
