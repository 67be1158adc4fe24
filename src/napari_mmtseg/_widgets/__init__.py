"""The Segment panel: forms, buttons and layers; the work is done elsewhere."""
