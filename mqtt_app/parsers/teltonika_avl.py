"""AVL IDs of Teltonika's trackers: what a number stands for, its unit and its multiplier.

Source: https://wiki.teltonika-gps.com/view/FMB_AVL_ID, of the FMB, FMC and FMM families.
"""

import re

import msgspec

from mqtt_app.parsers.collector import MEASUREMENT, RADIO, Meaning

SWITCH = {"0": False, "1": True}
_WHOLE = re.compile(r"-?[0-9]{1,10}", re.ASCII)


class AvlParameter(msgspec.Struct, frozen=True):
    """`divisor`: by which a whole number is to be divided. `is_switch`: 0 and 1 are off and on."""

    name: str
    meaning: Meaning = MEASUREMENT
    divisor: int = 1
    is_switch: bool = False

    def value_of(self, leaf: object) -> object:
        """The value in the unit of `meaning`; what is no number comes back as it is."""
        if isinstance(leaf, bool):
            return leaf
        text = str(leaf)
        if self.is_switch:
            return SWITCH.get(text, leaf)
        is_raw = self.divisor != 1 and _WHOLE.fullmatch(text)
        if is_raw:
            return int(text) / self.divisor
        return leaf


def _switch(name: str) -> AvlParameter:
    return AvlParameter(name, is_switch=True)


def _measured(name: str, unit: str, divisor: int = 1) -> AvlParameter:
    return AvlParameter(name, Meaning(unit), divisor)


def _radio(name: str, divisor: int = 1) -> AvlParameter:
    return AvlParameter(name, RADIO, divisor)


AVL = {
    "1": _switch("Digital Input 1"),
    "2": _switch("Digital Input 2"),
    "3": _switch("Digital Input 3"),
    "6": _measured("Analog Input 2", "V", 1_000),
    "9": _measured("Analog Input 1", "V", 1_000),
    "12": _measured("Fuel Used GPS", "l", 1_000),
    "13": _measured("Fuel Rate GPS", "l/100km", 100),
    "15": AvlParameter("Eco Score", divisor=100),
    "16": _measured("Total Odometer", "m"),
    "17": _measured("Axis X", "mG"),
    "18": _measured("Axis Y", "mG"),
    "19": _measured("Axis Z", "mG"),
    "21": _radio("GSM Signal"),
    "24": _measured("Speed", "km/h"),
    "25": _measured("BLE Temperature 1", "°C", 100),
    "26": _measured("BLE Temperature 2", "°C", 100),
    "27": _measured("BLE Temperature 3", "°C", 100),
    "28": _measured("BLE Temperature 4", "°C", 100),
    "29": _measured("BLE Battery 1", "%"),
    "20": _measured("BLE Battery 2", "%"),
    "22": _measured("BLE Battery 3", "%"),
    "23": _measured("BLE Battery 4", "%"),
    "30": AvlParameter("Number of DTC"),
    "31": _measured("Engine Load", "%"),
    "32": _measured("Coolant Temperature", "°C"),
    "33": _measured("Short Fuel Trim", "%"),
    "36": _measured("Engine RPM", "rpm"),
    "37": _measured("Vehicle Speed", "km/h"),
    "39": _measured("Intake Air Temperature", "°C"),
    "48": _measured("Fuel Level", "%"),
    "66": _measured("External Voltage", "V", 1_000),
    "67": _measured("Battery Voltage", "V", 1_000),
    "68": _measured("Battery Current", "A", 1_000),
    "69": _radio("GNSS Status"),
    "72": _measured("Dallas Temperature 1", "°C", 10),
    "73": _measured("Dallas Temperature 2", "°C", 10),
    "74": _measured("Dallas Temperature 3", "°C", 10),
    "75": _measured("Dallas Temperature 4", "°C", 10),
    "80": _radio("Data Mode"),
    "81": _measured("CAN Vehicle Speed", "km/h"),
    "84": _measured("CAN Fuel Level", "l", 10),
    "85": _measured("CAN Engine RPM", "rpm"),
    "86": _measured("BLE Humidity 1", "%", 10),
    "87": _measured("CAN Total Mileage", "m"),
    "89": _measured("CAN Fuel Level", "%"),
    "104": _measured("BLE Humidity 2", "%", 10),
    "106": _measured("BLE Humidity 3", "%", 10),
    "108": _measured("BLE Humidity 4", "%", 10),
    "113": _measured("Battery Level", "%"),
    "115": _measured("CAN Engine Temperature", "°C", 10),
    "179": _switch("Digital Output 1"),
    "180": _switch("Digital Output 2"),
    "181": _radio("GNSS PDOP", 10),
    "182": _radio("GNSS HDOP", 10),
    "199": _measured("Trip Odometer", "m"),
    "200": _radio("Sleep Mode"),
    "205": _radio("GSM Cell ID"),
    "206": _radio("GSM Area Code"),
    "237": _radio("Network Type"),
    "239": _switch("Ignition"),
    "240": _switch("Movement"),
    "241": _radio("Active GSM Operator"),
    "250": _switch("Trip"),
    "251": _switch("Idling"),
    "252": _switch("Unplug"),
    "255": _measured("Over Speeding", "km/h"),
    "303": _switch("Instant Movement"),
}
