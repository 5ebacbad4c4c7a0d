"""What works inside the process of a snippet. It imports nothing of ours, so that a snippet finds what any script finds."""
