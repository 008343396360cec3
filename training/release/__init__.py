"""Which model is asked: beside the champion, by the gate, in the registry, promoted or called
back."""
