"""Container Instances and Container Apps, each by its SDK, on the fake of Resource Manager."""

from __future__ import annotations

import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from adapters.azure.jobs.platform import ContainerState, JobRefusedError
from adapters.azure.jobs.program import Program
from shared.errors import ServiceUnavailableError
from tests.fakes.arm import Fault, Quotas, fake_arm
from tests.support.arm_clients import IMAGE, apps_on, instances_on
from tests.support.credentials import FixedToken

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable
    from contextlib import AbstractAsyncContextManager

    from adapters.azure.jobs.platform import ContainerPlatform
    from tests.fakes.arm import FakeArm

type On = Callable[..., AbstractAsyncContextManager[Any]]

SLEEPS = (sys.executable, "-c", "import time; time.sleep(60)")
ENDS = (sys.executable, "-c", "")
FAILS = (sys.executable, "-c", "raise SystemExit(3)")
ARM_TAKES = {"GET": "GET", "create": r"PUT|/start"}

both = pytest.mark.parametrize("on", [instances_on, apps_on], ids=["instances", "apps"])


@asynccontextmanager
async def platform_on(
    on: On, command: tuple[str, ...] = SLEEPS, quotas: Quotas | None = None, **options: Any
) -> AsyncGenerator[tuple[ContainerPlatform, FakeArm]]:
    async with fake_arm({IMAGE: command}, quotas) as arm, on(arm, **options) as platform:
        yield platform, arm


async def ended(platform: ContainerPlatform, arm: FakeArm, name: str) -> ContainerState:
    for container in (*arm.groups.created, *arm.apps.executions):
        await container.container.process.wait()
    return (await platform.states([name]))[name]


@both
async def test_a_container_runs_until_it_is_removed(on: On) -> None:
    async with platform_on(on) as (platform, arm):
        await platform.create("one", "https://blobs/jobs.json?sig=x", "mail-abc")
        assert await platform.states(["one", "two"]) == {"one": ContainerState.RUNNING}
        assert await platform.names() == {"one"}
        await platform.remove("one")
        await platform.remove("one")
        assert await platform.names() == set()
        assert arm.running() == 0


@both
@pytest.mark.parametrize("command", [ENDS, FAILS])
async def test_a_container_that_has_ended_is_seen_to_have(on: On, command: tuple[str, ...]) -> None:
    async with platform_on(on, command) as (platform, arm):
        await platform.create("one", "https://blobs/jobs.json?sig=x", "mail-abc")
        assert await ended(platform, arm, "one") is ContainerState.ENDED


@both
async def test_more_containers_than_a_page_holds_are_all_found(on: On) -> None:
    async with platform_on(on, ENDS) as (platform, _):
        names = {f"container-{number}" for number in range(5)}
        for name in names:
            await platform.create(name, "https://blobs/jobs.json", "mail-abc")
        assert set(await platform.states(names)) == names


@both
async def test_what_is_secret_reaches_the_program_and_is_not_shown(on: On) -> None:
    program = Program(
        image=IMAGE, environment={"MAIL_INGEST_OCR": "1"}, secrets={"EVENT_KEY": "s3cret"}
    )
    async with platform_on(on, program=program) as (platform, arm):
        arm.apps.secrets["event-key"] = "s3cret"
        await platform.create("one", "https://blobs/jobs.json?sig=x", "mail-abc")
        (seen,) = arm.started()
        assert (seen["MAIL_INGEST_OCR"], seen["EVENT_KEY"]) == ("1", "s3cret")
        assert seen["JOBS_URL"] == "https://blobs/jobs.json?sig=x"
        sent = [str(each.body) for each in arm.groups.created]
        sent += [str(each.template) for each in arm.apps.executions]
        assert "'value': 's3cret'" not in sent[0]
    assert "s3cret" not in repr(program)


async def test_the_url_of_an_instance_is_secret_too() -> None:
    async with platform_on(instances_on) as (platform, arm):
        await platform.create("one", "https://blobs/jobs.json?sig=x", "mail-abc")
        (container,) = arm.groups.created[0].body["properties"]["containers"]
        variables = container["properties"]["environmentVariables"]
        assert {"name": "JOBS_URL", "secureValue": "https://blobs/jobs.json?sig=x"} in variables


async def test_an_instance_pulls_its_image_with_our_identity_and_never_restarts() -> None:
    async with platform_on(instances_on) as (platform, arm):
        await platform.create("one", "https://blobs/jobs.json", "mail-abc")
        body = arm.groups.created[0].body
    properties = body["properties"]
    assert properties["restartPolicy"] == "Never"
    assert properties["osType"] == "Linux"
    assert properties["imageRegistryCredentials"] == [{"server": "acr.example", "identity": "/id"}]
    assert body["tags"]["mail-ingest-submission"] == "mail-abc"


@both
@pytest.mark.parametrize("status", [408, 409, 429, 500, 503, 0])
async def test_what_passes_by_itself_is_unavailable_and_not_waited_for_in_the_call(
    on: On, status: int
) -> None:
    async with platform_on(on) as (platform, arm):
        arm.faults.append(
            Fault(status=status, code="Busy", match=ARM_TAKES["create"], times=9, retry_after_s=77)
        )
        with pytest.raises(ServiceUnavailableError) as caught:
            await platform.create("one", "https://blobs/jobs.json", "mail-abc")
        if status:
            assert caught.value.retry_after_s == 77
            assert sum("PUT" in call or "/start" in call for call in arm.calls) == 1


@both
async def test_a_quota_that_is_used_up_is_unavailable(on: On) -> None:
    async with platform_on(on, quotas=Quotas(at_a_time=1)) as (platform, _):
        await platform.create("one", "https://blobs/jobs.json", "mail-abc")
        with pytest.raises(ServiceUnavailableError):
            await platform.create("two", "https://blobs/jobs.json", "mail-abc")


@both
async def test_a_wrong_image_or_identity_is_refused_with_a_sentence(on: On) -> None:
    async with platform_on(on, program=Program(image="nobody/knows:1")) as (platform, _):
        with pytest.raises(JobRefusedError, match="MAIL_INGEST_JOBS_"):
            await platform.create("one", "https://blobs/jobs.json", "mail-abc")
    async with platform_on(on, identity=FixedToken("wrong")) as (platform, _):
        with pytest.raises(JobRefusedError, match="identity"):
            await platform.names()


@both
async def test_a_wrong_resource_group_is_no_missing_container(on: On) -> None:
    async with platform_on(on) as (platform, arm):
        arm.faults.append(Fault(status=404, code="ResourceGroupNotFound", times=9))
        with pytest.raises(JobRefusedError, match="ResourceGroupNotFound"):
            await platform.states(["one"])


async def test_a_group_that_azure_tells_nothing_of_hides_no_other() -> None:
    async with platform_on(instances_on) as (platform, arm):
        for name in ("one", "two"):
            await platform.create(name, "https://blobs/jobs.json", "mail-abc")
        arm.faults.append(Fault(status=500, match=r"GET .*/one$", times=sys.maxsize))
        assert await platform.states(["one", "two", "three"]) == {
            "one": ContainerState.UNKNOWN,
            "two": ContainerState.RUNNING,
        }


@both
async def test_the_fake_satisfies_the_waiting_of_the_sdks_too(on: On) -> None:
    async with platform_on(on) as (platform, arm):
        sdk: Any = platform
        if on is instances_on:
            group = sdk._group("https://blobs/jobs.json", "mail-abc")
            create = sdk._client.container_groups.begin_create_or_update
            poller = await create("jobs", "one", group, polling_interval=0)
            assert (await poller.result()).instance_view.state == "Running"
        else:
            template = sdk._template("one", "https://blobs/jobs.json", "mail-abc")
            start = sdk._client.jobs.begin_start
            poller = await start("jobs", "describer", template, polling_interval=0)
            await poller.result()
        assert any("/operations/" in call for call in arm.calls)
