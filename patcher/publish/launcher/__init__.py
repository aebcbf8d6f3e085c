"""A publisher's own launcher, from Shoal's frozen tree: the tree with its brand, and what players install.

`branded` writes the tree, and beside it an installer: `deb` makes a Debian package, `installer` one for Windows.
"""
