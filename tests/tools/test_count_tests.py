"""tools/count-tests: what a run's report is worth."""

import json
import pathlib
import subprocess

import pytest

TOOL = pathlib.Path(__file__).resolve().parents[2] / "tools" / "count-tests"


def count(kind, report):
    done = subprocess.run([TOOL, kind, report], capture_output=True, text=True, check=True)
    passed, failed = map(int, done.stdout.split())
    return passed, failed


def meson_report(folder, *tests):
    report = folder / "testlog.json"
    report.write_text("".join(
        json.dumps({"result": result, "stdout": stdout, "stderr": stderr}) + "\n"
        for result, stdout, stderr in tests))
    return report


OK = "[ RUN      ] one\n[       OK ] one\n"
BAD = "[ RUN      ] two\n[  FAILED  ] two\n"


@pytest.mark.parametrize("test, counted", [
    (("OK", "", OK + OK), (2, 0)),
    (("OK", OK, ""), (1, 0)),
    (("OK", "not of cmocka", ""), (1, 0)),
    (("FAIL", "", OK + BAD), (1, 1)),
    (("ERROR", "", OK + "[ RUN      ] two\nSegmentation fault"), (1, 1)),
    (("FAIL", "", OK + "LeakSanitizer"), (1, 1)),
    (("TIMEOUT", "", ""), (0, 1)),
    (("SKIP", "", ""), (0, 1)),
])
def test_a_program_of_tests_counts_each(tmp_path, test, counted):
    assert count("meson", meson_report(tmp_path, test)) == counted


def test_programs_add_up(tmp_path):
    assert count("meson", meson_report(tmp_path, ("OK", OK, ""), ("FAIL", OK + BAD, ""))) == (2, 1)


def test_pytest_s_failures_errors_and_skips_did_not_pass(tmp_path):
    report = tmp_path / "report.xml"
    report.write_text(
        '<testsuites><testsuite><testcase name="a"/><testcase name="b"><failure/></testcase>'
        '<testcase name="c"><error/></testcase><testcase name="d"><skipped/></testcase>'
        '<testcase name="e"/></testsuite></testsuites>')
    assert count("junit", report) == (2, 3)


def test_node_s_totals(tmp_path):
    report = tmp_path / "report.tap"
    report.write_text("ok 1 - a\n# tests 4\n# pass 2\n# fail 1\n# cancelled 0\n"
                      "# skipped 1\n# todo 0\n")
    assert count("tap", report) == (2, 2)


@pytest.mark.parametrize("kind, text", [
    ("meson", None), ("junit", None), ("tap", None),
    ("meson", ""), ("junit", "<testsuites/>"), ("tap", ""), ("junit", "<torn"),
])
def test_a_report_without_tests_is_a_failure(tmp_path, kind, text):
    report = tmp_path / "report"
    if text is not None:
        report.write_text(text)
    assert count(kind, report) == (0, 1)
