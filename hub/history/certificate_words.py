"""The words of the printed certificate in both languages, beside each other so that neither is forgotten."""

from __future__ import annotations

from collections.abc import Mapping

Texts = Mapping[str, str]


def _both(zh: str, en: str) -> Texts:
    return {"zh": zh, "en": en}


WORDS: Mapping[str, Texts] = {
    "title": _both("结项闭环证明", "Closing certificate"),
    "closing": _both("闭环实例", "Closing"),
    "owner": _both("负责人", "Owner"),
    "closed_at": _both("结项时间", "Closed"),
    "finished_at": _both("闭环结束", "Ended"),
    "not_finished": _both("尚未完成", "not finished"),
    "mapping": _both("映射版本", "Mapping version"),
    "activated": _both("版本生效", "In force since"),
    "made_at": _both("出具时间", "Made"),
    "made_for": _both("出具对象", "Made for"),
    "anybody": _both("任何人（不含受限字段）", "anybody (no private fields)"),
    "obligations": _both("应办事项与结果", "What was owed, and what became of it"),
    "each": _both("逐项证据", "The evidence, one by one"),
    "step": _both("步骤", "Step"),
    "document": _both("单据", "Document"),
    "number": _both("编号", "Number"),
    "amount": _both("金额", "Amount"),
    "outcome": _both("结果", "Outcome"),
    "approval": _both("审批", "Approval"),
    "sent": _both("发送于", "sent"),
    "confirmed": _both("回读一致于", "read back equal"),
    "attempts": _both("尝试次数", "attempts"),
    "field": _both("字段", "Field"),
    "sent_value": _both("发送值", "Sent"),
    "from": _both("来源（映射行）", "From (row of the mapping)"),
    "read_value": _both("回读值", "Read back"),
    "effect_key": _both("幂等键", "Effect key"),
    "payload_hash": _both("载荷 SHA-256", "Payload SHA-256"),
    "log_places": _both("日志位置", "Places in the log"),
    "log_place": _both("日志位置", "Log place"),
    "decisions": _both("人工决定", "Decisions of people"),
    "when": _both("时间", "When"),
    "who": _both("谁", "Who"),
    "what": _both("决定", "What"),
    "why": _both("理由", "Why"),
    "sources": _both("来源记录", "Source records"),
    "received": _both("收到时间", "Received"),
    "connection": _both("连接", "Connection"),
    "origin": _both("方式", "Came by"),
    "fingerprint": _both("内容指纹", "Fingerprint of its bytes"),
    "proof": _both("证明", "Proof"),
    "included": _both(
        "{events} 个事件与 {deliveries} 条来源记录均附有包含性证明，位于 {blocks} 个相连的封存块中；"
        "其中 {hidden} 个事件的内容对此读者不可见，只以承诺值列出。",
        "{events} events and {deliveries} source records, each with proof that it lies in one of {blocks} chained "
        "sealed blocks; what {hidden} events say is not shown to this reader and stands here by its commitment.",
    ),
    "head": _both("链首（第 {number} 块）", "Head of the chain (block {number})"),
    "seal": _both("本证明封印", "Seal of this certificate"),
    "signed": _both("Ed25519 签名公钥", "Signed (Ed25519) with the key"),
    "unsigned": _both(
        "未签名：证明各部分彼此相符并属于上述链；是否为本系统之链，请与另行保存的链首比对。",
        "Not signed: it proves that its parts fit each other and the chain above; that the chain is the hub's own is "
        "shown by comparing its head with one kept elsewhere.",
    ),
    "check": _both("离线核验：", "Check it with nothing else at hand:"),
    "inside": _both("本页内嵌完整的机器可读证明", "the machine-readable certificate is inside this page"),
    "hidden": _both("不可见", "not shown"),
}

STATES: Mapping[str, Texts] = {
    "done": _both("完成", "done"),
    "skipped": _both("无需办理", "nothing owed"),
    "waived": _both("已豁免", "waived"),
    "undone": _both("已撤销", "undone"),
    "failed": _both("失败", "failed"),
    "asking": _both("待审批", "waits for approval"),
    "running": _both("进行中", "running"),
    "waiting": _both("等待", "waiting"),
    "history": _both("历史", "history"),
    "blocked": _both("受阻", "blocked"),
    "needs_person": _both("待人处理", "needs a person"),
    "cancelled": _both("已取消", "cancelled"),
    "PLANNED": _both("已计划", "planned"),
    "SENDING": _both("发送中", "sending"),
    "SENT": _both("已发送", "sent"),
    "CONFIRMED": _both("已回读一致", "read back equal"),
    "MISMATCH": _both("回读不一致", "read back different"),
    "REJECTED": _both("被拒绝", "refused"),
    "UNKNOWN": _both("结果未知", "unknown"),
    "HUMAN": _both("待人处理", "needs a person"),
    "CANCELLED": _both("已取消", "cancelled"),
    "SUPERSEDED": _both("已被取代", "superseded"),
    "asked": _both("待答", "asked"),
    "approved": _both("已批准", "approved"),
    "dropped": _both("已撤回", "withdrawn"),
}

DECISIONS: Mapping[str, Texts] = {
    "approved": _both("批准", "approved"),
    "waived": _both("豁免", "waived"),
    "retried": _both("要求重试", "tried again"),
    "done_by_hand": _both("人工办理", "done by hand"),
    "cancelled": _both("取消", "cancelled"),
    "undoing": _both("撤回结项", "taken back"),
    "late": _both("处理迟到记录", "decided what came late"),
    "started": _both("允许再次结项", "allowed another closing"),
}
