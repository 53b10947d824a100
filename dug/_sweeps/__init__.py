"""Many scenarios: the same nodes asked under each of them."""
