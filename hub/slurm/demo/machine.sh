# The first process of a machine that is made of namespaces: machine.sh FOLDER NAME CONTROLLERS [CLOSED WAY]…
# Everything in the machine ends with it. CONTROLLERS are those of cgroup v1 that it has a group of its own in, if any.
# A WAY is a folder that all accounts must get to, although it lies below CLOSED, which they may not enter.
set -eu
folder=$1 name=$2 controllers=$3
shift 3
hostname "$name"
ip link set lo up
for file in hosts passwd group shadow; do
    mount --bind "$folder/etc/$file" "/etc/$file"
done
mount --bind "$folder/slurm" /etc/slurm
if [ -d "$folder/machines/$name" ]; then
    mount --bind "$folder/machines/$name/spool" "$folder/spool"
    mount --bind "$folder/machines/$name/devices" "$folder/devices"
fi
mount -t tmpfs -o mode=1777 tmpfs /dev/shm
if [ $# -gt 0 ]; then
    # Nothing else of a closed folder is seen here, and nothing of the way can be changed.
    aside=$(mktemp -d "$folder/run/ways.XXXXXX")
    mount -t tmpfs tmpfs "$aside"
    each() {
        do=$1 number=0
        shift
        while [ $# -gt 0 ]; do
            "$do" "$1" "$2" "$aside/$number"
            number=$((number + 1))
            shift 2
        done
    }
    keep() {
        mkdir "$3"
        mount --bind "$2" "$3"
        mount -o remount,bind,ro "$3"
    }
    close() { mountpoint -q "$1" && grep -q " $1 tmpfs " /proc/mounts || mount -t tmpfs -o mode=755 tmpfs "$1"; }
    lay() {
        mkdir -p "$2"
        mount --move "$3" "$2"
    }
    each keep "$@"
    each close "$@"
    each lay "$@"
    umount "$aside"
fi
if [ -n "$controllers" ]; then
    groups=$folder/run/$name.cgroup
    mkdir -p "$groups"
    mount -t tmpfs tmpfs "$groups"
    for one in $controllers; do
        mkdir "$groups/$one"
        mount --bind "/sys/fs/cgroup/$one/werkbank-slurm-$name-${folder##*/}" "$groups/$one"
    done
    mount --move "$groups" /sys/fs/cgroup
fi
: >"$folder/run/$name.ready"
trap 'exit 0' TERM
# Whoever is left without a parent is this shell's, which collects it while it waits.
while :; do
    sleep 3600 &
    wait $! || true
done
