"""What an orphan is, case by case."""

import attrs
import pytest

from crew_actors.census import Owner, Record, Seen, Standing, judge, standing_of

OWNER = Owner(pid=10, created=100.0, boot_id="boot ns", host="here")
RECORD = Record(marker="m", owner=OWNER, name="a", pid=20, created=200.0)
SEEN = Seen(pid=20, created=200.0, born_at=1e9, name="p", command="p", marker="m")


@pytest.mark.parametrize(
    ("owner", "created", "expected"),
    [
        (OWNER, 100.0, "alive"),
        (OWNER, None, "gone"),
        (OWNER, 100.01, "gone"),
        (attrs.evolve(OWNER, boot_id="earlier ns"), 100.0, "elsewhere"),
        (attrs.evolve(OWNER, boot_id="boot other-ns"), 100.0, "elsewhere"),
        (attrs.evolve(OWNER, boot_id="boot ns", host="renamed"), 100.0, "alive"),
    ],
)
def test_a_runtime_is_alive_only_as_the_process_that_it_was(
    owner: Owner, created: float | None, expected: Standing
) -> None:
    assert standing_of(owner, host="here", boot="boot ns", created=created) == expected


def test_without_a_boot_id_another_host_cannot_be_looked_at() -> None:
    owner = attrs.evolve(OWNER, boot_id="")
    assert standing_of(owner, host="there", boot="", created=None) == "elsewhere"
    assert standing_of(owner, host="here", boot="", created=None) == "gone"


def test_the_recorded_process_of_a_dead_runtime_is_an_orphan() -> None:
    assert judge(SEEN, RECORD, "gone").verdict == "orphan"


def test_so_is_what_it_has_started() -> None:
    child = attrs.evolve(SEEN, pid=21, created=201.0)
    assert judge(child, RECORD, "gone").verdict == "orphan"


def test_so_is_what_was_started_before_its_pid_could_be_recorded() -> None:
    record = attrs.evolve(RECORD, pid=None, created=None)
    assert judge(SEEN, record, "gone").verdict == "orphan"


@pytest.mark.parametrize("standing", ["alive", "elsewhere"])
def test_nobody_is_an_orphan_whose_runtime_may_be_alive(standing: Standing) -> None:
    verdict = "owned" if standing == "alive" else "unknown"
    assert judge(SEEN, RECORD, standing).verdict == verdict


@pytest.mark.parametrize(
    ("seen", "record"),
    [
        (SEEN, None),
        (attrs.evolve(SEEN, marker=None), RECORD),
        (attrs.evolve(SEEN, marker="another"), RECORD),
        (attrs.evolve(SEEN, created=199.99), RECORD),
        (attrs.evolve(SEEN, created=99.0), attrs.evolve(RECORD, created=None)),
    ],
    ids=["no record", "no marker", "other marker", "too old", "older than its runtime"],
)
def test_what_is_not_certain_is_unknown(seen: Seen, record: Record | None) -> None:
    standing: Standing | None = None if record is None else "gone"
    finding = judge(seen, record, standing)
    assert finding.verdict == "unknown"
    assert finding.why
