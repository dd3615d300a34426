"""An adapter: every story is set among stars, rockets and robots."""
