"""The story and chat starter: its corpus, its training, its weights."""
