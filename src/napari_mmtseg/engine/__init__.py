"""Mutual Mean-Teaching in PyTorch; the only place that imports torch."""
