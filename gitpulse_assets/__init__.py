"""GitPulse: is a repository's open issue backlog growing or shrinking, and what drives it."""
