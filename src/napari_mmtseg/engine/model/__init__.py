"""Fitted models: what training leaves, and how it labels other images."""
