"""Every word of the health report in both languages, beside each other so that neither is forgotten.

``MEASURES`` gives a measure's name, its definition and its formula; formulas are shown to readers and to machines.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Texts = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class MeasureWords:
    title: Texts
    meaning: Texts
    formula: Texts


def _words(zh: str, en: str) -> Texts:
    return {"zh": zh, "en": en}


MEASURES: Mapping[str, MeasureWords] = {
    "documents": MeasureWords(
        _words("已生成单据", "Documents created"),
        _words(
            "在目标系统中生成并回读一致的业务单据", "Business documents created in the target and read back equal"
        ),
        _words("窗口内已确认单据数（评论等备注不计）", "confirmed documents in the window, notes left out"),
    ),
    "consistency": MeasureWords(
        _words("数据一致率", "Data consistency"),
        _words("回读目标系统，与应有值逐字段比对", "Each document is read back and compared field by field"),
        _words("回读一致 ÷ 已回读", "read back equal ÷ read back"),
    ),
    "on_time": MeasureWords(
        _words("按时完成率", "On-time share"),
        _words("闭环在时限内全部完成", "Closings finished within the agreed time"),
        _words("按时完成 ÷（已完成 + 已超时未完成）", "done in time ÷ (done + overdue)"),
    ),
    "steps_in_time": MeasureWords(
        _words("步骤按时率", "Steps in time"),
        _words("有时限（within）的步骤在时限内完成", "Steps with a limit (`within`) that were over before it"),
        _words("时限内完成 ÷（已完成 + 已超时未完成）", "over in time ÷ (over + overdue)"),
    ),
    "automation": MeasureWords(
        _words("流程自动化覆盖率", "Automation coverage"),
        _words(
            "无需人工补救的闭环；制度要求的审批不算人工",
            "Closings nobody had to mend; approvals by policy do not count",
        ),
        _words(
            "无人工介入完成 ÷（完成 + 待人处理 + 受阻 + 隔离中记录）",
            "done untouched ÷ (done + needing a person + blocked + records in quarantine)",
        ),
    ),
    "open_obligations": MeasureWords(
        _words("未了事项", "Open obligations"),
        _words("闭环中尚未完成的单据或动作", "Documents or acts a closing still owes"),
        _words("状态为等待、待审批、进行中、失败的事项数", "obligations waiting, asking, running or failed"),
    ),
    "unaccounted": MeasureWords(
        _words("去向不明的记录", "Unaccounted records"),
        _words("每条收到的记录都必须有去向", "Every record received has exactly one outcome"),
        _words(
            "收到 − 应用 − 无变化 − 过期 − 跳过 − 暂挂 − 隔离 − 处理中",
            "received − applied − unchanged − stale − skipped − held − quarantined − in flight",
        ),
    ),
    "quarantine": MeasureWords(
        _words("隔离中的记录", "Records in quarantine"),
        _words("因原因明确而被搁置的记录，不丢失", "Records set aside with a reason; none is lost"),
        _words("未关闭的隔离记录数", "open quarantine rows"),
    ),
    "field_updates": MeasureWords(
        _words("双向字段更新", "Two-way updates"),
        _words("写回另一系统并读回一致的字段更新", "Fields written back to the other system and read back equal"),
        _words(
            "状态 CONFIRMED 的更新数；n 为未被更新值取代的更新", "updates CONFIRMED; n: those no newer value overtook"
        ),
    ),
    "field_conflicts": MeasureWords(
        _words("待裁决的字段", "Fields to decide"),
        _words("两个系统都改动、等人裁决的双向字段", "Two-way fields both systems changed, waiting for a person"),
        _words("未裁决的双向字段数", "two-way fields in conflict"),
    ),
    "unknown_effects": MeasureWords(
        _words("结果未知的写入", "Writes with unknown result"),
        _words(
            "目标系统没有给出可信答复，绝不盲目重发", "The target gave no answer we can trust; never sent again blind"
        ),
        _words(
            "状态 UNKNOWN 的写入数；目标：没有超过 15 分钟的",
            "effects in UNKNOWN; target: none older than 15 minutes",
        ),
    ),
    "freshness": MeasureWords(
        _words("数据新鲜度", "Freshness"),
        _words("距来源系统最近一次联系的时间", "Time since the source was last heard from"),
        _words(
            "现在 − 最近一次投递或成功轮询（取最久的来源）", "now − last delivery or successful poll, worst source"
        ),
    ),
    "lag": MeasureWords(
        _words("处理延迟", "Lag"),
        _words("最早一条尚未处理的投递已等待多久", "Age of the oldest delivery not yet concluded"),
        _words("现在 − 最早未处理投递的接收时间", "now − arrival of the oldest waiting delivery"),
    ),
    "latency_p95": MeasureWords(
        _words("闭环耗时（P95）", "Time to confirmed (p95)"),
        _words("从触发到单据回读确认", "From the closing to the document read back"),
        _words("已确认单据（确认时间 − 触发时间）的第 95 百分位", "95th percentile of confirmed − closing started"),
    ),
    "satisfaction": MeasureWords(
        _words("满意度", "Satisfaction"),
        _words("业务人员评分", "What business people answer when asked"),
        _words("（4 分 + 5 分）÷ 答卷数", "(4s + 5s) ÷ answers"),
    ),
    "roi": MeasureWords(
        _words("投资回报率", "Return on investment"),
        _words("节省的人工与投入之比", "Manual work saved against what the integration costs"),
        _words("（节省工时价值 − 成本）÷ 成本", "(value of time saved − cost) ÷ cost"),
    ),
}

STATUS: Mapping[str, Texts] = {
    "healthy": _words("健康", "Healthy"),
    "unknown": _words("未知", "Unknown"),
    "degraded": _words("下降", "Degraded"),
    "late": _words("滞后", "Late"),
    "failing": _words("故障", "Failing"),
    "action_required": _words("需要处理", "Action required"),
    "paused": _words("已暂停", "Paused"),
}

REASONS: Mapping[str, Texts] = {
    "healthy": _words(
        "没有丢失，没有重复，没有滞后；单据回读一致。",
        "Nothing lost, nothing twice, nothing late; documents read back equal.",
    ),
    "paused_by": _words(
        "{who} 暂停了写入：{why}。读取照常，什么都没有丢失。",
        "{who} paused sending: {why}. Reading goes on, nothing is lost.",
    ),
    "broken_invariant": _words(
        "系统自检发现异常（{why}），已停止写入：请有人检查后执行 hub resume。",
        "The hub found itself broken ({why}) and stopped sending: look, then hub resume.",
    ),
    "restored": _words(
        "{who} 从备份恢复了数据（{why}），写入已停止：请先执行 hub reconcile 认领备份之后生成的单据，再执行 hub resume。",
        "{who} restored a backup ({why}) and sending has stopped: run hub reconcile to find what was made since, "
        "then hub resume.",
    ),
    "unaccounted": _words(
        "{n} 条记录没有去向：请勿继续发送，立即检查。", "{n} records have no outcome: stop sending and look at once."
    ),
    "credentials": _words(
        "{connection} 拒绝了我们的凭据：写入已暂停，什么都没有丢失。",
        "{connection} refused our credentials: sending is paused, nothing is lost.",
    ),
    "unknown_effects": _words(
        "{n} 次写入超过 15 分钟结果未知：需要有人在目标系统中核对。",
        "{n} writes have had an unknown result for over 15 minutes: somebody must look in the target.",
    ),
    "lag": _words("最早的投递已等待 {seconds} 秒未处理。", "The oldest delivery has waited {seconds} s."),
    "stale": _words("来源系统已 {seconds} 秒没有消息。", "The source has been silent for {seconds} s."),
    "quarantine": _words("{n} 条记录被隔离超过一天。", "{n} records have been in quarantine for over a day."),
    "drift": _words(
        "对账发现 {n} 处差异：目标系统中的单据被改动，请负责人确认。",
        "Reconciliation sees {n} differences: documents were changed in the target, their owners must say which is right.",
    ),
    "consistency": _words("回读一致率低于目标。", "Fewer documents read back equal than the target asks."),
    "on_time": _words("按时完成率低于目标。", "Fewer closings are in time than the target asks."),
    "no_heartbeat": _words(
        "来源系统近期没有联系，无法判断（未知不等于健康）。",
        "The source has not been heard from lately, so nobody can tell (unknown is not healthy).",
    ),
    "not_read_back": _words(
        "还没有单据被回读，一致率未测。", "No document has been read back yet: consistency is not measured."
    ),
}

WAITING: Mapping[str, Texts] = {
    "approval": _words("等待审批", "waits for approval"),
    "timer": _words("等待计时", "waits for a timer"),
    "unknown": _words("结果未知", "result unknown"),
    "quarantine": _words("记录被隔离", "a record is in quarantine"),
    "retry": _words("稍后重试", "will be tried again"),
    "paused": _words("连接已暂停", "connection paused"),
    "missing": _words("缺少信息", "information missing"),
    "drift": _words("目标系统中的单据被改动", "a document was changed in the target"),
    "mismatch": _words("回读不一致", "read back different"),
    "rejected": _words("目标系统拒绝", "refused by the target"),
    "human": _words("需要人工判断", "a person must decide"),
    "link": _words("等待关联对象", "waits for a linked object"),
    "until": _words("等待对方事件", "waits for another system"),
    "person": _words("需要负责人决定", "asks the owner"),
}

STATES: Mapping[str, Texts] = {
    "history": _words("历史", "history"),
    "blocked": _words("受阻", "blocked"),
    "running": _words("进行中", "running"),
    "done": _words("完成", "done"),
    "needs_person": _words("待人处理", "needs a person"),
    "cancelled": _words("已取消", "cancelled"),
    "waiting": _words("等待", "waiting"),
    "asking": _words("待审批", "asking"),
    "skipped": _words("不适用", "skipped"),
    "failed": _words("失败", "failed"),
    "waived": _words("已豁免", "waived"),
    "undone": _words("已撤销", "undone"),
    "PLANNED": _words("已计划", "planned"),
    "SENDING": _words("发送中", "sending"),
    "SENT": _words("已发送", "sent"),
    "CONFIRMED": _words("已确认", "confirmed"),
    "MISMATCH": _words("不一致", "mismatch"),
    "REJECTED": _words("被拒绝", "rejected"),
    "UNKNOWN": _words("结果未知", "unknown"),
    "HUMAN": _words("待人核对", "asks a person"),
    "CANCELLED": _words("已取消", "cancelled"),
    "SUPERSEDED": _words("已替代", "superseded"),
}

REPORT: Mapping[str, Texts] = {
    "hourly": _words("每小时记录数", "records per hour"),
    "steps": _words("步骤", "steps"),
    "title": _words("集成健康报告", "Integration health report"),
    "since": _words("自", "since"),
    "owner": _words("负责人", "owner"),
    "target": _words("目标", "target"),
    "not_measured": _words("未测量", "not measured"),
    "none": _words("无", "none"),
    "asked": _words("现在请谁做什么", "What is asked of whom"),
    "nothing_asked": _words("目前不需要任何人处理。", "Nothing is asked of anybody."),
    "documents": _words("生成的单据", "Documents"),
    "balance": _words("记录去向（守恒）", "Where every record went"),
    "balance_ok": _words("收支平衡：每条记录都有去向。", "Balanced: every record has exactly one outcome."),
    "balance_bad": _words("不平衡：有记录去向不明。", "Not balanced: some records have no outcome."),
    "quarantine": _words("隔离", "Quarantine"),
    "measures": _words("指标与定义", "Figures and their definitions"),
    "closings": _words("闭环", "Closings"),
    "exclusions": _words("数据截止与说明", "Data cut-off and notes"),
    "subject": _words("对象", "subject"),
    "state": _words("状态", "state"),
    "document": _words("单据", "document"),
    "amount": _words("金额", "amount"),
    "system": _words("系统", "system"),
    "reason": _words("原因", "reason"),
    "record": _words("记录", "record"),
    "row": _words("映射行", "mapping row"),
    "measure": _words("指标", "figure"),
    "value": _words("值", "value"),
    "interval": _words("95% 区间", "95 % interval"),
    "definition": _words("定义", "definition"),
    "formula": _words("公式", "formula"),
    "who": _words("谁", "who"),
    "what": _words("什么", "what"),
    "when": _words("何时起", "since"),
    "confirmed": _words("已回读确认", "read back"),
    "received": _words("收到", "received"),
    "applied": _words("应用", "applied"),
    "unchanged": _words("无变化", "unchanged"),
    "stale": _words("过期", "stale"),
    "skipped": _words("跳过", "skipped"),
    "held": _words("暂挂", "held"),
    "quarantined": _words("隔离", "quarantined"),
    "in_flight": _words("处理中", "in flight"),
    "unaccounted": _words("去向不明", "unaccounted"),
    "window": _words("统计窗口 {days} 天", "window {days} days"),
    "as_of": _words("截至", "as of"),
    "refetch_off": _words("金额复核读取已关闭：", "Money re-reads are off for: "),
    "note_readback": _words(
        "一致率由回读得出；无法回读的目标停在“已发送”，不计入一致率。",
        "Consistency is measured by reading back; targets that cannot be read stay SENT and outside it.",
    ),
    "note_unmeasured": _words(
        "“未测量”表示缺少输入，不等于 0，也不等于合格。",
        "“Not measured” means an input is missing: it is neither 0 nor good.",
    ),
    "logic": _words("映射版本", "mapping version"),
}


def say(texts: Texts, language: str) -> str:
    """The text in that language, or in whichever there is."""
    return texts.get(language) or next(iter(texts.values()), "")
