"""What the window is made of. Views show what the state says and emit wishes; none knows the engine."""
