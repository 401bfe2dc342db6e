"""Where the JSON of network servers has what: one table row for each maker. Paths are keys joined
with dots, numbers for places in a list.

Sources: ThingPark https://docs.thingpark.com ; LORIOT https://docs.loriot.io ; MultiTech
https://www.multitech.net/developer/software/lora/lora-network-server/mqtt-messages/ ; Everynet
https://ns.docs.everynet.io/data-api/ ; AWS https://docs.aws.amazon.com/iot-wireless/ ; the others
as their messages are published. The Things Network v2 is closed, but still forwarded by many.
"""

import msgspec


class ServerShape(msgspec.Struct, frozen=True, kw_only=True):
    """`mark`: keys that all have to be in the bytes of a message. `gateways`: the list of those
    that heard the uplink, or the object of the one; "" for the message itself. `is_hex`: the bytes
    are hexadecimal, else base64. `counter` and `port` keep the maker's names, the ends of their
    paths. `kinds`: values of the key `cmd` that stand for uplinks, empty when there is no such key.
    """

    maker: str
    mark: tuple[bytes, ...]
    eui: str
    time: tuple[str, ...]
    objects: tuple[str, ...]
    data: str
    is_hex: bool = False
    counter: str
    port: str
    name: str = ""
    gateways: str = ""
    gateway: str = ""
    rssi: str = ""
    snr: str = ""
    kinds: tuple[str, ...] = ()


SHAPES = (
    ServerShape(
        maker="ThingPark",
        mark=(b'"DevEUI_uplink"',),
        eui="DevEUI_uplink.DevEUI",
        time=("DevEUI_uplink.Time",),
        objects=("DevEUI_uplink.payload",),
        data="DevEUI_uplink.payload_hex",
        is_hex=True,
        counter="DevEUI_uplink.FCntUp",
        port="DevEUI_uplink.FPort",
        name="DevEUI_uplink.CustomerData.name",
        gateways="DevEUI_uplink.Lrrs.Lrr",
        gateway="Lrrid",
        rssi="LrrRSSI",
        snr="LrrSNR",
    ),
    ServerShape(
        maker="LORIOT",
        mark=(b'"cmd"', b'"EUI"'),
        eui="EUI",
        time=("ts",),
        objects=("decoded.data", "decoded"),
        data="data",
        is_hex=True,
        counter="fcnt",
        port="port",
        gateways="gws",
        gateway="gweui",
        rssi="rssi",
        snr="snr",
        kinds=("rx", "gw"),
    ),
    ServerShape(
        maker="Helium",
        mark=(b'"dev_eui"', b'"hotspots"'),
        eui="dev_eui",
        time=("reported_at",),
        objects=("decoded.payload",),
        data="payload",
        counter="fcnt",
        port="port",
        name="name",
        gateways="hotspots",
        gateway="name",
        rssi="rssi",
        snr="snr",
    ),
    ServerShape(
        maker="The Things Network v2",
        mark=(b'"hardware_serial"', b'"payload_raw"'),
        eui="hardware_serial",
        time=("metadata.time",),
        objects=("payload_fields",),
        data="payload_raw",
        counter="counter",
        port="port",
        name="dev_id",
        gateways="metadata.gateways",
        gateway="gtw_id",
        rssi="rssi",
        snr="snr",
    ),
    ServerShape(
        maker="MultiTech",
        mark=(b'"deveui"', b'"lsnr"'),
        eui="deveui",
        time=("time",),
        objects=(),
        data="data",
        counter="fcnt",
        port="port",
        name="name",
        gateway="gweui",
        rssi="rssi",
        snr="lsnr",
    ),
    ServerShape(
        maker="Kerlink",
        mark=(b'"endDevice"', b'"fCntUp"'),
        eui="endDevice.devEui",
        time=("recvTime",),
        objects=("payloadObject",),
        data="payload",
        is_hex=True,
        counter="fCntUp",
        port="fPort",
        name="endDevice.name",
        gateways="gwInfo",
        gateway="gwEui",
        rssi="rssi",
        snr="snr",
    ),
    ServerShape(
        maker="Everynet",
        mark=(b'"counter_up"', b'"device_addr"'),
        eui="meta.device",
        time=("params.rx_time", "meta.time"),
        objects=("params.decoded_payload",),
        data="params.payload",
        counter="params.counter_up",
        port="params.port",
        gateways="meta",
        gateway="gateway",
    ),
    ServerShape(
        maker="Netmore",
        mark=(b'"devEui"', b'"gatewayIdentifier"'),
        eui="devEui",
        time=("timestamp",),
        objects=("decoded",),
        data="payload",
        is_hex=True,
        counter="fCntUp",
        port="fPort",
        gateway="gatewayIdentifier",
        rssi="rssi",
        snr="snr",
    ),
    ServerShape(
        maker="AWS",
        mark=(b'"WirelessMetadata"', b'"PayloadData"'),
        eui="WirelessMetadata.LoRaWAN.DevEui",
        time=("WirelessMetadata.LoRaWAN.Timestamp",),
        objects=(),
        data="PayloadData",
        counter="WirelessMetadata.LoRaWAN.FCnt",
        port="WirelessMetadata.LoRaWAN.FPort",
        gateways="WirelessMetadata.LoRaWAN.Gateways",
        gateway="GatewayEui",
        rssi="Rssi",
        snr="Snr",
    ),
    ServerShape(
        maker="Orange Live Objects",
        mark=(b'"urn:lo:nsid:lora:', b'"network"'),
        eui="metadata.network.lora.devEUI",
        time=("timestamp", "created"),
        objects=("value",),
        data="value.payload",
        is_hex=True,
        counter="metadata.network.lora.fcnt",
        port="metadata.network.lora.port",
        gateways="metadata.network.lora",
        rssi="rssi",
        snr="snr",
    ),
    ServerShape(
        maker="Senet",
        mark=(b'"devEui"', b'"pdu"'),
        eui="devEui",
        time=("txtime",),
        objects=(),
        data="pdu",
        is_hex=True,
        counter="seqno",
        port="port",
        gateway="gwEui",
        rssi="rssi",
        snr="snr",
    ),
    ServerShape(
        maker="Firefly",
        mark=(b'"device_eui"', b'"gwrx"'),
        eui="device_eui",
        time=("received_at",),
        objects=("parsed",),
        data="payload",
        is_hex=True,
        counter="fcnt",
        port="port",
        gateways="gwrx",
        gateway="gweui",
        rssi="rssi",
        snr="lsnr",
    ),
)
