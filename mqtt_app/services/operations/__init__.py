"""What was asked for and takes a while: `requests` begins operations, `settle` ends those of links."""
