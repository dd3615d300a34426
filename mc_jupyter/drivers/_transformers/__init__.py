"""What the transformers driver is made of."""
