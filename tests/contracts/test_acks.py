from mqtt_app.coordination.acks import Fate, Note, note, read_note


def test_every_id_arrives_once_and_in_order(acks):
    acks.push("mqtt-1", "x", ["a", "b"])
    acks.push("mqtt-1", "x", ["c"])
    assert acks.pop("mqtt-1", "x", 0.1) == ["a", "b", "c"]
    assert acks.pop("mqtt-1", "x", 0.1) == []


def test_each_start_of_an_instance_has_a_list_of_its_own(acks):
    acks.push("mqtt-1", "old", ["a"])
    assert acks.pop("mqtt-1", "new", 0.1) == []
    assert acks.pop("mqtt-1", "old", 0.1) == ["a"]


def test_pushing_nothing_is_nothing(acks):
    acks.push("mqtt-1", "x", [])
    assert acks.pop("mqtt-1", "x", 0.1) == []


def test_a_note_says_whose_messages_were_left_and_whose_have_to_come_again():
    text = note("a" * 32, {3, 1}, {2})
    assert text == f"{'a' * 32}!1,3~2"
    assert read_note(text) == Note("a" * 32, Fate.COMMITTED, frozenset({1, 3}), frozenset({2}))
    assert read_note(note("b", (), {5})) == Note("b", postponed=frozenset({5}))
    assert read_note(note("c", fate=Fate.KILLED)) == Note("c", Fate.KILLED)
