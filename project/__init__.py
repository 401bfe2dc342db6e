"""The composition root: wires, decides nothing, and nobody imports it. Kept empty: manage.py reads from it before anything is installed."""
