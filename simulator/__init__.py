"""The built-in exchange: an ISS+ gateway and the ISS pages that go with it, on this machine only.

Prices are invented. Two accounts are accepted: the public one (domain DEMO, login guest, passcode guest) and one
passport account (domain passport, login trader, passcode secret). Tickers: the shares of board TQBR in
`shared/tqbr_secids.txt`. Alone: `python -m simulator`; under the supervisor: `simulator.app.main`; in tests:
`simulator.background.running_exchange`.
"""
