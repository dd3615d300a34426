"""An adapter: every story is told by a pirate."""
