"""Faces with emotions: detect, crop, classify, track, draw."""
