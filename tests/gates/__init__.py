"""What the linters cannot say: sizes, doors, names. Each gate looks at every file that would be committed."""
