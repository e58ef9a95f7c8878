"""How the server is started: what it was built with, and where a sanitizer reports."""

import os
import pathlib
import subprocess

SANITIZERS = {b"__asan_init": "ASan", b"__tsan_init": "TSan"}


def sanitizer_of(program):
    """Which sanitizer a program was built with; "" for none."""
    code = pathlib.Path(program).read_bytes()
    return next((name for symbol, name in SANITIZERS.items() if symbol in code), "")


def command(options):
    """The command that starts it. It ends by itself where its parent is killed, and Ctrl-C is not for
    it: who runs the campaign ends it in order."""
    log = f"log_path={options.state}/sanitizer"
    common = f"{log}:print_stacktrace=1:halt_on_error=1"
    defaults = {
        "ASAN_OPTIONS": f"{log}:exitcode=99:quarantine_size_mb=16:strict_string_checks=1",
        "UBSAN_OPTIONS": common,
        "TSAN_OPTIONS": f"{log}:exitcode=66:second_deadlock_stack=1",
    }
    os.environ.update(defaults)
    found = ["setsid", "setpriv", "--pdeathsig", "TERM"]
    fixed = ["setarch", "--addr-no-randomize"]
    if sanitizer_of(options.parlad) and not subprocess.call([*fixed, "true"]):
        found += fixed
    return [*found, str(options.parlad)]
