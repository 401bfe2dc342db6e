"""A test of a connection beside the running link: blocking sockets, one deadline, a session of its
own.
"""
