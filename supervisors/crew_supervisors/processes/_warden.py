# The warden: the program that stands between the runtime and one agent.
#
# 1. It outlives the runtime. The socket is the death pipe: when its other end
#    closes, in whatever way the runtime died, the tree below is killed.
# 2. It is the sub-reaper of the tree (Linux): an orphan becomes its child, so
#    "no child is left" (ECHILD) is the kernel's proof that the tree is gone.
# 3. It signals only what it can prove to be its own: a child that it has not
#    reaped yet, or a process that a pidfd holds and whose parent is still the
#    one that was seen in the tree.
# 4. The agent gets exactly stdin, stdout and stderr. The warden keeps none.
# 5. It is run as a file by `python -I -S`: standard library only, few imports,
#    because each agent waits for them.
"""Start one program, and end everything below it when told to or left alone."""

import os
import select
import sys

TYPE_CHECKING = False  # type checkers take it for true; typing itself costs 5 ms
if TYPE_CHECKING:
    import signal
else:
    import _signal as signal  # the same functions without enum: 6 ms less per agent

assert sys.platform != "win32"  # there is nothing like it on Windows

PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h
SWEEP_PAUSE = 20  # milliseconds between two sweeps while the killed are dying
SWEEP_PAUSE_LONG = 1000  # milliseconds, once SWEEPS_QUICK sweeps did not end it
SWEEPS_QUICK = 250
LOOK_AGAIN = 1000  # milliseconds; SIGCHLD wakes us earlier, unless one got lost
LENGTH_DIGITS = 8  # of the job's size in bytes
FREEZE_ROUNDS = 50  # looks for newly forked processes before one sweep kills
POLITE = (  # a stop ladder is made of these: for the agent, never for us
    *(signal.SIGHUP, signal.SIGINT, signal.SIGQUIT),
    *(signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2),
)
PYTHON_IGNORES = (signal.SIGPIPE, signal.SIGXFSZ)  # its children should not


class Tree:
    """What runs below this process."""

    def __init__(self, agent: int, cgroup: bytes, *, adopts: bool) -> None:
        self.agent = agent
        self.cgroup = cgroup
        self.adopts = adopts
        self.agent_reaped = False
        self.killed: set[int] = set()

    def reap(self) -> "tuple[bool, int | None]":
        """Collect the dead. Tell whether the tree is empty, and the agent's status."""
        status = None
        while True:
            try:
                pid, ended = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return True, status
            if pid == 0:
                return False, status
            if pid == self.agent:
                self.agent_reaped = True
                status = ended

    def signal_group(self, number: int) -> None:
        """Send *number*, then SIGCONT, to the agent's group.

        The agent's pid is not free before it is reaped, so the group is its own.
        """
        if not self.agent_reaped:
            for each in (number, signal.SIGCONT):
                try:
                    os.killpg(self.agent, each)
                except OSError:
                    continue  # nobody in the group takes it: it is ending

    def sweep(self) -> None:
        """Freeze, then kill what is below. Orphans of the killed come up to us.

        The cgroup, if there is one, dies at once; but who was moved out of it does not.
        """
        if self.cgroup:
            self.kill_cgroup()
        frozen: set[tuple[int, int]] = set()
        for _ in range(FREEZE_ROUNDS):
            found = set(descendants()) - frozen
            if not found:
                break
            for pid, parent in found:
                strike(pid, parent, signal.SIGSTOP)
            frozen |= found
        for pid, parent in frozen:
            if strike(pid, parent, signal.SIGKILL):
                self.killed.add(pid)
        if not self.adopts:
            self.signal_group(signal.SIGKILL)

    def kill_cgroup(self) -> None:
        """Let the kernel kill the agent's cgroup."""
        for pid in _members(self.cgroup):
            self.killed.add(pid)
        try:
            with open(self.cgroup + b"/cgroup.kill", "wb") as file:  # noqa: PTH123 - pathlib costs 5 ms at start
                file.write(b"1")
        except OSError:
            return  # it is not there any more: the rest of the sweep does its work

    def remove_cgroup(self) -> None:
        """Give the empty cgroup back; the runtime may be unable to."""
        for folder, _, _ in os.walk(self.cgroup, topdown=False):
            try:
                os.rmdir(folder)  # noqa: PTH106 - as above
            except OSError:
                return  # somebody was moved into it


def _members(cgroup: bytes) -> "list[int]":
    try:
        with open(cgroup + b"/cgroup.procs", "rb") as file:  # noqa: PTH123 - as above
            return [int(pid) for pid in file.read().split()]
    except OSError:
        return []


def descendants() -> "list[tuple[int, int]]":
    """Return (pid, parent) of each process below this one, zombies left out."""
    found: list[tuple[int, int]] = []
    parents = [os.getpid()]
    children = None
    while parents:
        parent = parents.pop()
        below = _children_of(parent)
        if below is None:  # a kernel without CONFIG_PROC_CHILDREN
            children = _all_children() if children is None else children
            below = children.get(parent, [])
        for pid in below:
            seen = _state(pid)
            if seen is not None and seen[1] == parent:
                parents.append(pid)
                if seen[0] not in "ZX":
                    found.append((pid, parent))
    return found


def _children_of(pid: int) -> "list[int] | None":
    below: list[int] = []
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208 - as below
            with open(f"/proc/{pid}/task/{thread}/children") as file:  # noqa: PTH123 - pathlib costs 5 ms at start
                below += map(int, file.read().split())
    except OSError:
        return below or None
    return below


def _all_children() -> "dict[int, list[int]]":
    below: dict[int, list[int]] = {}
    try:
        names = os.listdir("/proc")  # noqa: PTH208 - as above
    except OSError:
        return below  # no /proc here: the group is all that can be reached
    for name in names:
        if name.isdigit():
            seen = _state(int(name))
            if seen is not None:
                below.setdefault(seen[1], []).append(int(name))
    return below


def _state(pid: int) -> "tuple[str, int] | None":
    """Return the state letter and the parent of *pid*, None when it is gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123 - pathlib costs 5 ms at start
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return None
    return fields[0].decode(), int(fields[1])


def strike(pid: int, parent: int, number: int) -> bool:
    """Signal *pid* if *parent* is its parent still. Tell whether it was signalled."""
    try:
        if parent == os.getpid():
            os.kill(pid, number)  # our own child, not reaped: nobody else's number
            return True
        return _strike_held(pid, parent, number)
    except (OSError, AttributeError):
        return False  # it ended, or this Python has no pidfds and it comes up later


def _strike_held(pid: int, parent: int, number: int) -> bool:
    """Do it while a pidfd holds the number. Without pidfds it comes up to us later."""
    if sys.platform == "linux":
        handle = os.pidfd_open(pid)
        try:
            seen = _state(pid)
            if seen is not None and seen[1] == parent:
                signal.pidfd_send_signal(handle, number)
                return True
        finally:
            os.close(handle)
    return False


def adopt() -> bool:
    """Become the parent of each orphan below. Tell whether the system can do it."""
    import ctypes  # noqa: PLC0415 - only where it is used: it costs 3 ms

    try:
        return bool(ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)
    except (OSError, AttributeError):
        return False


class Job:
    """What to run.

    Folder, executable, cgroup, number of arguments, arguments, variables.
    """

    def __init__(self, fields: "list[bytes]") -> None:
        count = int(fields[3])
        self.folder = fields[0]
        self.executable = fields[1]
        self.cgroup = fields[2]
        self.argv = fields[4 : 4 + count]
        self.environment = dict(item.split(b"=", 1) for item in fields[4 + count :])

    def launch(self) -> "tuple[int, bytes]":
        """Fork and execute. Return the pid and, when it failed, what failed."""
        seen, tell = os.pipe()
        pid = os.fork()
        if pid == 0:
            self.become(tell)
        os.close(tell)
        failure = b""
        while piece := os.read(seen, 4096):  # ends when exec closes the pipe
            failure += piece
        os.close(seen)
        return pid, failure

    def become(self, tell: int) -> None:
        """Turn this process into the agent, or tell why it cannot be.

        The agent is deaf to no signal, whatever the runtime ignores: a stop ladder
        that it never heard would cost its whole grace.
        """
        stage = b"cgroup"
        try:
            if self.cgroup:
                with open(self.cgroup + b"/cgroup.procs", "wb") as file:  # noqa: PTH123 - pathlib costs 5 ms at start
                    file.write(b"0")  # this process
            stage = b"cwd"
            os.setsid()
            for number in (*POLITE, *PYTHON_IGNORES, signal.SIGCHLD):
                signal.signal(number, signal.SIG_DFL)
            if self.folder:
                os.chdir(self.folder)
            stage = b"exec"
            os.execve(self.executable, self.argv, self.environment)  # noqa: S606 - no shell is the point
        except OSError as error:
            os.write(tell, b"%s %d" % (stage, error.errno or 0))
        finally:
            os._exit(127)


def read_job(link: int) -> Job:
    """Read one job: its length in eight digits, then its fields parted by NUL."""
    length = read_exactly(link, LENGTH_DIGITS)
    return Job(read_exactly(link, int(length)).split(b"\0"))


def read_exactly(link: int, wanted: int) -> bytes:
    """Read *wanted* bytes. Ends this process when the runtime ends before that."""
    raw = b""
    while len(raw) < wanted:
        piece = os.read(link, wanted - len(raw))
        if not piece:
            os._exit(0)
        raw += piece
    return raw


class Guard:
    """Obeys the runtime until the tree is empty; kills it when the runtime is gone."""

    def __init__(self, link: int, wake: int, tree: Tree) -> None:
        self.link = link
        self.wake = wake
        self.tree = tree
        self.reaping = False  # not before the runtime has seen the agent's create time
        self.killing = False
        self.poll = select.poll()
        self.poll.register(link, select.POLLIN)
        self.poll.register(wake, select.POLLIN)

    def run(self) -> None:
        """Return when the tree is empty."""
        sweeps = 0
        while not self.is_over():
            pause = LOOK_AGAIN
            if self.killing:
                self.tree.sweep()
                sweeps += 1
                pause = SWEEP_PAUSE if sweeps < SWEEPS_QUICK else SWEEP_PAUSE_LONG
            for fd, _ in self.poll.poll(pause):
                if fd == self.wake:
                    drain(self.wake)
                else:
                    self.obey(hear(self.link))

    def is_over(self) -> bool:
        """Collect the dead, tell of the agent's end. True when nothing is left."""
        if not self.reaping:
            return False
        empty, status = self.tree.reap()
        words = b"" if status is None else b"exit %d\n" % status
        over = empty or (
            self.killing and self.tree.agent_reaped and not self.tree.adopts
        )
        if over:
            words += b"empty %d\n" % len(self.tree.killed)
        if words:
            say(self.link, words)  # at once: each word wakes the runtime up
        return over

    def obey(self, orders: bytes) -> None:
        """Do what the runtime says. Nothing said means that it is gone."""
        if not orders:
            self.poll.unregister(self.link)
            self.reaping = self.killing = True
        for order in orders.split():
            if order == b"seen":
                self.reaping = True
            elif order == b"kill":
                self.killing = True
            else:
                self.tree.signal_group(int(order))


def say(link: int, text: bytes) -> None:
    """Tell the runtime, if it is still there."""
    try:
        os.write(link, text)
    except OSError:
        return  # it is gone, which the next poll shows too


def hear(link: int) -> bytes:
    """Read orders. Empty when the runtime is gone."""
    try:
        return os.read(link, 4096)
    except OSError:
        return b""


def drain(wake: int) -> None:
    """Forget what woke us up."""
    try:
        os.read(wake, 4096)
    except OSError:
        return  # there was nothing


def awake(number: int, frame: object) -> None:
    """Take SIGCHLD: the wakeup descriptor has done the rest."""


def let_go() -> None:
    """Hold neither the agent's pipes nor its folder."""
    os.chdir("/")
    nothing = os.open("/dev/null", os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(nothing, fd)
    os.close(nothing)


def breed(link: int) -> int:
    """Fork a warden for each set of descriptors that comes over *link*.

    Returns in each warden, with the link of its own. Never in this process, which ends
    with the runtime.
    """
    import ctypes  # noqa: F401, PLC0415  # pyright: ignore[reportUnusedImport] - so that no warden has to wait for it
    import socket  # noqa: PLC0415 - only a zygote needs it

    control = socket.socket(fileno=link)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for wardens here
    while True:
        said, fds, _, _ = socket.recv_fds(control, 1, 8)
        if not said:
            os._exit(0)
        try:
            pid = os.fork()
        except OSError:
            pid = -1  # the runtime sees its link closed, and starts a warden afresh
        if pid == 0:
            control.close()
            os.setsid()
            for number, fd in enumerate(fds[1:]):
                os.dup2(fd, number)
                os.close(fd)
            say(fds[0], b"%010d" % os.getpid())
            return fds[0]
        for fd in fds:
            os.close(fd)


def main() -> None:
    """Run one job: what to do comes over the socket whose number is the argument."""
    link = int(sys.argv[1])
    for number in (*POLITE, *PYTHON_IGNORES):
        signal.signal(number, signal.SIG_IGN)
    if sys.argv[2] == "zygote":
        link = breed(link)
    os.set_inheritable(link, False)  # noqa: FBT003 - the standard library's own shape
    wake, woken = os.pipe()
    for fd in (wake, woken):
        os.set_blocking(fd, False)
    signal.set_wakeup_fd(woken)
    signal.signal(signal.SIGCHLD, awake)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])  # the runtime may block SIGCHLD
    adopts = sys.argv[2] != "alone" and adopt()
    job = read_job(link)
    try:
        pid, failure = job.launch()
    except OSError as error:  # no process, no descriptor to be had
        pid, failure = 0, b"fork %d" % (error.errno or 0)
    if failure:
        say(link, b"failed %s\n" % failure)
        os._exit(1)
    tree = Tree(pid, job.cgroup, adopts=adopts)
    try:
        let_go()
        say(link, b"started %d %d\n" % (pid, adopts))
        Guard(link, wake, tree).run()
    finally:  # a fault in here must not set the tree free
        while not tree.reap()[0]:
            tree.sweep()
            select.select([wake], [], [], SWEEP_PAUSE / 1000)
            drain(wake)
        if job.cgroup:
            tree.remove_cgroup()
        os._exit(0)


if __name__ == "__main__":
    main()
