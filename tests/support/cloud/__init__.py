"""The whole system on an Azure that is emulated: real SDKs, real credentials, real sockets.

`services` runs an emulator or a fake of each service, with weather in front of it; `programs` runs
the system on them, as containers or as a Functions app; `load` sends submissions as readers and
partners do; `audit` looks at what became of each.
"""
