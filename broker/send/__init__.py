"""From a send request to the store: checks, parsed properties, known sends, and the answer."""
