"""The window: shows what the engine says and asks what the player clicks. Not built yet."""
