"""The composition root: wires, decides nothing; nobody imports it. Empty: manage.py needs it before
any install.
"""
