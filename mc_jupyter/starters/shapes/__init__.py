"""The shapes starter: a tiny Stable Diffusion XL that draws one plain shape, its corpus, its training, its weights."""
