"""Edge: nodes, reader, sender, logs, local chain."""
