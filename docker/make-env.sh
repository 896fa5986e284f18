#!/bin/sh
# Writes .env with fresh keys and a fresh operator token for docker-compose.yml.
# --print shows what would be written and writes nothing.
set -eu
umask 077

random() { # bytes -> base64url without padding
    head -c "$1" /dev/urandom | base64 | tr '+/' '-_' | tr -d '=\n'
}

env() {
    printf 'TWINKLE_OPERATOR_TOKEN=%s\n' "$(random 32)"
    printf 'TWINKLE_COOKIE_KEYS=k1:%s\n' "$(random 32)"
    printf 'TWINKLE_PASS_KEYS=k1:%s\n' "$(random 32)"
}

if [ "${1-}" = --print ]; then
    env
    exit
fi

cd "$(dirname "$0")/.."
if [ -e .env ]; then
    echo ".env exists and is kept: new keys would make every cookie and pass invalid." >&2
    echo "Delete it first if that is what you want." >&2
    exit 1
fi
env >.env
echo ".env written; start with: docker compose up --build"
