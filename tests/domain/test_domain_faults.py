"""The control plane, the undo journal and the lock: what makes it safe to break something."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from fake_clock import FakeClock
from test_domain_environment import VARIABLES

from signoff.clients.render import RenderApi
from signoff.environment import RenderAccess, load_environment
from signoff.faults.guard import Guard, Use
from signoff.faults.undo import UndoJournal, out_of_reach, replay, unresolved
from signoff.history import FaultKind
from signoff.local_stack import LocalStack, StackFailed, claimed_endpoints
from signoff.manifest import Manifest
from signoff.testbed import Testbed
from signoff.verdict import CouldNotObserve, NotTested, VerdictClass

KEY = "rnd_fedcba9876543210"


class FakeRender:
    """An API with a list of answers: (status, headers, body) by method and path; it records what was asked."""

    def __init__(self) -> None:
        self.answers: dict[str, list[tuple[int, dict[str, str], object]]] = {}
        self.asked: list[str] = []
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                fake.answer(self)

            def do_POST(self) -> None:
                fake.answer(self)

            def log_message(self, format: str, *arguments: Any) -> None:
                """Stay silent."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        asked = f"{handler.command} {handler.path.partition('?')[0].removeprefix('/v1')}"
        self.asked.append(asked)
        answers = self.answers.get(asked) or [(404, {}, {"id": "x", "message": "not found"})]
        status, headers, body = answers.pop(0) if len(answers) > 1 else answers[0]
        content = json.dumps(body).encode()
        handler.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(content)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def service(id: str, name: str, suspended: bool = False) -> dict[str, object]:
    return {
        "id": id,
        "name": name,
        "suspended": "suspended" if suspended else "not_suspended",
        "serviceDetails": {"plan": "starter", "numInstances": 1},
    }


@pytest.fixture
def fake() -> Iterator[FakeRender]:
    render = FakeRender()
    yield render
    render.close()


def api(fake: FakeRender, primary: str = "srv-1", clock: FakeClock | None = None) -> RenderApi:
    access = RenderAccess(fake.url, KEY, {"primary": primary, "postgres": "dpg-1"})
    return RenderApi(access, clock or FakeClock())


def listed(*services: dict[str, object]) -> list[tuple[int, dict[str, str], object]]:
    return [(200, {}, [{"cursor": one["id"], "service": one} for one in services])]


def test_a_service_is_found_by_its_exact_name(fake: FakeRender) -> None:
    fake.answers["GET /services"] = listed(service("srv-1", "chroma-primary"), service("srv-2", "chroma-primary-old"))
    fake.answers["GET /services/srv-1"] = [(200, {}, service("srv-1", "chroma-primary", suspended=True))]
    assert api(fake, "chroma-primary").service("primary").suspended


@pytest.mark.parametrize("number", [0, 2])
def test_there_must_be_exactly_one_of_a_name(fake: FakeRender, number: int) -> None:
    fake.answers["GET /services"] = listed(*(service(f"srv-{n}", "chroma-primary") for n in range(number)))
    with pytest.raises(CouldNotObserve, match=f"knows {number} of the name chroma-primary"):
        api(fake, "chroma-primary").suspend("primary")


def test_too_many_requests_are_waited_for_as_the_api_says(fake: FakeRender) -> None:
    clock = FakeClock()
    fake.answers["POST /services/srv-1/suspend"] = [(429, {"Ratelimit-Reset": "7"}, {}), (202, {}, {})]
    api(fake, clock=clock).suspend("primary")
    assert clock.pauses == [7.0]


def test_a_wait_that_is_too_long_is_an_error(fake: FakeRender) -> None:
    fake.answers["POST /services/srv-1/suspend"] = [(429, {"Ratelimit-Reset": "3600"}, {})]
    with pytest.raises(CouldNotObserve, match="takes no more requests of this kind for 60 min"):
        api(fake).suspend("primary")


def test_a_wrong_key_is_said_and_not_shown(fake: FakeRender) -> None:
    fake.answers["GET /services/srv-1"] = [(401, {}, {"id": "x", "message": f"unauthorized: {KEY}"})]
    with pytest.raises(CouldNotObserve, match=r"401.*check the API key") as caught:
        api(fake).service("primary")
    assert KEY not in str(caught.value)


def test_other_refusals_are_not_repeated(fake: FakeRender) -> None:
    fake.answers["POST /services/srv-1/restart"] = [(500, {}, {"message": "broken"})]
    with pytest.raises(CouldNotObserve, match="500"):
        api(fake).restart("primary")
    assert fake.asked == ["POST /services/srv-1/restart"]


def test_a_state_that_does_not_come_could_not_be_tested(fake: FakeRender) -> None:
    fake.answers["GET /services/srv-1"] = [(200, {}, service("srv-1", "p"))]
    with pytest.raises(CouldNotObserve, match=r"shows the primary as suspended.*last seen: not suspended"):
        api(fake).wait_until_suspended("primary", True, timedelta(seconds=3))


def test_an_answer_without_a_state_is_an_error(fake: FakeRender) -> None:
    fake.answers["GET /services/srv-1"] = [(200, {}, {"id": "srv-1", "name": "p"})]
    with pytest.raises(CouldNotObserve, match="without id, name, plan or state"):
        api(fake).service("primary")


def test_what_is_not_resolved_is_undone_once(fake: FakeRender, tmp_path: Path) -> None:
    journal = UndoJournal(tmp_path)
    journal.resolve(journal.register(fake.url, "services", "srv-1", "primary"))
    journal.register(fake.url, "services", "srv-2", "replica")
    journal.register("https://elsewhere/v1", "services", "srv-3", "primary")
    fake.answers["POST /services/srv-2/resume"] = [(202, {}, {})]
    environment = load_environment("local", {**VARIABLES, "RENDER_API_URL": fake.url})
    assert replay(environment, tmp_path) == ["replica"]
    assert replay(environment, tmp_path) == []
    assert fake.asked == ["POST /services/srv-2/resume"]
    assert [entry.service for _, entry in unresolved(tmp_path)] == ["srv-3"]


def test_a_line_that_nobody_knows_is_one_sentence(tmp_path: Path) -> None:
    for line in ('{"held": {"remedy": "PRAY"}}', '{"forgotten": {}}', '{"suspended": {"id": "x"}}'):
        (tmp_path / "later.jsonl").write_text(line + "\n")
        with pytest.raises(CouldNotObserve, match=r"later.jsonl has a line that is no entry of an undo journal"):
            unresolved(tmp_path)


def test_what_cannot_be_resumed_without_a_key_is_told(tmp_path: Path) -> None:
    UndoJournal(tmp_path).register("https://api.render.com/v1", "services", "srv-1", "primary")
    UndoJournal(tmp_path).register("http://127.0.0.1:9/v1", "services", "srv-2", "replica")
    environment = replace(load_environment("local", VARIABLES), render=None)
    assert replay(environment, tmp_path) == []
    assert [entry.service for _, entry in out_of_reach(environment, tmp_path)] == ["srv-1"]
    assert out_of_reach(load_environment("local", VARIABLES), tmp_path) == []


def test_what_could_not_be_undone_stays_open(fake: FakeRender, tmp_path: Path) -> None:
    UndoJournal(tmp_path).register(fake.url, "services", "srv-9", "primary")
    environment = load_environment("local", {**VARIABLES, "RENDER_API_URL": fake.url})
    with pytest.raises(CouldNotObserve, match="the primary may still be suspended"):
        replay(environment, tmp_path)
    assert len(unresolved(tmp_path)) == 1


def test_a_line_that_was_cut_off_by_a_crash_is_no_fault(tmp_path: Path) -> None:
    UndoJournal(tmp_path).register("http://x/v1", "services", "srv-1", "primary")
    path = next(tmp_path.glob("*.jsonl"))
    path.write_text(path.read_text() + '{"suspended": {"id": "ab', encoding="utf-8")
    assert len(unresolved(tmp_path)) == 1


def test_many_may_share_a_deployment_and_one_may_have_it_alone(tmp_path: Path) -> None:
    one, other = (Guard("http://b", tmp_path, FakeClock()) for _ in range(2))
    one.take(Use.SHARED, timedelta(0))
    other.take(Use.SHARED, timedelta(0))
    with pytest.raises(CouldNotObserve, match="others have used this deployment for 5 s"):
        one.take(Use.ALONE, timedelta(seconds=5))
    other.release()
    one.take(Use.ALONE, timedelta(0))
    with pytest.raises(CouldNotObserve):
        other.take(Use.SHARED, timedelta(0))
    Guard("http://another", tmp_path, FakeClock()).take(Use.ALONE, timedelta(0))


def test_faults_need_permission_and_the_deployment_alone() -> None:
    environment = load_environment("local", VARIABLES)
    with pytest.raises(CouldNotObserve, match="Use The Deployment Alone"):
        Testbed(environment).require_faults()
    with pytest.raises(NotTested, match=r"forbidden in the environment local; .*destructive: allowed"):
        Testbed(replace(environment, destructive=False)).require_faults()


def test_work_that_is_not_done_is_judged_by_what_is_broken_meanwhile() -> None:
    bed = Testbed(load_environment("local", VARIABLES))
    assert bed.unserved() is bed.unserved(503) is VerdictClass.UNAVAILABLE
    bed.faults.proved(FaultKind.CRASH, "primary", 0.0, "connections are refused")
    assert bed.unserved() is bed.unserved(503) is VerdictClass.SLOW_FAILOVER
    assert bed.unserved(200) is VerdictClass.PROTOCOL
    bed.faults.restored("primary", 1.0, "it answers")
    assert bed.unserved() is VerdictClass.UNAVAILABLE


def test_only_collections_of_this_run_may_be_deleted(tmp_path: Path) -> None:
    manifest = Manifest("http://b", tmp_path)
    manifest.add("mine")
    manifest.require("mine")
    with pytest.raises(CouldNotObserve, match="production was not created by this run"):
        manifest.require("production")
    assert manifest.present() == ["mine"]
    manifest.remove("mine")
    assert manifest.present() == []
    assert [json.loads(line)["event"] for line in manifest.path.read_text().splitlines()] == ["created", "deleted"]


@pytest.fixture
def stacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], Path]:
    def make(number: int) -> Path:
        for n in range(1, number + 1):
            (tmp_path / f"{n}.json").write_text(json.dumps({"BALANCER_URL": f"http://stack-{n}"}))
        return tmp_path

    monkeypatch.setattr("signoff.local_stack._claim", None)
    monkeypatch.delenv("SIGNOFF_STACK", raising=False)
    return make


def test_a_free_stack_is_claimed_and_kept(stacks: Callable[[int], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    folder = stacks(2)
    monkeypatch.setenv("SIGNOFF_STACKS", str(folder))
    first = claimed_endpoints()
    assert claimed_endpoints() == first == {"BALANCER_URL": "http://stack-1"}


def test_a_stack_that_another_process_uses_is_left_alone(
    stacks: Callable[[int], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    import fcntl

    folder = stacks(2)
    monkeypatch.setenv("SIGNOFF_STACKS", str(folder))
    with (folder / "1.json").open() as taken:
        fcntl.flock(taken, fcntl.LOCK_EX)
        assert claimed_endpoints() == {"BALANCER_URL": "http://stack-2"}


def test_a_given_file_that_is_no_stacks_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.json"
    path.write_text("[]")
    monkeypatch.setenv("SIGNOFF_STACK", str(path))
    with pytest.raises(StackFailed, match="is not the JSON that python -m stack up --json prints"):
        claimed_endpoints()


def test_a_stack_that_does_not_come_up_says_why_in_one_sentence(tmp_path: Path) -> None:
    stack = LocalStack({"NO_SUCH_SETTING": "1"}, tmp_path)
    with pytest.raises(StackFailed, match="NO_SUCH_SETTING") as caught:
        stack.start()
    assert "\n" not in str(caught.value)
    assert stack.endpoints == {}
