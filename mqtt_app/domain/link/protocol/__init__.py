"""What a broker sends, judged by MQTT 5.0 and 3.1.1 before anything else sees it. Pure: bytes in,
packets out.

`PacketStream` cuts the stream into packets, judging each as early as its bytes allow; whatever the
protocol forbids is a `Violation`, with the Reason Code that MQTT 5 gives it. Where real brokers are
sloppy without doing harm, this is lenient, which each place names.
"""
