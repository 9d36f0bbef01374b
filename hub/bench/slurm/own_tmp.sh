# Gives a machine that is made of namespaces a /tmp of its own, which goes with it: own_tmp.sh FOLDER…
# What lies in these folders below /tmp is seen there as before.
set -eu
aside=/dev/shm/aside # the machine's own, too
each() {
    do=$1 number=0
    shift
    for folder; do
        "$do" "$folder" "$aside.$number"
        number=$((number + 1))
    done
}
keep() { mkdir "$2" && mount --rbind "$1" "$2"; }
lay() { mkdir -p "$1" && mount --move "$2" "$1" && rmdir "$2"; }
each keep "$@"
mount -t tmpfs -o mode=1777 tmpfs /tmp
each lay "$@"
