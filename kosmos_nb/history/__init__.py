"""What was measured and done, kept."""
