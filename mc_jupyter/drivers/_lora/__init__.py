"""LoRA adapters over a loaded model: what each says of itself, whether it fits, its patterns, and its layers."""
