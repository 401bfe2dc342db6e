"""What can be understood of topics, JSON and plain values whose family is not known."""
