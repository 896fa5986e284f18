#!/bin/sh
# Writes the digest of a new image into a file of values that Argo CD follows:
#   set-digest.sh values.yaml sha256:…
# The file must have exactly one line `digest:`; anything else is refused and nothing is changed.
set -eu

file=${1:?a file of values}
digest=${2:?a digest, sha256:…}

case ${#digest}:$digest in
    71:sha256:*[!0-9a-f]*) wrong=yes ;;
    71:sha256:*) wrong= ;;
    *) wrong=yes ;;
esac
if [ "$wrong" ]; then
    echo "not a digest (sha256: and 64 hexadecimal digits): $digest" >&2
    exit 1
fi
lines=$(grep -c '^ *digest:' "$file" || true)
if [ "$lines" != 1 ]; then
    echo "$file has $lines lines \`digest:\`; one is needed" >&2
    exit 1
fi
new=$(sed "s|^\( *digest:\).*|\1 \"$digest\"|" "$file")
printf '%s\n' "$new" >"$file"
