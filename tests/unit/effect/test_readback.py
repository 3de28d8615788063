"""Reading back: which answers are about our document at all."""

from __future__ import annotations

from effect_stage import document, stage

from hub.model.effect import EffectState

S = EffectState


async def test_an_answer_about_another_document_is_asked_for_again_and_then_a_mismatch() -> None:
    on = stage()
    on.target.reading = [document("id-other")]
    await on.step()
    assert on.one.state is S.SENT
    await on.step(2)
    assert on.one.state is S.CONFIRMED
    lied = stage()
    lied.target.reading = [document("id-other")] * 100
    for _ in range(12):
        await lied.step(200)
    assert lied.one.state is S.MISMATCH
    assert lied.one.reason == "wrong-document: asked for id-k1, got id-other"
