//! Problems: RFC 9457 bodies with a closed set of codes.

use domain::Refusal;
use serde::{Deserialize, Serialize};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, Type},
};

/// Content type of a [`Problem`].
pub const CONTENT_TYPE: &str = "application/problem+json";

macro_rules! codes {
    ($($name:ident $code:literal $status:literal $retryable:literal $title:literal $detail:literal)+) => {
        /// Why something was not done. The names never change.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum Code {
            $(#[doc = $title] #[serde(rename = $code)] $name,)+
        }

        impl Code {
            /// All of them.
            pub const ALL: &[Code] = &[$(Self::$name,)+];

            /// The name on the wire.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)+ }
            }

            /// HTTP status.
            pub fn status(self) -> u16 {
                match self { $(Self::$name => $status,)+ }
            }

            /// May the same request succeed later, unchanged?
            pub fn retryable(self) -> bool {
                match self { $(Self::$name => $retryable,)+ }
            }

            /// A few words, the same for every occurrence.
            pub fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)+ }
            }

            /// What happened, what it means for the person's place or seat, what to do.
            pub fn detail(self) -> &'static str {
                match self { $(Self::$name => $detail,)+ }
            }

            /// The code of that name.
            pub fn parse(name: &str) -> Option<Self> {
                match name { $($code => Some(Self::$name),)+ _ => None }
            }
        }
    };
}

codes! {
    UnknownEvent "unknown_event" 404 false "No such event"
        "There is no event of this name. No place or seat is concerned. Check the link."
    EventNotOpen "event_not_open" 409 false "The event is not open"
        "The event takes nobody in for now, so nothing changed. A place you already have stays yours. Look at the event's state and times."
    EventArchived "event_archived" 409 false "The event is over"
        "The event is over for good and nothing can change any more. Bookings made before stay valid. Its name can't be used again."
    LineFull "line_full" 409 false "The line is full"
        "The line has reached its largest size and you did not get a place. Places already given are kept."
    NoTicket "no_ticket" 404 false "You are not in line"
        "This browser has no place in the line of this event. Join the line first."
    TicketNotEnded "ticket_not_ended" 409 false "Your place is still yours"
        "You can join again only when your last attempt has ended. You keep the place you have; leave it first to start over."
    TicketEnded "ticket_ended" 409 false "Your place has ended"
        "You left, or your turn went by, so this place can't be used any more. Join again at the end of the line."
    NotAdmitted "not_admitted" 409 false "It is not your turn yet"
        "You are still waiting, and you keep your place. Ask again once you are let in."
    NotInside "not_inside" 409 false "You are not inside"
        "Seats can be held and booked only after you have said that you are here. You keep your place; enter first."
    TurnExpired "turn_expired" 409 false "Your turn went by"
        "You did not come in within the time you had, so your turn is over. Join again at the end of the line."
    WindowOver "window_over" 409 false "Your time inside is over"
        "Your time inside has ended and seats you only held were given back. Bookings stay valid. Join again at the end of the line."
    UnknownSlot "unknown_slot" 422 false "No such slot"
        "The event has no time slot of this id. What you hold is unchanged. Choose one of the listed slots."
    BadSeats "bad_seats" 422 false "Wrong number of seats"
        "The number of seats must be at least 1 and at most what one ticket may hold. What you hold is unchanged. Choose another number."
    NotEnoughSeats "not_enough_seats" 409 false "Not enough seats left"
        "The slot has fewer seats left than you asked for. What you held before is still yours. Choose another slot or fewer seats."
    NoHold "no_hold" 409 false "You hold no seats"
        "There are no seats set aside for you, so nothing could be booked. Choose a slot first."
    HoldExpired "hold_expired" 409 false "Your seats were given back"
        "The time to complete the reservation ran out, so the seats were given back. If you are still inside, choose a slot again."
    AlreadyBooked "already_booked" 409 false "You have already booked"
        "Your reservation is complete and stays as it is. Cancel it if you don't want it."
    NoBooking "no_booking" 409 false "You have no booking"
        "There is no reservation of yours to cancel. Nothing changed."
    StaleSeq "stale_seq" 409 false "A newer command came first"
        "Another tab or a later click was faster, so this older command was not carried out. Take `current` as the last number and send the command again with a higher one if you still want it."
    CookieMissing "cookie_missing" 401 false "The cookie is missing"
        "Without the cookie we can't tell which place is yours. Your place is kept. Open the event's page in the browser you joined with, and allow cookies."
    CookieInvalid "cookie_invalid" 401 false "The cookie is not ours"
        "The cookie can't be verified, so it counts for nothing and a fresh one was set. A place taken with a valid cookie is kept. Open the event's page and join if you are not in line."
    CookieExpired "cookie_expired" 401 false "The cookie is too old"
        "The cookie has expired and a fresh one was set. Open the event's page and join if you are not in line."
    OriginForbidden "origin_forbidden" 403 false "Another site sent this"
        "The request came from a page of another site, so nothing was done. Use the event's own page."
    BodyMalformed "body_malformed" 400 false "The body can't be read"
        "The request's body is not what this call takes. Nothing changed. Correct it and send it again."
    BodyTooLarge "body_too_large" 413 false "The body is too large"
        "The request's body is larger than this call takes. Nothing changed. Send a smaller one."
    HeaderMalformed "header_malformed" 400 false "A header can't be read"
        "A header of the request is not what this call takes. Nothing changed. Correct it and send it again."
    Overloaded "overloaded" 503 true "Too busy right now"
        "More is asked than can be taken right now, so this was not done. A place you already have is kept. Try again after the time in Retry-After."
    LogUnavailable "log_unavailable" 503 true "Can't take this right now"
        "What you asked could not be written down, so we can't say that it is done. A place you already have is kept. Send the same again after the time in Retry-After; it counts once."
    ViewUnknown "view_unknown" 503 true "Your state is not known right now"
        "The state can't be read right now. Your place and seats are kept. Ask again after the time in Retry-After."
    TooManyRequests "too_many_requests" 429 true "Too many requests"
        "You sent more requests than one visitor may. Your place is kept. Try again after the time in Retry-After."
    NotFound "not_found" 404 false "Nothing here"
        "There is nothing at this address. No place or seat is concerned. Check the link."
    MethodNotAllowed "method_not_allowed" 405 false "Not possible here"
        "This address does not take this method. Nothing changed."
    Internal "internal" 500 true "Our mistake"
        "Something went wrong on our side, and we can't say whether this was done. Your place is kept. Ask for your state, then send the same again if needed; it counts once."
    TokenMissing "token_missing" 401 false "The operator token is missing"
        "Operator calls need the header `Authorization: Bearer TOKEN`. Nothing changed."
    TokenWrong "token_wrong" 401 false "The operator token is wrong"
        "The token of this operator call is not the configured one. Nothing changed."
    DefinitionInvalid "definition_invalid" 422 false "The definition is not valid"
        "A field of the event's definition is outside its bounds. Nothing changed. Correct the field and send it again."
    CapacityBelowSold "capacity_below_sold" 409 false "Capacity below what is taken"
        "The slot already has more seats held and sold than this capacity. Nothing changed. Take a higher capacity, or cancel bookings first."
    WrongState "wrong_state" 409 false "Not in this state"
        "The event's state does not allow this step. Nothing changed. Look at the event's state."
}

/// By hand: utoipa does not see the names that a macro gives.
impl PartialSchema for Code {
    fn schema() -> RefOr<Schema> {
        let names = Self::ALL.iter().map(|code| code.as_str());
        let text = "Why something was not done. The names never change.";
        let object = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names));
        object.description(Some(text)).build().into()
    }
}

impl ToSchema for Code {}

impl From<Refusal> for Code {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::EventNotOpen => Self::EventNotOpen,
            Refusal::EventArchived => Self::EventArchived,
            Refusal::LineFull => Self::LineFull,
            Refusal::NoTicket => Self::NoTicket,
            Refusal::TicketNotEnded => Self::TicketNotEnded,
            Refusal::TicketEnded => Self::TicketEnded,
            Refusal::NotAdmitted => Self::NotAdmitted,
            Refusal::NotInside => Self::NotInside,
            Refusal::TurnExpired => Self::TurnExpired,
            Refusal::WindowOver => Self::WindowOver,
            Refusal::UnknownSlot => Self::UnknownSlot,
            Refusal::BadSeats => Self::BadSeats,
            Refusal::NotEnoughSeats => Self::NotEnoughSeats,
            Refusal::NoHold => Self::NoHold,
            Refusal::HoldExpired => Self::HoldExpired,
            Refusal::AlreadyBooked => Self::AlreadyBooked,
            Refusal::NoBooking => Self::NoBooking,
            Refusal::StaleSeq { .. } => Self::StaleSeq,
            Refusal::CapacityBelowSold => Self::CapacityBelowSold,
            Refusal::WrongState => Self::WrongState,
            Refusal::DefinitionInvalid => Self::DefinitionInvalid,
        }
    }
}

/// The refusal that a code stands for; `current` is read for `stale_seq` only.
pub(crate) fn refusal(code: Code, current: u32) -> Option<Refusal> {
    Some(match code {
        Code::EventNotOpen => Refusal::EventNotOpen,
        Code::EventArchived => Refusal::EventArchived,
        Code::LineFull => Refusal::LineFull,
        Code::NoTicket => Refusal::NoTicket,
        Code::TicketNotEnded => Refusal::TicketNotEnded,
        Code::TicketEnded => Refusal::TicketEnded,
        Code::NotAdmitted => Refusal::NotAdmitted,
        Code::NotInside => Refusal::NotInside,
        Code::TurnExpired => Refusal::TurnExpired,
        Code::WindowOver => Refusal::WindowOver,
        Code::UnknownSlot => Refusal::UnknownSlot,
        Code::BadSeats => Refusal::BadSeats,
        Code::NotEnoughSeats => Refusal::NotEnoughSeats,
        Code::NoHold => Refusal::NoHold,
        Code::HoldExpired => Refusal::HoldExpired,
        Code::AlreadyBooked => Refusal::AlreadyBooked,
        Code::NoBooking => Refusal::NoBooking,
        Code::StaleSeq => Refusal::StaleSeq { current },
        Code::CapacityBelowSold => Refusal::CapacityBelowSold,
        Code::WrongState => Refusal::WrongState,
        Code::DefinitionInvalid => Refusal::DefinitionInvalid,
        _ => return None,
    })
}

/// The body of every answer that is an error (RFC 9457).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// `urn:twinkle:problem:CODE`.
    #[serde(rename = "type")]
    pub kind: String,
    pub title: String,
    /// HTTP status.
    pub status: u16,
    /// What happened, what it means for the person's place or seat, what to do.
    pub detail: String,
    pub code: Code,
    /// May the same request succeed later, unchanged?
    pub retryable: bool,
    /// With `stale_seq`: the number of the last command that counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current: Option<u32>,
}

impl Problem {
    pub fn new(code: Code) -> Self {
        Self {
            kind: format!("urn:twinkle:problem:{}", code.as_str()),
            title: code.title().to_owned(),
            status: code.status(),
            detail: code.detail().to_owned(),
            code,
            retryable: code.retryable(),
            current: None,
        }
    }

    /// Replaces the code's own sentence by one that knows more.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = detail.into();
        self
    }
}

impl From<Code> for Problem {
    fn from(code: Code) -> Self {
        Self::new(code)
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let mut problem = Self::new(refusal.into());
        if let Refusal::StaleSeq { current } = refusal {
            problem.current = Some(current);
        }
        problem
    }
}
