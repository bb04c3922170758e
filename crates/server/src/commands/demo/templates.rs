//! The templates that the simulated account has from the start, in every state that a template can be in.

use serde_json::{Value, json};

/// Sent where nothing has to be filled in.
pub(super) const GREETING: &str = "hello_world";

/// In the form of the simulator's `POST /_sim/templates`.
pub(super) fn all() -> Vec<Value> {
    vec![
        hello_world(),
        order_shipped(),
        appointment_reminder(),
        spring_sale(),
        pedido_enviado(),
        login_code(),
        feedback_request(),
        loyalty_welcome(),
        promo_offer(),
        payment_reminder(),
        old_newsletter(),
    ]
}

fn body(text: &str) -> Value {
    json!({"type": "BODY", "text": text})
}

fn quick_reply(text: &str) -> Value {
    json!({"type": "QUICK_REPLY", "text": text})
}

fn hello_world() -> Value {
    json!({
        "name": GREETING, "language": "en_US", "category": "UTILITY", "status": "APPROVED",
        "components": [
            {"type": "HEADER", "format": "TEXT", "text": "Hello"},
            body("Welcome! This is a message without any parameter."),
            {"type": "FOOTER", "text": "Waxwing demo"},
        ],
    })
}

/// The product owner's example: three named parameters.
fn order_shipped() -> Value {
    json!({
        "name": "order_shipped", "language": "en_US", "category": "UTILITY", "status": "APPROVED",
        "parameter_format": "NAMED",
        "components": [{
            "type": "BODY",
            "text": "Hello {{customer_name}}, your order {{order_id}} is on its way. Follow it at {{tracking_url}} at any time.",
            "example": {"body_text_named_params": [
                {"param_name": "customer_name", "example": "Amelia"},
                {"param_name": "order_id", "example": "1042"},
                {"param_name": "tracking_url", "example": "https://example.com/1042"},
            ]},
        }],
    })
}

fn appointment_reminder() -> Value {
    json!({
        "name": "appointment_reminder", "language": "en_US", "category": "UTILITY", "status": "APPROVED",
        "components": [
            {
                "type": "BODY",
                "text": "We look forward to seeing you on {{1}} at {{2}} in our shop. Does it still suit you?",
                "example": {"body_text": [["Friday", "10:30"]]},
            },
            {"type": "BUTTONS", "buttons": [quick_reply("Yes, I will come"), quick_reply("Another day")]},
        ],
    })
}

/// A picture in the header, another one with each send, and a link whose end is filled in.
fn spring_sale() -> Value {
    json!({
        "name": "spring_sale", "language": "en_US", "category": "MARKETING", "status": "APPROVED",
        "components": [
            {"type": "HEADER", "format": "IMAGE", "example": {"header_handle": ["4::aW1hZ2U="]}},
            {
                "type": "BODY",
                "text": "Spring is here, {{1}}! Everything in the garden department is 20% off until Sunday.",
                "example": {"body_text": [["Amelia"]]},
            },
            {"type": "FOOTER", "text": "Reply STOP to unsubscribe"},
            {"type": "BUTTONS", "buttons": [
                {"type": "URL", "text": "Look at the offers", "url": "https://example.com/{{1}}",
                 "example": ["https://example.com/spring"]},
                quick_reply("Stop"),
            ]},
        ],
    })
}

fn pedido_enviado() -> Value {
    json!({
        "name": "pedido_enviado", "language": "pt_BR", "category": "UTILITY", "status": "APPROVED",
        "components": [{
            "type": "BODY",
            "text": "Olá {{1}}, o seu pedido {{2}} saiu para entrega hoje.",
            "example": {"body_text": [["Carla", "1042"]]},
        }],
    })
}

fn login_code() -> Value {
    json!({
        "name": "login_code", "language": "en_US", "category": "AUTHENTICATION", "status": "APPROVED",
        "components": [
            {
                "type": "BODY", "text": "*{{1}}* is your verification code. For your security, do not share this code.",
                "add_security_recommendation": true, "example": {"body_text": [["123456"]]},
            },
            {"type": "FOOTER", "text": "This code expires in 10 minutes.", "code_expiration_minutes": 10},
            {"type": "BUTTONS", "buttons": [{
                "type": "URL", "text": "Copy code",
                "url": "https://www.whatsapp.com/otp/code/?otp_type=COPY_CODE&code=otp{{1}}",
                "example": ["https://www.whatsapp.com/otp/code/?otp_type=COPY_CODE&code=otp123456"],
            }]},
        ],
    })
}

fn feedback_request() -> Value {
    json!({
        "name": "feedback_request", "language": "en_GB", "category": "UTILITY", "status": "PENDING",
        "components": [
            body("Your parcel has arrived. How did we do?"),
            {"type": "BUTTONS", "buttons": [quick_reply("Good"), quick_reply("Not so good")]},
        ],
    })
}

fn loyalty_welcome() -> Value {
    json!({
        "name": "loyalty_welcome", "language": "en_US", "category": "MARKETING", "status": "PENDING",
        "components": [{
            "type": "BODY",
            "text": "Welcome to the club, {{1}}! Your first reward is waiting for you in the shop.",
            "example": {"body_text": [["Amelia"]]},
        }],
    })
}

/// The product owner's example.
fn promo_offer() -> Value {
    json!({
        "name": "promo_offer", "language": "en_US", "category": "MARKETING", "status": "REJECTED",
        "rejected_reason": "Template contains prohibited content",
        "components": [body("Win big tonight! Every bet is doubled until midnight.")],
    })
}

fn payment_reminder() -> Value {
    json!({
        "name": "payment_reminder", "language": "en_US", "category": "UTILITY", "status": "PAUSED",
        "components": [{
            "type": "BODY",
            "text": "Your invoice {{1}} is due on {{2}} and has not been paid yet.",
            "example": {"body_text": [["2026-118", "Friday"]]},
        }],
    })
}

fn old_newsletter() -> Value {
    json!({
        "name": "old_newsletter", "language": "en_US", "category": "MARKETING", "status": "DISABLED",
        "components": [body("Our newsletter of this month is out. Have a look!")],
    })
}
