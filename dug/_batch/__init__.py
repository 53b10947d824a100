"""Many nodes in one call: the call site, progress, kept failures, and entering pdb where one failed."""
