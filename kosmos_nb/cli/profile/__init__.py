"""`kosmos profile`: one command a file, their tables beside them."""
