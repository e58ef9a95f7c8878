"""The JSON mapping of src/pb against google.protobuf.json_format, which others wrote.

A small program of the build (tests/unit/pb/json_tool.c) answers for src/pb. Random messages
of every type go both ways; what fails prints its seed. PB_JSON_SEED takes another one.
"""

import json
import math
import os
import pathlib
import random
import struct
import subprocess

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("PARLAD", ROOT / "build" / "parlad")).resolve().parent
TOOL = BUILD / "tests" / "unit" / "pb" / "pb_json_tool"
SEED = int(os.environ.get("PB_JSON_SEED", "1"))
ROUNDS = 60

INVALID, LIMIT, UNSUPPORTED = -2, -3, -16


def _pool():
    files = sorted((ROOT / "proto" / "parla" / "v1").glob("*.proto"))
    names = [str(path.relative_to(ROOT / "proto")) for path in files]
    names += ["google/rpc/status.proto", "google/rpc/error_details.proto", "json_cases.proto"]
    names += ["grpc/health/v1/health.proto", "grpc/reflection/v1/reflection.proto"]
    folders = [ROOT / "proto", ROOT / "tests" / "unit" / "pb", "/usr/share/grpc-proto", "/usr/include"]
    command = ["protoc", *(f"--proto_path={folder}" for folder in folders)]
    command += ["--include_imports", "--descriptor_set_out=/dev/stdout", *names]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    pool = descriptor_pool.DescriptorPool()
    for file in descriptor_pb2.FileDescriptorSet.FromString(done.stdout).file:
        pool.AddSerializedFile(file.SerializeToString())
    return pool


POOL = _pool()
FACTORY = message_factory.MessageFactory(POOL)


def type_of(name):
    return FACTORY.GetPrototype(POOL.FindMessageTypeByName(name))


def _reachable():
    """Every message of the contract and of json_cases.proto, and all that they hold."""
    found = {}

    def add(descriptor):
        if descriptor.full_name in found:
            return
        found[descriptor.full_name] = descriptor
        for field in descriptor.fields:
            if field.message_type is not None and not field.message_type.GetOptions().map_entry:
                add(field.message_type)
            elif field.message_type is not None and field.message_type.fields[1].message_type:
                add(field.message_type.fields[1].message_type)

    for service in ("ChatService", "RoomService", "SessionService", "UserService"):
        for method in POOL.FindServiceByName(f"parla.v1.{service}").methods:
            add(method.input_type)
            add(method.output_type)
    for method in POOL.FindServiceByName("grpc.reflection.v1.ServerReflection").methods:
        add(method.input_type)
        add(method.output_type)
    for name in ("Scalars", "Lists", "Maps", "Nested", "Known"):
        add(POOL.FindMessageTypeByName(f"pl.json.{name}"))
    for name in ("ErrorInfo", "BadRequest", "RetryInfo"):
        add(POOL.FindMessageTypeByName(f"google.rpc.{name}"))
    return [name for name in sorted(found) if name != "google.protobuf.Any"]


TYPES = _reachable()


class Tool:
    def __init__(self):
        self.process = subprocess.Popen([TOOL], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, what, name, body):
        name = name.encode()
        request = what + struct.pack("<I", len(name)) + name + struct.pack("<I", len(body)) + body
        self.process.stdin.write(request)
        self.process.stdin.flush()
        err, size = struct.unpack("<iI", self._read(8))
        return err, self._read(size)

    def _read(self, size):
        data = self.process.stdout.read(size)
        assert len(data) == size, f"the program ended with {self.process.wait()}"
        return data

    def parse(self, name, text):
        return self.ask(b"p", name, text.encode() if isinstance(text, str) else text)

    def print(self, name, data):
        return self.ask(b"w", name, data)


@pytest.fixture(scope="module")
def tool():
    tool = Tool()
    yield tool
    tool.process.stdin.close()
    assert tool.process.wait() == 0


# Random content -----------------------------------------------------------------------------

LETTERS = "ab_Z09 \t\n\"\\/<\u00e9\u2028\u0001\u001f\u007f\u20ac\U0001f44b"


def text(rng):
    return "".join(rng.choice(LETTERS) for _ in range(rng.choice([0, 1, 3, 8, 40])))


def integer(rng, bits, signed):
    low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)
    return rng.choice([low, high, 0, 1, max(low, -1), rng.randint(low, high), rng.randint(0, 99)])


def real(rng, is_float):
    value = rng.choice([0.0, 1.0, -1.5, 0.1, 1e20, 1e-20, math.inf, -math.inf, math.nan,
                        5e-324, 1.7976931348623157e308, rng.uniform(-1e6, 1e6),
                        struct.unpack("<d", rng.randbytes(8))[0]])
    if not is_float or not math.isfinite(value):
        return value
    narrow = struct.unpack("<f", rng.randbytes(4))[0]
    # json_format refuses the shortest text of the largest float: it is beyond it as a double.
    return rng.choice([0.0, 0.1, -1.5, 3.25e20, narrow if abs(narrow) < 3.4e38 else 1.0])


def scalar(rng, field):
    kind = field.type
    if kind in (field.TYPE_INT32, field.TYPE_SINT32, field.TYPE_SFIXED32):
        return integer(rng, 32, True)
    if kind in (field.TYPE_UINT32, field.TYPE_FIXED32):
        return integer(rng, 32, False)
    if kind in (field.TYPE_INT64, field.TYPE_SINT64, field.TYPE_SFIXED64):
        return integer(rng, 64, True)
    if kind in (field.TYPE_UINT64, field.TYPE_FIXED64):
        return integer(rng, 64, False)
    if kind in (field.TYPE_FLOAT, field.TYPE_DOUBLE):
        return real(rng, kind == field.TYPE_FLOAT)
    if kind == field.TYPE_BOOL:
        return rng.random() < 0.5
    if kind == field.TYPE_STRING:
        return text(rng)
    if kind == field.TYPE_BYTES:
        return rng.randbytes(rng.choice([0, 1, 2, 3, 20]))
    if field.enum_type.full_name == "google.protobuf.NullValue":
        return 0
    return rng.choice([value.number for value in field.enum_type.values] + [77])


def fill_known(rng, message, depth):
    """The messages whose content is bound by rules; False for all others."""
    name = message.DESCRIPTOR.full_name
    if name == "google.protobuf.Timestamp":
        message.seconds = rng.choice([0, -62135596800, 253402300799, rng.randint(-10**10, 10**10)])
        message.nanos = rng.choice([0, 1, 120000, 999999999, 500000000, rng.randrange(10**9)])
    elif name == "google.protobuf.Duration":
        sign = rng.choice([-1, 1])
        message.seconds = sign * rng.choice([0, 315575999999, rng.randint(0, 10**9)])
        message.nanos = sign * rng.choice([0, 1, 120000, 999999999, 10000000])
    elif name == "google.protobuf.FieldMask":
        message.paths.extend(rng.sample(["title", "display_name", "a.b_c.d9", "x_y_z"], rng.randint(0, 4)))
    elif name == "google.protobuf.Value":
        kind = rng.choice(["null", "number", "string", "bool"] + ["struct", "list"] * (depth < 4))
        if kind == "null":
            message.null_value = 0
        elif kind == "number":
            message.number_value = rng.choice([0.0, 1.5, -3.0, 1e300, rng.uniform(-9, 9)])
        elif kind == "string":
            message.string_value = text(rng)
        elif kind == "bool":
            message.bool_value = rng.random() < 0.5
        elif kind == "struct":
            message.struct_value.SetInParent()
            fill(rng, message.struct_value, depth + 1)
        else:
            message.list_value.SetInParent()
            fill(rng, message.list_value, depth + 1)
    elif name == "google.protobuf.Any":
        pass
    else:
        return False
    return True


def fill(rng, message, depth=0):
    if fill_known(rng, message, depth):
        return message
    for field in message.DESCRIPTOR.fields:
        if depth >= 4 and field.message_type is not None:
            continue
        if field.name == "null_list":
            continue  # json_format does not read such a list as it printed it
        if rng.random() < (0.4 if depth < 2 else 0.7):
            continue
        fill_field(rng, message, field, depth)
    return message


def fill_field(rng, message, field, depth):
    entry = field.message_type is not None and field.message_type.GetOptions().map_entry
    several = range(rng.randint(0, 3 if depth < 2 else 1))
    if entry:
        key, value = field.message_type.fields
        for _ in several:
            at = scalar(rng, key)
            if value.message_type is not None:
                fill(rng, getattr(message, field.name)[at], depth + 1)
            else:
                getattr(message, field.name)[at] = scalar(rng, value)
    elif field.label == field.LABEL_REPEATED and field.message_type is not None:
        for _ in several:
            fill(rng, getattr(message, field.name).add(), depth + 1)
    elif field.label == field.LABEL_REPEATED:
        getattr(message, field.name).extend(scalar(rng, field) for _ in several)
    elif field.message_type is not None:
        getattr(message, field.name).SetInParent()
        fill(rng, getattr(message, field.name), depth + 1)
    else:
        setattr(message, field.name, scalar(rng, field))


def messages(name, kind):
    for i in range(ROUNDS):
        rng = random.Random(f"{SEED} {name} {kind} {i}")
        yield fill(rng, type_of(name)())


def canonical(message):
    """What compares equal where messages are: NaN is not equal to itself."""
    return message.SerializeToString(deterministic=True)


def told(message, **options):
    return json_format.MessageToJson(message, descriptor_pool=POOL, **options)


def understood(name, words):
    """What json_format makes of the text."""
    return json_format.Parse(words, type_of(name)(), descriptor_pool=POOL)


@pytest.mark.parametrize("name", TYPES)
def test_what_is_printed_is_what_json_format_prints(tool, name):
    for message in messages(name, "print"):
        err, words = tool.print(name, message.SerializeToString())
        assert err == 0, (SEED, message)
        assert json.loads(words) == json.loads(told(message)), SEED
        assert canonical(understood(name, words.decode())) == canonical(message), SEED


@pytest.mark.parametrize("name", TYPES)
def test_what_json_format_prints_is_parsed(tool, name):
    for message in messages(name, "parse"):
        rng = random.Random(len(str(message)))
        words = told(message, preserving_proto_field_name=rng.random() < 0.5,
                     including_default_value_fields=rng.random() < 0.3 and "FieldMask" not in name)
        err, data = tool.parse(name, words)
        assert err == 0, (SEED, data, words)
        assert canonical(type_of(name).FromString(data)) == canonical(understood(name, words)), SEED


@pytest.mark.parametrize("name", TYPES)
def test_pieces_of_a_message_are_merged_as_protobuf_merges_them(tool, name):
    """Messages one after the other are one message: the last value counts, lists grow."""
    kinds = [messages(name, kind) for kind in ("first", "second", "third")]
    for pieces in zip(*kinds):
        wire = b"".join(piece.SerializeToString() for piece in pieces)
        merged = type_of(name).FromString(wire)
        try:
            expected = json.loads(told(merged))
        except (json_format.Error, ValueError):
            continue  # such as a duration of two signs
        err, words = tool.print(name, wire)
        assert err == 0, SEED
        assert json.loads(words) == expected, SEED


# Single cases -------------------------------------------------------------------------------

ACCEPTED = [
    ("Scalars", text) for text in (
        '{"int32One": 1e3}', '{"int32One": 1.0}', '{"int32One": "5"}', '{"int32One": -0}',
        '{"int32One": 2.147483647e9}', '{"int64One": 9223372036854775807}',
        '{"int64One": "-9223372036854775808"}', '{"uint64One": "18446744073709551615"}',
        '{"uint32One": 4.294967295e9}', '{"int64One": 100000.000}', '{"doubleOne": 5}',
        '{"doubleOne": "1.5"}', '{"doubleOne": "-Infinity"}', '{"floatOne": "NaN"}',
        '{"doubleOne": 18446744073709551616, "int32One": 7}', '{"doubleOne": "1e-3"}',
        '{"boolOne": true}', '{"colourOne": "COLOUR_RED"}', '{"colourOne": -7}', '{"colourOne": 99}',
        '{"bytesOne": "-_-_"}', '{"bytesOne": "+/+/"}', '{"bytesOne": "Zg"}', '{"bytesOne": "Zg=="}',
        '{"stringOne": null, "int32_one": 4}', ' {} ', '{"stringOne": "\\ud83d\\udc4b\\/"}',
        '{"floatOne": 3.4028234e38}', '{"floatOne": 1e-50}',
    )
] + [
    ("Known", text) for text in (
        '{"timestamp": "2026-02-28T23:59:59.1+05:30"}', '{"timestamp": "1960-01-01T00:00:00-00:01"}',
        '{"duration": "-0.5s"}', '{"duration": "3s"}', '{"fieldMask": ""}', '{"fieldMask": "a,bC.dE"}',
        '{"value": null}', '{"nullValue": null}', '{"int64Value": null}', '{"int64Value": 0}',
        '{"valueList": [null, 1, "x", [], {}]}', '{"struct": {"a": {"b": [1, null]}}}', '{"any": {}}',
        '{"boolValue": false, "stringValue": ""}', '{"nullValue": "NULL_VALUE"}',
    )
] + [
    ("Nested", text) for text in (
        '{"text": "a", "number": null}', '{"anyValue": null}', '{"OddName": "x"}',
        '{"UpperCase": "x", "field2B": 4}', '{"text": "", "yes": false}',
    )
] + [
    ("Maps", '{"boolMap": {"true": 1, "false": 2}, "int64Map": {"-5": {}}}'),
    ("Lists", '{"int64List": [1, "2", 3.0], "stringList": [], "colourList": ["COLOUR_BLUE", 1]}'),
]


@pytest.mark.parametrize("name, words", ACCEPTED)
def test_what_json_format_accepts_too(tool, name, words):
    name = f"pl.json.{name}"
    err, data = tool.parse(name, words)
    assert err == 0, data
    assert canonical(type_of(name).FromString(data)) == canonical(understood(name, words))


REFUSED = [
    ("Scalars", text) for text in (
        '{"int32One": 1.5}', '{"int32One": "1.5"}', '{"int32One": 2147483648}', '{"int32One": true}',
        '{"uint32One": -1}', '{"uint64One": "18446744073709551616"}', '{"uint64One": "-1"}',
        '{"int64One": 9223372036854775808}', '{"int64One": "five"}', '{"int64One": " 5"}',
        '{"doubleOne": "five"}', '{"doubleOne": 1e999}', '{"doubleOne": NaN}', '{"floatOne": 3.5e38}',
        '{"boolOne": "true"}', '{"boolOne": 1}', '{"colourOne": "COLOUR_NONE"}', '{"stringOne": 5}',
        '{"stringOne": "\\ud800"}', '{"nope": 1}', '{"int32One": {}}',
        '{"int32One": 1, "int32One": 1}', '5', 'null', '', '{', '{}}', "{'int32One': 1}",
        '{"int32One": 01}', '{"int32One": 1,}', '{"int32One": []}', '{"[pl.json.x]": 1}',
    )
] + [
    ("Known", text) for text in (
        '{"timestamp": "2026-02-30T00:00:00Z"}', '{"timestamp": "0000-01-01T00:00:00Z"}',
        '{"timestamp": "10000-01-01T00:00:00Z"}', '{"timestamp": "2026-01-01 00:00:00Z"}',
        '{"timestamp": "2026-01-01T00:00:00"}', '{"timestamp": "2026-01-01T00:00:00.1234567891Z"}',
        '{"timestamp": 5}', '{"duration": "5"}', '{"duration": 5}', '{"duration": "315576000001s"}',
        '{"fieldMask": "a_b"}', '{"struct": []}', '{"listValue": {}}', '{"int64Value": "x"}',
        '{"empty": {"a": 1}}', '{"any": {"value": 1}}', '{"int64ValueList": [null]}',
    )
] + [
    ("Nested", '{"text": "a", "number": 1}'), ("Nested", '{"list": {}}'),
    ("Nested", '{"list": [null]}'), ("Maps", '{"boolMap": {"yes": 1}}'), ("Maps", '{"stringMap": []}'),
    ("Maps", '{"int32Map": {"2147483648": 1}}'), ("Maps", '{"stringMap": {"a": null}}'),
    ("Lists", '{"int32List": [1, null]}'), ("Lists", '{"int32List": 1}'),
]


@pytest.mark.parametrize("name, words", REFUSED)
def test_what_json_format_refuses_too(tool, name, words):
    name = f"pl.json.{name}"
    err, why = tool.parse(name, words)
    assert err == INVALID
    assert why.decode("ascii").isprintable() and len(why) > 0
    with pytest.raises((json_format.Error, ValueError, TypeError, AttributeError)):
        understood(name, words)
