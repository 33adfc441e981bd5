"""Weather between the system and the services that it uses: any real server, spoiled at will.

`http` and `tcp` are proxies that a test puts before a server and whose weather it sets while they
run. In good weather nothing that passes is changed, so signatures hold. `service_bus` is a whole
service, whose broker plays the weather that takes the words of its protocol.
"""

from tests.support.weather.http import HttpWeather, http_weather
from tests.support.weather.kinds import Weather
from tests.support.weather.tcp import TcpWeather, tcp_weather

__all__ = ["HttpWeather", "TcpWeather", "Weather", "http_weather", "tcp_weather"]
