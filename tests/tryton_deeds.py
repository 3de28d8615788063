"""What people do in the real Tryton of the tests. Runs with Tryton's own Python, through its client library.

python tryton_deeds.py trytond.conf DATABASE buy 12            # what requisition 12 asks for is ordered
python tryton_deeds.py trytond.conf DATABASE receive 12 1      # its goods (of one line) arrive
python tryton_deeds.py trytond.conf DATABASE invoice 12        # its draft invoices are posted
python tryton_deeds.py trytond.conf DATABASE amend 12 2031-02-03   # it is needed on another day
python tryton_deeds.py trytond.conf DATABASE again 12      # it is copied
"""

import sys
from datetime import UTC, date, datetime

from proteus import Model, Wizard, config
from trytond.pool import Pool
from trytond.transaction import Transaction


def requests_of(requisition):
    lines = [line.id for line in Model.get("purchase.requisition")(int(requisition)).lines]
    origins = [f"purchase.requisition.line,{line}" for line in lines]
    return Model.get("purchase.request").find([("origin", "in", origins)])


def purchases_of(requisition):
    found = {request.purchase.id: request.purchase for request in requests_of(requisition) if request.purchase}
    return list(found.values())


def buy(requisition):
    (supplier,) = Model.get("party.party").find([("code", "=", "S-100")])
    requests = requests_of(requisition)
    for request in requests:
        request.party = supplier
        request.save()
    Wizard("purchase.request.create_purchase", requests)
    for purchase in purchases_of(requisition):
        for line in purchase.lines:
            line.unit_price = line.unit_price or 1
        purchase.save()
        for button in ("quote", "confirm"):
            purchase.click(button)


def receive(requisition, lines="0"):
    """The open goods of a requisition arrive; ``lines``: only so many of its moves, 0 for all."""
    for purchase in purchases_of(requisition):
        moves = [move for move in purchase.moves if move.state == "draft"]
        shipment = Model.get("stock.shipment.in")(supplier=purchase.party)
        for move in moves[: int(lines) or None]:
            shipment.incoming_moves.append(Model.get("stock.move")(move.id))
        shipment.save()
        for button in ("receive", "do"):
            shipment.click(button)


def invoice(requisition):
    for purchase in purchases_of(requisition):
        for made in purchase.invoices:
            if made.state == "draft":
                made.invoice_date = datetime.now(UTC).date()
                made.save()
                made.click("post")


def amend(requisition, day):
    """An administrator corrects when the goods are needed, as in trytond-console: the client lets nobody any more."""
    with Transaction().start(config.get_config().database_name, 0):
        kind = Pool().get("purchase.requisition")
        kind.write([kind(int(requisition))], {"supply_date": date.fromisoformat(day)})


def again(requisition):
    """Somebody copies a requisition; Tryton leaves out number and state, not the description."""
    Model.get("purchase.requisition").copy([int(requisition)], config.get_config().context)


if __name__ == "__main__":
    conf, database, deed, *words = sys.argv[1:]
    config.set_trytond(f"sqlite:///{database}", config_file=conf)
    config.get_config()._context = Model.get("res.user").get_preferences(True, {})
    {"buy": buy, "receive": receive, "invoice": invoice, "amend": amend, "again": again}[deed](*words)
