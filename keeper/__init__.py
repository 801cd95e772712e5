"""Bulkhead's keeper: reads lending risk at a block, decides haircuts in integers, publishes them within bounds."""

__version__ = "0.1.0"
