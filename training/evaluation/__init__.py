"""How good a model is: beside the baselines, in groups, by need, by day, in dollars."""
