"""The commands of ``mmtseg`` and what they share."""
