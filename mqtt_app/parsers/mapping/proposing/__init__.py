"""A mapping proposed from samples: what an operator corrects rather than writes."""
