"""How the built-in exchange makes itself known, so that a simulated price never looks real.

The gateway of `simulator/` names itself in the header `server` of its CONNECTED frame; a client that sees this name
there knows that prices are simulated, whatever address it was given.
"""

SIMULATOR_NAME = "moex-monitor-simulator"


def is_simulator(server: str | None) -> bool:
    """Whether the `server` header of a CONNECTED frame (None: there was none) is that of the built-in exchange."""
    return server is not None and server.startswith(SIMULATOR_NAME)
