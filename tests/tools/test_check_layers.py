"""tools/check-layers, on small trees of our own."""

import pathlib
import subprocess

import pytest

TOOL = pathlib.Path(__file__).resolve().parents[2] / "tools" / "check-layers"


@pytest.fixture
def check(tmp_path):
    """Checks a tree of these files: the exit status and the lines that were said."""
    def run(files):
        (tmp_path / "src").mkdir(exist_ok=True)
        for path, text in files.items():
            file = tmp_path / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        done = subprocess.run([TOOL, tmp_path], capture_output=True, text=True, check=False)
        assert done.stderr == ""
        return done.returncode, done.stdout.splitlines()
    return run


def test_nothing_is_fine(check):
    assert check({}) == (0, [])


@pytest.mark.parametrize("layer, path", [
    ("base", "base/mem.h"),
    ("model", "base/mem.h"),
    ("core", "model/event.h"),
    ("store", "model/store.h"),
    ("journal", "base/err.h"),
    ("pb", "base/arena.h"),
    ("fanout", "model/framer.h"),
    ("rpc", "pb/message.h"),
    ("wire", "model/event.h"),
    ("net", "base/list.h"),
    ("server", "fanout/hub.h"),
    ("server", "core/engine.h"),
    ("client", "net/loop.h"),
])
def test_a_layer_includes_what_the_list_allows(check, layer, path):
    assert check({f"src/{layer}/room.c": f'#include "{path}"\n#include <stdio.h>\n'}) == (0, [])


@pytest.mark.parametrize("layer, path", [
    ("base", "model/ids.h"),
    ("model", "core/engine.h"),
    ("core", "store/store.h"),
    ("core", "net/loop.h"),
    ("store", "core/engine.h"),
    ("journal", "store/store.h"),
    ("pb", "model/ids.h"),
    ("fanout", "rpc/host.h"),
    ("rpc", "model/ids.h"),
    ("rpc", "net/tcp.h"),
    ("wire", "rpc/status.h"),
    ("net", "model/ids.h"),
    ("server", "client/app.h"),
    ("client", "server/config.h"),
    ("client", "core/engine.h"),
])
def test_any_other_include_is_named_with_file_and_line(check, layer, path):
    status, lines = check({f"src/{layer}/room.h": f'#pragma once\n\n#include "{path}"\n'})
    assert status == 1
    assert len(lines) == 1
    assert lines[0].startswith(f"src/{layer}/room.h:3: {layer} may not include {path}")


@pytest.mark.parametrize("header, allowed", [
    ("<sodium.h>", {"base"}),
    ("<uv.h>", {"net"}),
    ("<openssl/ssl.h>", {"net"}),
    ("<sqlite3.h>", {"store"}),
    ("<libpq-fe.h>", {"journal"}),
    ("<nghttp2/nghttp2.h>", {"rpc"}),
    ("<llhttp.h>", {"rpc"}),
    ("<zlib.h>", {"rpc"}),
    ("<jansson.h>", {"pb", "rpc", "client"}),
    ("<ini.h>", {"server"}),
    ("<histedit.h>", {"client"}),
    ("<protobuf-c/protobuf-c.h>", {"pb", "rpc", "wire", "client"}),
    ('"parla/v1/event.pb-c.h"', {"pb", "rpc", "wire", "client"}),
    ('"uv.h"', {"net"}),
])
def test_headers_of_others_have_their_folders(check, header, allowed):
    layers = ("base", "model", "core", "store", "journal", "pb", "fanout", "rpc", "wire", "net", "transport",
              "server", "client")
    status, lines = check({f"src/{layer}/a.c": f"#include {header}\n" for layer in layers})
    named = {line.split("/")[1] for line in lines}
    assert named == set(layers) - allowed
    assert status == 1
    assert all(":1: " in line and header.strip('<>"') in line for line in lines)


def test_system_headers_are_free_even_where_they_sound_like_a_layer(check):
    assert check({"src/core/a.c": "#include <net/if.h>\n#include <sys/socket.h>\n"}) == (0, [])


def test_angles_do_not_hide_a_header_of_ours(check):
    status, lines = check({"src/core/a.c": "#include <net/loop.h>\n", "src/net/loop.h": ""})
    assert status == 1
    assert lines[0].startswith("src/core/a.c:1: core may not include net/loop.h")


@pytest.mark.parametrize("path", ["room.h", "../base/mem.h", "./room.h", "src/core/room.h", "other/x.h"])
def test_includes_are_spelled_from_src(check, path):
    status, lines = check({"src/core/a.c": f'#include "{path}"\n', "src/core/room.h": ""})
    assert status == 1
    assert lines == [f'src/core/a.c:1: "{path}" is not spelled from src/']


@pytest.mark.parametrize("line", [
    '#include "net/loop.h"',
    '  #  include\t"net/loop.h"',
    '#include"net/loop.h"',
    '#include /* why */ "net/loop.h" // because',
    '#/**/include "net/loop.h"',
])
def test_however_it_is_written_an_include_is_found(check, line):
    status, lines = check({"src/core/a.c": f"/* a\n * b */\n{line}\n"})
    assert status == 1
    assert lines[0].startswith("src/core/a.c:3: ")


@pytest.mark.parametrize("text", [
    '/* for example:\n#include "net/loop.h"\n*/\n',
    '// #include "net/loop.h"\n',
    'const char *text = "#include \\"net/loop.h\\"";\n',
])
def test_what_is_no_include_is_none(check, text):
    assert check({"src/core/a.c": text}) == (0, [])


def test_a_string_is_no_comment(check):
    text = "const char *a = \"/*\", b = '\"';\n#include \"net/loop.h\"\nconst char *c = \"*/\";\n"
    status, lines = check({"src/core/a.c": text})
    assert status == 1
    assert lines[0].startswith("src/core/a.c:2: ")


def test_a_macro_cannot_be_checked(check):
    status, lines = check({"src/core/a.c": "#include HEADER\n"})
    assert (status, lines) == (1, ["src/core/a.c:1: an include by a macro cannot be checked"])


def test_a_folder_that_is_not_listed_is_named(check):
    status, lines = check({"src/utils/a.c": "", "src/b.c": ""})
    assert status == 1
    assert [line.split(":")[0] for line in lines] == ["src/b.c", "src/utils/a.c"]


def test_folders_below_a_layer_belong_to_it(check):
    status, lines = check({"src/net/tls/a.c": '#include "net/tls/b.h"\n#include "core/room.h"\n'})
    assert status == 1
    assert len(lines) == 1
    assert lines[0].startswith("src/net/tls/a.c:2: net may not include core/room.h")


def test_tests_and_examples_are_free(check):
    text = '#include "core/engine.h"\n#include <uv.h>\n'
    assert check({"tests/unit/core/test_a.c": text, "bench/b.c": text, "examples/c.c": text}) == (0, [])


def test_every_offence_is_said_in_the_order_of_files_and_lines(check):
    status, lines = check({
        "src/base/b.c": '#include "core/x.h"\n#include "base/mem.h"\n#include <uv.h>\n',
        "src/base/a.c": '#include "net/x.h"\n',
    })
    assert status == 1
    assert [line.rsplit(": ", 2)[0].split(": ")[0] for line in lines] == [
        "src/base/a.c:1", "src/base/b.c:1", "src/base/b.c:3"]


def test_the_checkout_is_its_own_by_default(tmp_path):
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "check-layers").write_bytes(TOOL.read_bytes())
    (tmp_path / "src" / "core").mkdir(parents=True)
    (tmp_path / "src" / "core" / "a.c").write_text("#include <uv.h>\n")
    done = subprocess.run(["/usr/bin/python3", tools / "check-layers"], capture_output=True,
                          text=True, check=False, cwd="/")
    assert done.returncode == 1
    assert done.stdout == "src/core/a.c:1: uv.h is for net only, not for core\n"


@pytest.mark.parametrize("arguments", [["--help"], ["one", "two"], ["/no/such/folder"]])
def test_wrong_usage_is_told(arguments):
    done = subprocess.run([TOOL, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "check-layers" in done.stderr
