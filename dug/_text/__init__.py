"""What people read: values and times as text."""
