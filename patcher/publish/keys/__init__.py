"""The keys of a feed, as their holders keep them.

`ring` opens them: key files that `wrapping` encrypts with a passphrase, and keys on PKCS#11 tokens (`tokens`). `public`
is the half that a holder hands over. Who may sign what stands in the feed's own metadata, not here.

    ring = KeyRing(home.keys / "shop", Passphrases.of_user(None, print))
    key = ring.make("holder-2", protect=True)  # or ring.adopt("holder-2", TokenKey(library, "YubiKey PIV"))
    print(public.write(key, "shop", Path("handed-over")))
    signature = ring.signer(key).sign(b"payload")
"""
