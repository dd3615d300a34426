"""The sentiment starter: its corpus, its training, its weights."""
