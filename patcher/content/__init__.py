"""The formats as a reader needs them (docs/formats). Code that only the publisher needs is in `patcher.publish`.

Pure: no clock, threads, sockets, dice or writes; callers hand in the bytes. Read in this order: `paths` (which names
are safe), `merkle` (the roots that name every content), `manifest` (the files of a part, as a v2 torrent), `records`
(the signed records; `json_fields` reads them), `feed_paths` (where everything is in a feed). For patches: `patch_index`
(what is where in a pack), `codec` (decodes it), `native` (old programs read through a map), `layout` (piece numbers).
For the search in old files: `chunker`, `landmarks`, `similar`.

    release = records.parse(records.Release, data)
    part = release.parts[0]
    m = manifest.parse(document)  # the document whose root is part.manifest
    assert merkle.ref_of(document) == part.manifest and m.info_hash == part.info_hash
    layers = manifest.split_layers(m, layers_document)
    index = patch_index.parse(index_document, m, old_manifest)
    for window in index.windows:
        if not window.is_copy:
            codec.apply(window.codec, packed, old_bytes, window.output_bytes, window.sha256)
"""
