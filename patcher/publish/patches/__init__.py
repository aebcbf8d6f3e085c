"""Packs: the windows from one release to another, made as small as they get.

Read in this order: `packs` (which packs a release has), `drafts` (one pack in the making), `windows` (which new bytes
go together, and which old ones they are made from) with `matching` (chunks of large files found again), `address_maps`
(old native code is rebased first; `native` fits the maps), `pool` (worker processes make windows) or `cluster` (other
machines do), `encode` (writes what `patcher.content` reads). More workers change no byte of a pack.

    draft = drafts.draft(new_manifest, old_manifest, path_by_root, folder, jobs, progress)
    drafts.make([draft], jobs, progress)  # again after a kill: finished windows are kept in the folder
    joined = draft.joined()
    index = joined.index(leaves)  # the leaves of the pack, b"".join(joined.chunks())
    document = encode.write_index(index, new_manifest, old_manifest)
"""
