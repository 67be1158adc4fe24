"""The `mmtseg` command."""
