"""Every parameter once; form, command line, settings file and docs are made of it."""
