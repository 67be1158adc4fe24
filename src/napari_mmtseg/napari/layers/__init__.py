"""Image, Labels and Shapes layers as data, and back."""
