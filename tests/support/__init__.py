"""What several test files share: random programs, an oracle of them, and ways to order threads and tasks."""
