"""A small made-up company for the real Tryton of the tests. Runs with Tryton's own Python, not with the hub's.

    python tryton_seed.py trytond.conf DATABASE < people-and-products.json > keys.json

Everything is made through Tryton's own client library, so Tryton's own rules hold for it. It is written to be
run once, on a database that has just been created; ``tests/tryton_server.py`` keeps the result and copies it.
"""

import json
import sys
from datetime import UTC, date, datetime
from decimal import Decimal

from proteus import Model, Wizard, config
from trytond.modules.account.tests.tools import create_chart, create_fiscalyear, get_accounts
from trytond.modules.account_asset.tests.tools import add_asset_accounts
from trytond.modules.account_invoice.tests.tools import set_fiscalyear_invoice_sequences

GROUPS = {
    "buyer": (
        "party.group_party_admin",
        "product.group_product_admin",
        "company.group_employee_admin",
        "purchase.group_purchase",
        "purchase_request.group_purchase_request",
        "purchase_requisition.group_purchase_requisition",
        "purchase_requisition.group_purchase_requisition_approval",
        "stock.group_stock",
        "account.group_account",
        "account.group_account_admin",
        "project.group_project_admin",
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


def party(code, name):
    made = Model.get("party.party")(name=name, code=code)
    made.addresses[0].street = "1 Example Road"
    made.save()
    return made


def employee(code, name, of):
    return new("company.employee", party=party(code, name), company=of)


def books(of):
    """The chart of accounts that Tryton ships, last year, this one, the next; the category products account by."""
    create_chart(of)
    this = datetime.now(UTC).year
    for year in (this - 1, this, this + 1):
        span = (date(year, 1, 1), date(year, 12, 31))
        fiscal_year = create_fiscalyear(of, span)
        fiscal_year.name, fiscal_year.start_date, fiscal_year.end_date = str(year), *span
        set_fiscalyear_invoice_sequences(fiscal_year).click("create_period")
    accounts = get_accounts(of)
    category = Model.get("product.category")(name="Everything", accounting=True)
    category.account_expense, category.account_revenue = accounts["expense"], accounts["revenue"]
    assets = add_asset_accounts(accounts, of)
    category.account_asset, category.account_depreciation = assets["asset"], assets["depreciation"]
    category.save()
    return category


def product(code, name, kind, unit, category):
    template = Model.get("product.template")(name=name, type=kind, purchasable=True, account_category=category)
    if code == "equipment":
        template.depreciable, template.depreciation_duration = True, 36
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
    category = books(of)
    for row in wanted["products"]:
        product(*row, category)
    party(*wanted["supplier"])
    return {login: user(login, of, staff[0]) for login in GROUPS}


if __name__ == "__main__":
    answer, sys.stdout = sys.stdout, sys.stderr  # Tryton may print; the answer must stand alone
    json.dump(main(*sys.argv[1:]), answer)
