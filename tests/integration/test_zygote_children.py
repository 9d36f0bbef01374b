"""A forked program finds what a started one finds: nothing of the zygote, of its siblings or of other users is left."""

import json
import os
import re
import resource
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.connect import write_connection_file

from tests.support.workbench import eventually
from tests.support.zygote import Node, descriptors, gone, node

SLEEP = "import time; time.sleep(600)"


@pytest.fixture(scope="module")
def zygotes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A node for all tests that leave it as they found it."""
    folder = tmp_path_factory.mktemp("zygotes")
    (folder / "site").mkdir()
    roles = ("kernel", "seat", "dask")
    with node(folder, roles=roles, env={"PYTHONPATH": str(folder / "site"), "TMPDIR": str(folder)}) as running:
        yield running


def started(code: str, env: dict[str, str] | None = None, **more: Any) -> "subprocess.CompletedProcess[str]":
    """The same code in a Python of its own: how it should be."""
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent"} | (env or {}),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        **more,
    )


def told(code: str, env: dict[str, str] | None = None) -> Any:
    done = started(code, env)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


# --- chance ---------------------------------------------------------------------------------------

LOTS = """
import json, multiprocessing, os, random, secrets, ssl, tempfile, uuid
import numpy
print(json.dumps([
    random.random(), numpy.random.rand(), numpy.random.default_rng().random(), str(uuid.uuid4()), secrets.token_hex(),
    multiprocessing.current_process().authkey.hex(), next(tempfile._get_candidate_names()), ssl.RAND_bytes(8).hex(),
]))
"""


def test_no_two_children_draw_the_same(zygotes: Node) -> None:
    for mine, others in zip(zygotes.run(LOTS).told, zygotes.run(LOTS).told, strict=True):
        assert mine != others


def test_no_two_dask_workers_name_their_futures_alike(zygotes: Node) -> None:
    code = "import json; from distributed.client import Future; print(json.dumps(Future._uid))"
    assert zygotes.run(code, role="dask").told != zygotes.run(code, role="dask").told


# --- the environment ------------------------------------------------------------------------------


def test_a_child_has_its_own_environment_for_python_c_and_its_programs(zygotes: Node) -> None:
    code = """
import ctypes, json, os, subprocess
from os import environ as held
getenv = ctypes.CDLL(None).getenv
getenv.restype = ctypes.c_char_p
names = ("MARKER", "WERKBANK_ZYGOTE", "OPENBLAS_NUM_THREADS", "MPLCONFIGDIR")
print(json.dumps({
    "python": dict(os.environ), "held": held is os.environ,
    "c": [(getenv(name.encode()) or b"").decode() for name in names],
    "program": subprocess.run(["env"], capture_output=True, text=True).stdout.split(),
}))
"""
    found = zygotes.run(code, {"MARKER": "mine"}).told
    assert set(found["python"]) == {"MARKER", "PATH", "HOME", "PYTHONPATH"}
    assert found["c"] == ["mine", "", "", ""]
    assert found["held"]
    assert {line.partition("=")[0] for line in found["program"]} == set(found["python"])


LIBRARIES = """
import json, locale, os, sys, tempfile, time, getpass
import matplotlib.style, matplotlib
from jupyter_client.session import Session
print(json.dumps({
    "session": Session().username,
    "temporary": tempfile.gettempdir(),
    "time": time.tzname,
    "locale": [locale.setlocale(kind) for kind in (locale.LC_CTYPE, locale.LC_NUMERIC, locale.LC_TIME)],
    "configuration": matplotlib.get_configdir(),
    "cache": matplotlib.get_cachedir(),
    "styles": matplotlib.style.USER_LIBRARY_PATHS,
    "backend": matplotlib.rcParams["backend"],
    "size": matplotlib.rcParams["font.size"],
    "home": os.path.expanduser("~"),
}))
"""


def test_libraries_follow_the_childs_environment_as_if_imported_in_it(zygotes: Node, tmp_path: Path) -> None:
    env = {"USER": "ann", "TZ": "Asia/Tokyo", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "MPLBACKEND": "pdf"}
    for name in ("HOME", "TMPDIR", "MPLCONFIGDIR"):
        env[name] = str(tmp_path / name.lower())
        Path(env[name]).mkdir()
    Path(env["MPLCONFIGDIR"], "matplotlibrc").write_text("font.size: 17\n")
    assert zygotes.run(LIBRARIES, env).told == told(LIBRARIES, env)


def test_a_kernel_that_draws_nothing_makes_no_folders_at_home(zygotes: Node, tmp_path: Path) -> None:
    assert zygotes.run("import sys; print('matplotlib' in sys.modules)", {"HOME": str(tmp_path)}).out == "True\n"
    assert list(tmp_path.iterdir()) == []


def test_dask_and_fsspec_follow_the_childs_environment(zygotes: Node, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("marker: from a file")
    (tmp_path / "a.json").write_text('{"marker": {"its": "own"}}')
    env = {"DASK_CONFIG": str(tmp_path), "DASK_OTHER": "from a variable", "FSSPEC_CONFIG_DIR": str(tmp_path)}
    env["FSSPEC_MEMORY_SIZE"] = "5"
    code = """
import json, sys, dask.config
import fsspec.config
found = [dask.config.get(name, None) for name in ("marker", "other")]
print(json.dumps([*found, dask.config.PATH, fsspec.config.conf_dir, fsspec.config.conf]))
"""
    assert zygotes.run(code, env, role="dask").told == told(code, env)
    assert zygotes.run(code, role="dask").told[:2] == [None, None]


def test_a_child_searches_its_own_paths_and_not_those_of_the_zygote(zygotes: Node, tmp_path: Path) -> None:
    (tmp_path / "only_here.py").write_text("")
    path = f"{zygotes.programs}{os.pathsep}{tmp_path}"
    found = zygotes.run("import json, sys, only_here; print(json.dumps(sys.path))", {"PYTHONPATH": path}).told
    assert [str(zygotes.programs), str(tmp_path)] == found[:2]
    assert str(zygotes.programs.parent / "site") not in found


def test_a_pipe_is_written_as_a_started_program_writes_it(zygotes: Node) -> None:
    code = "import json, sys; print(json.dumps([sys.stdout.line_buffering, sys.stderr.line_buffering]))"
    assert zygotes.run(code).told == told(code)
    env = {"PYTHONUNBUFFERED": "1"}
    assert zygotes.run(code, env).told == [True, True]


# --- the process ----------------------------------------------------------------------------------

STATUS = """
import json, os, resource, signal
status = dict(line.rstrip("\\n").split(":\\t", 1) for line in open("/proc/self/status") if ":\\t" in line)
print(json.dumps({
    # Beyond 32 are those of the C library, which has one once there is a thread.
    "signals": {name: int(status[name], 16) % 2**32 for name in ("SigBlk", "SigIgn", "SigCgt", "SigPnd")},
    "rights": {name: status[name] for name in ("Uid", "Gid", "CapPrm", "CapEff", "CapInh", "CapAmb", "NoNewPrivs")},
    "limits": {name: resource.getrlimit(getattr(resource, name)) for name in dir(resource) if name[:7] == "RLIMIT_"},
    "nice": os.nice(0), "processors": sorted(os.sched_getaffinity(0)), "umask": os.umask(0),
    "score": open("/proc/self/oom_score_adj").read(), "wakeup": signal.set_wakeup_fd(-1),
    "folder": os.getcwd(),
}))
"""


def test_signals_limits_and_rights_are_those_of_a_program_that_the_caller_starts(zygotes: Node) -> None:
    limits = {which: resource.getrlimit(which) for which in (resource.RLIMIT_NOFILE, resource.RLIMIT_CORE)}
    processors = os.sched_getaffinity(0)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (777, limits[resource.RLIMIT_NOFILE][1]))
        resource.setrlimit(resource.RLIMIT_CORE, (0, limits[resource.RLIMIT_CORE][1]))
        os.sched_setaffinity(0, {min(processors)})
        expected = started(STATUS, umask=0o027, cwd=zygotes.programs)
        found = zygotes.run(STATUS, umask=0o027).told
    finally:
        os.sched_setaffinity(0, processors)
        for which, limit in limits.items():
            resource.setrlimit(which, limit)
    assert found == json.loads(expected.stdout)
    assert found["limits"]["RLIMIT_NOFILE"][0] == 777


def test_a_child_leads_a_session_of_its_own_and_bears_its_own_name(zygotes: Node) -> None:
    process = zygotes.start(SLEEP, title="program of somebody --with arguments")
    assert os.getsid(process.pid) == os.getpgid(process.pid) == process.pid
    seen = psutil.Process(process.pid)
    assert " ".join(seen.cmdline()).strip() == "program of somebody --with arguments"
    assert seen.name() == "program"
    process.kill()
    assert process.wait(10) == -signal.SIGKILL


def test_a_caller_with_more_descriptors_than_select_can_name_is_served(zygotes: Node) -> None:
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, limits[1]))
    kept = [os.open(os.devnull, os.O_RDONLY) for _time in range(1100)]
    try:
        process = zygotes.start("raise SystemExit(9)")
        assert process.fileno() > 1023
        assert process.wait(30) == 9
    finally:
        for descriptor in kept:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def test_a_child_has_only_the_descriptors_that_were_handed_to_it(zygotes: Node) -> None:
    zygote = zygotes.zygote().pid
    ends = os.pipe()
    try:
        first = zygotes.start(SLEEP)
        second = zygotes.start(SLEEP, descriptors={"PIPE_FD": ends[1]})
        eventually(lambda: psutil.Process(second.pid).num_fds() <= 4, what="both run")
        one, other = descriptors(first.pid), descriptors(second.pid)
        assert set(one) == {0, 1, 2}
        assert len(other) == 4
        assert set(other.values()) == {"/dev/null", os.readlink(f"/proc/self/fd/{ends[1]}")}
        private = {name for name in descriptors(zygote).values() if ":" in name}
        assert not private & {*one.values(), *other.values()}
    finally:
        for process in (first, second):
            process.kill()
            process.wait(10)
        for end in ends:
            os.close(end)


def test_the_zygote_itself_has_open_only_what_it_serves_with(zygotes: Node) -> None:
    # Two pipes of its own with both ends, the words to the node, the lifeline; the socket.
    own = ["pipe"] * 6 + ["socket"]
    for role in ("kernel", "seat", "dask"):
        # A child that has just ended still has its connection, until the zygote collects it.
        eventually(lambda role=role: kinds(zygotes.zygote(role).pid) == own, what=f"only that is open in {role}")


def kinds(pid: int) -> list[str]:
    """What sorts of descriptors a process has beside its standard streams."""
    return sorted(re.sub(r":?\[.*", "", name) for number, name in descriptors(pid).items() if number > 2)


def test_nothing_of_the_rehearsal_is_left_in_a_seat(zygotes: Node) -> None:
    code = """
import asyncio, gc, json, logging, signal, sys, tempfile, threading
from jupyter_server.serverapp import ServerApp
PRELOAD
loggers = [logging.getLogger(), *(l for l in logging.root.manager.loggerDict.values() if isinstance(l, logging.Logger))]
found = {
    "handlers": sorted(l.name for l in loggers if l.handlers and type(l.handlers[0]) is not logging.NullHandler),
    "level": logging.getLogger().level, "gc": [gc.isenabled(), *gc.get_threshold()],
    "threads": threading.active_count(), "instance": ServerApp._instance is None, "temporary": tempfile.tempdir,
}
gc.unfreeze()
found["apps"] = sum(isinstance(one, ServerApp) for one in gc.get_objects())
print(json.dumps(found))
"""
    load = "from werkbank_zygote.preload import PRELOADS, load; load(PRELOADS['seat']); import setproctitle"
    assert zygotes.run(code.replace("PRELOAD", ""), role="seat").told == told(code.replace("PRELOAD", load))
    assert not zygotes.said("zygote.no-rehearsal")


def test_nothing_of_the_rehearsal_is_left_in_a_dask_process(zygotes: Node) -> None:
    code = """
import gc, json, logging, sys, tempfile, threading
PRELOAD
import distributed
from distributed import worker
from tornado.ioloop import IOLoop
loggers = [logging.getLogger(), *(l for l in logging.root.manager.loggerDict.values() if isinstance(l, logging.Logger))]
found = {
    "handlers": sorted(l.name for l in loggers if l.handlers and type(l.handlers[0]) is not logging.NullHandler),
    "level": logging.getLogger().level, "threads": threading.active_count(), "temporary": tempfile.tempdir,
    "loops": len(IOLoop._ioloop_for_asyncio), "workers": len(worker._global_workers),
}
gc.unfreeze()
kinds = (distributed.Client, distributed.Scheduler, distributed.Worker, distributed.WorkerPlugin)
found["alive"] = sorted(type(one).__name__ for one in gc.get_objects() if type(one) in kinds)
print(json.dumps(found))
"""
    load = "from werkbank_zygote.preload import PRELOADS, load; load(PRELOADS['dask']); import setproctitle"
    assert zygotes.run(code.replace("PRELOAD", ""), role="dask").told == told(code.replace("PRELOAD", load))
    assert not zygotes.said("zygote.no-rehearsal")


def test_the_commands_of_dask_are_those_of_the_installed_packages(zygotes: Node) -> None:
    code = """
import json, sys
import dask.cli as dask_cli
sys.argv = ["dask", "--help"]
try: dask_cli.run_cli()
except SystemExit: pass
"""
    forked = zygotes.run(code, role="dask")
    assert forked.out == started(code).stdout
    assert "scheduler" in forked.out


def test_a_zygote_leaves_no_folder_behind(zygotes: Node) -> None:
    folder = zygotes.programs.parent
    assert {path.name for path in folder.iterdir()} == {"programs", "site", "node", "node.log"}


# --- threads and processes of the child -----------------------------------------------------------

THREADS = """
import ctypes, json, os, re, sys
maps = open("/proc/self/maps").read()
tasks = len(os.listdir("/proc/self/task"))
import numpy
path = next(iter(set(re.findall(r"\\S+openblas\\S+[.]so\\S*", open("/proc/self/maps").read()))))
library = ctypes.CDLL(path)
names = ("scipy_openblas_get_num_threads64_", "openblas_get_num_threads")
count = next(getattr(library, name) for name in names if hasattr(library, name))
numpy.ones((600, 600)) @ numpy.ones((600, 600))
print(json.dumps([count(), "openblas" in maps]))
"""


def test_linear_algebra_has_as_many_threads_as_the_child_may_use(zygotes: Node) -> None:
    assert zygotes.run(THREADS).told == [len(os.sched_getaffinity(0)), True]
    assert zygotes.run(THREADS, {"OPENBLAS_NUM_THREADS": "3"}).told[0] == 3
    assert zygotes.run(THREADS, {"OMP_NUM_THREADS": "1"}).told[0] == 1
    assert len(os.listdir(f"/proc/{zygotes.zygote().pid}/task")) == 1


def test_threads_processes_and_programs_of_a_child_work(zygotes: Node) -> None:
    code = """
import asyncio, concurrent.futures, json, multiprocessing, os, subprocess, sys, threading

class Kept:
    def __init__(self, number): self.number = number

def square(kept): return kept.number ** 2, os.getpid()

async def program():
    process = await asyncio.create_subprocess_exec("echo", "async", stdout=subprocess.PIPE)
    return (await process.communicate())[0].decode().strip()

if __name__ == "__main__":
    found = {}
    for way in ("fork", "spawn", "forkserver"):
        with multiprocessing.get_context(way).Pool(1) as pool:
            number, pid = pool.map(square, [Kept(7)])[0]
            found[way] = [number, pid != os.getpid()]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        found["threads"] = list(pool.map(len, ["a", "bb"]))
    found["python"] = subprocess.check_output([sys.executable, "-c", "print(6*7)"], text=True).strip()
    found["async"] = asyncio.run(program())
    found["last"] = []
    print(json.dumps(found))
"""
    found = zygotes.run(code).told
    assert found == {
        **{way: [49, True] for way in ("fork", "spawn", "forkserver")},
        "threads": [1, 2],
        "python": "42",
        "async": "async",
        "last": [],
    }


def test_a_child_ends_with_the_process_it_serves(zygotes: Node) -> None:
    served = subprocess.Popen(["sleep", "600"])
    process = zygotes.start(SLEEP, parent_pid=served.pid)
    assert process.poll() is None
    served.kill()
    served.wait()
    assert process.wait(10) == 1
    assert zygotes.run(SLEEP, parent_pid=served.pid).status == 1


def test_a_kernel_draws_inline_and_answers(zygotes: Node, tmp_path: Path) -> None:
    file, _ = write_connection_file(str(tmp_path / "kernel.json"))
    kernel = zygotes.start(
        "", {"JPY_PARENT_PID": "1"}, module="ipykernel_launcher", argv=["ipykernel_launcher", "-f", file]
    )
    client = BlockingKernelClient(connection_file=file)
    client.load_connection_file()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=30)
        shown: list[str] = []

        def take(message: dict[str, Any]) -> None:
            shown.append(message["msg_type"])
            shown.append(message["content"].get("text", ""))

        code = "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nprint(plt.get_backend())\n"
        reply = client.execute_interactive(code, output_hook=take, timeout=60)
        assert reply["content"]["status"] == "ok", reply
        assert "display_data" in shown
        assert "inline" in "".join(shown)
        client.shutdown()
        assert kernel.wait(20) == 0
    finally:
        client.stop_channels()


# --- its end --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "code",
    [
        "",
        "raise SystemExit(3)",
        "raise SystemExit('a sentence')",
        "raise SystemExit(True)",
        "raise SystemExit(2**8 + 7)",
        "raise SystemExit(-1)",
        "raise SystemExit(2**80)",
        "1 / 0",
        "raise KeyboardInterrupt",
        "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
        "import os, signal; os.kill(os.getpid(), signal.SIGTERM)",
        "import os, signal; os.kill(os.getpid(), signal.SIGINT); import time; time.sleep(60)",
        "import os; os._exit(5)",
        "import atexit; atexit.register(print, 'at the end'); raise SystemExit(4)",
        "import threading, time\nthreading.Thread(target=lambda: (time.sleep(0.1), print('thread'))).start()",
        "import sys; sys.excepthook = lambda *problem: print('hook', problem[1]); raise ValueError(5)",
        "print('no newline', end='')",
    ],
)
def test_a_child_ends_as_a_started_program_ends(zygotes: Node, code: str) -> None:
    expected, found = started(code), zygotes.run(code)
    assert (found.status, found.out) == (expected.returncode, expected.stdout)
    assert found.err.splitlines()[-1:] == expected.stderr.splitlines()[-1:]


def test_a_status_that_no_process_can_have_does_not_bring_a_child_back_into_the_zygote(zygotes: Node) -> None:
    assert zygotes.run("raise SystemExit(2**80)").status == 255
    assert not zygotes.said("Traceback|child-failed")
    assert len(zygotes.zygote().children()) == 0


# --- what a library does at import ----------------------------------------------------------------

TORCH_THAT_CHATTERS = """
import types
print("imported")  # without a newline's flush: standard output is a file here
kept = open(__file__)
told = []
cuda = types.SimpleNamespace(is_initialized=lambda: False)
def seed(): told.append("seed")
def set_num_threads(number): told.append(number)
"""


def test_what_a_library_printed_opened_and_counted_at_import_is_not_in_children(tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "torch.py").write_text(TORCH_THAT_CHATTERS)
    with node(tmp_path, env={"PYTHONPATH": str(tmp_path / "site"), "PYTHONUNBUFFERED": ""}) as running:
        code = "import sys; print(sys.modules['torch'].told)"
        process = running.run(code, {"OMP_NUM_THREADS": "5"})
        assert (process.status, process.out) == (0, "['seed', 5]\n")
        process = running.run("import json, os; print(json.dumps(sorted(map(int, os.listdir('/proc/self/fd')))))")
        assert len(process.told) == 4  # three, and the one that lists them
        assert len(running.said("^imported$")) == 1


def test_a_library_that_starts_a_thread_makes_no_zygote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "site").mkdir()
    thread = "import threading; threading.Thread(target=threading.Event().wait, daemon=True).start()\n"
    (tmp_path / "site" / "torch.py").write_text(TORCH_THAT_CHATTERS + thread)
    monkeypatch.setattr("tests.support.zygote.READY_TIMEOUT_S", 15.0)
    env = {"PYTHONPATH": str(tmp_path / "site")}
    with pytest.raises(AssertionError, match="is ready"), node(tmp_path, env=env):
        pass
    assert "2 threads run" in (tmp_path / "node.log").read_text()


def test_torchs_generator_differs_between_children(zygotes: Node) -> None:
    pytest.importorskip("torch")
    code = "import json, torch; print(json.dumps([torch.rand(1).item(), torch.get_num_threads()]))"
    first, second = zygotes.run(code).told, zygotes.run(code).told
    assert first[0] != second[0]
    assert first[1] == len(os.sched_getaffinity(0))


def test_processes_that_end_leave_nothing_in_the_zygote(zygotes: Node) -> None:
    zygote = zygotes.zygote()
    before = descriptors(zygote.pid)
    pids = []
    for _time in range(200):
        process = zygotes.start("")
        assert process.wait(30) == 0
        pids.append(process.pid)
    eventually(lambda: descriptors(zygote.pid) == before, what="as many descriptors as before")
    assert zygote.children() == []
    assert all(gone(pid) for pid in pids)
    assert {path.name for path in zygotes.programs.parent.iterdir()} == {"programs", "site", "node", "node.log"}
