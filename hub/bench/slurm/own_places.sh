# Covers places of a machine that is made of namespaces with empty ones of its own, which go with it:
# own_places.sh PLACE… -- KEPT…
# What is kept lies below a place and is seen there as before. /tmp is everybody's, other places are root's.
set -eu
aside=/dev/shm/aside # the machine's own, too
places=''
while [ "$1" != -- ]; do
    places="$places$1
"
    shift
done
shift
each() {
    do=$1 number=0
    shift
    for kept; do
        "$do" "$kept" "$aside.$number"
        number=$((number + 1))
    done
}
keep() { mkdir "$2" && mount --rbind "$1" "$2"; }
lay() { mkdir -p "$1" && mount --move "$2" "$1" && rmdir "$2"; }
each keep "$@"
printf '%s' "$places" | while read -r place; do
    case $place in /tmp) mode=1777 ;; *) mode=755 ;; esac
    mount -t tmpfs -o "mode=$mode" tmpfs "$place"
done
each lay "$@"
