"""Gateways, locks, cars, heat pumps and meter readers of households."""
