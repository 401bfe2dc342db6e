"""What instances tell each other through Redis. All of it may vanish at any time: the truth is in
PostgreSQL.
"""
