"""What the linters do not check: sizes, doors, names, words, the tree, unused code. Gates read all committed files."""
