"""The Functions app: which trigger leads where. What happens there is in host/functions.py.

The Functions host finds `app` by itself. Names of functions are seen in the portal and in logs.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import azure.durable_functions as df
import azure.functions as func

from adapters.library_logs import quiet_libraries
from describer.confinement.kernel import deny_inspection
from host.azure import build
from host.functions import Functions
from host.odd_settings import tell_odd_settings
from host.setting_names import warn_of_unknown_settings
from shared.orchestrators import ORCHESTRATORS
from shared.settings import Settings
from shared.settings.azure import AzureSettings

if TYPE_CHECKING:
    from shared.activities import Activity

deny_inspection()  # our environment holds secrets, and our children open files of strangers
quiet_libraries(logging.getLogger().level)  # which the Functions worker has set
warn_of_unknown_settings()
_settings, _azure = Settings.read(), AzureSettings.read()
tell_odd_settings(_settings, _azure)
_functions = Functions(_settings, build(_settings, _azure))
_door = func.AsgiMiddleware(_functions.http())

# Keys are checked behind the door, the same on every platform.
app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)


@app.route(route="{*path}", methods=list(func.HttpMethod))
async def intake(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """Every HTTP request: http_intake/openapi.yaml."""
    return await _door.handle_async(req, context)


@app.service_bus_queue_trigger(
    arg_name="message", queue_name=_azure.service_bus.queue, connection="ServiceBusConnection"
)
@app.durable_client_input(client_name="client")
async def dispatch(message: func.ServiceBusMessage, client: df.DurableFunctionsClient) -> None:
    """An accepted submission: start its orchestration."""
    await _functions.dispatch(message, client)


@app.event_grid_trigger(arg_name="event")  # pyright: ignore[reportUnknownMemberType] half typed
@app.durable_client_input(client_name="client")
async def described(event: func.CloudEvent, client: df.DurableFunctionsClient) -> None:
    """A description job has ended: wake who waits for it."""
    await _functions.described(event, client)


@app.timer_trigger(arg_name="timer", schedule=_azure.functions.poll_schedule)
async def poll_mailbox(timer: func.TimerRequest) -> None:
    """Take the mail that waits."""
    del timer
    await _functions.poll()


@app.timer_trigger(arg_name="timer", schedule=_azure.functions.jobs_schedule)
async def look_after_jobs(timer: func.TimerRequest) -> None:
    """Give description jobs their next attempts."""
    del timer
    await _functions.look_after_jobs()


@app.timer_trigger(arg_name="timer", schedule=_azure.functions.sweep_schedule)
@app.durable_client_input(client_name="client")
async def put_failed_aside(timer: func.TimerRequest, client: df.DurableFunctionsClient) -> None:
    """Make failed submissions visible."""
    del timer
    await _functions.sweep(client)


@app.timer_trigger(arg_name="timer", schedule=_azure.functions.repair_schedule)
@app.durable_client_input(client_name="client")
async def queue_forgotten(timer: func.TimerRequest, client: df.DurableFunctionsClient) -> None:
    """Repair what a crash in the middle of an intake left behind."""
    del timer
    await _functions.repair(client)


def _register_activity(name: str, activity: Activity) -> None:
    async def run(payload: Any) -> Any:
        return await activity(payload)

    app.function_name(name)(app.activity_trigger(input_name="payload", activity=name)(run))


for _orchestrator in ORCHESTRATORS:
    app.orchestration_trigger(context_name="context")(_orchestrator)
for _name, _activity in _functions.activities().items():
    _register_activity(_name, _activity)
