"""How often a property of models.md is tried: 2,000 examples, 20,000 with --deep. Tests are named after it: test_p07_..."""

from hypothesis import settings

from conftest import PROPERTY

thorough = settings(settings.get_profile(PROPERTY))
"""Decorator of every test that is named after a property."""
