"""Runs Python code that is sent to a compute session; its variables stay from one run to the next.

Speaks lines of JSON over the unix socket of MUSTER_INTERPRETER_SOCKET: see README.md of Muster's agent.
"""

import fcntl
import io
import json
import linecache
import os
import select
import signal
import socket
import sys
import threading
import traceback

# Bytes that are read at once, and kept while nobody listens.
PIECE = 65536
BACKLOG = 1048576


class Agent:
    """Whoever is connected: the agent, or after it was killed the one after it."""

    def __init__(self, path):
        # The path may be longer than that of a socket may be.
        home = os.getcwd()
        os.chdir(os.path.dirname(path))
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(os.path.basename(path))
        # The agent may be somebody else than whoever this runs as; the directory is the agent's.
        os.chmod(os.path.basename(path), 0o777)
        self.listener.listen()
        os.chdir(home)
        self.connection = None
        self.lock = threading.RLock()
        self.backlog = []
        self.read = b""

    def say(self, message):
        with self.lock:
            self.backlog.append((json.dumps(message) + "\n").encode())
            while self.connection is None and sum(map(len, self.backlog)) > BACKLOG:
                self.backlog.pop(0)
            self.flush()

    def flush(self):
        while self.backlog and self.connection is not None:
            try:
                self.connection.sendall(self.backlog[0])
            except OSError:
                self.hang_up()
            else:
                self.backlog.pop(0)

    def accept(self):
        connection = self.listener.accept()[0]
        with self.lock:
            self.connection, self.read = connection, b""
            self.flush()

    def hang_up(self):
        self.connection.close()
        self.connection = None

    def hear(self):
        """The next message; waits for an agent if there is none."""
        while True:
            if self.connection is None:
                self.accept()
                continue
            line, end, rest = self.read.partition(b"\n")
            if end:
                self.read = rest
                return json.loads(line)
            try:
                piece = self.connection.recv(PIECE)
            except OSError:
                piece = b""
            if piece:
                self.read += piece
            else:
                with self.lock:
                    self.hang_up()


class Input(io.TextIOBase):
    """Standard input: each line is asked for."""

    encoding = "utf-8"

    def __init__(self, agent):
        self.agent = agent
        self.run = None

    def readable(self):
        return True

    def readline(self, size=-1):
        global running
        # What is half said cannot be taken back.
        running = False
        sys.stdout.flush()
        sys.stderr.flush()
        outputs.drain()
        self.agent.say({"type": "waiting-input", "run": self.run})
        running = True
        while True:
            message = self.agent.hear()
            if message["type"] == "input":
                return message["text"] + "\n"

    def read(self, size=-1):
        return self.readline()


class Outputs:
    """What is written to standard output and standard error, also by programs that the code starts."""

    def __init__(self, agent):
        self.agent = agent
        self.lock = threading.Lock()
        self.kinds = {}
        self.rests = {}
        for descriptor, kind in ((1, "stdout"), (2, "stderr")):
            reader, writer = os.pipe()
            os.dup2(writer, descriptor)
            os.close(writer)
            fcntl.fcntl(reader, fcntl.F_SETFL, os.O_NONBLOCK)
            self.kinds[reader] = kind
            self.rests[reader] = b""
        sys.stdout = open(1, "w", buffering=1, encoding="utf-8", errors="replace", closefd=False)
        sys.stderr = open(2, "w", buffering=1, encoding="utf-8", errors="replace", closefd=False)
        threading.Thread(target=self.carry, daemon=True).start()

    def carry(self):
        while True:
            for reader in select.select(list(self.kinds), [], [])[0]:
                with self.lock:
                    self.pass_on(reader)

    def drain(self):
        """Passes on all that has been written until now."""
        with self.lock:
            for reader in self.kinds:
                while self.pass_on(reader):
                    pass

    def pass_on(self, reader):
        try:
            piece = self.rests[reader] + os.read(reader, PIECE)
        except BlockingIOError:
            return False
        # A character may be cut; it has four bytes at most.
        whole = len(piece)
        for count in range(1, min(3, whole) + 1):
            if piece[-count] >= 0xC0:
                length = 2 + (piece[-count] >= 0xE0) + (piece[-count] >= 0xF0)
                if count < length:
                    whole -= count
                break
            if piece[-count] < 0x80:
                break
        text, self.rests[reader] = piece[:whole], piece[whole:]
        if text:
            message = {"type": "output", "kind": self.kinds[reader], "text": text.decode(errors="replace")}
            self.agent.say(message)
        return True


def run(code, number, variables):
    """Runs it as `python -c` would; returns its exit code."""
    name = "<code %d>" % number
    linecache.cache[name] = (len(code), None, code.splitlines(True), name)
    try:
        exec(compile(code, name, "exec"), variables)
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return (end.code or 0) & 0xFF
        print(end.code, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        show(sys.exc_info())
        return 130
    except BaseException:
        show(sys.exc_info())
        return 1
    return 0


def show(error):
    kind, value, trace = error
    # Without the line of this file.
    traceback.print_exception(kind, value, trace and trace.tb_next)


running = False


def interrupted(_signal, _frame):
    # At rest there is nothing to interrupt.
    if running:
        raise KeyboardInterrupt


agent = Agent(os.environ.pop("MUSTER_INTERPRETER_SOCKET"))
outputs = Outputs(agent)
sys.stdin = Input(agent)
signal.signal(signal.SIGINT, interrupted)
sys.argv = ["-c"]
sys.path.insert(0, "")
namespace = {"__name__": "__main__", "__builtins__": __builtins__}
count = 0
while True:
    heard = agent.hear()
    if heard["type"] != "query":
        continue
    count += 1
    sys.stdin.run = heard["run"]
    try:
        running = True
        code = run(heard["code"], count, namespace)
        running = False
    except KeyboardInterrupt:
        code = 130
    running = False
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            pass
    outputs.drain()
    agent.say({"type": "finished", "run": heard["run"], "exit_code": code})
