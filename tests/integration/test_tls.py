"""TLS: who gets in, what a plain client is told, certificates replaced while it serves."""

import os
import signal
import socket
import ssl
import subprocess
import time

import grpc
import pytest

from support.certificates import Authority
from support.client import Guest
from support.deadline import DEADLINE
from support.http2 import END_STREAM, HEADERS, RawClient
from support.server import COMMAND, read_line

WARNING = "there is no TLS"
RELOADED = "new connections get the certificate"
KEPT = "the old ones stay"
TLS_ONLY = b"this port speaks TLS: use grpcs:// or https://"


@pytest.fixture(scope="module", name="authority")
def _authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(name="files")
def _files(tmp_path):
    """Where the server looks for its certificate and key."""
    return tmp_path / "server.crt", tmp_path / "server.key"


@pytest.fixture(name="serve")
def _serve(parlad, authority, files):
    """Starts a server with a certificate by the authority."""

    def start(**options):
        put(files, authority.issue())
        cert, key = files
        return parlad(tls_cert=cert, tls_key=key, **options)

    return start


def put(files, pair):
    """Puts certificate and key in place, each by a rename."""
    for path, data in zip(files, pair.read()):
        put_file(path, data)


def put_file(path, data):
    """Replaces a file as careful programs do."""
    new = path.with_suffix(".new")
    new.write_bytes(data)
    os.replace(new, path)


def context_of(authority, alpn=("h2",)):
    """A client's context that trusts the authority."""
    context = ssl.create_default_context(cadata=authority.roots.decode())
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context


def dial(server, context):
    """A TLS connection."""
    host, port = server.address.rsplit(":", 1)
    plain = socket.create_connection((host, int(port)), DEADLINE)
    return context.wrap_socket(plain, server_hostname=host)


def served(server, authority):
    """The certificate that a new connection gets."""
    with dial(server, context_of(authority)) as connection:
        return connection.getpeercert(binary_form=True)


def der(pair):
    """The certificate of a pair as it is sent."""
    return ssl.PEM_cert_to_DER_cert(pair.cert.read_text())


def wait_served(server, authority, pair):
    """Waits until new connections get that certificate."""
    end = time.monotonic() + DEADLINE
    while served(server, authority) != der(pair):
        assert time.monotonic() < end, server.stderr_text()


def credentials_of(authority, pair=None):
    """A gRPC client's: whom it trusts, and its own certificate."""
    cert, key = pair.read() if pair else (None, None)
    return grpc.ssl_channel_credentials(authority.roots, key, cert)


def test_a_client_that_trusts_the_authority_chats(serve, authority, fresh):
    server = serve()
    ana = Guest(server.address, fresh("ana"), credentials=credentials_of(authority))
    room = fresh("room")
    ana.create(room)
    stream = ana.live(room)
    ana.send(room, "over TLS")
    assert stream.texts(1) == ["over TLS"]
    ana.close()


def test_the_start_up_line_says_how_it_is_reached(serve):
    server = serve()
    address = server.address
    assert server.listening == f"listening on grpcs://{address} and https://{address}"


def test_who_started_it_is_told_how_a_client_reaches_it(authority, tmp_path):
    pair = authority.issue()
    command = [*COMMAND, "--listen", "127.0.0.1:0", "--data", tmp_path / "data"]
    command += ["--tls-cert", pair.cert, "--tls-key", pair.key]
    environment = {**os.environ, "PARLAD_CLIENT": "./start-client.sh"}
    with subprocess.Popen(
        [str(word) for word in command], stdout=subprocess.PIPE, env=environment
    ) as process:
        address = read_line(process).split()[2]
        hint = read_line(process)
        process.terminate()
    assert address.startswith("grpcs://127.0.0.1:")
    assert hint.rstrip().endswith(f"./start-client.sh --server {address}")


def test_a_client_that_does_not_trust_it_stays_away(serve, tmp_path):
    other = Authority(tmp_path, "other")
    server = serve()
    with pytest.raises(grpc.RpcError) as caught:
        Guest(server.address, "ana", patient=False, credentials=credentials_of(other))
    assert caught.value.code() == grpc.StatusCode.UNAVAILABLE


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [(["h2"], "h2"), (["http/1.1"], "http/1.1"), (["http/1.1", "h2"], "h2"), ([], None)],
)
def test_alpn_agrees_on_what_the_client_offers(serve, authority, offered, chosen):
    server = serve()
    with dial(server, context_of(authority, offered)) as connection:
        assert connection.selected_alpn_protocol() == chosen


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_tls_1_2_and_1_3_are_spoken(serve, authority, version):
    server = serve()
    context = context_of(authority)
    context.minimum_version = context.maximum_version = version
    with dial(server, context) as connection:
        assert connection.version() == {"TLSv1_2": "TLSv1.2", "TLSv1_3": "TLSv1.3"}[version.name]


def test_with_a_client_authority_a_client_needs_a_certificate(serve, authority, tmp_path, fresh):
    server = serve(tls_client_ca=authority.pair.cert)
    own = credentials_of(authority, authority.issue("client"))
    ana = Guest(server.address, fresh("ana"), credentials=own)
    ana.close()
    other = Authority(tmp_path, "other")
    for pair in (None, other.issue("client")):
        with pytest.raises(grpc.RpcError) as caught:
            Guest(
                server.address,
                fresh("bea"),
                patient=False,
                credentials=credentials_of(authority, pair),
            )
        assert caught.value.code() == grpc.StatusCode.UNAVAILABLE


def check_undisturbed(server, authority, fresh, replace):
    """A stream goes on while `replace` changes the certificate; new connections get it."""
    ana = Guest(server.address, fresh("ana"), credentials=credentials_of(authority))
    room = fresh("room")
    ana.create(room)
    stream = ana.live(room)
    ana.send(room, "before")
    assert stream.texts(1) == ["before"]
    new = authority.issue()
    replace(new)
    wait_served(server, authority, new)
    ana.send(room, "after")
    assert stream.texts(1) == ["after"]
    ana.close()
    server.wait_stderr(RELOADED)


def test_sighup_takes_new_certificates_and_cuts_nobody_off(serve, authority, files, fresh):
    server = serve()

    def replace(pair):
        put(files, pair)
        server.tell(signal.SIGHUP)

    check_undisturbed(server, authority, fresh, replace)


def test_renamed_files_are_taken_without_being_told(serve, authority, files, fresh):
    check_undisturbed(serve(), authority, fresh, lambda pair: put(files, pair))


def test_files_that_are_written_over_are_taken(serve, authority, files, fresh):
    def replace(pair):
        for path, data in zip(files, pair.read()):
            path.write_bytes(data)

    check_undisturbed(serve(), authority, fresh, replace)


def test_a_link_that_points_elsewhere_is_taken(parlad, authority, tmp_path, fresh):
    link = tmp_path / "live"

    def point_at(pair, name):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "cert.pem").write_bytes(pair.cert.read_bytes())
        (folder / "key.pem").write_bytes(pair.key.read_bytes())
        new = tmp_path / "live.new"
        new.symlink_to(folder)
        os.replace(new, link)

    point_at(authority.issue(), "first")
    server = parlad(tls_cert=link / "cert.pem", tls_key=link / "key.pem")
    check_undisturbed(server, authority, fresh, lambda pair: point_at(pair, "second"))


def test_a_pair_that_does_not_match_waits_and_is_said_once(serve, authority, files):
    server = serve()
    old, new = served(server, authority), authority.issue()
    cert, key = files
    put_file(cert, new.cert.read_bytes())
    server.wait_stderr(KEPT)
    assert served(server, authority) == old
    put_file(key, new.key.read_bytes())
    wait_served(server, authority, new)
    assert server.stderr_text().count(KEPT) == 1


@pytest.mark.parametrize("damage", ["garbage", "empty", "gone"])
def test_what_cannot_be_read_leaves_the_old_ones(serve, authority, files, damage):
    server = serve()
    old, (cert, _) = served(server, authority), files
    if damage == "gone":
        cert.unlink()
    else:
        put_file(cert, b"" if damage == "empty" else b"no certificate\n")
    server.wait_stderr(KEPT)
    assert served(server, authority) == old
    put(files, authority.issue())
    server.wait_stderr(RELOADED)


def test_a_key_is_never_in_the_log(serve, authority, files):
    server = serve(log_level="debug")
    cert, key = files
    secret = key.read_text().splitlines()[1]
    put_file(cert, key.read_bytes())
    server.wait_stderr(KEPT)
    with pytest.raises((ssl.SSLError, OSError)):
        dial(server, ssl.create_default_context())
    server.wait_stderr("TLS failed")
    assert secret not in server.stderr_text()


def test_a_failed_handshake_is_for_who_debugs(serve, tmp_path):
    server = serve()
    other = Authority(tmp_path, "other")
    with pytest.raises(ssl.SSLError):
        dial(server, context_of(other))
    server.stop()
    assert "TLS failed" not in server.stderr_text()


def test_a_plain_http_1_client_is_told(serve):
    server = serve()
    host, port = server.address.rsplit(":", 1)
    with socket.create_connection((host, int(port)), DEADLINE) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\nhost: test\r\n\r\n")
        answer = plain.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert TLS_ONLY in answer


def test_a_plain_http_2_client_is_told_and_served_nothing(serve):
    server = serve()
    client = RawClient(server.address)
    client.call(1, "/parla.v1.SessionService/SignInAsGuest", message=b"")
    found = client.read_until(lambda frame: frame[0] == HEADERS)
    assert found[1] & END_STREAM
    client.close()


def test_a_plain_grpc_client_hears_why(serve):
    """One that makes a connection again and again would not hear it from GOAWAY."""
    server = serve()
    with grpc.insecure_channel(server.address) as channel:
        call = channel.unary_unary("/parla.v1.SessionService/SignInAsGuest")
        with pytest.raises(grpc.RpcError) as error:
            call(b"", timeout=DEADLINE)
    assert error.value.code() == grpc.StatusCode.FAILED_PRECONDITION
    assert TLS_ONLY.decode() in error.value.details()


def test_curl_speaks_both_versions_over_tls(serve, authority):
    server = serve()
    for version in ("1.1", "2"):
        done = subprocess.run(
            ["curl", "--silent", "--show-error", f"--http{version}", "--write-out", "%{http_version}"]
            + ["--cacert", str(authority.pair.cert), f"https://{server.address}/healthz"],
            capture_output=True,
            timeout=DEADLINE,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.decode().splitlines() == ["ok", version]


def start_fails(folder, *arguments):
    """What it says when it does not start."""
    command = [*COMMAND, "--listen", "127.0.0.1:0", "--data", folder / "data", *arguments]
    done = subprocess.run(
        [str(word) for word in command], capture_output=True, timeout=DEADLINE, check=False
    )
    assert done.returncode in (1, 2)
    assert b"listening" not in done.stdout
    return done.stderr.decode()


def test_certificate_and_key_go_together(tmp_path, authority):
    pair = authority.issue()
    assert "tls_key" in start_fails(tmp_path, "--tls-cert", pair.cert)
    assert "tls_cert" in start_fails(tmp_path, "--tls-key", pair.key)
    said = start_fails(tmp_path, "--tls-client-ca", authority.pair.cert)
    assert "tls_cert" in said and "tls_key" in said


def test_a_start_without_usable_files_says_which(tmp_path, authority):
    pair, other = authority.issue(), authority.issue()
    missing = tmp_path / "missing.pem"
    assert str(missing) in start_fails(tmp_path, "--tls-cert", missing, "--tls-key", pair.key)
    assert str(missing) in start_fails(tmp_path, "--tls-cert", pair.cert, "--tls-key", missing)
    said = start_fails(tmp_path, "--tls-cert", pair.cert, "--tls-key", other.key)
    assert "another certificate" in said


def test_the_keys_of_the_file_do_the_same(parlad, authority, tmp_path):
    pair = authority.issue()
    path = tmp_path / "tls.ini"
    path.write_text(f"[server]\ntls_cert = {pair.cert}\ntls_key = {pair.key}\n")
    assert served(parlad(config=path), authority) == der(pair)


@pytest.mark.parametrize(("listen", "warned"), [("0.0.0.0:0", 1), ("127.0.0.1:0", 0)])
def test_an_open_address_without_tls_is_warned_of_once(parlad, listen, warned):
    server = parlad(listen=listen)
    server.stop()
    assert server.stderr_text().count(WARNING) == warned


def test_an_open_address_with_tls_is_not_warned_of(serve):
    server = serve(listen="0.0.0.0:0")
    server.stop()
    assert WARNING not in server.stderr_text()


def test_a_drain_lets_a_stream_over_tls_end(serve, authority, fresh):
    server = serve()
    ana = Guest(server.address, fresh("ana"), credentials=credentials_of(authority))
    room = fresh("room")
    ana.create(room)
    stream = ana.stream(room)
    server.stop()
    assert stream.ended() is not None
    ana.close()
