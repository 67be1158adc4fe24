"""The Edit labels panel."""
