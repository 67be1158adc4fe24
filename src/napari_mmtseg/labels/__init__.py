"""Label images: how labels are found, merged, numbered, compared and stored."""
