"""The composition root: wires, decides nothing, and nobody imports it."""

from project.celery import app as celery_app

__all__ = ["celery_app"]
