//! What stands in the way of an order, as an official is told it beside the field: what is wrong
//! and what to do. The rules themselves are `check`'s and the life's.

use super::{Act, Defect, NotNow, OwnApproval};
use crate::base::instant;

impl Defect {
    /// The field of a form beside which it is said.
    pub fn field(&self) -> &'static str {
        match self {
            Defect::EmptyAudience => "places",
            Defect::NoRings
            | Defect::BadRing(_)
            | Defect::PursuedWithoutDemand(_)
            | Defect::RingLeftOut(..)
            | Defect::MoveNotPursued => "rings",
            Defect::ActByPast => "act_by",
            Defect::ExpiryPast | Defect::ExpiryBeforeActBy | Defect::ExpiryTooLate => "expires_at",
            Defect::PursuitNeedsUrgent => "urgency",
            Defect::NoTitle => "title",
            Defect::NoIssuer => "issuer",
            Defect::NoNumber => "number",
            Defect::OwnWithColour | Defect::UnknownColour(_) | Defect::ColourDiffers { .. } => {
                "colour"
            }
            Defect::ByDiffers { .. } => "var.by",
            Defect::IssuedInFuture => "issued_at",
            Defect::NoDutyRoom
            | Defect::NoGateway
            | Defect::EmptyRoll
            | Defect::UnconfirmedRoll(_) => "kind",
            Defect::Text(_) => "template",
        }
    }

    /// What is wrong and what to do.
    pub fn chinese(&self) -> String {
        match self {
            Defect::EmptyAudience => "选定的地点里没有住户：请另选地点，或减少除外的地点。".into(),
            Defect::NoRings => "没有要求任何人做什么：请给每一圈选一项要求。".into(),
            Defect::BadRing(ring) => format!("第{ring}圈不存在或重复：请只用1、2、3圈。"),
            Defect::ActByPast => "完成时限已经过了：请改晚，或留空表示马上。".into(),
            Defect::ExpiryPast => "失效时间已经过了：请改晚。".into(),
            Defect::ExpiryBeforeActBy => "失效时间早于完成时限：请改到完成时限之后。".into(),
            Defect::ExpiryTooLate => "有效期超过7天：请改早，到期前可以延长。".into(),
            Defect::PursuitNeedsUrgent => {
                "“提示”不逐户跟进：请改为“紧急”，或把每一圈都改成不跟进的“周知”。".into()
            }
            Defect::PursuedWithoutDemand(ring) => {
                format!("第{ring}圈要跟进却没有要求：请选一项要求，或取消跟进。")
            }
            Defect::RingLeftOut(ring, homes) => format!(
                "转移指令漏了第{ring}圈，那里有{homes}户：请给这一圈选一项要求，或除外这些地点。"
            ),
            Defect::MoveNotPursued => {
                "转移指令的第1圈必须转移：请选一项要求并逐户跟进；只想告知就换一个模板。".into()
            }
            Defect::NoTitle => "缺标题：请写一个短标题。".into(),
            Defect::NoIssuer => "缺发布单位：每条短信都要说明是谁说的。".into(),
            Defect::NoNumber => "转发的预警要有原文编号：请照原文填写。".into(),
            Defect::OwnWithColour => "防指指令没有颜色：颜色只属于发布预警的单位，请留空。".into(),
            Defect::UnknownColour(word) => {
                format!("“{word}”不是预警颜色：请选蓝色、黄色、橙色或红色。")
            }
            Defect::ColourDiffers { head, text } => format!(
                "预警的颜色是“{head}”，短信里却是“{text}”：请都照原文填；换了颜色就是另一条预警，请新建。"
            ),
            Defect::ByDiffers { said, act_by } => format!(
                "短信里写“{said}”，完成时限却是{}：两处请写同一个时间。",
                instant::words(*act_by)
            ),
            Defect::IssuedInFuture => "发布时间在将来：请照原文填写。".into(),
            Defect::NoDutyRoom => {
                "值班室没有能接通的电话，最后的告警没有人听：请在底册里补上值班室号码。".into()
            }
            Defect::NoGateway => "这一类没有接短信网关，发了谁也收不到：\
                                  请在设置里加一段 [[provider]]，然后重启。"
                .into(),
            Defect::EmptyRoll => "演练还没有名册：请先登记可以发到的号码。".into(),
            Defect::UnconfirmedRoll(n) => {
                format!("演练名册里有{n}个号码没有经第二人确认：请先确认。")
            }
            Defect::Text(why) => format!("短信生成不了：{why}"),
        }
    }
}

impl OwnApproval {
    /// The rule, for a page.
    pub fn chinese(&self) -> &'static str {
        "两人制：谁制作的（或独自发出的）谁不能签，必须由另一个人签发。"
    }
}

impl NotNow {
    /// What stands against it, for a page.
    pub fn chinese(&self) -> String {
        let act = match self.act {
            Act::Edit => "修改",
            Act::Submit => "提交审核",
            Act::Return => "退回",
            Act::Approve => "签发",
            Act::Bypass => "紧急签发",
            Act::Update => "更新",
            Act::End => "解除",
            Act::Withdraw => "撤销更正",
            Act::Discard => "作废",
        };
        format!("现在处于“{}”，不能{act}。请刷新页面看最新状态。", self.state.chinese())
    }
}
