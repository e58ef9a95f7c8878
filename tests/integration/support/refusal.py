"""How the server says no: the gRPC status and the details that come with it."""

import contextlib

import grpc
import pytest

from support.contract import api


class Refusal:
    """A call's status, taken apart. reason is "" where no ErrorInfo came."""

    def __init__(self, error):
        self.code = error.code()
        self.message = error.details() or ""
        self.reason = ""
        self.domain = ""
        self.fields = []
        self.retry_ms = None
        trailers = dict(error.trailing_metadata() or ())
        packed = trailers.get("grpc-status-details-bin")
        # A client that cancels may have had the server's answer already: not what counts.
        if packed is not None and self.code != grpc.StatusCode.CANCELLED:
            self._unpack(packed)

    def _unpack(self, packed):
        status = api.message("google.rpc.Status").FromString(packed)
        assert status.code == self.code.value[0], "grpc-status and its details differ"
        assert status.message == self.message, "grpc-message and its details differ"
        for detail in status.details:
            kind, name = detail.type_url.split("/")
            assert kind == "type.googleapis.com"
            self._take(name, api.message(name).FromString(detail.value))

    def _take(self, name, detail):
        if name == "google.rpc.ErrorInfo":
            self.reason, self.domain = detail.reason, detail.domain
        elif name == "google.rpc.BadRequest":
            for violation in detail.field_violations:
                assert violation.description, "a field is called wrong without a word why"
                self.fields.append(violation.field)
        elif name == "google.rpc.RetryInfo":
            delay = detail.retry_delay
            self.retry_ms = delay.seconds * 1000 + delay.nanos // 1_000_000

    def check(self, code, reason=None, field=None):
        """Whether it is what the contract promises."""
        assert self.code == getattr(grpc.StatusCode, code), self
        assert self.message, f"no word to the developer: {self}"
        if reason is not None:
            assert (self.domain, self.reason) == ("parla", reason), self
        if code == "INVALID_ARGUMENT" and self.reason != "MALFORMED_REQUEST":
            assert self.fields and all(self.fields), f"no field named: {self}"
        if field is not None:
            assert field in self.fields, self
        return self

    def __repr__(self):
        return (
            f"Refusal({self.code}, {self.message!r}, reason={self.reason!r}, "
            f"fields={self.fields}, retry_ms={self.retry_ms})"
        )


@contextlib.contextmanager
def refused(code, reason=None, field=None):
    """Asserts that the call inside is refused so; yields a list that gets the Refusal."""
    found = []
    with pytest.raises(grpc.RpcError) as caught:
        yield found
    found.append(Refusal(caught.value).check(code, reason, field))
