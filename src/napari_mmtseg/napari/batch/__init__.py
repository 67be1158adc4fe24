"""The Batch panel."""
