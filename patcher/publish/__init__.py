"""The publisher: from a folder to a signed feed on any static host.

Read `release` first: it runs all the others in order. `tree` and `build` read the folder into parts, `patches` makes
packs (a room of its own), `store` holds the content, `publication` signs what changes and renews what ages, and
`repository` is the signed metadata, with `metadata_files` and `profiles`. `keys` (a room) opens the keys; `ceremony`
begins a feed with them, `signing` (with `summary`) collects signatures of several holders, `rotation` replaces keys,
`preload` publishes a release encrypted before its launch. `feeds`, `title`, `channels`, `check`,
`preview`, `prune` and `upload` (a room) are the other commands. Nothing that players see changes before the last write,
and a command that was killed may be run again.

    home, passphrases = Home(Path("home")), Passphrases("a long passphrase")
    made = feeds.init(folder, home, ["https://cdn.example/feed"], [], "studio", "solo", False, passphrases)
    order = ReleaseOrder("game", Path("build"), "1.0", launch=("bin/game",), jobs=4)
    outcome = release.release(folder, home, order, passphrases, progress, print)
    print(outcome.state)  # published, or "request" where other holders must sign outcome.request
    report = check.check(folder, jobs=4, deep=True, progress=progress)
"""
