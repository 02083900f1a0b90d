"""Runs console scripts of this Python environment, each in a process of its own that is forked from this one.

A program of a real client spends most of its time on importing; here what one command has imported is there for all that
follow it. Each line of standard input is a JSON object {"program", "arguments", "environment"}, each line of standard
output what came of it: {"status", "output", "errors"}. It ends with its input.
"""

import atexit
import ctypes
import gc
import importlib
import importlib.metadata
import json
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def script(name):
    """What the installed program of this name calls."""
    for entry in importlib.metadata.entry_points(group="console_scripts"):
        if entry.name == name:
            return entry
    sys.exit(f"no console script {name} is installed")


def become(request, output, errors, imported):
    """Makes a forked process the program: its words, environment and files."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    os.environ.clear()
    os.environ.update(request["environment"])
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(output, 1)
    os.dup2(errors, 2)
    sys.argv = [request["program"], *request["arguments"]]
    # Registered first, so called last: by then everything is imported.
    atexit.register(lambda: os.write(imported, "\n".join(sys.modules).encode()))
    entry = script(request["program"])
    sys.exit(entry.load()())


def whole(descriptor):
    with os.fdopen(descriptor, "rb") as file:
        file.seek(0)
        return file.read().decode(errors="replace")


def main():
    answers = os.fdopen(os.dup(1), "w")
    requests = os.fdopen(os.dup(0), "r")
    for line in requests:
        request = json.loads(line)
        output, errors, imported = (os.memfd_create(name) for name in ("output", "errors", "imported"))
        gc.freeze()
        process = os.fork()
        if process == 0:
            become(request, output, errors, imported)
        status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        # Not the program's own module: that may look at its arguments while it is imported, as freezer's does.
        own = script(request["program"]).module
        for module in whole(imported).split("\n"):
            if module and module != own and module not in sys.modules:
                try:
                    importlib.import_module(module)
                except Exception:  # It can only be imported where the program did so: there it will be again.
                    pass
        answer = {"status": status, "output": whole(output), "errors": whole(errors)}
        print(json.dumps(answer), file=answers, flush=True)


main()
