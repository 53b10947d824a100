"""What is entered: tweaks, scenarios, contexts, and the one in force."""
