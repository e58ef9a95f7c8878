#!/usr/bin/env bash
# Installs what the tests need, builds, runs every check and every test. The last
# line is "N passed, N failed"; the exit status is 1 if anything failed.
set -euo pipefail

cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")"

all_parts=(lint unit integration sanitize threads fuzz valgrind guard analyze)

usage() {
    cat <<'END'
usage: ./test.sh [PART...]

Without PART everything is run, in this order:
  lint         tracked files, formatting, layers, scripts, .proto files
  unit         build with gcc; unit tests
  integration  real clients against a real parlad
  sanitize     build with clang, with ASan and UBSan; unit and integration tests
  threads      the tests of what has threads, under TSan
  fuzz         libFuzzer on every reader of bytes from outside, some seconds each
  valgrind     a selection of the unit tests
  guard        how many instructions a delivery takes
  analyze      clang-tidy and cppcheck

Each part builds what it needs. Logs and reports are in build-logs/.
END
}

passed=0
failed=0
ended=no

# What is said last, however this script ends.
finish() {
    if [[ $ended != yes ]]; then
        failed=$((failed + 1))
        printf '\nerror: the run was broken off\n'
    fi
    printf '\n%d passed, %d failed\n' "$passed" "$failed"
    if [[ $failed -gt 0 ]]; then
        exit 1
    fi
}

part() {
    printf '\n==> %s\n' "$*"
}

# check NAME COMMAND...: a check counts as one test. What it prints goes to a log
# and is shown only if it fails.
check() {
    local name=$1 log=build-logs/${1//[^A-Za-z0-9]/-}.log started=$SECONDS
    shift
    printf '  %-44s ' "$name"
    if timeout --foreground --kill-after=10 "$limit_s" "$@" >"$log" 2>&1 </dev/null; then
        passed=$((passed + 1))
        printf 'ok      %3d s\n' $((SECONDS - started))
    else
        failed=$((failed + 1))
        printf 'FAILED  %3d s; the end of %s:\n' $((SECONDS - started)) "$log"
        tail -n 150 "$log" | sed 's/^/    /'
        return 1
    fi
}

# tests NAME KIND REPORT COMMAND...: runs tests, showing what they print, and
# counts them from their report, which tools/count-tests knows how to read.
tests() {
    local name=$1 kind=$2 report=$3 status=0 counted
    shift 3
    printf '  %s\n' "$name"
    rm -f "$report"
    timeout --foreground --kill-after=10 "$limit_s" "$@" </dev/null 2>&1 |
        tee "build-logs/${name//[^A-Za-z0-9]/-}.log" | sed 's/^/    /' || status=$?
    read -r -a counted < <(tools/count-tests "$kind" "$report")
    if [[ $status -ne 0 && ${counted[1]} -eq 0 ]]; then
        echo "    error: all tests passed, yet the run ended with status $status"
        counted[1]=1
    fi
    passed=$((passed + counted[0]))
    failed=$((failed + counted[1]))
}

# Tests that cannot be run because something before them failed are not passed
# over in silence.
not_run() {
    failed=$((failed + 1))
    printf '  %-44s FAILED: not run, see above\n' "$1"
}

# meson_tests NAME FOLDER [OPTION...]: the unit tests of FOLDER; what is not built
# of them is built.
meson_tests() {
    local name=$1 folder=$2 report=${1//[^A-Za-z0-9]/-}
    shift 2
    tests "$name" meson "$folder/meson-logs/$report.json" \
        "${fixed_addresses[@]}" meson test -C "$folder" --print-errorlogs \
        --logbase "$report" "$@"
}

install_npm() {
    if [[ -z ${npm_installed-} ]]; then
        npm_installed=no
        check "npm packages" tools/install-npm && npm_installed=yes
    fi
    [[ $npm_installed == yes ]]
}

build_with_gcc() {
    if [[ -z ${gcc_built-} ]]; then
        gcc_built=no
        CC=gcc check "build with gcc" tools/build build -- && gcc_built=yes
    fi
    [[ $gcc_built == yes ]]
}

tracked() {
    git ls-files -- "$@"
}

run_lint() {
    local scripts sources
    mapfile -t scripts < <(git grep -lE '^#!.*\bbash$' -- . ':!*.md')
    mapfile -t sources < <(tracked '*.c' '*.h')
    check "tracked files" tools/check-tracked || true
    check "scripts (shellcheck)" shellcheck -x "${scripts[@]}" || true
    check "format (clang-format)" clang-format --dry-run -Werror "${sources[@]}" || true
    check "layers" tools/check-layers || true
    if install_npm; then
        check "API (buf lint)" tools/buf lint || true
        check "format of .proto files (buf)" tools/buf format --diff --exit-code || true
    else
        not_run "API (buf lint)"
    fi
}

run_unit() {
    if build_with_gcc; then
        meson_tests "unit tests" build
    else
        not_run "unit tests"
    fi
}

# python_tests NAME BUILD ARGUMENT...: pytest, with the programs of folder BUILD.
# Files of tests run side by side, each has servers of its own.
python_tests() {
    local name=$1 report=build-logs/${1//[^A-Za-z0-9]/-}.xml build
    build=$(printf '%q' "$PWD/$2")
    shift 2
    tests "$name" junit "$report" "${fixed_addresses[@]}" \
        env PARLAD="$build/parlad" PARLA="$build/parla" PARLA_BENCH="$build/parla-bench" \
        /usr/bin/python3 -u -m pytest -v --no-header -p no:cacheprovider --numprocesses="$workers" \
        --dist=loadfile --junitxml="$report" "$@"
}

run_integration() {
    local folder folders
    mapfile -t folders < <(tracked 'tests/*/test_*.py' | xargs -r dirname | sort -u)
    if ! build_with_gcc; then
        not_run "integration tests"
        return
    fi
    for folder in "${folders[@]}"; do
        python_tests "$folder" build "$folder"
    done
    for folder in tests/node tests/interop; do
        node_tests "$folder, Node.js" build "$folder"
    done
}

# node_tests NAME BUILD FOLDER: the tests for Node.js in FOLDER, with the programs
# of folder BUILD.
node_tests() {
    local name=$1 build=$PWD/$2 scripts
    if install_npm; then
        mapfile -t scripts < <(tracked "$3/*.test.mjs")
        tests "$name" tap "build-logs/${name//[^A-Za-z0-9]/-}.log" \
            "${fixed_addresses[@]}" env PARLAD="$build/parlad" \
            node --test --test-reporter=tap "${scripts[@]}"
    else
        not_run "$name"
    fi
}

run_sanitize() {
    local name="unit tests, ASan and UBSan" folder
    if CC=clang check "build with clang, ASan and UBSan" tools/build build-asan \
        -Db_sanitize=address,undefined "${sanitizer_options[@]}" --; then
        meson_tests "$name" build-asan
        for folder in tests/integration tests/interop; do
            PARLA_TEST_DEADLINE=60 python_tests "$folder, ASan and UBSan" build-asan "$folder"
        done
        node_tests "tests/interop, Node.js, ASan and UBSan" build-asan tests/interop
    else
        not_run "$name"
        not_run "tests/integration and tests/interop, ASan and UBSan"
    fi
}

run_threads() {
    local name="unit tests, TSan"
    if CC=clang check "build with clang, TSan" tools/build build-tsan \
        -Db_sanitize=thread "${sanitizer_options[@]}" -- parlad; then
        meson_tests "$name" build-tsan --suite net --suite transport --suite server
        PARLA_TEST_DEADLINE=60 python_tests "tests/integration, TSan" build-tsan \
            tests/integration/test_{load,races,send,sessions,streams,tls,work}.py
    else
        not_run "$name"
        not_run "tests/integration, TSan"
    fi
}

run_fuzz() {
    local name="fuzzing" report=build-logs/fuzzing.tap
    if check "build with clang, libFuzzer" tools/fuzz --build; then
        tests "$name" tap "$report" tools/fuzz --seconds "$fuzz_s" --jobs "$(nproc)" \
            --report "$report"
    else
        not_run "$name"
    fi
}

run_valgrind() {
    local name="unit tests, valgrind" names
    if ! build_with_gcc; then
        not_run "$name"
        return
    fi
    # Where bytes are read and written; runs that fail each allocation in turn,
    # and those against a model, take too long.
    mapfile -t names < <(
        meson test -C build --no-rebuild --list --suite base --suite pb --suite wire \
            --suite rpc --suite core --suite fuzz 2>/dev/null | sed -n 's|^.* / ||p' | grep -vE 'failure|model|on_disk'
    )
    # Meson adds the wrapper's name to the report's.
    tests "$name" meson build/meson-logs/unit-tests-valgrind.json \
        "${fixed_addresses[@]}" meson test -C build --print-errorlogs \
        --logbase unit-tests --timeout-multiplier 20 \
        --wrapper 'valgrind -q --leak-check=full --error-exitcode=99' "${names[@]}"
}

run_guard() {
    tests "instructions of a fixed fan-out" tap build-logs/guard.tap \
        tools/count-instructions --report build-logs/guard.tap
}

run_analyze() {
    if build_with_gcc; then
        check "clang-tidy" tools/run-tidy || true
        check "cppcheck" tools/run-cppcheck || true
    else
        not_run "clang-tidy and cppcheck"
    fi
}

parts=()
for argument in "$@"; do
    case " ${all_parts[*]} " in
    *" $argument "*) parts+=("$argument") ;;
    *)
        usage
        [[ $argument == --help || $argument == -h ]] && exit 0
        printf "\nthere is no part '%s'\n" "$argument" >&2
        exit 2
        ;;
    esac
done
if [[ ${#parts[@]} -eq 0 ]]; then
    parts=("${all_parts[@]}")
fi

trap finish EXIT
mkdir -p build-logs

# Most tests wait for most of their time.
workers=$(($(nproc) < 4 ? 2 * $(nproc) : 8))

# Enough for a stack trace, and quick to build.
sanitizer_options=(-Db_lundef=false -Doptimization=1 -Dc_args=-gline-tables-only)

# How long each target of tests/fuzz runs. They start from the inputs that are kept.
fuzz_s=5

# No part takes longer; it is an hour and not minutes for machines under load.
limit_s=3600
export ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1:allocator_may_return_null=1
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
export TSAN_OPTIONS=halt_on_error=0:exitcode=66:second_deadlock_stack=1
export PYTHONDONTWRITEBYTECODE=1
# A checkout may belong to another user than the one who tests it.
export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0=$PWD

# The sanitizers of gcc 12 and clang 14 stumble over addresses as random as
# newer kernels make them.
fixed_addresses=()
if setarch --addr-no-randomize true 2>/dev/null; then
    fixed_addresses=(setarch --addr-no-randomize)
fi

part "what the tests need"
tools/install-packages build test </dev/null
for name in "${parts[@]}"; do
    part "$name"
    "run_$name"
done
ended=yes
