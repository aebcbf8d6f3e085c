"""Fits the address map between two versions of a native file, from what their references say.

Read `fitting` first, then what it is made of: `covers` (which bytes of the new file come from which of the old one),
`matches` (references beside what the new file holds in their place) and `votes` (from single moves to a map).

    fitted = fitting.fit(read_old, old_bytes, read_new, new_bytes)
    if fitted:
        rebased = Rebased(read_old, old_bytes, fitted.filter, fitted.data)
        print(fitted.saved_bytes)  # a careful estimate of what a patch saves by it
"""
