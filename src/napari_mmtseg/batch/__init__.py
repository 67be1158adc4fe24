"""Folders of images, labelled with one model or each with its own."""
