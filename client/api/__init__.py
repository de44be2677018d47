"""One typed call for each request, a module a family. Every call takes the `Session` it goes through.

A call makes the request, and reads the answer or raises the BrokerError of its code. Which broker to ask, and whether
to ask another one, is decided by who calls: producer, consumers and the admin client.
"""
