"""Edge: what one keeper remembers. A cache of the chain, except for intents, which are durable before they are sent."""
