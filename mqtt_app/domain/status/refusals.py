"""Classes of failures of a link: who says no for good, and what to do about each."""

WHO_SAID_NO = {
    "credentials": "wrong user name or password",
    "configuration": "the settings cannot work",
    "tls": "no trusted TLS connection",
}

REMEDIES = {
    "": "",
    "configuration": "Correct the connection's settings; it is tried again as soon as they are saved.",
    "credentials": "Check what it names (password, client id or client certificate) with whoever runs the broker.",
    "network": "Check host, port and firewall. It is tried again by itself, at most a minute apart.",
    "tls": "Check that the port speaks TLS, and that the CA, the host name and the client certificate fit.",
    "broker": "Ask whoever runs the broker: it answers, but not as an MQTT broker that accepts us should.",
    "conflict": "Another client uses the same client id. Give this connection a client id of its own.",
    "internal": "A fault of this service. See the connection log and the log file of the MQTT worker.",
}
