"""Programs and libraries: where their addresses are, and an old file read as if its addresses were the new one's.

Imported only where there is native code, because only this needs numpy. The references found in a file are part of the
formats (docs/formats/native.md): they never change under the same name of a filter.

Read in this order: `sections` and `image` (which files are known; `elf` and `pe` read the headers), `binary` (an opened
file, with the lists of `offsets`), `fields` (references as parallel arrays) and `references`, which finds them all in a
`view` of the file: in `code` (by `x86`) or `arm64`, in `tables` (`elf_tables`, `pe_tables`, `exceptions`), and by
`guesses`. Then `addresses` (the map), `stored` (how values are stored) and `rebase`.

    def read(offset: int, length: int) -> bytes:
        return data[offset : offset + length]

    rebased = Rebased(read, len(data), "x86-1", map_document)
    moved = rebased.read(0, 4096)  # bytes of the old file, its references moved
"""
