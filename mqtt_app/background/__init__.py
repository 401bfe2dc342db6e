"""Work on daemon threads: one way to run it again and again, one way to log that it fails."""
