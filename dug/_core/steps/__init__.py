"""What happens in a call, a file for each step: find, begin, verify, finish, wait; and contexts that are opened and closed."""
