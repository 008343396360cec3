"""The pictures of a run, PNG and SVG."""
