"""Objects: touching ones told apart, edited, measured, and followed over time."""
