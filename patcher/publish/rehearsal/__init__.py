"""Rehearses a release day: how many bytes the origin would send, and when the players would have the release.

Read `release_day` first: it says what each player fetches, over which line, and when. `fluid` carries the day out.

    what = fetched(folder, "meadow", "live", install=False)
    outcome = rehearse(day(what, crowd, origin_bps, stay_s, seeds_bps))
"""
