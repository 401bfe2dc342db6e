"""What instances share through Redis. All of it may vanish at any time: the truth is in
PostgreSQL.
"""
