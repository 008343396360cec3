"""A model learned again: at other dates, of fewer people, of others by chance, with a stay more."""
