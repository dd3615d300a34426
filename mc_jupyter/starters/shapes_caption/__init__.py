"""The captioning starter: a tiny BLIP that says what a picture of a shape shows, its data and its training."""
