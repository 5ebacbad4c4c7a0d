"""What works inside a snippet's process. It imports nothing of ours: a snippet finds there what any script finds."""
