"""Rates on this machine, each beside the limit it is up against, measured in the same run: `make bench`."""
