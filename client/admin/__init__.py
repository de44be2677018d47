"""The admin client: every administrative call as a typed coroutine."""
