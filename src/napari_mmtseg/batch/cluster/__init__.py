"""Folders and large images on a Dask cluster."""
