"""A small made-up company for the real Tryton of the tests. Runs with Tryton's own Python, not with the hub's.

    python tryton_seed.py trytond.conf DATABASE < people-and-products.json > keys.json

Everything is made through Tryton's own client library, so Tryton's own rules hold for it. It is written to be
run once, on a database that has just been created; ``tests/tryton_server.py`` keeps the result and copies it.
"""

import json
import sys
from datetime import date
from decimal import Decimal

from proteus import Model, Wizard, config

GROUPS = {
    "buyer": (
        "party.group_party_admin",
        "product.group_product_admin",
        "company.group_employee_admin",
        "purchase.group_purchase",
        "purchase_request.group_purchase_request",
        "purchase_requisition.group_purchase_requisition",
        "purchase_requisition.group_purchase_requisition_approval",
    ),
    "clerk": ("purchase_requisition.group_purchase_requisition",),
}
"""``buyer`` may approve, ``clerk`` may only ask: one for the hub, one to see a refusal."""


def new(model, **values):
    record = Model.get(model)(**values)
    record.save()
    return record


def one(model, *domain):
    return Model.get(model).find(list(domain), limit=1)[0]


def company(name, code):
    currency = new("currency.currency", name=code, code=code, symbol=code, rounding=Decimal("0.01"), digits=2)
    new("currency.currency.rate", currency=currency, rate=Decimal(1), date=date(2000, 1, 1))
    wizard = Wizard("company.company.config")
    wizard.execute("company")
    wizard.form.party = new("party.party", name=name)
    wizard.form.currency = currency
    wizard.execute("add")
    config.get_config()._context = Model.get("res.user").get_preferences(True, {})
    return one("company.company")


def employee(code, name, of):
    return new("company.employee", party=new("party.party", name=name, code=code), company=of)


def product(code, name, kind, unit):
    template = Model.get("product.template")(name=name, type=kind, purchasable=True)
    template.default_uom = one("product.uom", ("symbol", "=", unit))
    template.list_price = Decimal(0)
    template.products[0].suffix_code = code
    template.save()


def user(login, of, works_as):
    person = Model.get("res.user")(login=login, name=login, email=f"{login}@example.com")
    records = Model.get("ir.model.data")
    for name in GROUPS[login]:
        person.groups.append(Model.get("res.group")(records.get_id(name, {})))
    person.companies.append(Model.get("company.company")(of.id))
    person.company = of
    person.employees.append(Model.get("company.employee")(works_as.id))
    person.employee = works_as
    person.save()
    return new("res.user.application", user=person, application="rest").key


def main(conf, database):
    wanted = json.load(sys.stdin)
    config.set_trytond(f"sqlite:///{database}", config_file=conf)
    of = company(wanted["company"], wanted["currency"])
    staff = [employee(code, name, of) for code, name in wanted["people"].items()]
    for row in wanted["products"]:
        product(*row)
    return {login: user(login, of, staff[0]) for login in GROUPS}


if __name__ == "__main__":
    answer, sys.stdout = sys.stdout, sys.stderr  # Tryton may print; the answer must stand alone
    json.dump(main(*sys.argv[1:]), answer)
