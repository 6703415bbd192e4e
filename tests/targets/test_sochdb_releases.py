"""What released SochDBs do, each in a child process: a native library may take its process with it."""

import importlib.metadata
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

INTERLEAVE = """
import json, sys
from harness.history import Op
from harness.target import Aborted
from harness.targets.sochdb import SochDBTarget
target = SochDBTarget()
target.open()

def outcome(call, *arguments):
    try:
        call(*arguments)
    except Aborted:
        return "aborted"
    except Exception:
        return "unknown"
    return "ok"

results = {}
for number, (name, script) in enumerate(json.loads(sys.argv[1]).items()):
    sessions = [target.session("serializable") for _ in range(3)]
    sessions[2].begin()
    for key in "xy":
        sessions[2].step(Op("w", f"{number}/{key}", 0))
    sessions[2].commit()
    ended = {}
    for who, what, key in script:
        session, name_of_key = sessions[who], f"{number}/{key}"
        op = {"r": Op("r", name_of_key), "s": Op("scan", f"{number}/"), "w": Op("w", name_of_key, who + 1)}
        if what in "bc":
            last = outcome(session.begin if what == "b" else session.commit)
        else:
            last = outcome(session.step, op[what])
        if what == "c" or last != "ok":
            ended.setdefault(who, last)
    sessions[2].begin()
    final = [sessions[2].step(Op("r", f"{number}/{key}")).value for key in "xy"]
    sessions[2].commit()
    results[name] = [ended[0], ended[1], *final]
    for session in sessions:
        session.close()
target.close()
print(json.dumps({"version": target.version, "results": results}))
"""

HONESTY = """
import json
from random import Random
from threading import Thread
from harness.history import Op
from harness.target import Aborted
from harness.targets.sochdb import SochDBTarget
target = SochDBTarget()
target.open()
tags = {"ok": [], "aborted": [], "unknown": []}

def client(number):
    rng, session = Random(number), target.session("serializable")
    for turn in range(60):
        tag = number * 1000 + turn
        try:
            session.begin()
            session.step(Op("w", ("own", tag), tag))
            session.step(Op("append", ("hot", rng.randrange(3)), tag))
            session.commit()
            tags["ok"].append(tag)
        except Aborted:
            tags["aborted"].append(tag)
        except Exception:
            tags["unknown"].append(tag)
            session.abort()
    session.close()

threads = [Thread(target=client, args=(number,)) for number in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
session = target.session("serializable")
session.begin()
own = {key[1] for key in session.step(Op("scan", (("own", 0), ("own", 10**9)))).value}
hot = {tag for number in range(3) for tag in session.step(Op("r", ("hot", number))).value or ()}
session.abort()
session.close()
target.close()
print(json.dumps({
    "acknowledged and missing": len(set(tags["ok"]) - own),
    "aborted and visible": len(set(tags["aborted"]) & (own | hot)),
    "some committed": len(tags["ok"]) > 0,
    "some aborted": len(tags["aborted"]) > 0,
    "ended": sum(map(len, tags.values())),
}))
"""

# "0rx": session 0 reads x; s scans both keys, w writes the session's number plus one, b begins, c commits.
SCRIPTS = {
    "lost update": "0b 1b 0rx 1rx 0wx 0c 1wx 1c",
    "lost update, late read": "1b 0b 0rx 0wx 0c 1rx 1wx 1c",
    "write skew": "0b 1b 0rx 0ry 1rx 1ry 0wx 1wy 0c 1c",
    "write skew by scan": "0b 1b 0s 1s 0wx 1wy 0c 1c",
    "write skew, reads last": "0b 1b 0wx 0ry 1wy 1rx 1rz 0c 1c",
    "both write, second refused": "0b 1b 0wx 1wx 0c",
    "one after another": "0b 0rx 0wx 0c 1b 1rx 1wx 1c",
}
BOTH = {
    "lost update, late read": ["ok", "ok", 2, 0],
    "write skew by scan": ["ok", "ok", 1, 2],
    "both write, second refused": ["ok", "aborted", 1, 0],
    "one after another": ["ok", "ok", 2, 0],
}
BEFORE_0_8_3 = BOTH | {
    "lost update": ["ok", "ok", 2, 0],
    "write skew": ["ok", "ok", 1, 2],
    "write skew, reads last": ["ok", "ok", 1, 2],
}
SEEN = {
    "0.4.9": BEFORE_0_8_3,
    "0.5.2": BEFORE_0_8_3,
    "0.8.3": BOTH
    | {
        "lost update": ["ok", "aborted", 1, 0],
        "write skew": ["ok", "aborted", 1, 0],
        "write skew, reads last": ["ok", "unknown", 1, 0],
    },
}


def interpreter(version):
    """A Python that has this release of SochDB, or a skip that says how to get one."""
    variable = f"ANOMALIST_SOCHDB_PYTHON_{version.replace('.', '')}"
    if python := os.environ.get(variable):
        return python
    if importlib.util.find_spec("sochdb") and importlib.metadata.version("sochdb") == version:
        return sys.executable
    venv = f".venvs/sochdb-{version}"
    return pytest.skip(
        f"no sochdb {version} here: python3 -m venv {venv} && {venv}/bin/pip install sochdb=={version} "
        f"numpy msgspec xxhash && export {variable}=$PWD/{venv}/bin/python"
    )


def child(version, code, *arguments):
    """What the code printed as JSON, run by an interpreter with this release. A hang or crash fails the test."""
    done = subprocess.run(
        [interpreter(version), "-X", "faulthandler", "-c", code, *arguments],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("version", SEEN)
def test_interleavings_of_the_real_database(version):
    """The adapter shows for each fixed interleaving on one thread what this release of SochDB does with it."""
    scripts = {name: [(int(step[0]), step[1], step[2:]) for step in text.split()] for name, text in SCRIPTS.items()}
    assert child(version, INTERLEAVE, json.dumps(scripts)) == {"version": version, "results": SEEN[version]}


@pytest.mark.parametrize("version", SEEN)
def test_outcomes_under_threads_are_true(version):
    """With eight threads on three lists, what was acknowledged is there, and nothing of what is called aborted."""
    assert child(version, HONESTY) == {
        "acknowledged and missing": 0,
        "aborted and visible": 0,
        "some committed": True,
        "some aborted": True,
        "ended": 480,
    }
