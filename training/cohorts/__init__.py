"""Who is asked about on which day, what happened to them, and what is known of them beside."""
