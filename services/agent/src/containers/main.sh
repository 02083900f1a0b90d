# Runs the main process of a container and notes how it ended, for an agent that may be away by then.
# Its arguments: the directory of the notes, the most that a process may have of memory (KiB; - is any), the program with its arguments.
notes=$1
memory=$2
shift 2
ulimit -c 0
[ "$memory" = - ] || ulimit -d "$memory" 2>/dev/null || :
# What the main process is asked to do, it decides; caught here, and not ignored, so that it begins without that.
trap : TERM INT HUP
code=0
if [ -e "$notes/bootstrap" ]; then
    sh "$notes/bootstrap" || code=$?
fi
if [ "$code" = 0 ]; then
    : >"$notes/begun"
    "$@" || code=$?
fi
{ echo "$code"; times; } >"$notes/exit.new" && mv "$notes/exit.new" "$notes/exit"
exit "$code"
