"""The Segment panel."""
