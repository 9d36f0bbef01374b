# The first process of a machine that is made of namespaces: machine.sh FOLDER NAME CONTROLLERS
# Everything in the machine ends with it. CONTROLLERS are those of cgroup v1 that it has a group of its own in, if any.
set -eu
folder=$1 name=$2 controllers=$3
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
