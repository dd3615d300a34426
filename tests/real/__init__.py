"""Trained weights of public models, where there are some on this disk: every test here is marked `real`.

Random weights of a few layers find most of what can be wrong; what they cannot know is how far a trained network looks,
whether an answer makes sense, and how close two likeliest tokens really come. `CONTRIBUTING.md` says which are expected.
"""
