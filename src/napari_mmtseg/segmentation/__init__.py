"""The one path from an image to labels; panels, batches and commands all take it."""
