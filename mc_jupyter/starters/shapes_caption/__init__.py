"""The captioning starter: a tiny BLIP that says what a picture of shapes shows, its data and its training."""
