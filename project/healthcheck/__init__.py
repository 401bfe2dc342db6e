"""What containers ask their own process, to say whether it is well."""
