"""What the upscaling drivers are made of: planes of an image, tiles, the network, what a file holds."""
