def double(x: float) -> float:
    """Twice x."""
    return 2 * x