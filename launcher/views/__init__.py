"""What the window is made of. Views show what the state says and emit commands; none knows the engine."""
