"""What a user types in a notebook: parse the line, call the rooms below, show the result."""
