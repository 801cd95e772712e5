"""Frozen records that cross layers. They import nothing but each other and the errors."""
