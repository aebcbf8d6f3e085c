"""One installed title: its folder, what is in it, and the change from one release to the next, all or nothing.

Read `folder` first: an `InstallFolder` names everything in ``.shoal``. `registry` knows which title is where, and
`genuine` whether a folder's word counts. `scan` finds what is on the disk; `conflicts`, `journal` and `commit` put
staged files in place; `launch` starts the title.

    folder = InstallFolder.at(Path("/games/rocks"))
    installed = genuine.proved(registry, "studio/rocks", folder.current)  # None: nobody signed what the folder says
    with folder.locked(home) as mine:
        found = scan.installed(mine.root, entries, known, watch)  # intact, modified and missing files
        meta = mine.stage_documents(new, parts, layers, old, watch)
        commit.commit(mine, Change(place=place, remove=remove, meta=meta), keep_bytes)
    commit.recover(folder)  # after a crash: goes on, or leaves the old release untouched
"""
