"""What only a browser can tell: the content security policy, what moves, and how it looks."""
