"""The shares of board TQBR and their lasting facts. Pure, and the same for every seed.

A price is an integer number of units, one unit being the last decimal of the instrument: 306.12 with two decimals is
30612 units. So prices are exact, and stand on the instrument's step by being multiples of it.
"""

from collections.abc import Container
from dataclasses import dataclass
from functools import cache
from math import log10
from random import Random

from shared.shipped_list import shipped_secids

MARKET = "MXSE"
BOARD = "TQBR"
_LOT_VALUE = 1000.0
_ZIPF_EXPONENT = 1.1


@dataclass(frozen=True, slots=True)
class Instrument:
    """One share. `step` and `previous` (last price of the day before) are units, `lot` is shares in a lot.

    `activity` is the weight with which the market picks this share: the most active has 1, the n-th about 1/n.
    """

    secid: str
    caption: str
    latin: str
    lot: int
    decimals: int
    step: int
    previous: int
    issue_size: int
    activity: float

    @property
    def scale(self) -> int:
        """Units in one of the price's currency."""
        return int(10**self.decimals)

    @property
    def ticker(self) -> str:
        """The full ticker of the gateway, such as MXSE.TQBR.SBER."""
        return f"{MARKET}.{BOARD}.{self.secid}"


# Lot, step and the order of the prices as the exchange had them in 2025; the most active share first.
_BEST_KNOWN = (
    ("SBER", "Сбербанк", "Sberbank", 1, "0.01", "305.43"),
    ("GAZP", "ГАЗПРОМ ао", "Gazprom", 10, "0.01", "126.45"),
    ("LKOH", "ЛУКОЙЛ", "LUKOIL", 1, "0.5", "5398.5"),
    ("VTBR", "ВТБ ао", "VTB", 1, "0.005", "72.350"),
    ("T", "Т-Техно ао", "T-Technologies", 1, "0.2", "3284.6"),
    ("GMKN", "ГМКНорНик", "Nornickel", 10, "0.02", "148.24"),
    ("ROSN", "Роснефть", "Rosneft", 1, "0.05", "402.35"),
    ("YDEX", "ЯНДЕКС", "Yandex", 1, "0.5", "4390.5"),
    ("NVTK", "Новатэк ао", "NOVATEK", 1, "0.1", "1168.4"),
    ("PLZL", "Полюс", "Polyus", 1, "0.2", "2398.4"),
    ("OZON", "ОЗОН", "Ozon", 1, "0.5", "4420.0"),
    ("MGNT", "Магнит ао", "Magnit", 1, "0.5", "3021.5"),
    ("X5", "КЦ ИКС 5", "X5", 1, "0.5", "2860.5"),
    ("TATN", "Татнфт 3ао", "Tatneft", 1, "0.1", "571.9"),
    ("SNGSP", "Сургнфгз-п", "Surgut pref", 10, "0.005", "41.270"),
    ("MOEX", "МосБиржа", "MOEX", 10, "0.01", "171.93"),
    ("CHMF", "СевСт-ао", "Severstal", 1, "0.2", "951.4"),
    ("NLMK", "НЛМК ао", "NLMK", 10, "0.02", "104.94"),
    ("ALRS", "АЛРОСА ао", "ALROSA", 10, "0.01", "40.93"),
    ("AFLT", "Аэрофлот", "Aeroflot", 10, "0.01", "57.02"),
    ("SNGS", "Сургнфгз", "Surgutneftegas", 100, "0.005", "21.345"),
    ("MAGN", "ММК", "MMK", 10, "0.005", "27.145"),
    ("VKCO", "МКПАО ВК", "VK", 1, "0.1", "289.4"),
    ("IRAO", "ИнтерРАОао", "Inter RAO", 100, "0.0005", "3.0185"),
    ("HYDR", "РусГидро", "RusHydro", 1000, "0.0001", "0.4127"),
    ("FEES", "Россети", "Rosseti", 10000, "0.00002", "0.07342"),
    ("TRNFP", "Транснф ап", "Transneft pref", 1, "0.2", "1320.4"),
    ("SBERP", "Сбербанк-п", "Sberbank pref", 1, "0.01", "303.90"),
    ("RUAL", "РУСАЛ ао", "RUSAL", 10, "0.005", "34.120"),
    ("MTSS", "МТС-ао", "MTS", 10, "0.05", "214.75"),
    ("PHOR", "ФосАгро ао", "PhosAgro", 1, "1", "6512"),
    ("PIKK", "ПИК ао", "PIK", 1, "0.1", "478.9"),
    ("AFKS", "Система ао", "Sistema", 100, "0.001", "13.845"),
    ("MTLR", "Мечел ао", "Mechel", 1, "0.01", "84.17"),
    ("UPRO", "Юнипро ао", "Unipro", 1000, "0.001", "1.498"),
    ("TATNP", "Татнфт 3ап", "Tatneft pref", 1, "0.1", "540.2"),
    ("RTKM", "Ростел -ао", "Rostelecom", 10, "0.01", "62.44"),
    ("AKRN", "Акрон", "Acron", 1, "2", "16348"),
    ("BSPB", "БСП ао", "Bank St Petersburg", 10, "0.01", "371.52"),
    ("OGKB", "ОГК-2 ао", "OGK-2", 1000, "0.0001", "0.3714"),
    ("MSNG", "+МосЭнерго", "Mosenergo", 1000, "0.0005", "2.3175"),
    ("TGKA", "ТГК-1", "TGK-1", 100000, "0.000002", "0.006214"),
    ("LNZL", "Лензолото", "Lenzoloto", 1, "20", "11480"),
    ("VEON-RX", "VEON-RX", "VEON", 1, "0.1", "61.3"),
)


@cache
def all_instruments() -> tuple[Instrument, ...]:
    """Every share of the shipped list, the most active first."""
    known = {row[0]: row for row in _BEST_KNOWN}
    others = [secid for secid in shipped_secids() if secid not in known]
    Random("activity").shuffle(others)
    ranked = [secid for secid in known if secid in shipped_secids()] + others
    return tuple(
        _known(known[secid], rank) if secid in known else _invented(secid, rank, known)
        for rank, secid in enumerate(ranked, start=1)
    )


def _known(row: tuple[str, str, str, int, str, str], rank: int) -> Instrument:
    secid, caption, latin, lot, step, previous = row
    decimals = len(step.partition(".")[2])
    return Instrument(
        secid=secid,
        caption=caption,
        latin=latin,
        lot=lot,
        decimals=decimals,
        step=round(float(step) * 10**decimals),
        previous=round(float(previous) * 10**decimals),
        issue_size=_issue_size(float(previous), Random(f"issue {secid}")),
        activity=rank**-_ZIPF_EXPONENT,
    )


def _invented(secid: str, rank: int, known: Container[str]) -> Instrument:
    random = Random(f"share {secid}")
    price = 10 ** random.uniform(-2.0, 4.3)
    decimals, step = _fitting_step(price / random.uniform(1000, 6000))
    is_preferred = secid.endswith("P") and (secid[:-1] in shipped_secids() or secid[:-1] in known)
    return Instrument(
        secid=secid,
        caption=f"{secid[:-1]} ап" if is_preferred else f"{secid} ао",
        latin=f"{secid[:-1]} pref" if is_preferred else secid,
        lot=10 ** max(0, round(log10(_LOT_VALUE / price))),
        decimals=decimals,
        step=step,
        previous=round(price * 10**decimals / step) * step,
        issue_size=_issue_size(price, random),
        activity=rank**-_ZIPF_EXPONENT,
    )


def _fitting_step(wanted: float) -> tuple[int, int]:
    """Decimals (0 to 6) and a step of 1, 2 or 5 units of the last decimal, close to `wanted`."""
    decimals = max(0, min(6, -int(log10(wanted) // 1)))
    digit = wanted * 10**decimals
    return decimals, 1 if digit < 2.0 else 2 if digit < 5.0 else 5


def _issue_size(price: float, random: Random) -> int:
    capitalisation = 10 ** random.uniform(9.5, 12.3)
    return max(1, round(capitalisation / price / 1000)) * 1000
