"""What is wrong, each cause once: counted as it happens, judged, and decided about by people."""
