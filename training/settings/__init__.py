"""What a task is, and how its model is fitted, judged and let out: declared, checked and read."""
