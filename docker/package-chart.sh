#!/bin/sh
# Packages the chart so that it installs this very image:
#   package-chart.sh v1.2.3 ghcr.io/owner/twinkle sha256:… FOLDER
set -eu

version=${1:?a version}
repository=${2:?the image without tag}
digest=${3:?the digest of the image}
out=${4:?a folder for the package}
here=$(cd "$(dirname "$0")" && pwd)

copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
cp -R "$here/../helm/twinkle" "$copy/twinkle"
sed -i "s|^\(  repository:\).*|\1 \"$repository\"|" "$copy/twinkle/values.yaml"
sh "$here/set-digest.sh" "$copy/twinkle/values.yaml" "$digest"
helm package "$copy/twinkle" --version "${version#v}" --app-version "${version#v}" --destination "$out"
