"""`kosmos history`: the longer commands have a file each."""
