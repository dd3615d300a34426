"""What the diffusers driver is made of: which kinds of model there are, how they are loaded, drawn with and watched."""
