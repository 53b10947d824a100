"""What is entered with ``with``: tweaks, scenarios, contexts, and the one in force."""
