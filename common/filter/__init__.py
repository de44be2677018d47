"""SQL92 expressions and conditions on messages: from a text to a function that is asked for each message."""
