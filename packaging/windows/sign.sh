#!/bin/sh
# sign.sh FILE…: signs programs of Windows, in place. SIGN is the command that does it with a real certificate: it gets the
# file as its last word, such as
#
#   SIGN="osslsigncode sign -pkcs12 ours.p12 -readpass pass -h sha256 -ts http://timestamp.example.org -n Shoal"
#
# (osslsigncode's words -in and -out are added for it; any other command changes the file itself). Without SIGN a
# certificate is made that nobody trusts and that ends with this script: it proves that a signed file still works.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if [ -z "${SIGN:-}" ]; then
    openssl req -x509 -newkey rsa:2048 -sha256 -nodes -days 30 -subj "/CN=Shoal test certificate" \
        -addext extendedKeyUsage=codeSigning -keyout "$work/key" -out "$work/cert" 2>/dev/null
    SIGN="osslsigncode sign -certs $work/cert -key $work/key -h sha256 -n Shoal"
fi
for file in "$@"; do
    case $SIGN in
        osslsigncode*)
            $SIGN -in "$file" -out "$work/signed" >/dev/null
            cat "$work/signed" >"$file" && rm "$work/signed" ;;
        *) $SIGN "$file" ;;
    esac
done
