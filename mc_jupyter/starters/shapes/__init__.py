"""The shapes starter: its corpus, its training, its weights."""
