"""What is kept: scenarios, groups of caches, caches, views, and the walks through their nodes."""
