"""What the engine knows of calls: functions, nodes, keys, memos, failures, events; each file stands on those before it."""
