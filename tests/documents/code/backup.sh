#!/bin/sh
set -eu

KEEP=31

# Backups are kept for 31 nights.
prune() {
    find "$1" -name '*.tar' -mtime +"$KEEP" -delete
}

function main {
    prune /srv/backup

    cat <<END
done
END
}

main "$@"
