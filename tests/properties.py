"""How often a property of models.md is tried: 2,000 examples, 20,000 with --deep; such tests are named test_p07_..."""

from conftest import PROPERTY
from hypothesis import settings

thorough = settings(settings.get_profile(PROPERTY))
"""Decorator of every test that is named after a property."""
