"""Shelly devices: the first generation, and the second and later ones."""
