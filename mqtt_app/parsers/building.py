"""The parsers of what stands in buildings: relays, meters, inverters, heatings, locks, gateways."""

from mqtt_app.parsers.base import Parser
from mqtt_app.parsers.ems_esp import EmsEspParser
from mqtt_app.parsers.energy import wmbusmeters
from mqtt_app.parsers.energy.charging import OPENEVSE, OPENWB, OPENWB_1
from mqtt_app.parsers.energy.go_e import GoEChargerParser
from mqtt_app.parsers.energy.hildebrand import HildebrandParser
from mqtt_app.parsers.energy.meters import DSMR_READER
from mqtt_app.parsers.energy.solar import AHOY, OPENDTU
from mqtt_app.parsers.energy.storage import BLUETTI
from mqtt_app.parsers.esphome import EsphomeParser
from mqtt_app.parsers.evcc import EvccParser
from mqtt_app.parsers.homie.parser import HomieParser
from mqtt_app.parsers.household import families
from mqtt_app.parsers.household.ccu_jack import CcuJackParser
from mqtt_app.parsers.household.ebusd import EbusdParser
from mqtt_app.parsers.household.espurna import ESPURNA
from mqtt_app.parsers.household.goodbyes import GOODBYES
from mqtt_app.parsers.household.mqtt_smarthome import MqttSmarthomeParser
from mqtt_app.parsers.household.mysensors import MySensorsParser
from mqtt_app.parsers.industry import io_link, kepware
from mqtt_app.parsers.industry.advantech import AdvantechParser
from mqtt_app.parsers.json_forms import JsonFormParser
from mqtt_app.parsers.shelly.gen1 import ShellyGen1Parser
from mqtt_app.parsers.shelly.gen2 import ShellyGen2Parser
from mqtt_app.parsers.topic_family import FamilyParser
from mqtt_app.parsers.victron import VictronParser
from mqtt_app.parsers.wiren_board import WirenBoardParser


def building_parsers() -> list[Parser]:
    """In the order in which ties are decided."""
    return [
        ShellyGen2Parser(),
        ShellyGen1Parser(),
        VictronParser(),
        EsphomeParser(),
        HomieParser(),
        EmsEspParser(),
        EvccParser(),
        GoEChargerParser(),
        FamilyParser(OPENDTU),
        FamilyParser(AHOY),
        FamilyParser(OPENWB),
        FamilyParser(OPENWB_1),
        FamilyParser(OPENEVSE),
        FamilyParser(BLUETTI),
        FamilyParser(ESPURNA),
        FamilyParser(DSMR_READER),
        HildebrandParser(),
        MySensorsParser(),
        EbusdParser(),
        AdvantechParser(),
        *map(JsonFormParser, (wmbusmeters.FORM, io_link.FORM, kepware.FORM)),
        MqttSmarthomeParser(),
        *(FamilyParser(family) for family in (*families.ALL, *GOODBYES)),
        CcuJackParser(),
        WirenBoardParser(),
    ]
