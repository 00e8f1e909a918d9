from shared.shipped_list import shipped_secids


def test_the_list_holds_each_share_once_and_no_comment() -> None:
    secids = shipped_secids()
    assert len(secids) == len(set(secids)) == 259
    assert {"SBER", "VEON-RX", "X5", "T"} < set(secids)
    assert not any(secid.startswith("#") for secid in secids)
