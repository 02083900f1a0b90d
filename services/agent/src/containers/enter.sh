# Goes into a container, before its programs are run. $1: the directory of the notes.
if [ -e "$1/groups" ]; then
    while read -r group; do
        echo $$ >"$group/cgroup.procs" || :
    done <"$1/groups"
fi
if [ -e "$1/hosts" ]; then
    mount --bind "$1/hosts" /etc/hosts || :
fi
