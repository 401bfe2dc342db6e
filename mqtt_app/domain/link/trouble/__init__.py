"""What goes wrong with one link over time, and what follows from it. Pure; `now` is a parameter."""
