"""What a session asks of its broker, and what the broker makes of it."""
