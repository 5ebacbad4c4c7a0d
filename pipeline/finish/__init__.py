"""Makes a site of rendered pages: what programs read, what the theme leaves out, and the change-over."""
