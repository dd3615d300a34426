"""The sentence embedding starter: its corpus, its training, its weights."""
