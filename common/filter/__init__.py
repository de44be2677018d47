"""SQL92 expressions on the properties of messages: from a text to a function that is asked for each message."""
