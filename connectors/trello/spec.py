"""Trello's SPEC: settings, streams with their fields, actions. Data only."""

from __future__ import annotations

from connectors.trello.decode import CARD_NAMES, COMMENT_NAMES
from connectors.trello.editing import UPDATABLE, UPDATE
from hub.connector.documents import record, text
from hub.connector.spec import ConnectorSpec, Setting, StreamField, StreamSpec
from hub.connector.updates import update_action
from hub.model.action import ActionSpec, Call, TargetClass

_SETTINGS = (
    Setting(
        "url", "url", "base address of the API", "https://api.trello.com", "https://api.trello.com", required=True
    ),
    Setting("key", "text", "API key", "env:TRELLO_KEY", secret=True),
    Setting("api_token", "text", "token of the account the hub acts as", "env:TRELLO_TOKEN", secret=True),
    Setting("secret", "text", "the key's application secret; it signs webhooks", "env:TRELLO_SECRET", secret=True),
    Setting("callback_url", "url", "the callback address exactly as registered, if it is not the address we see"),
    Setting("boards", "list", "ids of the boards that polling reads", "[53582e2da0fac5676a714277]", ()),
    Setting("overlap_minutes", "integer", "how far each poll goes back before the newest action seen (≥ 2)", "5", 5),
)

_CARD = StreamSpec(
    "card",
    "one card; webhooks tell only what changed, a read tells all",
    CARD_NAMES,
    (
        StreamField("id", "stable id"),
        StreamField("idShort", "number on the board", "integer"),
        StreamField("shortLink", "short id in links"),
        StreamField("name", "title"),
        StreamField("desc", "long text, Markdown"),
        StreamField("idList", "id of the column it is in"),
        StreamField("list.name", "name of the column; after a column is renamed, cards tell it when next read"),
        StreamField("board.name", "name of the board"),
        StreamField("due", "when it is due", "instant"),
        StreamField("dueComplete", "whether the due date is ticked off", "boolean"),
        StreamField("closed", "archived", "boolean"),
        StreamField("idMembers", "members' ids, first come first; reads only", "list", sensitive=True),
        StreamField("labels", "labels with name and colour; reads only", "list"),
        StreamField('customFields["NAME"]', "a custom field's value as text, by the name the board gives it"),
        StreamField("checklists", "checklists with their items; reads only", "list"),
        StreamField("dateLastActivity", "version time of a read card", "instant"),
    ),
    polled=True,
    webhook=True,
    update_action=UPDATE,
    updatable=UPDATABLE,
)
_COMMENT = StreamSpec(
    "comment",
    "one comment on a card; a deleted one is a delete (polling card brings comments along)",
    COMMENT_NAMES,
    (
        StreamField("id", "stable id"),
        StreamField("text", "Markdown"),
        StreamField("card.id", "the card it stands on"),
        StreamField("idMemberCreator", "who wrote it", "person", sensitive=True),
    ),
    webhook=True,
)
_COMMENT_ACTION = ActionSpec(
    name="card.comment",
    title={"en": "comment on the card", "zh": "在卡片上评论"},
    weight="note",
    target=TargetClass.B,
    payload=record({"card": text("card id", 100), "body": text("text, Markdown", 16_000)}),
    document=record(
        {
            "card": text("card id", 100),
            "body": text("the text without our last line", 16_384),
            "text": text("the text as Trello shows it", 16_384),
        }
    ),
    calls=(Call("comment"),),
    carrier="last line of the comment: [ref:<16 digits>]",
    quiesce_seconds=120,
)

SPEC = ConnectorSpec(
    name="trello",
    title="Trello",
    settings=_SETTINGS,
    streams=(_CARD, _COMMENT),
    actions=(_COMMENT_ACTION, update_action(UPDATE, {"en": "change the card", "zh": "修改卡片"})),
    signed=True,
    methods=frozenset({"HEAD"}),
    has_twin=True,
    guarantee={
        "en": "Every action on a board reaches the hub at least once: by webhook, else by the next poll. "
        "A comment is written once: before a second try all comments of the card are read.",
        "zh": "看板上的每个动作至少送达一次：先靠 webhook，漏掉的由下一次轮询补上。"
        "评论只写一次：重试前先读遍该卡片的全部评论。",
    },
)
