"""The upscaling starter: a Real-ESRGAN compact model that makes a picture four times larger; its data, its training."""
