"""The only deterministic code: time, ids, policies and deadlines come from history."""
