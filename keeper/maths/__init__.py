"""Pure numbers. No records but units, no chain, no clock, no float in the published path."""
