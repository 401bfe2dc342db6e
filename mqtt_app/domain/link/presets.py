"""What well-known brokers need, so that nobody has to look it up. Pure.

Sources: the operators' own documentation of their MQTT endpoints, as of 2026.
"""

import msgspec


class BrokerPreset(msgspec.Struct, frozen=True, kw_only=True):
    """`host` is an example of what to paste. `help`: what to paste where, in a sentence or two.
    `filters`: what to ask for; `keepalive` in seconds.
    """

    key: str
    name: str
    host: str
    help: str
    port: int = 8883
    use_tls: bool = True
    username: str = ""
    client_id: str = ""
    protocol_version: str = "auto"
    keepalive: int = 60
    filters: tuple[str, ...] = ("#",)


PRESETS = (
    BrokerPreset(
        key="mosquitto",
        name="mosquitto, without TLS",
        host="192.168.1.10",
        port=1883,
        use_tls=False,
        help="Enter the host. User name and password only if the broker asks for them"
        " (password_file in mosquitto.conf).",
    ),
    BrokerPreset(
        key="mosquitto-tls",
        name="mosquitto, with TLS",
        host="mqtt.plant.example",
        help="Enter the host as it stands in the broker's certificate. If the certificate is of an"
        " authority of your own, paste that authority's certificate (cafile in mosquitto.conf) as CA"
        " certificate.",
    ),
    BrokerPreset(
        key="aws",
        name="AWS IoT Core",
        host="a1b2c3d4e5f6g7-ats.iot.eu-central-1.amazonaws.com",
        protocol_version="5",
        filters=("plant/+/telemetry",),
        help="Host: the device data endpoint of the console (Settings). Paste the certificate and the"
        " private key of a thing; no password. Its policy must allow iot:Connect for the client id,"
        " and iot:Subscribe and iot:Receive for the topics: AWS closes the connection otherwise."
        " At most 8 filters a client asks for together.",
    ),
    BrokerPreset(
        key="azure-event-grid",
        name="Azure Event Grid",
        host="mynamespace.westeurope-1.ts.eventgrid.azure.net",
        protocol_version="5",
        filters=("plant/#",),
        help="Host: the MQTT hostname of the namespace. User name and client id: the authentication"
        " name of the client. Paste its certificate and key. A topic space and a permission binding"
        " must let it subscribe; a filter that begins with a wildcard is refused.",
    ),
    BrokerPreset(
        key="azure-iot-hub",
        name="Azure IoT Hub",
        host="myhub.azure-devices.net",
        protocol_version="3.1.1",
        filters=("devices/mydevice/messages/devicebound/#",),
        username="myhub.azure-devices.net/mydevice/?api-version=2021-04-12",
        client_id="mydevice",
        help="Client id: the id of the device. User name: hub/device/?api-version=2021-04-12."
        " Password: a SAS token of the device, which ends at its time. A hub lets a device hear its"
        " own messages only; for telemetry of all devices use Event Grid.",
    ),
    BrokerPreset(
        key="hivemq",
        name="HiveMQ Cloud",
        host="0123456789abcdef.s1.eu.hivemq.cloud",
        help="Host: the cluster URL of the console. User name and password: those of Access"
        " Management, with the permission to subscribe.",
    ),
    BrokerPreset(
        key="emqx",
        name="EMQX Cloud",
        host="abcd1234.ala.eu-central-1.emqxsl.com",
        help="Host: the address of the deployment's overview. User name and password: of its"
        " Authentication page. A serverless deployment wants its CA certificate from the overview.",
    ),
    BrokerPreset(
        key="tts",
        name="The Things Stack",
        host="eu1.cloud.thethings.network",
        username="my-application@ttn",
        filters=("v3/+/devices/+/up",),
        help="Host: of your cluster. User name: the id of the application, with @ttn on the community"
        " network, @tenant otherwise. Password: an API key with the right to read uplink traffic.",
    ),
    BrokerPreset(
        key="chirpstack",
        name="ChirpStack",
        host="192.168.1.20",
        port=1883,
        use_tls=False,
        filters=("application/+/device/+/event/+",),
        help="Host: where ChirpStack's own broker runs, mostly the same machine. With TLS: port 8883,"
        " and the client certificate that ChirpStack issues for an application under Integrations.",
    ),
)
