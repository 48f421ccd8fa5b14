"""The half without a clock: from sampled stacks to the tree, the tables and their words."""
