"""What runs have left on disk is read: the texts here are as they lie in databases."""

import json
import sqlite3
from typing import Any

import pytest

from crew_actors.journal import (
    KINDS,
    Lease,
    RunFolder,
    decode,
    encode,
    open_journal,
    read_events,
)
from crew_actors.model import (
    AnswerSeen,
    ApprovalRequested,
    Artifact,
    ArtifactWritten,
    AttemptFailed,
    AttemptId,
    AttemptStarted,
    BudgetSpent,
    BudgetWarned,
    CancelRequested,
    Claim,
    ClaimExtended,
    ClaimReleased,
    CommandSpec,
    Consent,
    Event,
    Failure,
    FailureKind,
    GroupFinished,
    HeartbeatChanged,
    Message,
    MessageSent,
    MessageSettled,
    PlanApproved,
    PlannedTask,
    PlanRefused,
    PlanRejected,
    ProcessDiscarded,
    ProcessEnded,
    ProcessStarted,
    Progress,
    Question,
    QuestionAnswered,
    QuestionAsked,
    QuestionExpired,
    ResultStored,
    RunBlocked,
    RunCancelled,
    RunCompleted,
    RunCreated,
    RunFailed,
    RunId,
    RunNested,
    RunPlan,
    RunResumed,
    RunStarted,
    TaskCancelled,
    TaskClaimed,
    TaskCompleted,
    TaskFailed,
    TaskId,
    TaskNeedsAttention,
    TaskRequeued,
    TasksAdded,
    TaskSkipped,
    Usage,
    UsageReported,
    WorkspaceMade,
    WorkspaceReleased,
)

SCAN = TaskId("scan")
FIRST = AttemptId("scan.1")
RESULT = Artifact(
    name="result.md",
    path="artifacts/scan.1/result.md",
    size=12,
    sha256="abababab",
)
PLAN = RunPlan(
    goal='say "hi"\n\u2028',
    team="survey",
    workflow="survey",
    tasks=(
        PlannedTask(
            id=SCAN,
            step="scan",
            role="scanner",
            agent="scanner",
            title="Scan",
            prompt="Look",
            instructions="Be short",
            command=CommandSpec(
                argv=("{python}", "a.py"),
                input="stdin",
                output="jsonl",
                env=("A",),
                timeout=60.0,
                silence=1.5,
            ),
            consent=Consent(agent_file="/a.md", sha256="cd"),
            output="scan.md",
            model="small",
            verify=True,
        ),
        PlannedTask(
            id=TaskId("sum"),
            step="sum",
            role="writer",
            agent="writer",
            title="Sum",
            depends_on=(SCAN,),
            reads=("scan.md",),
        ),
    ),
    limit=2,
    role_limits={"scanner": 1},
    on_failure="fail_fast",
)

STORED: list[tuple[Event, bytes]] = [
    (
        RunCreated(
            run=RunId("20260101-000000-0123456789"), workspace="/work/é", plan=PLAN
        ),
        (
            b'{"kind":"run.created","run":"20260101-000000-0123456789",'
            b'"workspace":"/work/\xc3\xa9","plan":{"goal":"say \\"hi\\"\\n\xe2\x80\xa8",'
            b'"team":"survey","workflow":"survey","tasks":[{"id":"scan","step":"scan",'
            b'"role":"scanner","agent":"scanner","title":"Scan","depends_on":[],'
            b'"prompt":"Look","instructions":"Be short","runtime":"command",'
            b'"command":{"argv":["{python}","a.py"],"input":"stdin","output":"jsonl",'
            b'"env":["A"],"timeout":60,"silence":1.5},"consent":{"agent_file":"/a.md",'
            b'"sha256":"cd"},"output":"scan.md","reads":[],"model":"small","verify":true},'
            b'{"id":"sum","step":"sum","role":"writer","agent":"writer","title":"Sum",'
            b'"depends_on":["scan"],"prompt":"","instructions":"","runtime":"command",'
            b'"command":null,"consent":null,"output":null,"reads":["scan.md"],'
            b'"model":null,"verify":false}],"limit":2,"role_limits":{"scanner":1},'
            b'"on_failure":"fail_fast"}}'
        ),
    ),
    (RunStarted(), b'{"kind":"run.started"}'),
    (RunCompleted(summary=None), b'{"kind":"run.completed","summary":null}'),
    (
        RunFailed(why="no", summary="summary.md"),
        b'{"kind":"run.failed","why":"no","summary":"summary.md"}',
    ),
    (RunBlocked(why="b"), b'{"kind":"run.blocked","why":"b","summary":null}'),
    (RunCancelled(why="c"), b'{"kind":"run.cancelled","why":"c","summary":null}'),
    (CancelRequested(why="d"), b'{"kind":"run.cancel_requested","why":"d"}'),
    (
        AttemptStarted(task=SCAN, attempt=FIRST),
        b'{"kind":"attempt.started","attempt":"scan.1","task":"scan"}',
    ),
    (
        RunNested(task=SCAN, attempt=FIRST, run=RunId("20260101-000000-fedcba9876")),
        (
            b'{"kind":"nested.started","attempt":"scan.1",'
            b'"run":"20260101-000000-fedcba9876","task":"scan"}'
        ),
    ),
    (
        TaskClaimed(
            task=SCAN,
            attempt=FIRST,
            claim=Claim(owner="ann", token_sha256="ab", until=1700000000.5),
        ),
        (
            b'{"kind":"claim.taken","attempt":"scan.1","task":"scan",'
            b'"claim":{"owner":"ann","token_sha256":"ab","until":1700000000.5}}'
        ),
    ),
    (
        ClaimExtended(task=SCAN, attempt=FIRST, until=1700000600.0),
        (
            b'{"kind":"claim.extended","attempt":"scan.1","task":"scan",'
            b'"until":1700000600}'
        ),
    ),
    (
        ClaimReleased(task=SCAN, attempt=FIRST, why="too hard"),
        (
            b'{"kind":"claim.released","attempt":"scan.1","task":"scan",'
            b'"why":"too hard"}'
        ),
    ),
    (
        Progress(task=SCAN, attempt=FIRST, text="\U0001f600\t"),
        (
            b'{"kind":"attempt.progress","attempt":"scan.1","task":"scan",'
            b'"text":"\xf0\x9f\x98\x80\\t"}'
        ),
    ),
    (
        UsageReported(
            task=SCAN, attempt=FIRST, usage=Usage(input=1, output=2**53, cost=0.25)
        ),
        (
            b'{"kind":"attempt.usage","attempt":"scan.1","task":"scan",'
            b'"usage":{"cost":0.25,"input":1,"output":9007199254740992}}'
        ),
    ),
    (
        HeartbeatChanged(task=SCAN, attempt=FIRST, level="stale", silent_for=60.5),
        (
            b'{"kind":"attempt.heartbeat","attempt":"scan.1","level":"stale",'
            b'"silent_for":60.5,"task":"scan"}'
        ),
    ),
    (
        ArtifactWritten(task=SCAN, attempt=FIRST, artifact=RESULT),
        (
            b'{"kind":"attempt.artifact","artifact":{"name":"result.md",'
            b'"path":"artifacts/scan.1/result.md","sha256":"abababab","size":12},'
            b'"attempt":"scan.1","task":"scan"}'
        ),
    ),
    (
        ProcessStarted(
            task=SCAN,
            attempt=FIRST,
            pid=4242,
            create_time=1767225600.25,
            containment="warden",
        ),
        (
            b'{"kind":"process.started","attempt":"scan.1","containment":"warden",'
            b'"create_time":1767225600.25,"pid":4242,"task":"scan"}'
        ),
    ),
    (
        ProcessEnded(
            task=SCAN,
            attempt=FIRST,
            pid=4242,
            outcome="SIGKILL",
            containment="warden",
            escalations=("SIGTERM",),
            survivors=("4243 sleep",),
            took=0.5,
        ),
        (
            b'{"kind":"process.ended","attempt":"scan.1","containment":"warden",'
            b'"escalations":["SIGTERM"],"outcome":"SIGKILL","pid":4242,'
            b'"survivors":["4243 sleep"],"task":"scan","took":0.5}'
        ),
    ),
    (
        ProcessDiscarded(
            task=SCAN,
            attempt=FIRST,
            pid=4242,
            why="j",
            outcome="exit 0",
            containment="warden",
            escalations=("SIGTERM",),
            survivors=("4243 sleep",),
            took=0.5,
        ),
        (
            b'{"kind":"process.discarded","attempt":"scan.1","containment":"warden",'
            b'"escalations":["SIGTERM"],"outcome":"exit 0","pid":4242,'
            b'"survivors":["4243 sleep"],"task":"scan","took":0.5,"why":"j"}'
        ),
    ),
    (
        TaskCompleted(task=SCAN, attempt=FIRST, result=RESULT),
        (
            b'{"kind":"task.completed","task":"scan","attempt":"scan.1",'
            b'"result":{"name":"result.md","path":"artifacts/scan.1/result.md",'
            b'"sha256":"abababab","size":12},"data":null}'
        ),
    ),
    (
        TaskNeedsAttention(task=SCAN, attempt=FIRST, why="w"),
        b'{"kind":"task.needs_attention","attempt":"scan.1","task":"scan","why":"w"}',
    ),
    (
        TaskFailed(
            task=SCAN,
            attempt=FIRST,
            failure=Failure(kind=FailureKind.EXIT, message="exit 1", detail="t"),
        ),
        (
            b'{"kind":"task.failed","attempt":"scan.1","failure":{"detail":"t",'
            b'"kind":"exit","message":"exit 1"},"task":"scan"}'
        ),
    ),
    (
        TaskCancelled(task=SCAN, attempt=None, why="x"),
        b'{"kind":"task.cancelled","task":"scan","attempt":null,"why":"x"}',
    ),
    (
        TaskSkipped(task=SCAN, why="y"),
        b'{"kind":"task.skipped","task":"scan","why":"y"}',
    ),
    (
        RunResumed(why="e"),
        (b'{"kind":"run.resumed","why":"e"}'),
    ),
    (
        ApprovalRequested(why="f"),
        (b'{"kind":"plan.approval_requested","why":"f"}'),
    ),
    (
        PlanApproved(by="ann"),
        (b'{"kind":"plan.approved","by":"ann"}'),
    ),
    (
        PlanRejected(by="ann", why="g"),
        (b'{"kind":"plan.rejected","by":"ann","why":"g"}'),
    ),
    (
        TasksAdded(
            by=SCAN,
            tasks=(
                PlannedTask(
                    id=TaskId("more"), step="more", role="r", agent="a", title="t"
                ),
            ),
            repairs=("h",),
        ),
        (
            b'{"kind":"plan.tasks_added","by":"scan","tasks":[{"id":"more","step'
            b'":"more","role":"r","agent":"a","title":"t","depends_on":[],"promp'
            b't":"","instructions":"","runtime":"command","command":null,"consen'
            b't":null,"output":null,"reads":[],"model":null,"verify":false,"writ'
            b'es":true,"outputs":[],"group":null}],"repairs":["h"]}'
        ),
    ),
    (
        PlanRefused(by=SCAN, why="i"),
        (b'{"kind":"plan.refused","by":"scan","why":"i"}'),
    ),
    (
        BudgetWarned(budget="tokens", used=8.0, limit=10.0),
        (b'{"kind":"run.budget_warned","budget":"tokens","limit":10.0,"used":8.0}'),
    ),
    (
        BudgetSpent(budget="cost", used=9.5, limit=10.0),
        (b'{"kind":"run.budget_spent","budget":"cost","limit":10.0,"used":9.5}'),
    ),
    (
        GroupFinished(group="all", completed=2, of=3),
        (b'{"kind":"run.group_finished","completed":2,"group":"all","of":3}'),
    ),
    (
        AnswerSeen(task=SCAN, attempt=FIRST),
        (b'{"kind":"attempt.answer_seen","attempt":"scan.1","task":"scan"}'),
    ),
    (
        ResultStored(task=SCAN, attempt=FIRST, result=RESULT),
        (
            b'{"kind":"attempt.result_stored","task":"scan","attempt":"scan.1","'
            b'result":{"name":"result.md","path":"artifacts/scan.1/result.md","s'
            b'ha256":"abababab","size":12},"data":null}'
        ),
    ),
    (
        QuestionAsked(
            task=SCAN,
            attempt=FIRST,
            question=Question(
                id="q",
                text="which?",
                choices=("a", "b"),
                asked_at=1.5,
                deadline=601.5,
                permission=True,
            ),
        ),
        (
            b'{"kind":"question.asked","attempt":"scan.1","question":{"asked_at"'
            b':1.5,"choices":["a","b"],"deadline":601.5,"id":"q","permission":tr'
            b'ue,"text":"which?"},"task":"scan"}'
        ),
    ),
    (
        QuestionAnswered(task=SCAN, attempt=FIRST, question="q", answer="a", by="ann"),
        (
            b'{"kind":"question.answered","answer":"a","attempt":"scan.1","by":"'
            b'ann","question":"q","task":"scan"}'
        ),
    ),
    (
        QuestionExpired(task=SCAN, attempt=FIRST, question="q"),
        (
            b'{"kind":"question.expired","attempt":"scan.1","question":"q","task'
            b'":"scan"}'
        ),
    ),
    (
        MessageSent(
            task=SCAN, message=Message(id="m", kind="steer", text="left", by="ann")
        ),
        (
            b'{"kind":"message.sent","message":{"by":"ann","id":"m","kind":"stee'
            b'r","text":"left"},"task":"scan"}'
        ),
    ),
    (
        MessageSettled(
            task=SCAN, attempt=None, message="m", outcome="rejected", why="j"
        ),
        (
            b'{"kind":"message.settled","task":"scan","attempt":null,"message":"'
            b'm","outcome":"rejected","why":"j"}'
        ),
    ),
    (
        WorkspaceMade(
            task=SCAN, attempt=FIRST, path="/w", branch="crew/scan", base="abc"
        ),
        (
            b'{"kind":"workspace.made","attempt":"scan.1","base":"abc","branch":'
            b'"crew/scan","path":"/w","task":"scan"}'
        ),
    ),
    (
        WorkspaceReleased(
            task=SCAN,
            attempt=FIRST,
            kept=True,
            why="k",
            branch="crew/scan",
            patch=RESULT,
        ),
        (
            b'{"kind":"workspace.released","task":"scan","attempt":"scan.1","kep'
            b't":true,"why":"k","branch":"crew/scan","patch":{"name":"result.md"'
            b',"path":"artifacts/scan.1/result.md","sha256":"abababab","size":12'
            b"}}"
        ),
    ),
    (
        AttemptFailed(
            task=SCAN,
            attempt=FIRST,
            failure=Failure(kind=FailureKind.RATE_LIMIT, message="429"),
            retry_at=2.5,
        ),
        (
            b'{"kind":"attempt.failed","attempt":"scan.1","failure":{"detail":""'
            b',"kind":"rate_limit","message":"429"},"retry_at":2.5,"task":"scan"'
            b"}"
        ),
    ),
    (
        TaskRequeued(task=SCAN, why="l"),
        (b'{"kind":"task.requeued","task":"scan","why":"l"}'),
    ),
]


def test_each_kind_of_event_has_a_stored_text_here() -> None:
    assert {type(event) for event, _ in STORED} == set(KINDS.values())


@pytest.mark.parametrize(("event", "body"), STORED)
def test_a_stored_text_is_the_event_that_was_written(event: Event, body: bytes) -> None:
    assert decode(body) == event


@pytest.mark.parametrize(("event", "body"), STORED)
def test_an_event_is_stored_under_the_same_names(event: Event, body: bytes) -> None:
    assert _has(json.loads(encode(event)), json.loads(body))


def _has(written: Any, stored: Any) -> bool:
    """Tell whether all of *stored* is in *written*, which may say more."""
    if type(written) is type(stored) is dict:
        return all(
            key in written and _has(written[key], value)
            for key, value in stored.items()
        )
    if type(written) is type(stored) is list:
        return len(stored) == len(written) and all(map(_has, written, stored))
    return bool(written == stored)


def test_what_has_a_default_may_be_missing_in_a_stored_text() -> None:
    body = b'{"kind":"run.failed","why":"no"}'
    assert decode(body) == RunFailed(why="no")


async def test_a_stored_database_is_read(folder: RunFolder, lease: Lease) -> None:
    async with open_journal(folder, lease=lease, create=True):
        pass
    rows = [(seq, 1.5, body.decode()) for seq, (_, body) in enumerate(STORED, start=1)]
    connection = sqlite3.connect(folder.database)
    with connection:
        connection.executemany(
            "INSERT INTO events (seq, at, body) VALUES (?, ?, ?)", rows
        )
    connection.close()
    found = [(each.seq, each.event) for each in read_events(folder)]
    assert found == [(seq, event) for seq, (event, _) in enumerate(STORED, start=1)]
